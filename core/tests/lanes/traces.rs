//! One trace through everything that can happen to an event, a call and a request to the outside,
//! as a collector on loopback sees it.

use std::collections::HashMap;

use axum::extract::State;
use serde_json::{Value, json};
use vivified_core::egress::connect::Tls;
use vivified_core::telemetry::traces;

use super::support::{Answer, Bench, request};
use super::{Seen, callee, offering, plugin};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER_SPAN: &str = "b7ad6b7169203331";
const CANARY: &str = "canary-jane-doe-1970";

/// Records what is handed to it.
async fn collector() -> (url::Url, Seen) {
    async fn take(State(seen): State<Seen>, body: axum::body::Bytes) {
        seen.lock().expect("locks").push((axum::http::HeaderMap::new(), body));
    }
    let seen = Seen::default();
    let routes = axum::routing::post(take);
    let router = axum::Router::new().route("/v1/traces", routes).with_state(seen.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url.parse().expect("a URL"), seen)
}

async fn traced(bench: &Bench, method: &str, path: &str, token: &str, body: &Value) -> Answer {
    let mut request = request(method, path, Some(token), Some(body));
    let parent = format!("00-{TRACE}-{CALLER_SPAN}-01");
    request.headers_mut().insert("traceparent", parent.parse().expect("a value"));
    bench.send(request).await
}

/// The spans of our trace by name, in the order they ended.
fn spans(seen: &Seen) -> HashMap<String, Vec<Value>> {
    let mut found: HashMap<String, Vec<Value>> = HashMap::new();
    for (_, body) in seen.lock().expect("locks").iter() {
        let body: Value = serde_json::from_slice(body).expect("JSON");
        let spans = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
        for span in spans.as_array().expect("spans") {
            if span["traceId"] == TRACE {
                let name = span["name"].as_str().expect("a name").to_owned();
                found.entry(name).or_default().push(span.clone());
            }
        }
    }
    found
}

fn number(span: &Value, key: &str) -> i64 {
    let attributes = span["attributes"].as_array().expect("attributes");
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    let text = found.and_then(|attribute| attribute["value"]["intValue"].as_str());
    text.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {key} in {span}"))
}

#[tokio::test]
async fn a_trace_stays_whole_through_queue_retry_dead_letter_redrive_call_and_egress() {
    let (endpoint, seen) = collector().await;
    traces::export_to(&endpoint, &Tls::new(None).expect("roots"));
    let bench = Bench::new().await;
    let (url, calls) = callee().await;
    let domains = json!({ "allowed_domains": ["api.partner.example"] });
    let writer = plugin(&bench, "writer", &[], domains).await;
    let reader = plugin(&bench, "reader", &[], json!({})).await;
    plugin(&bench, "helper", &["handles_phi"], offering(&url)).await;
    let subscription = "/events/subscriptions/in";
    let wish = json!({ "event_types": ["EmailQueued"] });
    let answer = bench.send(request("PUT", subscription, Some(&reader), Some(&wish))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);

    let payload = json!({ "message_id": CANARY, "recipient_ref": CANARY, "template": "welcome",
        "queued_at": "2026-11-22T17:00:00Z" });
    let event = json!({ "event_type": "EmailQueued", "payload": payload });
    let answer = traced(&bench, "POST", "/events/publish", &writer, &event).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let pull = async || {
        let path = format!("{subscription}/pull");
        let answer = bench.post(&path, Some(&reader), &json!({})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["deliveries"][0]["delivery_id"].clone()
    };
    let settle = async |delivery: Value, outcome: &str| {
        let path = format!("{subscription}/settle");
        let outcomes = json!({ "outcomes": [
            { "delivery_id": delivery, "outcome": outcome, "delay_ms": 0 } ] });
        let answer = bench.post(&path, Some(&reader), &outcomes).await;
        assert_eq!(answer.body["settled"], 1, "{}", answer.body);
    };
    settle(pull().await, "nack").await;
    settle(pull().await, "term").await;
    let letters = bench.core.events.redrive(1).await.expect("is dead");
    assert_eq!(letters.attempts, 2);
    settle(pull().await, "ack").await;
    let call = json!({ "note": CANARY });
    let answer = traced(&bench, "POST", "/gateway/helper/ping", &writer, &call).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let leaving = json!({ "url": format!("https://api.partner.example/{CANARY}") });
    let answer = traced(&bench, "POST", "/proxy", &writer, &leaving).await;
    // No name server answers here.
    assert_eq!(answer.status, 403, "{}", answer.body);
    traces::flush().await;

    let spans = spans(&seen);
    let one = |name: &str| match spans.get(name).map(Vec::as_slice) {
        Some([span]) => span,
        found => panic!("{name}: {found:?}"),
    };
    let published = one("publish_event");
    assert_eq!(published["parentSpanId"], CALLER_SPAN);
    let deliveries = &spans["deliver"];
    let attempts: Vec<i64> =
        deliveries.iter().map(|span| number(span, "vivified.attempt")).collect();
    assert_eq!(attempts, [1, 2, 1]);
    for span in deliveries.iter().chain([one("dead letter"), one("redrive")]) {
        assert_eq!(span["parentSpanId"], published["spanId"], "{span}");
    }
    for delivery in deliveries {
        assert_ne!(delivery["links"][0]["traceId"], TRACE, "the pull has a trace of its own");
        assert_eq!(delivery["links"][0]["spanId"].as_str().map(str::len), Some(16));
    }
    let call = one("call");
    assert_eq!(call["parentSpanId"], one("call_plugin")["spanId"]);
    let (headers, _) = calls.lock().expect("locks").remove(0);
    let handed_on = headers["traceparent"].to_str().expect("text");
    let below = format!("00-{TRACE}-{}-01", call["spanId"].as_str().expect("an id"));
    assert_eq!(handed_on, below, "the callee works on below our call");
    let egress = one("egress");
    assert_eq!(egress["parentSpanId"], one("call_external")["spanId"]);
    assert_eq!(egress["status"]["code"], 2, "it failed");

    let bodies = seen.lock().expect("locks");
    let everything: Vec<_> = bodies.iter().map(|(_, body)| String::from_utf8_lossy(body)).collect();
    let holds = |text: &str| everything.iter().any(|body| body.contains(text));
    assert!(holds(TRACE), "control: text is found");
    for secret in [CANARY, writer.as_str(), reader.as_str(), "api.partner.example"] {
        assert!(!holds(secret), "a value of a caller is in a span");
    }
}
