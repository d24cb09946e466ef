//! Problem details for HTTP (RFC 9457) with a stable code from the catalogue of the contract.
//!
//! A problem is written for the caller and may be logged, so it never holds a value from a
//! payload: details are texts of the program, violations name places and rules.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// What an operation answers when it does not succeed. One pointer wide, so that results stay
/// small.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Problem(Box<ProblemDocument>);

/// The document that travels as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemDocument {
    #[serde(rename = "type", default = "about_blank")]
    pub type_uri: Cow<'static, str>,
    /// Stable machine name from the catalogue.
    pub code: Cow<'static, str>,
    pub status: u16,
    pub title: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Cow<'static, str>>,
    /// What the caller can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Cow<'static, str>>,
    /// Whether the same request can succeed later.
    pub retryable: bool,
    /// Names the decision that denied, for those who may look it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Seconds until a retry makes sense; also sent as `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
}

/// One place of a request that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// JSON pointer into the request: `/body/...`, `/query/...`, `/path/...`, `/header/...`.
    pub pointer: String,
    /// The keyword or rule that is broken.
    pub rule: Cow<'static, str>,
    pub message: Cow<'static, str>,
}

/// What the catalogue says of a code.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    pub code: &'static str,
    pub status: u16,
    pub title: &'static str,
    pub hint: Option<&'static str>,
    pub retryable: bool,
}

fn about_blank() -> Cow<'static, str> {
    Cow::Borrowed("about:blank")
}

impl Problem {
    /// A problem of the catalogue.
    pub fn define(definition: Definition) -> Self {
        let mut problem = Self::new(definition.code, definition.status, definition.title);
        problem.hint = definition.hint.map(Cow::Borrowed);
        problem.retryable = definition.retryable;
        problem
    }

    pub fn new(code: &'static str, status: u16, title: &'static str) -> Self {
        Self(Box::new(ProblemDocument {
            type_uri: about_blank(),
            code: Cow::Borrowed(code),
            status,
            title: Cow::Borrowed(title),
            detail: None,
            hint: None,
            retryable: false,
            decision_id: None,
            trace_id: None,
            retry_after: None,
            violations: Vec::new(),
        }))
    }

    /// Says more about this one occurrence. Never pass a value from a payload.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    #[must_use]
    pub fn with_decision(mut self, decision_id: impl Into<String>) -> Self {
        self.decision_id = Some(decision_id.into());
        self
    }

    /// Seconds until a retry makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    #[must_use]
    pub fn with_violation(
        mut self,
        pointer: impl Into<String>,
        rule: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.violations.push(Violation {
            pointer: pointer.into(),
            rule: rule.into(),
            message: message.into(),
        });
        self
    }

    #[must_use]
    pub fn with_violations(mut self, violations: Vec<Violation>) -> Self {
        self.violations.extend(violations);
        self
    }
}

impl Deref for Problem {
    type Target = ProblemDocument;

    fn deref(&self) -> &ProblemDocument {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut ProblemDocument {
        &mut self.0
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({}): {}", self.status, self.code, self.title)?;
        self.detail.as_ref().map_or(Ok(()), |detail| write!(out, ": {detail}"))
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let text = serde_json::to_vec(&self).expect("a problem holds only text and numbers");
        let mut response = Response::new(Body::from(text));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_travels_without_its_absent_members() {
        let problem = Problem::new("not_found", 404, "Not found").with_retry_after(3);
        let text = serde_json::to_string(&problem).unwrap();
        assert_eq!(
            text,
            r#"{"type":"about:blank","code":"not_found","status":404,"title":"Not found","retryable":false,"retry_after":3}"#
        );
        assert_eq!(serde_json::from_str::<Problem>(&text).unwrap(), problem);
    }

    #[test]
    fn a_problem_answers_with_its_status_and_retry_after() {
        let response = Problem::new("busy", 503, "Busy").with_retry_after(7).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
}
