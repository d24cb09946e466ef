//! Events: published under rules, delivered to those who may have them, settled once.

use serde_json::{Value, json};

use super::support::{Bench, request};
use super::{keyed, plugin, told};

fn mail(number: u32) -> Value {
    json!({
        "message_id": format!("msg-{number}"),
        "recipient_ref": "usr-0001",
        "template": "welcome",
        "queued_at": "2026-11-22T17:00:00Z",
    })
}

async fn pull(bench: &Bench, token: &str) -> Vec<Value> {
    let answer = bench.post("/events/subscriptions/in/pull", Some(token), &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["deliveries"].as_array().expect("deliveries").clone()
}

async fn subscribe(bench: &Bench, token: &str, types: &[&str]) {
    let body = json!({ "event_types": types });
    let path = "/events/subscriptions/in";
    let answer = bench.send(request("PUT", path, Some(token), Some(&body))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn an_event_goes_from_publisher_to_subscriber_and_is_settled_once() {
    let bench = Bench::new().await;
    let writer = plugin(&bench, "writer", &[], json!({})).await;
    let reader = plugin(&bench, "reader", &[], json!({})).await;
    subscribe(&bench, &reader, &["EmailQueued"]).await;
    let body = json!({ "event_type": "EmailQueued", "payload": mail(1), "source_plugin": "writer",
        "partition_key": "usr-0001", "id": "evt-1" });
    let answer = bench.post("/events/publish", Some(&writer), &body).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.body, json!({ "event_id": "evt-1", "sequence": 1, "duplicate": false }));
    let again = bench.post("/events/publish", Some(&writer), &body).await;
    assert_eq!(again.body["duplicate"], true);
    let deliveries = pull(&bench, &reader).await;
    assert_eq!(deliveries.len(), 1);
    let event = &deliveries[0]["event"];
    assert_eq!(event["specversion"], "1.0");
    assert_eq!((&event["source"], &event["type"]), (&json!("writer"), &json!("EmailQueued")));
    assert_eq!((&event["sequence"], &event["partitionkey"]), (&json!("1"), &json!("usr-0001")));
    assert_eq!(event["data"], mail(1));
    let outcomes = json!({ "outcomes": [
        { "delivery_id": deliveries[0]["delivery_id"], "outcome": "ack" },
        { "delivery_id": "dlv-9-9", "outcome": "ack" },
    ] });
    let path = "/events/subscriptions/in/settle";
    let settled = bench.post(path, Some(&reader), &outcomes).await;
    assert_eq!(settled.body, json!({ "settled": 1, "unknown": ["dlv-9-9"] }));
    let settled = bench.post(path, Some(&reader), &outcomes).await;
    assert_eq!(settled.body["settled"], 0);
}

#[tokio::test]
async fn an_event_leaves_one_intent_and_one_outcome_that_say_what_was_answered() {
    let bench = Bench::new().await;
    let writer = plugin(&bench, "writer", &[], json!({})).await;
    let body = json!({ "event_type": "EmailQueued", "payload": mail(1) });
    let answer = bench.post("/events/publish", Some(&writer), &body).await;
    let broken = json!({ "event_type": "EmailQueued", "payload": {} });
    assert_eq!(bench.post("/events/publish", Some(&writer), &broken).await.status, 400);
    let records = bench.audit().await;
    let of = |record: &&Value| record["action"] == "event.publish";
    let told = |record: &Value| {
        let phase = record["phase"].as_str().unwrap_or_default().to_owned();
        (phase, record["outcome"].as_str().unwrap_or_default().to_owned())
    };
    let found: Vec<_> = records.iter().filter(of).map(told).collect();
    let [intent, outcome] = [("intent", "open"), ("outcome", "ok")]
        .map(|(phase, outcome)| (phase.to_owned(), outcome.to_owned()));
    let refused = ("outcome".to_owned(), "invalid_payload".to_owned());
    assert_eq!(found, [intent.clone(), outcome.clone(), intent, refused]);
    let good = records.iter().filter(of).find(|record| record["outcome"] == "ok");
    let good = good.expect("a record");
    assert_eq!((&good["status"], &good["decision"]), (&json!(202), &json!("allow")));
    assert_eq!(good["request_bytes"], json!(body.to_string().len()));
    assert_eq!(good["response_bytes"], json!(answer.body.to_string().len()));
    let detail = json!({ "event_type": "EmailQueued", "sequence": "1" });
    assert_eq!(good["detail"], detail);
}

#[tokio::test]
async fn a_publish_is_refused_by_the_first_rule_it_breaks() {
    let bench = Bench::new().await;
    let declares = json!({ "events": { "publishes": [
        { "event_type": "LabResult", "schema": { "type": "object", "required": ["value"] } },
    ] } });
    let writer = plugin(&bench, "writer", &[], declares).await;
    let other = plugin(&bench, "other", &[], json!({})).await;
    let publish = |token: &str, body: Value| {
        let (bench, token) = (&bench, token.to_owned());
        async move { bench.post("/events/publish", Some(&token), &body).await }
    };
    let good = json!({ "event_type": "EmailQueued", "payload": mail(1) });
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    let answer = publish(&writer, with("source_plugin", json!("other"))).await;
    assert_eq!(told(&answer), (403, "identity_mismatch"));
    let answer = publish(&writer, with("data_traits", json!(["phi"]))).await;
    assert_eq!(told(&answer), (403, "data_trait_missing"));
    assert_eq!(answer.body["detail"], "missing: handles_phi");
    let answer = publish(&writer, with("event_type", json!("EmailQueud"))).await;
    assert_eq!(told(&answer), (404, "unknown_event_type"));
    assert_eq!(answer.body["hint"], "did you mean `EmailQueued`?");
    let answer = publish(&writer, with("payload", json!({ "message_id": "a canary" }))).await;
    assert_eq!(told(&answer), (400, "invalid_payload"));
    assert!(!answer.body.to_string().contains("canary"), "{}", answer.body);
    // A class that the type carries counts without being told.
    let message = json!({ "event_type": "MessageReceived", "payload": {} });
    assert_eq!(told(&publish(&writer, message).await), (403, "data_trait_missing"));
    let own = json!({ "event_type": "LabResult", "payload": { "value": 7 } });
    assert_eq!(publish(&writer, own.clone()).await.status, 202);
    assert_eq!(told(&publish(&other, own).await), (404, "unknown_event_type"));
    let denials = bench.audit().await;
    let denied = |record: &&Value| record["decision"] == "deny" && record["lane"] == "canonical";
    assert_eq!(denials.iter().filter(denied).count(), 3);
}

#[tokio::test]
async fn classified_events_reach_only_those_who_may_handle_them() {
    let bench = Bench::new().await;
    let writer = plugin(&bench, "writer", &["handles_phi"], json!({})).await;
    let cleared = plugin(&bench, "cleared", &["handles_phi"], json!({})).await;
    let plain = plugin(&bench, "plain", &[], json!({})).await;
    subscribe(&bench, &cleared, &["EmailQueued"]).await;
    subscribe(&bench, &plain, &["EmailQueued"]).await;
    let body = json!({ "event_type": "EmailQueued", "payload": mail(1), "data_traits": ["phi"] });
    assert_eq!(bench.post("/events/publish", Some(&writer), &body).await.status, 202);
    assert_eq!(pull(&bench, &cleared).await[0]["event"]["datatraits"], "phi");
    assert!(pull(&bench, &plain).await.is_empty());
    let records = bench.audit().await;
    let withheld = records
        .iter()
        .find(|record| record["action"] == "event.deliver" && record["decision"] == "deny");
    let withheld = withheld.expect("the denial is recorded");
    assert_eq!(
        (&withheld["actor"]["id"], &withheld["rule"]),
        (&json!("plain"), &json!("caller.data"))
    );
}

#[tokio::test]
async fn the_same_key_gets_the_same_answer_and_another_body_is_refused() {
    let bench = Bench::new().await;
    let writer = plugin(&bench, "writer", &[], json!({})).await;
    let body = json!({ "event_type": "EmailQueued", "payload": mail(1) });
    let first = keyed(&bench, &writer, "/events/publish", "key-1", &body).await;
    let again = keyed(&bench, &writer, "/events/publish", "key-1", &body).await;
    assert_eq!((again.status.as_u16(), &again.body), (202, &first.body));
    let other = json!({ "event_type": "EmailQueued", "payload": mail(2) });
    let refused = keyed(&bench, &writer, "/events/publish", "key-1", &other).await;
    assert_eq!(told(&refused), (422, "idempotency_mismatch"));
    bench.clock.advance(std::time::Duration::from_secs(600));
    let reader = plugin(&bench, "reader", &[], json!({})).await;
    let fresh = keyed(&bench, &reader, "/events/publish", "key-1", &other).await;
    assert_eq!(fresh.status, 202, "keys of one plugin mean nothing to another");
    let bad = keyed(&bench, &reader, "/events/publish", "a key", &other).await;
    assert_eq!(told(&bad), (400, "invalid_request"));
}
