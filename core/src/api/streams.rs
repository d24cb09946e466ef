//! The body of a stream of events: server-sent events (WHATWG HTML 9.2) written by a task of
//! their own.
//!
//! The task ends when the reader hangs up or does not keep up, when the plugin may no longer read,
//! when Core drains, and at the latest when the token that opened it would have ended. Each id is
//! a cursor with a keyed tag, so that a plugin can only go on where a stream of its own has been:
//! a chosen place in the past would be a replay, which is another right.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::time::Instant;
use vivified_contract::problems;
use vivified_contract::runtime::{Problem, Raw};

use super::delivery::{Reader, cloud_event};
use super::watched::LOOK;
use crate::audit::AuditLog;
use crate::canonical::{Bus, Event, Stream};
use crate::registry::LEASE;
use crate::telemetry;
use crate::telemetry::metrics::{EVENTS, EventStep};
use crate::telemetry::traces::{Kind, event_step};

/// A comment this often, so that neither end takes a quiet stream for a dead one.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A reader that takes nothing for this long is dropped; it can go on with its cursor.
const SLOWEST: Duration = Duration::from_secs(10);
/// Events between the task and a reader that is not quite as fast.
const AHEAD: usize = 64;

/// Names the place after an event, for one plugin and one choice of types.
#[derive(Clone)]
pub struct Cursors {
    audit: AuditLog,
    subject: String,
}

impl Cursors {
    pub fn new(audit: AuditLog, plugin_id: &str, types: &[String]) -> Self {
        Self { audit, subject: format!("{plugin_id}/{}", types.join(",")) }
    }

    pub fn write(&self, sequence: i64) -> String {
        format!("{sequence}-{}", self.tag(sequence))
    }

    pub fn read(&self, cursor: &str) -> Result<i64, Problem> {
        let parts = cursor.split_once('-').and_then(|(sequence, tag)| {
            let sequence: i64 = sequence.parse().ok()?;
            let own = self.tag(sequence);
            bool::from(subtle::ConstantTimeEq::ct_eq(own.as_bytes(), tag.as_bytes()))
                .then_some(sequence)
        });
        let message = "is no cursor of a stream of this plugin with these types";
        parts.ok_or_else(|| {
            problems::invalid_request().with_violation("/query/cursor", "cursor", message)
        })
    }

    fn tag(&self, sequence: i64) -> String {
        let tag = self.audit.pseudonym("cursor", &format!("{}/{sequence}", self.subject));
        tag.trim_start_matches("cursor_").to_owned()
    }
}

/// Starts the task and answers the body that it fills.
pub fn answer(bus: Bus, stream: Stream, reader: Reader, cursors: Cursors) -> Raw {
    let (sender, frames) = mpsc::channel(AHEAD);
    let writer = Writer { bus, stream, reader, cursors, sender };
    tokio::spawn(writer.run());
    Raw { media_type: "text/event-stream".to_owned(), body: Body::new(Frames(frames)) }
}

struct Writer {
    bus: Bus,
    stream: Stream,
    reader: Reader,
    cursors: Cursors,
    sender: mpsc::Sender<Bytes>,
}

impl Writer {
    async fn run(mut self) {
        let life = Duration::from_secs(LEASE.unsigned_abs());
        let (end, mut quiet_since) = (Instant::now() + life, Instant::now());
        // Says at once that the stream stands, and where: a reader that sees no event before it
        // is cut off can still go on from here.
        let mut text = format!("id: {}\n: open\n\n", self.cursors.write(self.stream.place()));
        while self.send(std::mem::take(&mut text)).await {
            if !self.reader.is_welcome() || self.bus.is_draining() || Instant::now() >= end {
                return;
            }
            let Some(read) = self.read().await else { return };
            text = read;
            if !text.is_empty() {
                quiet_since = Instant::now();
            } else if quiet_since.elapsed() >= HEARTBEAT {
                quiet_since = Instant::now();
                ": heartbeat\n\n".clone_into(&mut text);
            }
        }
    }

    /// The next events as text. Nothing is handed over that is not on record.
    async fn read(&mut self) -> Option<String> {
        let Some(admit) = self.reader.admission() else {
            tokio::time::sleep(LOOK).await;
            return Some(String::new());
        };
        let followed = tokio::select! {
            followed = self.stream.next(&admit, LOOK) => followed.ok()?,
            () = self.sender.closed() => return None,
        };
        self.reader.record_withheld(&followed.withheld).await.ok()?;
        self.reader.record_handed(&followed.events).await.ok()?;
        for event in &followed.events {
            let lane: [telemetry::Field<'_>; 1] = [("vivified.lane", &"canonical")];
            let published_at = event.traceparent.as_deref();
            event_step("deliver", Kind::Consumer, published_at, None, &lane);
        }
        EVENTS.add(EventStep::Delivered, followed.events.len() as u64);
        EVENTS.add(EventStep::Withheld, followed.withheld.len() as u64);
        let events = followed.events.into_iter().map(|event| self.event(event));
        events.collect()
    }

    fn event(&self, event: Event) -> Option<String> {
        let id = self.cursors.write(event.sequence);
        // JSON has no line breaks of its own, so one data line holds it.
        let data = serde_json::to_string(&cloud_event(event)).ok()?;
        Some(format!("id: {id}\ndata: {data}\n\n"))
    }

    /// False when the reader is gone or too slow.
    async fn send(&self, text: String) -> bool {
        text.is_empty() || self.sender.send_timeout(text.into(), SLOWEST).await.is_ok()
    }
}

struct Frames(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|text| text.map(|text| Ok(Frame::data(text))))
    }
}
