//! Who may do what, how often, and where it is written down: the questions the pipeline asks
//! of the implementation around every operation.

use super::operation::{OperationInfo, SchemeKind};
use super::problem::Problem;
use super::request::RequestInfo;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Answers the pipeline's questions, in this order: `limit` on the address, `authenticate`,
/// `limit` on the caller, `authorize`, `open`, and `close` at the end of every request.
pub trait Guard: Send + Sync + 'static {
    /// A verified identity.
    type Caller: Send + Sync + 'static;
    /// What `open` hands to `close`.
    type Receipt: Send + 'static;

    /// Verifies the credentials. Anonymous operations are asked too, with credentials that may
    /// be empty.
    fn authenticate(
        &self,
        request: &RequestInfo,
        credentials: Credentials<'_>,
    ) -> impl Future<Output = Result<Self::Caller, Problem>> + Send;

    /// Decides whether this caller may do this at all. Runs before the body is read.
    fn authorize(
        &self,
        request: &RequestInfo,
        caller: &Self::Caller,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Counts the request: first with no caller, on its address, then on its caller.
    fn limit(
        &self,
        request: &RequestInfo,
        caller: Option<&Self::Caller>,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Writes down the intent. After an error nothing is done and the error is the answer;
    /// there is no `close` then.
    fn open(
        &self,
        request: &RequestInfo,
        caller: &Self::Caller,
    ) -> impl Future<Output = Result<Self::Receipt, Problem>> + Send;

    /// Writes down the outcome, also of refusals before `open` (`receipt` is none then). An
    /// error replaces the answer: nothing is released that is not written down. A stream is
    /// closed at its end, and an error breaks it off there.
    fn close(
        &self,
        request: &RequestInfo,
        caller: Option<&Self::Caller>,
        receipt: Option<Self::Receipt>,
        outcome: &Outcome,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Asked before anything else, of a request whose operation is known. An error is the answer
    /// and neither the other questions nor `leave` follow: this is where load is shed.
    fn enter(&self, _operation: &'static OperationInfo) -> Result<(), Problem> {
        Ok(())
    }

    /// Told at the very end of every request that entered, and of those no operation answers.
    fn leave(&self, _end: &End<'_>) {}
}

/// A request that is over, for figures and traces.
#[derive(Debug)]
pub struct End<'r> {
    /// None when the contract has no such path or method.
    pub request: Option<&'r RequestInfo>,
    pub status: u16,
    /// Code of the problem that was answered, none for a success.
    pub code: Option<&'r str>,
    pub started: SystemTime,
    /// Until the head of the answer was ready.
    pub elapsed: Duration,
}

/// How a request ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How far it came.
    pub stage: Stage,
    pub status: u16,
    /// Code of the problem that was answered, none for a success.
    pub code: Option<Cow<'static, str>>,
    pub decision_id: Option<String>,
    /// What the implementation added for the audit.
    pub notes: Vec<(&'static str, Value)>,
    /// Octets of the request body, as far as it was read.
    pub request_octets: u64,
    /// Octets of the answer. That of a stream is closed at its end, when they are known.
    pub response_octets: Option<u64>,
}

/// Tells the implementation, when it is dropped, that a request is over.
pub(super) struct Leaving<A: Guard> {
    api: Arc<A>,
    request: Arc<RequestInfo>,
    status: u16,
    code: Option<Cow<'static, str>>,
    started: SystemTime,
    clock: Instant,
    elapsed: Option<Duration>,
}

impl<A: Guard> Leaving<A> {
    pub fn new(api: &Arc<A>, request: &Arc<RequestInfo>) -> Self {
        Self {
            api: Arc::clone(api),
            request: Arc::clone(request),
            status: 500,
            code: None,
            started: SystemTime::now(),
            clock: Instant::now(),
            elapsed: None,
        }
    }

    /// The head of the answer is ready.
    pub fn answered(&mut self, response: &Response, code: Option<Cow<'static, str>>) {
        self.status = response.status().as_u16();
        self.code = code;
        self.elapsed = Some(self.clock.elapsed());
    }
}

impl<A: Guard> Drop for Leaving<A> {
    fn drop(&mut self) {
        self.api.leave(&End {
            request: Some(&self.request),
            status: self.status,
            code: self.code.as_deref(),
            started: self.started,
            elapsed: self.elapsed.unwrap_or_else(|| self.clock.elapsed()),
        });
    }
}

/// The steps of the pipeline, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Headers,
    Limit,
    Authenticate,
    Authorize,
    Body,
    Validate,
    Open,
    Act,
}

/// What the request brought to prove who sends it. Prints nothing of it.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) keys: &'a [(&'static str, String)],
}

impl<'a> Credentials<'a> {
    /// The token of `Authorization: Bearer TOKEN` (RFC 6750; the scheme is case-insensitive).
    pub fn bearer(&self) -> Option<&'a str> {
        let token = self.authorization("bearer")?;
        let is_token = |octet: u8| {
            octet.is_ascii_alphanumeric()
                || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
        };
        (!token.is_empty() && token.bytes().all(is_token)).then_some(token)
    }

    /// User and password of `Authorization: Basic` (RFC 7617).
    pub fn basic(&self) -> Option<(String, String)> {
        let octets = STANDARD.decode(self.authorization("basic")?).ok()?;
        let text = String::from_utf8(octets).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    /// What follows the scheme in `Authorization`.
    pub fn authorization(&self, scheme: &str) -> Option<&'a str> {
        let text = self.headers.get("authorization")?.to_str().ok()?;
        let (given, rest) = text.split_once(' ')?;
        given.eq_ignore_ascii_case(scheme).then_some(rest.trim_start_matches(' '))
    }

    /// The value of an API key, by the name of its security scheme.
    pub fn key(&self, scheme: &str) -> Option<&'a str> {
        self.keys.iter().find(|(name, _)| *name == scheme).map(|(_, value)| value.as_str())
    }

    /// True when the request brought nothing at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.headers.contains_key("authorization")
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Credentials(***)")
    }
}

impl SchemeKind {
    /// The challenge of a 401 (RFC 9110 section 11.6.1).
    pub(super) fn challenge(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            _ => "Bearer",
        }
    }
}

/// One call of an operation, as its implementation sees it.
pub struct Call<'r, C> {
    pub caller: &'r C,
    pub request: &'r RequestInfo,
    pub(super) body: &'r [u8],
    pub(super) notes: Vec<(&'static str, Value)>,
    pub(super) headers: HeaderMap,
}

impl<'r, C> Call<'r, C> {
    pub(super) fn new(caller: &'r C, request: &'r RequestInfo, body: &'r [u8]) -> Self {
        Self { caller, request, body, notes: Vec::new(), headers: HeaderMap::new() }
    }

    /// Adds a detail to the audit record. Never a value from a payload.
    pub fn note(&mut self, key: &'static str, value: impl Into<Value>) {
        self.notes.push((key, value.into()));
    }

    /// Sets a header of a successful answer. A value that cannot stand in a header is left out.
    pub fn set_header(&mut self, name: &'static str, value: impl AsRef<str>) {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// The octets of the request body, for digests.
    pub fn body_octets(&self) -> &'r [u8] {
        self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static(value));
        headers
    }

    fn bearer(value: &'static str) -> Option<String> {
        let headers = credentials(value);
        Credentials { headers: &headers, keys: &[] }.bearer().map(str::to_owned)
    }

    #[test]
    fn a_bearer_token_is_taken_only_from_a_well_formed_header() {
        assert_eq!(bearer("Bearer abc.def-_~+/=").as_deref(), Some("abc.def-_~+/="));
        assert_eq!(bearer("bearer abc").as_deref(), Some("abc"));
        for value in ["Bearer", "Bearer ", "Bea", "", "Basic abc", "Bearer a b", "Bearer a,b"] {
            assert_eq!(bearer(value), None, "{value}");
        }
    }

    #[test]
    fn basic_credentials_are_decoded() {
        let headers = credentials("Basic dXNlcjpwYXNzOndvcmQ=");
        let credentials = Credentials { headers: &headers, keys: &[] };
        assert_eq!(credentials.basic(), Some(("user".to_owned(), "pass:word".to_owned())));
        assert_eq!(credentials.bearer(), None);
    }

    #[test]
    fn credentials_print_nothing() {
        let headers = credentials("Bearer secret");
        let credentials = Credentials { headers: &headers, keys: &[] };
        assert_eq!(format!("{credentials:?}"), "Credentials(***)");
    }
}
