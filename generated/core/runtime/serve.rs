//! The one pipeline of every operation: headers, limit on the address, authenticate, limit on
//! the caller, authorise, body, validate, open, act, close, answer.
//!
//! It runs in a task of its own: a caller who hangs up can stop neither the work half-way nor
//! the record of it. A panic is an internal error to the caller and still closes. An answer
//! whose size is not known yet closes at its end.

use super::allowance;
use super::answer::Raw;
use super::guard::{Call, Credentials, Guard, Leaving, Outcome, Stage};
use super::headers::{
    IDEMPOTENCY_KEY, PURPOSE, api_keys, check_headers, check_media_type, query_keys,
};
use super::json::parse_json;
use super::operation::{BodyInfo, Decoding, OperationInfo};
use super::parameters::{Capture, decode_form, decode_parameters};
use super::problem::{Problem, Violation};
use super::request::{ClientCertificate, Input, RequestInfo};
use super::router::{Act, Route};
use super::stream::{Ending, Stream};
use super::trace::Trace;
use super::validate::check_request;
use crate::problems;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A body must come at this pace after a grace period; whoever drips is cut off.
const BODY_GRACE: Duration = Duration::from_secs(10);
const BODY_OCTETS_PER_SECOND: u64 = 1024;

pub async fn serve<A: Guard>(
    api: Arc<A>,
    route: Route<A>,
    path: Vec<(&'static str, Capture)>,
    trace: Trace,
    request: Request,
) -> Response {
    let trace_id = trace.trace_id.clone();
    let task = tokio::spawn(async move {
        let (parts, body) = request.into_parts();
        let info = Arc::new(request_info(route.operation, &path, trace, &parts));
        let exchange = Exchange { info: &info, parts: &parts, path: &path, body: Bytes::new() };
        exchange.run(&api, route.act, body).await
    });
    task.await.unwrap_or_else(|_| {
        let mut problem = problems::internal_error();
        problem.trace_id = Some(trace_id);
        problem.into_response()
    })
}

fn request_info(
    operation: &'static OperationInfo,
    path: &[(&'static str, Capture)],
    trace: Trace,
    parts: &Parts,
) -> RequestInfo {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    RequestInfo {
        operation,
        path: path.iter().map(|(name, capture)| (*name, capture.decoded.clone())).collect(),
        peer: parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0),
        trace,
        idempotency_key: text(IDEMPOTENCY_KEY).map(str::to_owned),
        purpose: parts.headers.get(PURPOSE).map(lossy),
        user_agent: text("user-agent").map(str::to_owned),
        declared_length: text("content-length").and_then(|length| length.parse().ok()),
        client_certificate: parts.extensions.get::<ClientCertificate>().cloned(),
        allowances: Mutex::default(),
    }
}

fn lossy(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// One request on its way through the pipeline.
struct Exchange<'r> {
    info: &'r Arc<RequestInfo>,
    parts: &'r Parts,
    path: &'r [(&'static str, Capture)],
    body: Bytes,
}

type Answered = (Response, Option<Cow<'static, str>>);

/// What has been reached so far; the record of a refusal is made from it.
struct Progress<A: Guard> {
    stage: Stage,
    caller: Option<A::Caller>,
    receipt: Option<A::Receipt>,
    notes: Vec<(&'static str, Value)>,
}

impl Exchange<'_> {
    async fn run<A: Guard>(mut self, api: &Arc<A>, act: Act<A>, body: Body) -> Response {
        let mut leaving = Some(Leaving::new(api, self.info));
        let (mut response, code) = self.answer(api, act, body, &mut leaving).await;
        let allowances = self.info.allowances.lock().unwrap_or_else(PoisonError::into_inner);
        allowance::tell(&allowances, response.headers_mut());
        drop(allowances);
        if let Some(leaving) = &mut leaving {
            leaving.answered(&response, code);
        }
        response
    }

    /// The answer and the code of its problem. A stream takes the leaving with it.
    async fn answer<A: Guard>(
        &mut self,
        api: &Arc<A>,
        act: Act<A>,
        body: Body,
        leaving: &mut Option<Leaving<A>>,
    ) -> Answered {
        let mut progress =
            Progress { stage: Stage::Headers, caller: None, receipt: None, notes: Vec::new() };
        let result = match caught(self.steps(&**api, act, body, &mut progress)).await {
            Some(result) => result,
            None => Err(problems::internal_error()),
        };
        let (response, code, decision_id) = match result {
            Ok(response) => (response, None, None),
            Err(problem) => {
                let (code, decision_id) = (problem.code.clone(), problem.decision_id.clone());
                (self.refuse(problem), Some(code), decision_id)
            }
        };
        if progress.stage == Stage::Open {
            return (response, code);
        }
        let outcome = Outcome {
            stage: progress.stage,
            status: response.status().as_u16(),
            code: code.clone(),
            decision_id,
            notes: std::mem::take(&mut progress.notes),
            request_octets: self.body.len() as u64,
            response_octets: response.body().size_hint().exact(),
        };
        if outcome.code.is_none() && outcome.response_octets.is_none() {
            let Progress { caller, receipt, .. } = progress;
            let (api, info) = (Arc::clone(api), Arc::clone(self.info));
            if let Some(leaving) = leaving {
                leaving.answered(&response, None);
            }
            let leaving = leaving.take();
            let ending = Ending { api, info, caller, receipt, outcome, leaving };
            return (response.map(|body| Body::new(Stream::new(body, ending))), None);
        }
        let caller = progress.caller.as_ref();
        let closing = api.close(self.info, caller, progress.receipt.take(), &outcome);
        match caught(closing).await {
            Some(Ok(())) => (response, code),
            Some(Err(problem)) => (self.refuse(problem.clone()), Some(problem.code.clone())),
            None => (self.refuse(problems::audit_unavailable()), Some("audit_unavailable".into())),
        }
    }

    async fn steps<A: Guard>(
        &mut self,
        api: &A,
        act: Act<A>,
        body: Body,
        progress: &mut Progress<A>,
    ) -> Result<Response, Problem> {
        check_headers(&self.parts.headers)?;
        progress.stage = Stage::Limit;
        api.limit(self.info, None).await?;
        progress.stage = Stage::Authenticate;
        let keys = api_keys(self.info.operation, self.parts);
        let credentials = Credentials { headers: &self.parts.headers, keys: &keys };
        let caller = &*progress.caller.insert(api.authenticate(self.info, credentials).await?);
        progress.stage = Stage::Limit;
        api.limit(self.info, Some(caller)).await?;
        progress.stage = Stage::Authorize;
        api.authorize(self.info, caller).await?;
        progress.stage = Stage::Body;
        let media_type = check_media_type(self.info.operation, &self.parts.headers)?;
        self.read_body(body).await?;
        progress.stage = Stage::Validate;
        let input = self.decode(media_type)?;
        progress.stage = Stage::Open;
        progress.receipt = Some(api.open(self.info, caller).await?);
        progress.stage = Stage::Act;
        let mut call = Call::new(caller, self.info, &self.body);
        let result = caught(act(api, &mut call, input)).await;
        let (notes, headers) = (call.notes, call.headers);
        progress.notes = notes;
        let mut response = result.unwrap_or_else(|| Err(problems::internal_error()))?;
        response.headers_mut().extend(headers);
        Ok(response)
    }

    fn refuse(&self, mut problem: Problem) -> Response {
        if problem.trace_id.is_none() {
            problem.trace_id = Some(self.info.trace.trace_id.clone());
        }
        let mut response = problem.into_response();
        if response.status() == StatusCode::UNAUTHORIZED {
            let mut schemes =
                self.info.operation.security.iter().flat_map(|requirement| requirement.schemes);
            let challenge = schemes.next().map_or("Bearer", |scheme| scheme.kind.challenge());
            let value = HeaderValue::from_static(challenge);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }

    /// Reads the body within its limit and its pace.
    async fn read_body(&mut self, body: Body) -> Result<(), Problem> {
        let limit = self.info.operation.maximum_body();
        if self.info.declared_length.is_some_and(|length| length > limit) {
            return Err(problems::payload_too_large());
        }
        let start = Instant::now();
        let mut body = pin!(body);
        let mut octets = Vec::new();
        loop {
            let earned = Duration::from_secs(octets.len() as u64 / BODY_OCTETS_PER_SECOND);
            let frame = poll_fn(|context| body.as_mut().poll_frame(context));
            let Ok(frame) = timeout_at(start + BODY_GRACE + earned, frame).await else {
                return Err(problems::request_timeout());
            };
            let Some(frame) = frame else { break };
            let Ok(frame) = frame else {
                let problem = problems::invalid_request();
                return Err(problem.with_violation("/body", "incomplete", "did not arrive whole"));
            };
            if let Ok(data) = frame.into_data() {
                if octets.len() as u64 + data.len() as u64 > limit {
                    return Err(problems::payload_too_large());
                }
                octets.extend_from_slice(&data);
            }
        }
        self.body = Bytes::from(octets);
        Ok(())
    }

    /// Decodes and validates everything, so that all violations are answered at once.
    fn decode(&self, media_type: Option<String>) -> Result<Input, Problem> {
        let operation = self.info.operation;
        let mut found = Vec::new();
        let keys: Vec<&str> = query_keys(operation).map(|(_, name)| name).collect();
        let query = self.parts.uri.query();
        let headers = &self.parts.headers;
        let mut values = decode_parameters(operation, self.path, query, headers, &keys, &mut found);
        let mut raw = None;
        if let Some(body) = operation.body.as_ref().filter(|_| !self.body.is_empty()) {
            match decode_body(body, &self.body, &mut found) {
                Some(value) => drop(values.insert("body".to_owned(), value)),
                None => {
                    let media_type = media_type.unwrap_or_default();
                    raw = Some(Raw::new(media_type, self.body.clone()));
                }
            }
        }
        if let Some(body) = &operation.body
            && body.required
            && body.decoding == Decoding::Raw
            && raw.is_none()
        {
            found.push(violation("required", "is required".to_owned()));
        }
        let document = Value::Object(values);
        let unreadable = found.iter().any(|violation| violation.pointer == "/body");
        let judged = check_request(operation, &document).ok_or_else(problems::internal_error)?;
        let missing = |violation: &Violation| !(unreadable && violation.pointer == "/body");
        found.extend(judged.into_iter().filter(missing));
        if !found.is_empty() {
            return Err(problems::invalid_request().with_violations(found));
        }
        let Value::Object(mut values) = document else { return Err(problems::internal_error()) };
        Ok(Input { body: values.remove("body"), values, raw })
    }
}

/// The value of a JSON or form body; none when it is handed over raw or is unreadable.
fn decode_body(info: &BodyInfo, octets: &[u8], found: &mut Vec<Violation>) -> Option<Value> {
    match info.decoding {
        Decoding::Raw => None,
        Decoding::Json => {
            let read = parse_json(octets);
            read.map_err(|fault| found.push(violation(fault.rule(), fault.to_string()))).ok()
        }
        Decoding::Form(fields) => match std::str::from_utf8(octets) {
            Ok(text) => Some(decode_form(text, fields, found)),
            Err(_) => {
                found.push(violation("encoding", "is not valid UTF-8 text".to_owned()));
                None
            }
        },
    }
}

fn violation(rule: &'static str, message: String) -> Violation {
    Violation { pointer: "/body".to_owned(), rule: rule.into(), message: message.into() }
}

/// Runs a future; none when it panics.
async fn caught<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
