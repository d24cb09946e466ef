//! Logs that cannot hold PHI.
//!
//! A line is an event name, which is a word of the program, and fields whose types say that they
//! are safe to show (see [`LogSafe`]). This is the only module that writes to the log; a panic
//! shows where it happened and nothing of its message, which could quote a value.

mod lines;
pub mod metrics;
mod requests;
mod safe;
mod scraper;
pub mod traces;

use std::panic::PanicHookInfo;

use serde_json::{Map, Value};
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use lines::Lines;
pub use requests::request_ended;
pub use safe::{Id, LogSafe};
pub use scraper::Scraper;

const TARGET: &str = "vivified";

/// A name and what it shows.
pub type Field<'a> = (&'static str, &'a dyn LogSafe);

/// Starts the log on standard error and takes over panics. The first call in a process counts.
pub fn start() {
    metrics::start();
    let lines = Lines::new(std::io::stderr(), Level::INFO);
    if tracing_subscriber::registry().with(lines).try_init().is_ok() {
        std::panic::set_hook(Box::new(panicked));
    }
}

pub fn info(what: &'static str, fields: &[Field<'_>]) {
    tracing::event!(target: TARGET, Level::INFO, what, fields = shown(fields));
}

pub fn warn(what: &'static str, fields: &[Field<'_>]) {
    tracing::event!(target: TARGET, Level::WARN, what, fields = shown(fields));
}

pub fn error(what: &'static str, fields: &[Field<'_>]) {
    tracing::event!(target: TARGET, Level::ERROR, what, fields = shown(fields));
}

fn shown(fields: &[Field<'_>]) -> String {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.shown()));
    Value::Object(Map::from_iter(fields)).to_string()
}

fn panicked(panic: &PanicHookInfo<'_>) {
    match panic.location() {
        Some(place) => {
            // The file is one of the build, so it is a word of the program.
            let file = Id(place.file().rsplit('/').next().unwrap_or_default());
            error("panic", &[("file", &file), ("line", &place.line())]);
        }
        None => error("panic", &[]),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: Level, work: impl FnOnce()) -> Vec<Value> {
        let sink = Sink::default();
        let subscriber = tracing_subscriber::registry().with(Lines::new(sink.clone(), level));
        tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_is_one_object_with_safe_fields() {
        let lines = logged(Level::INFO, || {
            let waited = Duration::from_millis(1_500);
            let fields: [Field<'_>; 4] =
                [("plugin_id", &Id("hello_py")), ("ok", &true), ("n", &7_u64), ("ms", &waited)];
            info("plugin registered", &fields);
        });
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!((&line["level"], &line["event"]), (&"INFO".into(), &"plugin registered".into()));
        assert_eq!((&line["plugin_id"], &line["ms"]), (&"hello_py".into(), &1_500.into()));
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn what_is_no_id_and_what_libraries_say_is_not_shown() {
        let lines = logged(Level::TRACE, || {
            warn("refused", &[("key", &Id("jane doe\n{\"level\":\"forged\"}"))]);
            tracing::error!(target: "hyper", what = "canary", "GET /patients/jane");
            tracing::error!("canary");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["key"], "(not an id)");
    }

    #[test]
    fn less_grave_lines_are_left_out() {
        let lines = logged(Level::WARN, || {
            info("small", &[]);
            error("grave", &[]);
        });
        assert_eq!(lines.iter().map(|line| line["event"].clone()).collect::<Vec<_>>(), ["grave"]);
    }

    /// A house rule: text of the wire cannot reach the log by another door.
    #[test]
    fn no_other_module_writes_to_the_log() {
        let mut folders =
            vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let own = path.components().any(|part| part.as_os_str() == "telemetry");
                assert!(own || !text.contains("tracing::"), "{} logs by itself", path.display());
            }
        }
    }
}
