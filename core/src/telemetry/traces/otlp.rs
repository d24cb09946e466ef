//! Spans in the JSON form of OTLP (opentelemetry-proto 1.x, `ExportTraceServiceRequest`).

use std::time::SystemTime;

use serde_json::{Value, json};

use super::Span;

pub fn span(span: &Span) -> Value {
    let mut value = json!({
        "traceId": span.spot.trace_id,
        "spanId": span.spot.span_id,
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": nanos(span.started),
        "endTimeUnixNano": nanos(span.ended),
        "attributes": span.attributes.iter().map(|(key, value)| attribute(key, value)).collect::<Vec<_>>(),
        "status": { "code": if span.failed { 2 } else { 0 } },
    });
    if let Some(parent) = &span.parent {
        value["parentSpanId"] = json!(parent);
    }
    if let Some(link) = &span.link {
        value["links"] = json!([{ "traceId": link.trace_id, "spanId": link.span_id }]);
    }
    value
}

pub fn request(spans: Vec<Value>) -> Value {
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            attribute("service.name", &json!("vivified-core")),
            attribute("service.version", &json!(env!("CARGO_PKG_VERSION"))),
        ] },
        "scopeSpans": [{ "scope": { "name": "vivified-core" }, "spans": spans }],
    }] })
}

fn attribute(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::Bool(truth) => json!({ "boolValue": truth }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::String(text) => json!({ "stringValue": text }),
        other => json!({ "stringValue": other.to_string() }),
    };
    json!({ "key": key, "value": value })
}

/// 64-bit numbers are texts in this form.
fn nanos(time: SystemTime) -> String {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}
