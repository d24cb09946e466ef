//! W3C Trace Context: read from the request or made here, and handed on.

use axum::http::HeaderMap;
use uuid::Uuid;

/// Where a request stands in its trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// 32 hex digits, lower case.
    pub trace_id: String,
    /// 16 hex digits: our own span.
    pub span_id: String,
    /// The caller's span.
    pub parent_id: Option<String>,
    pub sampled: bool,
    /// `tracestate`, handed on unchanged.
    pub state: Option<String>,
}

const MAXIMUM_STATE: usize = 512;

impl Trace {
    /// A trace that begins here.
    pub fn start() -> Self {
        Self {
            trace_id: Uuid::now_v7().simple().to_string(),
            span_id: new_span(),
            parent_id: None,
            sampled: true,
            state: None,
        }
    }

    /// Goes on with the caller's trace; a header that breaks the grammar begins a new one, as
    /// the recommendation asks.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all("traceparent").iter();
        let (first, second) = (values.next(), values.next());
        let parent = first.filter(|_| second.is_none()).and_then(|value| value.to_str().ok());
        let Some((trace_id, parent_id, sampled)) = parent.and_then(parse) else {
            return Self::start();
        };
        let state = headers.get("tracestate").and_then(|value| value.to_str().ok());
        Self {
            trace_id: trace_id.to_owned(),
            span_id: new_span(),
            parent_id: Some(parent_id.to_owned()),
            sampled,
            state: state.filter(|text| text.len() <= MAXIMUM_STATE).map(str::to_owned),
        }
    }

    /// The `traceparent` header for the next hop.
    pub fn traceparent(&self) -> String {
        let flags = if self.sampled { "01" } else { "00" };
        format!("00-{}-{}-{flags}", self.trace_id, self.span_id)
    }
}

fn new_span() -> String {
    let mut digits = Uuid::now_v7().simple().to_string();
    digits.split_off(16)
}

fn parse(header: &str) -> Option<(&str, &str, bool)> {
    let mut parts = header.trim().splitn(5, '-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let extended = parts.next().is_some();
    let known = is_hex(version, 2) && version != "ff" && !(version == "00" && extended);
    let valid = known
        && is_hex(trace, 32)
        && is_hex(span, 16)
        && is_hex(flags, 2)
        && trace.bytes().any(|digit| digit != b'0')
        && span.bytes().any(|digit| digit != b'0');
    let flags = u8::from_str_radix(flags, 16).ok()?;
    valid.then_some((trace, span, flags & 1 == 1))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn trace(header: &str) -> Trace {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_str(header).unwrap());
        Trace::from_headers(&headers)
    }

    #[test]
    fn goes_on_with_the_callers_trace() {
        let trace = trace(&format!("00-{TRACE}-b7ad6b7169203331-01"));
        assert_eq!(trace.trace_id, TRACE);
        assert_eq!(trace.parent_id.as_deref(), Some("b7ad6b7169203331"));
        assert_ne!(trace.span_id, "b7ad6b7169203331");
        assert!(trace.traceparent().starts_with(&format!("00-{TRACE}-")));
    }

    #[test]
    fn begins_a_new_trace_when_the_header_is_malformed() {
        for header in [
            "",
            "00-0-0-0",
            &format!("ff-{TRACE}-b7ad6b7169203331-01"),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            &format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()),
            &format!("00-{TRACE}-b7ad6b7169203331-01-extra"),
        ] {
            let trace = trace(header);
            assert_ne!(trace.trace_id, TRACE, "{header}");
            assert_eq!(trace.trace_id.len(), 32);
            assert_eq!(trace.span_id.len(), 16);
        }
    }

    #[test]
    fn a_later_version_may_say_more() {
        assert_eq!(trace(&format!("01-{TRACE}-b7ad6b7169203331-00-x")).trace_id, TRACE);
    }
}
