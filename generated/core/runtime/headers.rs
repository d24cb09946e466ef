//! What the headers of a request must be before anything else is asked, and the API keys in it.

use super::operation::{OperationInfo, Place, SchemeKind};
use super::percent;
use super::problem::Problem;
use crate::problems;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
pub const PURPOSE: &str = "vivified-purpose";
const MAXIMUM_KEY: usize = 255;

/// What no request may bring, whatever the operation.
pub fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
    let encoded = headers.get_all(header::CONTENT_ENCODING).iter();
    if encoded.into_iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(
            problems::unsupported_media_type().with_detail("a request body must not be compressed")
        );
    }
    for name in ["authorization", IDEMPOTENCY_KEY, PURPOSE, "content-type"] {
        if headers.get_all(name).iter().count() > 1 {
            let pointer = format!("/header/{name}");
            let problem = problems::invalid_request();
            return Err(problem.with_violation(pointer, "repeated", "stands more than once"));
        }
    }
    if let Some(key) = headers.get(IDEMPOTENCY_KEY) {
        let octets = key.as_bytes();
        let printable = octets.iter().all(|octet| (0x21..=0x7e).contains(octet));
        if octets.is_empty() || octets.len() > MAXIMUM_KEY || !printable {
            return Err(problems::invalid_request().with_violation(
                "/header/idempotency-key",
                "format",
                "must be 1 to 255 printable ASCII characters",
            ));
        }
    }
    Ok(())
}

/// Refuses a media type the operation does not take. A body without one is refused as well,
/// once it is known that there is a body.
pub fn check_media_type(
    operation: &OperationInfo,
    headers: &HeaderMap,
) -> Result<Option<String>, Problem> {
    let Some(body) = &operation.body else { return Ok(None) };
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        let length = headers.get(header::CONTENT_LENGTH);
        let has_body = length.is_some_and(|length| length.as_bytes() != b"0")
            || headers.contains_key(header::TRANSFER_ENCODING);
        return if has_body { Err(problems::unsupported_media_type()) } else { Ok(None) };
    };
    let text = value.to_str().map_err(|_| problems::unsupported_media_type())?;
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let accepted = body.media_types.iter().any(|known| accepts(known, &essence));
    if accepted { Ok(Some(text.to_owned())) } else { Err(problems::unsupported_media_type()) }
}

/// `image/*` and `*/*` are ranges.
fn accepts(known: &str, essence: &str) -> bool {
    known == "*/*"
        || known == essence
        || known.strip_suffix('*').is_some_and(|prefix| essence.starts_with(prefix))
}

/// Values of the API keys that the operation knows, by scheme.
pub fn api_keys(operation: &OperationInfo, parts: &Parts) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    for (scheme, place, name) in key_schemes(operation) {
        let value = match place {
            Place::Header => {
                parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
            }
            Place::Query => parts.uri.query().and_then(|query| {
                let pair = query.split('&').filter_map(|pair| pair.split_once('='));
                let mut values = pair.filter(|(key, _)| *key == name);
                values.next().and_then(|(_, value)| percent::decode_form(value))
            }),
            Place::Cookie => cookie(&parts.headers, name),
            Place::Path => None,
        };
        keys.extend(value.map(|value| (scheme, value)));
    }
    keys
}

fn key_schemes(
    operation: &OperationInfo,
) -> impl Iterator<Item = (&'static str, Place, &'static str)> {
    operation.security.iter().flat_map(|requirement| requirement.schemes).filter_map(|scheme| {
        match scheme.kind {
            SchemeKind::ApiKey { place, name } => Some((scheme.name, place, name)),
            _ => None,
        }
    })
}

pub fn query_keys(operation: &OperationInfo) -> impl Iterator<Item = (&'static str, &'static str)> {
    key_schemes(operation)
        .filter(|(_, place, _)| *place == Place::Query)
        .map(|(scheme, _, name)| (scheme, name))
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}
