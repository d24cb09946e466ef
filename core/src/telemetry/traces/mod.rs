//! Spans: what happened in one trace, when, and because of what.
//!
//! A trace begins at a caller or here and stays one through publish, queue, delivery, retry, dead
//! letter, redrive, call and egress: an event keeps the place it was published at, and whatever
//! is done with it later hangs below that place, with a link to the request that did it. Like a
//! log line, a span holds only what is [`LogSafe`](super::LogSafe). Without a collector nothing
//! is made.

mod export;
mod otlp;

use std::time::SystemTime;

use serde_json::Value;
use vivified_contract::runtime::{End, RequestInfo, Trace};

use super::{Field, Id};
use crate::random;

pub use export::{export_to, flush, is_on};

/// Where something stands in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    pub trace_id: String,
    pub span_id: String,
    pub sampled: bool,
}

/// Values of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

/// Something that is over.
pub struct Span {
    name: &'static str,
    kind: Kind,
    spot: Spot,
    parent: Option<String>,
    link: Option<Spot>,
    started: SystemTime,
    ended: SystemTime,
    failed: bool,
    attributes: Vec<(&'static str, Value)>,
}

impl Spot {
    /// The place of our own work on a request.
    pub fn of(trace: &Trace) -> Self {
        Self {
            trace_id: trace.trace_id.clone(),
            span_id: trace.span_id.clone(),
            sampled: trace.sampled,
        }
    }

    /// Reads a `traceparent` that Core wrote.
    pub fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-').skip(1);
        let (trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, length| {
            text.len() == length && text.bytes().all(|octet| octet.is_ascii_hexdigit())
        };
        (hex(trace_id, 32) && hex(span_id, 16)).then(|| Self {
            trace_id: trace_id.to_owned(),
            span_id: span_id.to_owned(),
            sampled: flags == "01",
        })
    }

    /// A new place below this one.
    pub fn below(&self) -> Self {
        let span_id = random::span().unwrap_or_else(|_| Trace::start().span_id);
        Self { span_id, ..self.clone() }
    }

    /// The header for whoever works on below this place.
    pub fn traceparent(&self) -> String {
        let flags = if self.sampled { "01" } else { "00" };
        format!("00-{}-{}-{flags}", self.trace_id, self.span_id)
    }
}

/// Something under way at a place of its own; it is recorded when it ends.
pub struct Under {
    pub spot: Spot,
    parent: String,
    started: SystemTime,
}

impl Under {
    /// Begins below the work on a request.
    pub fn request(request: &RequestInfo) -> Self {
        let parent = Spot::of(&request.trace);
        let spot = parent.below();
        Self { spot, parent: parent.span_id, started: SystemTime::now() }
    }

    pub fn end(self, name: &'static str, kind: Kind, failed: bool, attributes: &[Field<'_>]) {
        record(|| Span {
            name,
            kind,
            parent: Some(self.parent),
            link: None,
            started: self.started,
            ended: SystemTime::now(),
            failed,
            attributes: shown(attributes),
            spot: self.spot,
        });
    }
}

/// The work on a request of a lane or of people.
pub(super) fn request_ended(end: &End<'_>) {
    let Some(request) = end.request else { return };
    record(|| Span {
        name: request.operation.id,
        kind: Kind::Server,
        spot: Spot::of(&request.trace),
        parent: request.trace.parent_id.clone(),
        link: None,
        started: end.started,
        ended: end.started + end.elapsed,
        failed: end.status >= 500,
        attributes: shown(&[
            ("vivified.lane", &request.operation.lane.unwrap_or("none")),
            ("http.request.method", &request.operation.method),
            ("http.route", &request.operation.path),
            ("http.response.status_code", &end.status),
            ("vivified.code", &Id(end.code.unwrap_or("ok"))),
        ]),
    });
}

/// A step in the life of an event, below the place it was published at. `by` is the request that
/// took the step.
pub fn event_step(
    name: &'static str,
    kind: Kind,
    published_at: Option<&str>,
    by: Option<&Trace>,
    attributes: &[Field<'_>],
) {
    record(|| {
        let published = published_at.and_then(Spot::parse);
        let parent = published.clone().or_else(|| by.map(Spot::of));
        let now = SystemTime::now();
        Span {
            name,
            kind,
            parent: parent.as_ref().map(|parent| parent.span_id.clone()),
            spot: parent.map_or_else(|| Spot::of(&Trace::start()), |parent| parent.below()),
            link: by.map(Spot::of),
            started: now,
            ended: now,
            failed: false,
            attributes: shown(attributes),
        }
    });
}

fn shown(attributes: &[Field<'_>]) -> Vec<(&'static str, Value)> {
    attributes.iter().map(|(name, value)| (*name, value.shown())).collect()
}

fn record(span: impl FnOnce() -> Span) {
    if !is_on() {
        return;
    }
    let span = span();
    if span.spot.sampled {
        export::queue(otlp::span(&span));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_below_stays_in_the_trace() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let spot = Spot::parse(header).expect("parses");
        assert_eq!(spot.traceparent(), header);
        let below = spot.below();
        assert_eq!(below.trace_id, spot.trace_id);
        assert_ne!(below.span_id, spot.span_id);
        assert_eq!(below.span_id.len(), 16);
        for broken in ["", "00", "00-0af7-b7ad-01", "00-zz-b7ad6b7169203331-01"] {
            assert_eq!(Spot::parse(broken), None, "{broken}");
        }
    }
}
