//! Which headers go out and which come back.
//!
//! Framing and routing belong to Core: a call that tries to write them is refused, because no
//! honest client does so. Everything else passes only when listed; cookies, credentials and
//! forwarding headers are dropped without a word, as a browser's would be.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::refusal::{Layer, Refusal};

/// Names that go out. `x-` names go out as well, save those below.
const FORWARDED: [&str; 26] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "baggage",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-location",
    "content-md5",
    "content-type",
    "date",
    "digest",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "idempotency-key",
    "pragma",
    "prefer",
    "range",
    "traceparent",
    "tracestate",
    "user-agent",
];

/// `x-` names by which a request claims an origin, a route, a method or a right.
const CLAIMS: [&str; 13] = [
    "x-amz-security-token",
    "x-api-key",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-csrf-token",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-real-ip",
    "x-rewrite-url",
    "x-remote-user",
    "x-xsrf-token",
];
const CLAIM_PREFIXES: [&str; 4] = ["x-auth", "x-forwarded", "x-original", "x-vivified"];

/// Names only Core may write; a call that names them wants another framing or another host.
const FRAMING: [&str; 4] = ["upgrade", "http2-settings", "transfer-encoding", "expect"];

/// Headers of the connection to the far side, not of its answer.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "set-cookie2",
    "te",
    "trailer",
    "transfer-encoding",
];

/// The headers of the outgoing request, without those Core writes itself.
pub fn outgoing(
    headers: &[(String, String)],
    host: &str,
    body_length: usize,
) -> Result<HeaderMap, Refusal> {
    let deny = |rule| Err(Refusal { layer: Layer::Forward, rule });
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        let Ok(name) = HeaderName::try_from(name.as_str()) else {
            return deny("malformed-header");
        };
        // Visible ASCII only: bytes above it mean different characters to different servers.
        let text_ok = value.bytes().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e));
        let Some(value) = HeaderValue::from_str(value).ok().filter(|_| text_ok) else {
            return deny("malformed-header");
        };
        match name.as_str() {
            "host" if !value.as_bytes().eq_ignore_ascii_case(host.as_bytes()) => {
                return deny("host-override");
            }
            "content-length" if value.as_bytes() != body_length.to_string().as_bytes() => {
                return deny("length-mismatch");
            }
            framing if FRAMING.contains(&framing) => return deny("framing-header"),
            passing if passes(passing) => {
                kept.append(name, value);
            }
            _ => {}
        }
    }
    Ok(kept)
}

/// The headers of the answer as the plugin sees them: repeated names joined, text made readable.
pub fn incoming(headers: &HeaderMap) -> Vec<(String, String)> {
    let named_by_connection: Vec<String> = headers
        .get_all("connection")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let kept = |name: &str| {
        !HOP_BY_HOP.contains(&name) && !named_by_connection.iter().any(|named| named == name)
    };
    headers
        .keys()
        .filter(|name| kept(name.as_str()))
        .map(|name| {
            let values: Vec<_> = headers
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .collect();
            (name.as_str().to_owned(), values.join(", "))
        })
        .collect()
}

/// Whether a header belongs to the framing or routing of a request, which Core alone writes.
pub fn is_framing(name: &HeaderName) -> bool {
    let name = name.as_str();
    FRAMING.contains(&name)
        || HOP_BY_HOP.contains(&name)
        || ["host", "content-length", "content-type", "cookie"].contains(&name)
}

fn passes(name: &str) -> bool {
    if FORWARDED.contains(&name) {
        return true;
    }
    name.starts_with("x-")
        && !CLAIMS.contains(&name)
        && !CLAIM_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
