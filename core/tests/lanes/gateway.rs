//! Calls that end otherwise than well: wrong answers, streams, failures, rights lost on the way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http_body_util::BodyExt;
use serde_json::json;
use std::sync::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

use super::support::{Bench, request};
use super::{keyed, plugin, told};

/// A callee whose operations each misbehave in their own way.
#[derive(Clone, Default)]
struct Callee {
    headers: Arc<Mutex<Vec<HeaderMap>>>,
    entered: Arc<Notify>,
    proceed: Arc<Notify>,
}

impl Callee {
    async fn start(&self) -> String {
        async fn answer(
            State(callee): State<Callee>,
            Path(name): Path<String>,
            headers: HeaderMap,
            _body: Body,
        ) -> Response {
            callee.headers.lock().expect("locks").push(headers);
            match name.as_str() {
                "fail" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                "table" => ([("content-type", "text/csv")], "a,b\n1,2\n").into_response(),
                "wrong" => axum::Json(json!({ "pong": "canary" })).into_response(),
                "wait" => {
                    callee.entered.notify_one();
                    callee.proceed.notified().await;
                    axum::Json(json!({ "pong": true })).into_response()
                }
                _ => ([("x-internal", "canary")], axum::Json(json!({ "pong": true })))
                    .into_response(),
            }
        }
        let router = axum::Router::new().route("/rpc/{name}", post(answer));
        let router = router.with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn calls(&self) -> usize {
        self.headers.lock().expect("locks").len()
    }
}

/// A Core with a caller and that callee; answers the caller's token.
async fn bench() -> (Bench, Callee, String) {
    let (bench, callee) = (Bench::new().await, Callee::default());
    let schema = json!({ "type": "object", "properties": { "pong": { "type": "boolean" } } });
    let parts = json!({
        "endpoints": { "base_url": callee.start().await },
        "operations": [
            { "name": "ping", "output_schema": schema }, { "name": "wrong", "output_schema": schema },
            { "name": "fail" }, { "name": "table" }, { "name": "wait" },
        ],
    });
    plugin(&bench, "helper", &[], parts).await;
    let caller = plugin(&bench, "caller", &[], json!({})).await;
    (bench, callee, caller)
}

#[tokio::test]
async fn an_answer_that_breaks_the_manifest_is_not_released() {
    let (bench, _, caller) = bench().await;
    let answer = bench.post("/gateway/helper/ping", Some(&caller), &json!({})).await;
    assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!({ "pong": true })));
    assert!(!answer.headers.contains_key("x-internal"));
    let answer = bench.post("/gateway/helper/wrong", Some(&caller), &json!({})).await;
    assert_eq!(told(&answer), (502, "invalid_response"));
    let violation = &answer.body["violations"][0];
    assert_eq!(
        (&violation["pointer"], &violation["rule"]),
        (&json!("/response/pong"), &json!("type"))
    );
    assert!(!answer.body.to_string().contains("canary"));
}

#[tokio::test]
async fn of_the_callers_headers_only_a_few_values_go_on() {
    let (bench, callee, caller) = bench().await;
    let mut call = request("POST", "/gateway/helper/ping", Some(&caller), Some(&json!({})));
    for (name, value) in [
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "vendor=1"),
        ("vivified-purpose", "treatment"),
        ("cookie", "a=b"),
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("x-anything", "1"),
        ("connection", "x-anything"),
        ("host", "evil.example"),
    ] {
        call.headers_mut().insert(name, value.parse().expect("a value"));
    }
    assert_eq!(bench.send(call).await.status, 200);
    let seen = callee.headers.lock().expect("locks").remove(0);
    let names: BTreeSet<&str> = seen.keys().map(|name| name.as_str()).collect();
    let expected = [
        "accept",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "traceparent",
        "tracestate",
        "user-agent",
        "vivified-deadline-ms",
        "vivified-purpose",
    ];
    assert_eq!(names, BTreeSet::from(expected));
    assert!(
        seen["traceparent"].to_str().expect("text").contains("0af7651916cd43dd8448eb211c80319c")
    );
    assert!(seen["host"].to_str().expect("text").starts_with("127.0.0.1:"));
    assert_eq!(seen["tracestate"], "vendor=1");
}

#[tokio::test]
async fn a_stream_is_recorded_when_it_ends_and_kept_for_its_key() {
    let (bench, callee, caller) = bench().await;
    let call = request("POST", "/gateway/helper/table", Some(&caller), Some(&json!({})));
    let response = tower::ServiceExt::oneshot(bench.router.clone(), call).await.expect("answers");
    assert_eq!(response.headers()["content-type"], "text/csv");
    let outcomes = async || {
        let mut records = bench.audit().await;
        records.retain(|record| record["action"] == "rpc.call" && record["phase"] == "outcome");
        records
    };
    assert!(outcomes().await.is_empty());
    let octets = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("reads");
    assert_eq!(octets, "a,b\n1,2\n");
    let recorded = outcomes().await;
    assert_eq!((recorded.len(), &recorded[0]["response_bytes"]), (1, &json!(8)), "{recorded:?}");
    for _ in 0..2 {
        let mut call = request("POST", "/gateway/helper/table", Some(&caller), Some(&json!({})));
        call.headers_mut().insert("idempotency-key", "k-1".parse().expect("a value"));
        let answer = tower::ServiceExt::oneshot(bench.router.clone(), call).await.expect("answers");
        assert_eq!(answer.headers()["content-type"], "text/csv");
        let octets = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("reads");
        assert_eq!(octets, "a,b\n1,2\n");
    }
    assert_eq!(callee.calls(), 2, "the second call with the key was answered without the callee");
    let other = json!({ "n": 1 });
    let answer = keyed(&bench, &caller, "/gateway/helper/table", "k-1", &other).await;
    assert_eq!(told(&answer), (422, "idempotency_mismatch"));
}

#[tokio::test]
async fn an_operation_that_fails_five_times_rests_and_people_see_it() {
    let (bench, callee, caller) = bench().await;
    let admin = bench.admin().await;
    let shown = async || bench.get("/admin/breakers", Some(&admin)).await.body;
    for _ in 0..5 {
        assert_eq!(shown().await, json!({ "breakers": [] }));
        let answer = bench.post("/gateway/helper/fail", Some(&caller), &json!({})).await;
        assert_eq!(told(&answer), (502, "callee_failed"));
    }
    let answer = bench.post("/gateway/helper/fail", Some(&caller), &json!({})).await;
    assert_eq!(told(&answer), (503, "circuit_open"));
    assert_eq!(answer.headers["retry-after"], "60");
    assert_eq!(callee.calls(), 5);
    let rests = json!({
        "plugin_id": "helper", "operation": "fail", "state": "open", "retry_after": 60,
    });
    assert_eq!(shown().await, json!({ "breakers": [rests] }));
    let metrics = vivified_core::telemetry::metrics::text();
    assert!(metrics.contains("vivified_calls_total{outcome=\"circuit_open\"} 1"), "{metrics}");
    let answer = bench.get("/admin/breakers", Some(&caller)).await;
    assert_eq!(told(&answer), (403, "wrong_principal"));
}

#[tokio::test]
async fn rights_that_are_lost_during_a_call_take_its_answer() {
    for (gone, expected) in [
        ("nobody", (200, "")),
        ("helper", (503, "callee_unavailable")),
        ("caller", (401, "token_invalid")),
    ] {
        let (bench, callee, caller) = bench().await;
        let call = request("POST", "/gateway/helper/wait", Some(&caller), Some(&json!({})));
        let running = tokio::spawn(tower::ServiceExt::oneshot(bench.router.clone(), call));
        callee.entered.notified().await;
        if gone != "nobody" {
            bench.core.registry.revoke(gone, "as the test asks".to_owned()).await.expect("revokes");
        }
        callee.proceed.notify_one();
        let answer = running.await.expect("ends").expect("answers");
        let answer = super::support::read(answer).await;
        assert_eq!(told(&answer), expected, "{gone}");
    }
}

#[tokio::test]
async fn a_revoked_callee_ends_the_calls_that_wait_for_it() {
    let (bench, callee, caller) = bench().await;
    let call = request("POST", "/gateway/helper/wait", Some(&caller), Some(&json!({})));
    let running = tokio::spawn(tower::ServiceExt::oneshot(bench.router.clone(), call));
    callee.entered.notified().await;
    bench.core.upkeep().await;
    assert!(!running.is_finished(), "the control: a round of upkeep ends nothing by itself");
    bench.core.registry.revoke("helper", "as the test asks".to_owned()).await.expect("revokes");
    bench.core.upkeep().await;
    let answer = super::support::read(running.await.expect("ends").expect("answers")).await;
    assert_eq!(told(&answer), (503, "callee_unavailable"));
}

/// A callee that sends the first line of a table and then nothing more.
async fn stuck_table() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut wire, _)) = listener.accept().await {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ntransfer-encoding: chunked";
            let text = format!("{head}\r\n\r\n4\r\na,b\n\r\n");
            wire.write_all(text.as_bytes()).await.expect("writes");
            open.push(wire);
        }
    });
    url
}

#[tokio::test]
async fn a_stream_ends_when_its_caller_or_its_callee_loses_its_rights() {
    for (gone, deadline) in [("nobody", 1_000), ("helper", 60_000), ("caller", 60_000)] {
        let bench = Bench::new().await;
        let parts = json!({
            "endpoints": { "base_url": stuck_table().await },
            "operations": [{ "name": "table", "timeout_ms": deadline }],
        });
        plugin(&bench, "helper", &[], parts).await;
        let caller = plugin(&bench, "caller", &[], json!({})).await;
        let call = request("POST", "/gateway/helper/table", Some(&caller), Some(&json!({})));
        let begun = Instant::now();
        let answer = tower::ServiceExt::oneshot(bench.router.clone(), call).await.expect("answers");
        let mut body = answer.into_body();
        let first = body.frame().await.expect("a frame").expect("a piece");
        assert_eq!(first.into_data().expect("octets"), "a,b\n");
        if gone != "nobody" {
            bench.core.registry.revoke(gone, "as the test asks".to_owned()).await.expect("revokes");
        }
        body.frame().await.expect("an end").expect_err("broken off");
        let by_deadline = begun.elapsed() >= Duration::from_millis(deadline);
        assert_eq!(by_deadline, gone == "nobody", "{gone}: {:?}", begun.elapsed());
    }
}
