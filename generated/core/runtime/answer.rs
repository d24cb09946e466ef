//! Successful answers.

use super::problem::Problem;
use crate::problems;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use std::fmt;

/// A body that is no JSON: text, octets, a form with files, or a stream of events.
pub struct Raw {
    pub media_type: String,
    pub body: Body,
}

impl Raw {
    pub fn new(media_type: impl Into<String>, body: impl Into<Body>) -> Self {
        Self { media_type: media_type.into(), body: body.into() }
    }

    /// Collects the body. That of a request is in memory already and within its limit.
    pub async fn into_bytes(self) -> Result<Bytes, axum::Error> {
        axum::body::to_bytes(self.body, usize::MAX).await
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Raw(***)")
    }
}

/// A JSON answer.
pub fn json_answer<T: Serialize + ?Sized>(status: u16, value: &T) -> Result<Response, Problem> {
    json_answer_as(status, "application/json", value)
}

/// A JSON answer with a media type of its own, such as `application/hal+json`.
pub fn json_answer_as<T: Serialize + ?Sized>(
    status: u16,
    media_type: &str,
    value: &T,
) -> Result<Response, Problem> {
    let text = serde_json::to_vec(value).map_err(|_| problems::internal_error())?;
    raw_answer(status, Raw::new(media_type, text))
}

/// An answer of any other media type.
pub fn raw_answer(status: u16, raw: Raw) -> Result<Response, Problem> {
    let media_type =
        HeaderValue::from_str(&raw.media_type).map_err(|_| problems::internal_error())?;
    Ok(respond(status, Some(media_type), raw.body))
}

/// An answer without a body.
pub fn empty(status: u16) -> Result<Response, Problem> {
    Ok(respond(status, None, Body::empty()))
}

fn respond(status: u16, media_type: Option<HeaderValue>, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    if let Some(media_type) = media_type {
        headers.insert(header::CONTENT_TYPE, media_type);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
