//! The pipeline around every operation, seen from outside: the order of its steps, what each
//! refusal answers, and that every one of them is closed.

#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::{Request, Response, StatusCode};
use http_body::Frame;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tower::ServiceExt;
use vivified_contract::runtime::{
    self, Acting, Call, Credentials, Guard, Input, Outcome, Place, Problem, RequestInfo, Route,
};
use vivified_contract::{OPERATIONS, models, operations, problems};

/// Records every step and fails where a header tells it to.
#[derive(Default)]
struct Recorder {
    steps: Mutex<Vec<String>>,
    outcomes: Mutex<Vec<Outcome>>,
    closed: Notify,
    entered: Notify,
    proceed: Notify,
    fail: &'static str,
}

impl Recorder {
    fn step(&self, step: &str) -> Result<(), Problem> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(step.to_owned());
        assert_ne!(self.fail, format!("panic {step}"), "as the test asks");
        if self.fail == step { Err(problems::forbidden().with_decision("d-1")) } else { Ok(()) }
    }

    fn steps(&self) -> Vec<String> {
        self.steps.lock().unwrap().clone()
    }

    fn outcome(&self) -> Outcome {
        let outcomes = self.outcomes.lock().unwrap();
        assert_eq!(outcomes.len(), 1, "every request is closed exactly once");
        outcomes[0].clone()
    }
}

impl Guard for Recorder {
    type Caller = String;
    type Receipt = u64;

    async fn authenticate(
        &self,
        _: &RequestInfo,
        credentials: Credentials<'_>,
    ) -> Result<String, Problem> {
        self.step("authenticate")?;
        credentials.bearer().map(str::to_owned).ok_or_else(problems::unauthenticated)
    }

    async fn authorize(&self, _: &RequestInfo, _: &String) -> Result<(), Problem> {
        self.step("authorize")
    }

    async fn limit(&self, _: &RequestInfo, caller: Option<&String>) -> Result<(), Problem> {
        self.step(if caller.is_some() { "limit caller" } else { "limit address" })
    }

    async fn open(&self, _: &RequestInfo, _: &String) -> Result<u64, Problem> {
        self.step("open").map(|()| 7)
    }

    async fn close(
        &self,
        _: &RequestInfo,
        caller: Option<&String>,
        receipt: Option<u64>,
        outcome: &Outcome,
    ) -> Result<(), Problem> {
        self.outcomes.lock().unwrap().push(outcome.clone());
        let receipt = receipt.map_or_else(|| "none".to_owned(), |receipt| receipt.to_string());
        let caller = caller.map_or("nobody", String::as_str);
        let result = self.step(&format!("close {caller} {receipt}"));
        self.closed.notify_one();
        if self.fail == "close" { Err(problems::audit_unavailable()) } else { result }
    }
}

fn publish<'a>(api: &'a Recorder, call: &'a mut Call<'_, String>, mut input: Input) -> Acting<'a> {
    Box::pin(async move {
        let body: models::PublishRequest = input.body()?;
        call.note("event_type", body.event_type);
        call.set_header("etag", "\"1\"");
        api.step("act")?;
        if api.fail == "wait" {
            api.entered.notify_one();
            api.proceed.notified().await;
        }
        runtime::json_answer(202, &json!({"event_id": "e", "sequence": 1, "duplicate": false}))
    })
}

fn show<'a>(api: &'a Recorder, _: &'a mut Call<'_, String>, mut input: Input) -> Acting<'a> {
    Box::pin(async move {
        let plugin_id: String = input.take(Place::Path, "plugin_id")?;
        api.step("act")?;
        runtime::json_answer(200, &json!({ "plugin_id": plugin_id }))
    })
}

fn call<'a>(_: &'a Recorder, call: &'a mut Call<'_, String>, mut input: Input) -> Acting<'a> {
    Box::pin(async move {
        let body: Option<Value> = input.optional_body()?;
        let octets = call.body_octets().len();
        runtime::json_answer(200, &json!({ "body": body, "octets": octets }))
    })
}

fn router(api: &Arc<Recorder>) -> Router {
    runtime::router(
        Arc::clone(api),
        vec![
            Route { operation: &operations::PUBLISH_EVENT, act: publish },
            Route { operation: &operations::GET_PLUGIN, act: show },
            Route { operation: &operations::CALL_PLUGIN, act: call },
        ],
    )
}

fn recorder(fail: &'static str) -> Arc<Recorder> {
    Arc::new(Recorder { fail, ..Recorder::default() })
}

const EVENT: &str = r#"{"event_type": "EmailQueued", "payload": {}, "data_traits": []}"#;

fn request(body: impl Into<Body>) -> Request<Body> {
    Request::post("/events/publish")
        .header("authorization", "Bearer t")
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

async fn send(api: &Arc<Recorder>, request: Request<Body>) -> Response<Body> {
    router(api).oneshot(request).await.unwrap()
}

async fn json_of(response: Response<Body>) -> Value {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// Sends a request that must be refused; answers status, code and the pointers with rules.
async fn refusal(api: &Arc<Recorder>, request: Request<Body>) -> (u16, String, Vec<String>) {
    let response = send(api, request).await;
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem = json_of(response).await;
    assert_eq!(problem["status"], status);
    assert_eq!(problem["trace_id"].as_str().map(str::len), Some(32), "{problem}");
    let violations = problem["violations"].as_array().cloned().unwrap_or_default();
    let shown = violations.iter().map(|violation| {
        format!(
            "{} {}",
            violation["pointer"].as_str().unwrap(),
            violation["rule"].as_str().unwrap()
        )
    });
    (status, problem["code"].as_str().unwrap().to_owned(), shown.collect())
}

#[tokio::test]
async fn steps_come_in_their_order() {
    let api = recorder("");
    let response = send(&api, request(EVENT)).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.headers()["etag"], "\"1\"");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(
        api.steps(),
        ["limit address", "authenticate", "limit caller", "authorize", "open", "act", "close t 7"]
    );
    let outcome = api.outcome();
    assert_eq!((outcome.status, outcome.code), (202, None));
    assert_eq!(outcome.notes, [("event_type", json!("EmailQueued"))]);
    assert_eq!(outcome.request_octets, EVENT.len() as u64);
    assert!(outcome.response_octets.is_some_and(|octets| octets > 10));
}

#[tokio::test]
async fn a_refusal_at_any_step_is_closed_and_nothing_follows() {
    for (fail, last) in [
        ("limit address", "close nobody none"),
        ("authenticate", "close nobody none"),
        ("limit caller", "close t none"),
        ("authorize", "close t none"),
        ("act", "close t 7"),
    ] {
        let api = recorder(fail);
        let (status, code, _) = refusal(&api, request(EVENT)).await;
        assert_eq!((status, code.as_str()), (403, "forbidden"), "{fail}");
        let steps = api.steps();
        assert_eq!(steps[steps.len() - 2..], [fail, last]);
        let outcome = api.outcome();
        assert_eq!(outcome.code.as_deref(), Some("forbidden"));
        assert_eq!(outcome.decision_id.as_deref(), Some("d-1"));
    }
}

#[tokio::test]
async fn an_intent_that_cannot_be_written_stops_the_act() {
    let api = recorder("open");
    assert_eq!(refusal(&api, request(EVENT)).await.0, 403);
    assert_eq!(api.steps().last().map(String::as_str), Some("open"));
}

#[tokio::test]
async fn an_outcome_that_cannot_be_written_releases_nothing() {
    let api = recorder("close");
    let (status, code, _) = refusal(&api, request(EVENT)).await;
    assert_eq!((status, code.as_str()), (503, "audit_unavailable"));
    assert!(api.steps().contains(&"act".to_owned()));
    let api = recorder("panic close t 7");
    assert_eq!(refusal(&api, request(EVENT)).await.1, "audit_unavailable");
}

#[tokio::test]
async fn a_panic_is_an_internal_error_that_is_closed() {
    for (fail, last) in [
        ("panic act", "close t 7"),
        ("panic authorize", "close t none"),
        ("panic authenticate", "close nobody none"),
    ] {
        let api = recorder(fail);
        let (status, code, _) = refusal(&api, request(EVENT)).await;
        assert_eq!((status, code.as_str()), (500, "internal_error"), "{fail}");
        assert_eq!(api.steps().last().map(String::as_str), Some(last), "{fail}");
    }
}

#[tokio::test]
async fn a_caller_who_hangs_up_stops_neither_the_act_nor_its_record() {
    let api = recorder("wait");
    let pending = tokio::spawn(router(&api).oneshot(request(EVENT)));
    api.entered.notified().await;
    pending.abort();
    assert!(pending.await.unwrap_err().is_cancelled());
    api.proceed.notify_one();
    tokio::time::timeout(Duration::from_secs(10), api.closed.notified()).await.unwrap();
    assert_eq!(api.outcome().status, 202);
}

#[tokio::test]
async fn anonymous_callers_are_told_how_to_authenticate() {
    let api = recorder("");
    let anonymous = Request::get("/plugins/hello_py").body(Body::empty()).unwrap();
    let response = send(&api, anonymous).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    let in_query = Request::get("/plugins/hello_py?access_token=t").body(Body::empty()).unwrap();
    assert_eq!(send(&recorder(""), in_query).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn all_violations_come_at_once_with_their_places() {
    let api = recorder("");
    let body = r#"{"event_type": 1, "payload": {}, "data_traits": ["canary-trait"]}"#;
    let mut bad = request(body);
    *bad.uri_mut() = "/events/publish?filter=x".parse().unwrap();
    let (status, code, violations) = refusal(&api, bad).await;
    assert_eq!((status, code.as_str()), (400, "invalid_request"));
    assert!(violations.contains(&"/query unknown".to_owned()), "{violations:?}");
    assert!(violations.contains(&"/body/event_type type".to_owned()), "{violations:?}");
    assert!(!api.steps().contains(&"open".to_owned()));
    assert_eq!(api.steps().last().map(String::as_str), Some("close t none"));
}

#[tokio::test]
async fn a_problem_never_repeats_a_value() {
    for body in [
        r#"{"event_type": ["canary"], "payload": {}, "data_traits": []}"#,
        r#"{"event_type": "canary canary!", "payload": 1, "data_traits": "canary", "canary": 1}"#,
        r#"{"canary": canary}"#,
        r#"{"canary": 1, "canary": 2}"#,
    ] {
        let response = send(&recorder(""), request(body)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        let text = json_of(response).await.to_string();
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn json_is_strict() {
    let deep = format!("{}1{}", "[".repeat(70), "]".repeat(70));
    for (body, violation) in [
        (r#"{"event_type": "a", "event_type": "b"}"#, "/body duplicate_key"),
        (deep.as_str(), "/body depth"),
        ("{", "/body json"),
        ("{} {}", "/body json"),
    ] {
        let (status, _, violations) = refusal(&recorder(""), request(body.to_owned())).await;
        assert_eq!((status, violations), (400, vec![violation.to_owned()]), "{body}");
    }
    let (_, _, violations) = refusal(&recorder(""), request("")).await;
    assert_eq!(violations, ["/body required"]);
}

#[tokio::test]
async fn bodies_are_bounded_before_they_are_read() {
    let limit = operations::PUBLISH_EVENT.maximum_body();
    let large = " ".repeat(usize::try_from(limit).unwrap() + 1);
    let (status, code, _) = refusal(&recorder(""), request(large)).await;
    assert_eq!((status, code.as_str()), (413, "payload_too_large"));
    let mut declared = request(EVENT);
    let length = (limit + 1).to_string().parse().unwrap();
    declared.headers_mut().insert("content-length", length);
    assert_eq!(refusal(&recorder(""), declared).await.0, 413);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_cut_off() {
    let (status, code, _) = refusal(&recorder(""), request(Body::new(Endless))).await;
    assert_eq!((status, code.as_str()), (408, "request_timeout"));
}

#[tokio::test]
async fn media_types_and_encodings_are_checked() {
    let with = |name: &'static str, value: &'static str| {
        let mut request = request(EVENT);
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    for (name, value) in [
        ("content-encoding", "gzip"),
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
    ] {
        let (status, code, _) = refusal(&recorder(""), with(name, value)).await;
        assert_eq!((status, code.as_str()), (415, "unsupported_media_type"), "{value}");
    }
    let mut bare = request(EVENT);
    bare.headers_mut().remove("content-type");
    bare.headers_mut().insert("content-length", EVENT.len().into());
    assert_eq!(refusal(&recorder(""), bare).await.0, 415);
    let utf8 = with("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(send(&recorder(""), utf8).await.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn headers_that_could_be_read_two_ways_are_refused() {
    for name in ["authorization", "content-type", "idempotency-key"] {
        let mut twice = request(EVENT);
        let value = twice.headers().get(name).cloned();
        let value = value.unwrap_or_else(|| "k".parse().unwrap());
        twice.headers_mut().append(name, value.clone());
        twice.headers_mut().append(name, value);
        let api = recorder("");
        let (status, _, violations) = refusal(&api, twice).await;
        assert_eq!((status, violations), (400, vec![format!("/header/{name} repeated")]));
        assert_eq!(api.steps(), ["close nobody none"]);
    }
    let mut spaced = request(EVENT);
    spaced.headers_mut().insert("idempotency-key", "a b".parse().unwrap());
    assert_eq!(refusal(&recorder(""), spaced).await.0, 400);
}

#[tokio::test]
async fn a_body_that_may_be_absent_may_be_absent() {
    let bare = Request::post("/gateway/hello_py/ping")
        .header("authorization", "Bearer t")
        .body(Body::empty())
        .unwrap();
    assert_eq!(json_of(send(&recorder(""), bare).await).await, json!({"body": null, "octets": 0}));
    let mut filled = request("null");
    *filled.uri_mut() = "/gateway/hello_py/ping".parse().unwrap();
    let answer = json_of(send(&recorder(""), filled).await).await;
    assert_eq!(answer, json!({"body": null, "octets": 4}));
}

#[tokio::test]
async fn paths_and_methods_outside_the_contract_are_problems() {
    let api = recorder("");
    let unknown = Request::get("/nowhere").body(Body::empty()).unwrap();
    assert_eq!(refusal(&api, unknown).await.1, "not_found");
    let wrong = Request::delete("/events/publish").body(Body::empty()).unwrap();
    let response = send(&api, wrong).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "OPTIONS, POST");
    assert_eq!(json_of(response).await["code"], "method_not_allowed");
    let broken = Request::get("/plugins/%ff").body(Body::empty()).unwrap();
    assert_eq!(refusal(&api, broken).await.0, 400);
    assert!(api.steps().is_empty(), "no operation, no record");
    let options =
        Request::builder().method("OPTIONS").uri("/plugins/x").body(Body::empty()).unwrap();
    let response = send(&api, options).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS");
}

#[tokio::test]
async fn path_values_are_decoded_and_validated() {
    let get = |path: &str| {
        Request::get(path).header("authorization", "Bearer t").body(Body::empty()).unwrap()
    };
    let answer = json_of(send(&recorder(""), get("/plugins/hello%5Fpy")).await).await;
    assert_eq!(answer, json!({"plugin_id": "hello_py"}));
    let (status, _, violations) = refusal(&recorder(""), get("/plugins/..%2Fetc")).await;
    assert_eq!((status, violations), (400, vec!["/path/plugin_id pattern".to_owned()]));
    let mut head = get("/plugins/hello_py");
    *head.method_mut() = axum::http::Method::HEAD;
    let response = send(&recorder(""), head).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(to_bytes(response.into_body(), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_trace_goes_on_into_the_problem() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut traced = request("{");
    let parent = format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap();
    traced.headers_mut().insert("traceparent", parent);
    let problem = json_of(send(&recorder(""), traced).await).await;
    assert_eq!(problem["trace_id"], trace);
}

#[test]
fn the_table_names_every_operation_once() {
    let mut ids: Vec<&str> = OPERATIONS.iter().map(|operation| operation.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for operation in OPERATIONS {
        for code in operation.problems {
            assert!(problems::CODES.contains(code), "{code}");
        }
    }
}

/// A body that never ends and never says anything.
struct Endless;

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}
