//! The life of a plugin as administrators steer it, felt on every lane with the next request.

use std::time::Duration;

use super::*;

async fn act(bench: &Bench, admin: &str, plugin_id: &str, verb: &str) -> Answer {
    let path = format!("/admin/plugins/{plugin_id}/{verb}");
    bench.post(&path, Some(admin), &json!({ "reason": format!("{verb} tried") })).await
}

/// One request on each lane and to each store of the plugin.
async fn lanes(bench: &Bench, token: &str) -> Vec<(u16, String)> {
    let event = json!({
        "event_type": "EmailQueued",
        "payload": { "message_id": "m1", "recipient_ref": "u1", "template": "t",
                     "queued_at": "2026-11-22T17:00:00Z" },
    });
    let mut answers = Vec::new();
    let mut tell =
        |answer: &Answer| answers.push((answer.status.as_u16(), answer.code().to_owned()));
    tell(&bench.post("/events/publish", Some(token), &event).await);
    tell(&bench.post("/gateway/callee/ping", Some(token), &json!({})).await);
    tell(
        &bench.post("/proxy", Some(token), &json!({ "url": "https://api.partner.example/" })).await,
    );
    tell(&bench.get("/storage", Some(token)).await);
    tell(&bench.get("/config", Some(token)).await);
    tell(&bench.get("/plugins", Some(token)).await);
    answers
}

fn all(answers: &[(u16, String)], code: &str) -> bool {
    answers.iter().all(|(_, told)| told == code)
}

#[tokio::test]
async fn suspend_resume_and_revoke_are_felt_with_the_next_request_on_every_lane() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let (url, _) = callee().await;
    plugin(&bench, "callee", &[], offering(&url)).await;
    let token = plugin(&bench, "alpha", &[], json!({})).await;
    let before = lanes(&bench, &token).await;
    assert_eq!(before[0].0, 202, "{before:?}");
    assert!(before.iter().all(|(_, code)| code != "plugin_inactive"), "{before:?}");

    let suspended = act(&bench, &admin, "alpha", "suspend").await;
    assert_eq!((suspended.status.as_u16(), &suspended.body["status"]), (200, &json!("suspended")));
    let paused = lanes(&bench, &token).await;
    assert!(all(&paused, "plugin_inactive"), "{paused:?}");
    let beat =
        bench.post("/plugins/heartbeat", Some(&token), &json!({ "status": "healthy" })).await;
    assert_eq!((beat.status.as_u16(), &beat.body["status"]), (200, &json!("suspended")));

    assert_eq!(act(&bench, &admin, "alpha", "resume").await.body["status"], "active");
    assert_eq!(lanes(&bench, &token).await, before);
    assert_eq!(told(&act(&bench, &admin, "alpha", "resume").await), (409, "state_conflict"));

    assert_eq!(act(&bench, &admin, "alpha", "revoke").await.body["status"], "revoked");
    let gone = lanes(&bench, &token).await;
    assert!(all(&gone, "token_invalid"), "{gone:?}");
    let fresh = beat.body["token"].as_str().expect("a token");
    assert!(all(&lanes(&bench, fresh).await, "token_invalid"));
    for verb in ["suspend", "resume", "drain"] {
        assert_eq!(told(&act(&bench, &admin, "alpha", verb).await), (409, "state_conflict"));
    }
}

#[tokio::test]
async fn a_draining_plugin_finishes_and_takes_nothing_new() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let (url, _) = callee().await;
    let token = plugin(&bench, "callee", &[], offering(&url)).await;
    let caller = plugin(&bench, "alpha", &[], json!({})).await;
    let subscription = json!({ "event_types": ["EmailQueued"] });
    let path = "/events/subscriptions/mail";
    let made = bench.send(request("PUT", path, Some(&token), Some(&subscription))).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let event = json!({
        "event_type": "EmailQueued",
        "payload": { "message_id": "m1", "recipient_ref": "u1", "template": "t",
                     "queued_at": "2026-11-22T17:00:00Z" },
    });
    let pull = format!("{path}/pull");
    bench.post("/events/publish", Some(&caller), &event).await;
    let held = bench.post(&pull, Some(&token), &json!({})).await;
    let delivery = held.body["deliveries"][0]["delivery_id"].clone();
    assert!(delivery.is_string(), "{}", held.body);
    assert_eq!(
        told(&bench.post("/gateway/callee/ping", Some(&caller), &json!({})).await),
        (200, "")
    );

    assert_eq!(act(&bench, &admin, "callee", "drain").await.body["status"], "draining");
    let called = bench.post("/gateway/callee/ping", Some(&caller), &json!({})).await;
    assert_eq!(told(&called), (503, "callee_unavailable"));
    bench.post("/events/publish", Some(&caller), &event).await;
    let more = bench.post(&pull, Some(&token), &json!({})).await;
    assert_eq!(more.body["deliveries"], json!([]), "nothing new");
    let outcomes = json!({ "outcomes": [{ "delivery_id": delivery, "outcome": "ack" }] });
    let settled = bench.post(&format!("{path}/settle"), Some(&token), &outcomes).await;
    assert_eq!(settled.body["settled"], 1, "what it holds it may finish: {}", settled.body);
    let written = bench
        .send(request("PUT", "/storage/result", Some(&token), Some(&json!({ "value": 1 }))))
        .await;
    assert_eq!(written.status, 200);

    assert_eq!(act(&bench, &admin, "callee", "resume").await.body["status"], "active");
    let more = bench.post(&pull, Some(&token), &json!({})).await;
    assert_eq!(more.body["deliveries"].as_array().map(Vec::len), Some(1), "{}", more.body);
}

#[tokio::test]
async fn enrolments_are_listed_without_their_token_and_can_be_revoked() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let body = json!({ "plugin_id": "alpha", "approve": true });
    let made = bench.post("/admin/enrollments", Some(&admin), &body).await;
    let token = made.body["enrollment_token"].as_str().expect("a token").to_owned();
    let id = made.body["enrollment_id"].as_str().expect("an id").to_owned();
    let listed = bench.get("/admin/enrollments", Some(&admin)).await;
    let listed = &listed.body["enrollments"];
    assert_eq!((&listed[0]["enrollment_id"], &listed[0]["status"]), (&json!(id), &json!("open")));
    assert!(!listed.to_string().contains(&token));
    let path = format!("/admin/enrollments/{id}");
    let gone = bench.send(request("DELETE", &path, Some(&admin), None)).await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    let refused = bench.post("/plugins/register", Some(&token), &manifest("alpha", &[])).await;
    assert_eq!(told(&refused), (401, "token_invalid"));
    let again = bench.send(request("DELETE", &path, Some(&admin), None)).await;
    assert_eq!(told(&again), (404, "unknown_enrollment"));

    bench.plugin("beta", &[]).await;
    let listed = bench.get("/admin/enrollments", Some(&admin)).await;
    assert_eq!(listed.body["enrollments"][0]["status"], "spent");
}

#[tokio::test]
async fn the_record_of_a_plugin_tells_its_history_and_its_lease() {
    let bench = Bench::new().await;
    let token = bench.plugin("alpha", &["event_publisher"]).await;
    bench.clock.advance(Duration::from_secs(901));
    bench.core.upkeep().await;
    let admin = bench.admin().await;
    let shown = bench.get("/admin/plugins/alpha", Some(&admin)).await;
    let record = &shown.body["plugin"];
    assert_eq!((&record["healthy"], &record["health"]), (&json!(false), &json!("lost")));
    let ended = bench.audit().await;
    assert_eq!(ended.iter().filter(|record| record["action"] == "plugin.lease_end").count(), 1);
    bench.core.upkeep().await;
    let still = bench.audit().await;
    assert_eq!(still.iter().filter(|record| record["action"] == "plugin.lease_end").count(), 1);

    let late =
        bench.post("/plugins/heartbeat", Some(&token), &json!({ "status": "healthy" })).await;
    assert_eq!(told(&late), (200, ""), "thirty seconds of skew are allowed");
    act(&bench, &admin, "alpha", "suspend").await;
    let shown = bench.get("/admin/plugins/alpha", Some(&admin)).await;
    let history = shown.body["history"].as_array().expect("a history");
    let reasons: Vec<&str> = history.iter().filter_map(|one| one["reason"].as_str()).collect();
    assert_eq!(reasons.first(), Some(&"suspend tried"));
    assert_eq!(reasons.last(), Some(&"approved at enrolment"));
    assert_eq!(reasons[1..3], ["heard of again", "not heard of within its lease"]);
    assert_eq!(shown.body["manifest"]["id"], "alpha");
}
