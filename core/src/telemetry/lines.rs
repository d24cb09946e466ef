//! One JSON object for each line, from events of this module and from no other.
//!
//! Libraries log what they handle: host names, paths, header values. Their events are not
//! filtered here, they are never looked at.

use std::io::Write;
use std::sync::Mutex;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::TARGET;

/// Writes the lines; `level` is the least grave one that is shown.
pub struct Lines<W> {
    out: Mutex<W>,
    level: Level,
}

impl<W: Write> Lines<W> {
    pub fn new(out: W, level: Level) -> Self {
        Self { out: Mutex::new(out), level }
    }
}

impl<S: Subscriber, W: Write + Send + 'static> Layer<S> for Lines<W> {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == TARGET && *metadata.level() <= self.level
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut parts = Parts::default();
        event.record(&mut parts);
        let mut line = Map::new();
        line.insert("time".to_owned(), now().into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("event".to_owned(), parts.what.into());
        if let Ok(Value::Object(fields)) = serde_json::from_str(&parts.fields) {
            line.extend(fields);
        }
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        if let Ok(mut out) = self.out.lock() {
            // A log that cannot be written has nowhere to say so.
            let _ = out.write_all(text.as_bytes());
        }
    }
}

#[derive(Default)]
struct Parts {
    what: String,
    fields: String,
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "what" => value.clone_into(&mut self.what),
            "fields" => value.clone_into(&mut self.fields),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

fn now() -> String {
    crate::audit::stamp(time::OffsetDateTime::now_utc())
}
