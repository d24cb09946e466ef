//! The lanes from outside: what plugins may do to each other and to the world, what they are told
//! when they may not, and what the audit log says of it.

#[allow(dead_code, reason = "each test crate uses its part of it")]
mod support;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use axum::routing::post;
use serde_json::{Value, json};
use support::{Answer, Bench, manifest, request};

const EVERYTHING: [&str; 8] = [
    "event_publisher",
    "event_subscriber",
    "rpc_caller",
    "rpc_provider",
    "external_caller",
    "config_reader",
    "config_writer",
    "storage_user",
];

/// A plugin with every trait but those of data, and these further parts of its manifest.
async fn plugin(bench: &Bench, plugin_id: &str, data: &[&str], parts: Value) -> String {
    let traits: Vec<&str> = EVERYTHING.iter().chain(data).copied().collect();
    let mut manifest = manifest(plugin_id, &traits);
    if data.contains(&"handles_phi") {
        manifest["security"]["data_classification"] = json!(["phi"]);
        manifest["compliance"]["hipaa_controls"] = json!(["164.312(b)"]);
    }
    for (key, part) in parts.as_object().expect("an object") {
        manifest[key] = part.clone();
    }
    let token = bench.enrollment(plugin_id).await;
    let answer = bench.post("/plugins/register", Some(&token), &manifest).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["token"].as_str().expect("a token").to_owned()
}

fn mail(number: u32) -> Value {
    json!({
        "message_id": format!("msg-{number}"),
        "recipient_ref": "usr-0001",
        "template": "welcome",
        "queued_at": "2026-11-22T17:00:00Z",
    })
}

fn told(answer: &Answer) -> (u16, &str) {
    (answer.status.as_u16(), answer.code())
}

async fn keyed(bench: &Bench, token: &str, path: &str, key: &str, body: &Value) -> Answer {
    let mut request = request("POST", path, Some(token), Some(body));
    request.headers_mut().insert("idempotency-key", key.parse().expect("a value"));
    bench.send(request).await
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

/// What a callee saw.
type Seen = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

async fn callee() -> (String, Seen) {
    async fn answer(State(seen): State<Seen>, request: Request<Body>) -> axum::Json<Value> {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("reads");
        seen.lock().expect("locks").push((head.headers, body));
        axum::Json(json!({ "pong": true }))
    }
    let seen = Seen::default();
    let router = Router::new().route("/rpc/{name}", post(answer)).with_state(seen.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seen)
}

fn offering(url: &str) -> Value {
    json!({
        "endpoints": { "base_url": url },
        "operations": [
            { "name": "ping" },
            { "name": "chart", "required_traits": ["handles_phi"], "data_traits": ["phi"] },
            { "name": "strict", "input_schema": { "type": "object", "required": ["n"] } },
        ],
    })
}

#[tokio::test]
async fn a_call_reaches_its_callee_under_a_token_of_its_own() {
    let bench = Bench::new().await;
    let (url, seen) = callee().await;
    let caller = plugin(&bench, "caller", &[], json!({})).await;
    plugin(&bench, "helper", &["handles_phi"], offering(&url)).await;
    let call = |path: &str, body: Value| {
        let (bench, caller, path) = (&bench, &caller, format!("/gateway/{path}"));
        async move { bench.post(&path, Some(caller), &body).await }
    };
    let answer = call("helper/ping", json!({ "n": 1 })).await;
    assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!({ "pong": true })));
    let (headers, body) = seen.lock().expect("locks").remove(0);
    assert_eq!(&body[..], br#"{"n":1}"#);
    let token = headers["authorization"].to_str().expect("text").to_owned();
    assert!(!token.contains(&caller), "the token of the caller went on");
    let claims = bench.core.identity.call_claims("helper", &token["Bearer ".len()..]);
    assert_eq!(claims.expect("a call token").subject, "caller");

    assert_eq!(told(&call("helper/pin", json!({})).await), (404, "unknown_operation"));
    assert_eq!(told(&call("nobody/ping", json!({})).await), (404, "unknown_plugin"));
    let answer = call("helper/chart", json!({})).await;
    assert_eq!(told(&answer), (403, "data_trait_missing"));
    assert_eq!(answer.body["detail"], "missing: handles_phi");
    let answer = call("helper/strict", json!({})).await;
    assert_eq!(told(&answer), (400, "invalid_request"));
    assert_eq!(answer.body["violations"][0]["pointer"], "/body/n");
    assert_eq!(told(&call("caller/ping", json!({})).await), (404, "unknown_operation"));
    assert!(seen.lock().expect("locks").is_empty(), "a refused call reached the callee");

    bench.clock.advance(std::time::Duration::from_secs(1_000));
    let caller = bench.core.identity.plugin_token("caller", 1).expect("issues");
    let answer = bench.post("/gateway/helper/ping", Some(caller.expose()), &json!({})).await;
    assert_eq!(told(&answer), (503, "callee_unavailable"));
    assert_eq!(answer.headers["retry-after"], "10");
}

#[tokio::test]
async fn a_plugin_cannot_call_itself_through_the_gateway() {
    let bench = Bench::new().await;
    let (url, seen) = callee().await;
    let token = plugin(
        &bench,
        "helper",
        &[],
        json!({
            "endpoints": { "base_url": url }, "operations": [{ "name": "ping" }],
        }),
    )
    .await;
    let answer = bench.post("/gateway/helper/ping", Some(&token), &json!({})).await;
    assert_eq!(told(&answer), (403, "call_cycle"));
    assert_eq!(answer.body["detail"], "chain: helper -> helper");
    assert!(seen.lock().expect("locks").is_empty());
    let records = bench.audit().await;
    let denial = records.iter().find(|record| record["outcome"] == "call_cycle");
    assert_eq!(denial.expect("recorded")["rule"], "chain.cycle");
}

#[tokio::test]
async fn nothing_leaves_but_by_an_entry_of_the_approved_manifest() {
    let bench = Bench::new().await;
    let domains = json!({ "allowed_domains": ["api.partner.example"] });
    let token = plugin(&bench, "caller", &["handles_phi"], domains).await;
    let plain = plugin(&bench, "plain", &[], json!({})).await;
    let cases = [
        (json!({ "url": "https://evil.example/" }), "allowlist: host-not-listed"),
        (json!({ "url": "http://api.partner.example/" }), "parse: not-https"),
        (json!({ "url": "https://127.0.0.1/" }), "allowlist: host-not-listed"),
        (json!({ "url": "https://api.partner.example:8443/" }), "allowlist: port-not-listed"),
        (
            json!({ "url": "https://api.partner.example/", "data_traits": ["phi"] }),
            "forward: phi-without-baa",
        ),
        (
            json!({ "url": "https://api.partner.example/", "headers": { "Host": "evil.example" } }),
            "forward: host-override",
        ),
    ];
    for (body, detail) in cases {
        let answer = bench.post("/proxy", Some(&token), &body).await;
        assert_eq!(told(&answer), (403, "egress_denied"), "{body}");
        assert_eq!(answer.body["detail"], detail, "{body}");
        assert!(answer.body["decision_id"].is_string());
    }
    let as_other = json!({ "url": "https://api.partner.example/", "plugin_id": "plain" });
    let answer = bench.post("/proxy", Some(&token), &as_other).await;
    assert_eq!(told(&answer), (403, "identity_mismatch"));
    let phi = json!({ "url": "https://api.partner.example/", "data_traits": ["phi"] });
    let answer = bench.post("/proxy", Some(&plain), &phi).await;
    assert_eq!(told(&answer), (403, "data_trait_missing"));
}

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
