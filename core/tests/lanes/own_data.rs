//! What a plugin keeps in Core, and that nobody else can read it.

use serde_json::{Value, json};

use super::support::{Bench, request};
use super::{callee, keyed, offering, plugin, told};

#[tokio::test]
async fn configuration_has_defaults_revisions_and_a_schema() {
    let bench = Bench::new().await;
    let schema = json!({ "config_schema": { "type": "object", "properties": {
        "greeting": { "type": "string", "default": "hello" },
    } } });
    let token = plugin(&bench, "alpha", &[], schema).await;
    let other = plugin(&bench, "beta", &[], json!({})).await;
    let answer = bench.get("/config/greeting", Some(&token)).await;
    let expected =
        json!({ "key": "greeting", "value": "hello", "revision": 0, "origin": "default" });
    assert_eq!(answer.body, expected);
    let put = |value: Value, if_match: Option<&str>| {
        let body = json!({ "value": value });
        let mut request = request("PUT", "/config/greeting", Some(&token), Some(&body));
        if let Some(revision) = if_match {
            request.headers_mut().insert("if-match", revision.parse().expect("a value"));
        }
        bench.send(request)
    };
    let answer = put(json!("hi"), Some("\"0\"")).await;
    assert_eq!((&answer.body["revision"], &answer.body["origin"]), (&json!(1), &json!("plugin")));
    assert_eq!(answer.headers["etag"], "\"1\"");
    assert_eq!(told(&put(json!("hi"), Some("0")).await), (409, "revision_conflict"));
    let answer = put(json!(7), None).await;
    assert_eq!(told(&answer), (400, "invalid_request"));
    assert_eq!(answer.body["violations"][0]["pointer"], "/body/value");
    assert_eq!(told(&bench.get("/config/greeting", Some(&other)).await), (404, "unknown_key"));
    let listed = bench.get("/config", Some(&token)).await;
    assert_eq!(listed.body["entries"][0]["revision"], 1);
}

#[tokio::test]
async fn stored_values_are_the_plugins_own_and_end_with_their_time() {
    let bench = Bench::new().await;
    let (alpha, beta) = (
        plugin(&bench, "alpha", &[], json!({ "storage": { "quota_bytes": 1024 } })).await,
        plugin(&bench, "beta", &[], json!({})).await,
    );
    let put =
        |body: Value| bench.send(request("PUT", "/storage/outbox:1", Some(&alpha), Some(&body)));
    let answer = put(json!({ "value": { "n": 1 }, "ttl_seconds": 60, "if_revision": 0 })).await;
    assert_eq!((answer.status.as_u16(), &answer.body["revision"]), (200, &json!(1)));
    let answer = put(json!({ "value": 2, "if_revision": 0 })).await;
    assert_eq!(told(&answer), (409, "revision_conflict"));
    let answer = put(json!({ "value": "x".repeat(2_000) })).await;
    assert_eq!(told(&answer), (422, "quota_exceeded"));
    assert_eq!(told(&bench.get("/storage/outbox:1", Some(&beta)).await), (404, "unknown_key"));
    let listed = bench.get("/storage?prefix=outbox:", Some(&alpha)).await;
    assert_eq!(listed.body["keys"][0]["key"], "outbox:1");
    assert_eq!(listed.body["cursor"], Value::Null);
    let answer = bench.get("/storage?cursor=%25", Some(&alpha)).await;
    assert_eq!(told(&answer), (400, "invalid_request"));
    bench.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(told(&bench.get("/storage/outbox:1", Some(&alpha)).await), (404, "unknown_key"));
    let delete = request("DELETE", "/storage/outbox:1", Some(&alpha), None);
    assert_eq!(bench.send(delete).await.status, 204);
}

#[tokio::test]
async fn no_value_of_any_lane_lies_in_the_clear_or_in_the_audit_log() {
    const CANARY: &str = "canary-7f3a";
    let bench = Bench::new().await;
    let (url, _) = callee().await;
    let caller = plugin(&bench, "caller", &["handles_phi"], json!({})).await;
    plugin(&bench, "helper", &["handles_phi"], offering(&url)).await;
    let payload = json!({ "message_id": CANARY, "recipient_ref": "usr-0001",
        "template": "welcome", "queued_at": "2026-11-22T17:00:00Z" });
    let token = Some(caller.as_str());
    let event = json!({ "event_type": "EmailQueued", "payload": payload });
    keyed(&bench, &caller, "/events/publish", "key-1", &event).await;
    keyed(&bench, &caller, "/gateway/helper/ping", "key-2", &json!({ "note": CANARY })).await;
    let proxied = json!({ "url": format!("https://{CANARY}.example/{CANARY}"), "body": CANARY });
    bench.post("/proxy", token, &proxied).await;
    for path in ["/config/greeting", "/storage/outbox"] {
        let body = json!({ "value": CANARY });
        let answer = bench.send(request("PUT", path, token, Some(&body))).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    assert!(!format!("{:?}", bench.audit().await).contains(CANARY));
    for entry in std::fs::read_dir(bench.folder.path()).expect("reads") {
        let path = entry.expect("an entry").path();
        let octets = std::fs::read(&path).unwrap_or_default();
        let found = octets.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!found, "{}", path.display());
    }
    let own = bench.get("/storage/outbox", token).await;
    assert_eq!(own.body["value"], CANARY, "the control: the value is there for its owner");
}
