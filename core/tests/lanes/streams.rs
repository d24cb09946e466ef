//! Streams of events, and what operators see and do, from outside.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use vivified_core::canonical::{Outcome, Verdict};
use vivified_core::policy::{Document, Rules};

use super::support::{Bench, read, request};
use super::{plugin, told};

const STREAM: &str = "/events/stream?event_types=EmailQueued";

struct Reading {
    body: Body,
    text: String,
}

impl Reading {
    async fn open(bench: &Bench, token: &str, path: &str, cursor: Option<&str>) -> Self {
        let answer = ask(bench, token, path, cursor).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { body: answer.into_body(), text: String::new() }
    }

    /// The next block of the stream; none at its end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let frame = tokio::time::timeout(Duration::from_secs(5), self.body.frame());
            let frame = frame.await.expect("the stream moves")?;
            let data = frame.expect("a frame").into_data().expect("data");
            self.text.push_str(std::str::from_utf8(&data).expect("text"));
        }
    }

    /// Cursor and CloudEvent of the next event.
    async fn event(&mut self) -> (String, Value) {
        loop {
            let block = self.block().await.expect("the stream goes on");
            let field = |name: &str| {
                block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
            };
            if let (Some(id), Some(data)) = (field("id: "), field("data: ")) {
                return (id, serde_json::from_str(&data).expect("JSON"));
            }
        }
    }
}

async fn ask(
    bench: &Bench,
    token: &str,
    path: &str,
    cursor: Option<&str>,
) -> axum::http::Response<Body> {
    let mut request = request("GET", path, Some(token), None);
    if let Some(cursor) = cursor {
        request.headers_mut().insert("last-event-id", cursor.parse().expect("a value"));
    }
    bench.router.clone().oneshot(request).await.expect("answers")
}

async fn publish(bench: &Bench, token: &str, id: &str, data_traits: &[&str]) {
    let payload = json!({ "message_id": id, "recipient_ref": "usr-canary", "template": "welcome",
        "queued_at": "2026-11-22T17:00:00Z" });
    let body = json!({ "event_type": "EmailQueued", "payload": payload, "id": id,
        "data_traits": data_traits, "partition_key": "usr-canary" });
    let answer = bench.post("/events/publish", Some(token), &body).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
}

#[tokio::test]
async fn a_stream_goes_on_after_its_cursor_and_takes_no_other() {
    let bench = Bench::new().await;
    let writer = plugin(&bench, "writer", &[], json!({})).await;
    let reader = plugin(&bench, "reader", &[], json!({})).await;
    let other = plugin(&bench, "other", &[], json!({})).await;
    publish(&bench, &writer, "before", &[]).await;
    let mut reading = Reading::open(&bench, &reader, STREAM, None).await;
    publish(&bench, &writer, "one", &[]).await;
    publish(&bench, &writer, "two", &[]).await;
    let (cursor, event) = reading.event().await;
    assert_eq!((&event["id"], &event["source"]), (&json!("one"), &json!("writer")));
    assert_eq!(event["data"]["recipient_ref"], "usr-canary");
    drop(reading);
    let mut again = Reading::open(&bench, &reader, STREAM, Some(&cursor)).await;
    assert_eq!(again.event().await.1["id"], "two");
    // Another place, another plugin or other types would be a replay, which is another right.
    let more = "/events/stream?event_types=EmailQueued,EmailSent";
    let earlier = format!("0{}", &cursor[1..]);
    for (token, path, cursor) in
        [(&other, STREAM, &cursor), (&reader, more, &cursor), (&reader, STREAM, &earlier)]
    {
        let refused = read(ask(&bench, token, path, Some(cursor)).await).await;
        assert_eq!(told(&refused), (400, "invalid_request"));
    }
    let unknown = "/events/stream?event_types=EmailQueud";
    let refused = read(ask(&bench, &reader, unknown, None).await).await;
    assert_eq!(told(&refused), (404, "unknown_event_type"));
    let records = bench.audit().await;
    let handed =
        |record: &&Value| record["action"] == "event.deliver" && record["actor"]["id"] == "reader";
    assert!(records.iter().filter(handed).count() >= 2, "what is handed is on record");
}

#[tokio::test]
async fn a_stream_ends_when_its_plugin_is_revoked_and_when_core_drains() {
    let bench = Bench::new().await;
    let first = plugin(&bench, "first", &[], json!({})).await;
    let second = plugin(&bench, "second", &[], json!({})).await;
    let mut revoked = Reading::open(&bench, &first, STREAM, None).await;
    let mut drained = Reading::open(&bench, &second, STREAM, None).await;
    assert!(revoked.block().await.is_some() && drained.block().await.is_some());
    bench.core.registry.revoke("first", "a test".into()).await.expect("revokes");
    let ends = async { while revoked.block().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(1), ends).await.expect("within a second");
    bench.core.events.drain();
    let ends = async { while drained.block().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(1), ends).await.expect("within a second");
    let refused = read(ask(&bench, &second, STREAM, None).await).await;
    assert_eq!(told(&refused), (503, "not_ready"));
}

#[tokio::test]
async fn a_masking_rule_takes_its_class_out_at_a_pull_and_in_a_stream() {
    let bench = Bench::new().await;
    let declares = json!({ "events": { "publishes": [{ "event_type": "LabResult",
        "data_traits": ["phi"], "schema": { "type": "object", "properties": {
            "code": { "type": "string" },
            "value": { "type": "number", "x-data-class": "phi" },
            "note": { "type": "string", "x-data-class": "phi" } } } }] } });
    let writer = plugin(&bench, "writer", &["handles_phi"], declares).await;
    let reader = plugin(&bench, "reader", &[], json!({})).await;
    let put = request(
        "PUT",
        "/events/subscriptions/in",
        Some(&reader),
        Some(&json!({ "event_types": ["LabResult"] })),
    );
    assert_eq!(bench.send(put).await.status, 200);
    let stream = "/events/stream?event_types=LabResult";
    let mut reading = Reading::open(&bench, &reader, stream, None).await;
    let event = json!({ "event_type": "LabResult",
        "payload": { "code": "c", "value": 7, "note": "a canary" } });
    // Without the rule the event is withheld: the floor denies.
    assert_eq!(bench.post("/events/publish", Some(&writer), &event).await.status, 202);
    let pull = "/events/subscriptions/in/pull";
    let pulled = bench.post(pull, Some(&reader), &json!({})).await;
    assert_eq!(pulled.body["deliveries"], json!([]));
    let rules = json!({ "rules": [
        { "id": "default.granted", "effect": "allow" },
        { "id": "mask.phi", "effect": "mask", "classes": ["phi"],
            "when": { "caller_lacks": ["handles_phi"] } },
    ] });
    bench.core.policy.exchange(Rules::new(&Document::read(rules).expect("reads"), 2));
    assert_eq!(bench.post("/events/publish", Some(&writer), &event).await.status, 202);
    let pulled = bench.post(pull, Some(&reader), &json!({})).await;
    let event = &pulled.body["deliveries"][0]["event"];
    assert_eq!(
        (&event["data"], &event["masked"]),
        (&json!({ "code": "c", "note": "***" }), &json!("phi"))
    );
    let streamed = reading.event().await.1;
    assert_eq!((&streamed["data"], &streamed["sequence"]), (&event["data"], &json!("2")));
}

#[tokio::test]
async fn operators_see_facts_and_never_payloads_and_plugins_nothing_of_it() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let writer = plugin(&bench, "writer", &[], json!({})).await;
    let reader = plugin(&bench, "reader", &[], json!({})).await;
    let put = request(
        "PUT",
        "/events/subscriptions/in",
        Some(&reader),
        Some(&json!({ "event_types": ["EmailQueued"] })),
    );
    assert_eq!(bench.send(put).await.status, 200);
    publish(&bench, &writer, "one", &[]).await;
    let pulled = bench.post("/events/subscriptions/in/pull", Some(&reader), &json!({})).await;
    let delivery_id = pulled.body["deliveries"][0]["delivery_id"].as_str().expect("one").to_owned();
    let outcome = Outcome { delivery_id, verdict: Verdict::Term, reason: Some("smtp_550".into()) };
    bench.core.events.settle("reader", "in", vec![outcome]).await.expect("settles");

    let list = bench.get("/admin/dead-letters?reason=smtp_550", Some(&admin)).await;
    let letter = &list.body["dead_letters"][0];
    assert_eq!((&letter["plugin_id"], &letter["sequence"]), (&json!("reader"), &json!(1)));
    let number = letter["dead_letter"].as_i64().expect("a number");
    let path = format!("/admin/dead-letters/{number}");
    let shown = bench.get(&path, Some(&admin)).await;
    assert_eq!(shown.body["history"][0]["outcome"], "term");
    let tail = bench.get("/admin/events", Some(&admin)).await;
    assert_eq!(tail.body["events"][0]["dead_letters"], 1);
    for answer in [&list, &shown, &tail] {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(!answer.body.to_string().contains("canary"), "{}", answer.body);
    }
    let refused = bench.get("/admin/dead-letters", Some(&reader)).await;
    assert_eq!(told(&refused), (403, "wrong_principal"));

    let redrive = || request("POST", &format!("{path}/redrive"), Some(&admin), None);
    let redriven = bench.send(redrive()).await;
    assert_eq!(redriven.status, 200, "{}", redriven.body);
    let again = bench.send(redrive()).await;
    assert_eq!(told(&again), (404, "unknown_dead_letter"));
    let careless = bench.post("/admin/redrive", Some(&admin), &json!({})).await;
    assert_eq!(told(&careless), (400, "invalid_request"));
    let all = bench.post("/admin/redrive", Some(&admin), &json!({ "all": true })).await;
    assert_eq!(all.body, json!({ "redriven": 0, "skipped": 0, "remaining": 0 }));
    let replay = json!({ "plugin_id": "reader", "subscription": "in", "from_sequence": 1 });
    let replayed = bench.post("/admin/replays", Some(&admin), &replay).await;
    assert_eq!(replayed.body, json!({ "replayed": 0, "next_sequence": null }));
    let both = json!({ "plugin_id": "reader", "subscription": "in" });
    let both = bench.post("/admin/replays", Some(&admin), &both).await;
    assert_eq!(told(&both), (400, "invalid_request"));
}
