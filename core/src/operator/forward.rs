//! One try: a fresh request to the callee, and the head of its answer.
//!
//! Nothing of the caller's request travels but its body: method, headers and framing are written
//! here. Of the answer only the status, the media type and `Retry-After` are looked at, once its
//! framing has left no doubt where it ends.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};

use super::line::Silence;
use super::pool::{Callee, Loan, Pool};
use crate::identity::IssuedToken;

/// What is left of the deadline, for those who call on.
pub const DEADLINE: HeaderName = HeaderName::from_static("vivified-deadline-ms");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const PURPOSE: HeaderName = HeaderName::from_static("vivified-purpose");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("vivified-core/", env!("CARGO_PKG_VERSION")));
const LONGEST_MEDIA_TYPE: usize = 128;

/// What a try sends beside its token and deadline.
pub struct Parcel {
    pub target: String,
    pub body: Bytes,
    pub traceparent: String,
    pub tracestate: Option<String>,
    pub purpose: Option<String>,
    pub idempotency_key: Option<String>,
}

/// The answer of a callee up to its body, and the connection the body comes on.
pub struct Head {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub media_type: Option<String>,
    pub length: Option<u64>,
    /// Ends only with the connection: nobody can tell its end from a break.
    pub ends_by_closing: bool,
    pub body: hyper::body::Incoming,
    pub loan: Loan,
}

/// The callee did not take the connection, broke it or answered in a way that can be read twice.
#[derive(Debug)]
pub struct Broken;

/// Sends once. The caller holds the deadline; `left` is what it still allows.
pub async fn send(
    pool: &Pool,
    callee: &Arc<Callee>,
    parcel: &Parcel,
    token: &IssuedToken,
    left: Duration,
) -> Result<Head, Broken> {
    let mut request = request(callee, parcel, token, left).ok_or(Broken)?;
    let mut fresh = false;
    loop {
        let mut loan = pool.take(callee, fresh).await.map_err(|_| Broken)?;
        match loan.line.send(request).await {
            Ok(answer) => return read_head(answer, loan).ok_or(Broken),
            // The callee closed a resting connection just now; nothing of the request left.
            Err(Silence::Unsent(unsent)) if loan.is_reused => {
                request = *unsent;
                fresh = true;
            }
            Err(_) => return Err(Broken),
        }
    }
}

fn request(
    callee: &Callee,
    parcel: &Parcel,
    token: &IssuedToken,
    left: Duration,
) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::post(parcel.target.as_str());
    let headers = request.headers_mut()?;
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose())).ok()?;
    bearer.set_sensitive(true);
    headers.reserve(12);
    headers.insert(header::HOST, HeaderValue::try_from(callee.address.authority.as_str()).ok()?);
    headers.insert(header::AUTHORIZATION, bearer);
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
    headers.insert(header::USER_AGENT, AGENT);
    headers.insert(DEADLINE, HeaderValue::from(left.as_millis() as u64));
    headers.insert(TRACEPARENT, HeaderValue::try_from(parcel.traceparent.as_str()).ok()?);
    for (name, value) in [
        (TRACESTATE, &parcel.tracestate),
        (PURPOSE, &parcel.purpose),
        (IDEMPOTENCY_KEY, &parcel.idempotency_key),
    ] {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::try_from(value).ok()?);
        }
    }
    request.body(Full::new(parcel.body.clone())).ok()
}

/// `None` when the answer does not say in exactly one way where it ends (RFC 9112 section 6.3).
fn read_head(answer: Response<hyper::body::Incoming>, loan: Loan) -> Option<Head> {
    let (head, body) = answer.into_parts();
    let (length, chunked) = (length(&head.headers)?, chunked(&head.headers)?);
    let bodiless = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if (length.is_some() && chunked) || head.status.is_informational() {
        return None;
    }
    let retry_after = head.headers.get(header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    let media_type = match single(&head.headers, &header::CONTENT_TYPE)? {
        None => None,
        Some(value) => Some(media_type(value.to_str().ok()?)?),
    };
    Some(Head {
        status: head.status.as_u16(),
        retry_after,
        media_type,
        length,
        ends_by_closing: length.is_none() && !chunked && !bodiless,
        body,
        loan,
    })
}

fn length(headers: &HeaderMap) -> Option<Option<u64>> {
    let Some(value) = single(headers, &header::CONTENT_LENGTH)? else { return Some(None) };
    let digits = value.as_bytes();
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let length = plain.then(|| value.to_str().ok()?.parse().ok()).flatten()?;
    Some(Some(length))
}

fn chunked(headers: &HeaderMap) -> Option<bool> {
    let Some(value) = single(headers, &header::TRANSFER_ENCODING)? else { return Some(false) };
    value.as_bytes().eq_ignore_ascii_case(b"chunked").then_some(true)
}

/// The one value of a field that may stand once; `None` when it stands more often.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Option<&'h HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    values.next().is_none().then_some(first)
}

/// A media type that can be handed on: a type, a subtype and parameters in plain characters.
fn media_type(text: &str) -> Option<String> {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_token = |part: &str| {
        let known = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&octet);
        !part.is_empty() && part.bytes().all(known)
    };
    let (kind, subtype) = essence.split_once('/')?;
    let plain = text.len() <= LONGEST_MEDIA_TYPE && is_token(kind) && is_token(subtype);
    plain.then(|| text.trim().to_owned())
}
