//! Figures of this process in the text format of Prometheus.
//!
//! Every family stands here and in [`FAMILIES`]; modules count by calling it. What is a state
//! rather than an event, such as how many plugins are active, is read when somebody asks.

mod family;
mod label;

use std::sync::LazyLock;
use std::time::SystemTime;

use crate::policy::PluginState;

pub use family::{Counter, Family, Gauge, Histogram};
pub use label::{
    Breaker, CallEnd, Connection, EgressDecision, EventStep, Label, Operation, Reload, Span,
    Status, Verdict,
};

pub static REQUESTS: Counter<(Operation, Status)> =
    Counter::new("vivified_requests_total", "Requests answered.");
pub static REQUEST_SECONDS: Histogram<Operation> = Histogram::of_durations(
    "vivified_request_duration_seconds",
    "Time from the head of a request to the head of its answer.",
);
pub static REQUESTS_RUNNING: Gauge<()> =
    Gauge::new("vivified_requests_in_flight", "Requests that are being worked on.");
pub static REQUESTS_WAITING: Gauge<()> =
    Gauge::new("vivified_requests_waiting", "Long polls and streams that are open.");
pub static SHED: Counter<()> =
    Counter::new("vivified_requests_shed_total", "Requests refused because of overload.");
pub static RATE_LIMITED: Counter<()> =
    Counter::new("vivified_requests_rate_limited_total", "Requests refused by a rate limit.");
pub static CONNECTIONS: Gauge<()> =
    Gauge::new("vivified_connections", "Connections that are open.");
pub static CONNECTION_ENDS: Counter<Connection> =
    Counter::new("vivified_connections_total", "Connections, and why they were refused or cut.");
pub static RELOADS: Counter<Reload> =
    Counter::new("vivified_certificate_reloads_total", "Certificates read again while serving.");
pub static EVENTS: Counter<EventStep> =
    Counter::new("vivified_events_total", "Events by the step they took.");
pub static CALLS: Counter<CallEnd> =
    Counter::new("vivified_calls_total", "Calls through the gateway by their end.");
pub static CALL_RETRIES: Counter<()> =
    Counter::new("vivified_call_retries_total", "Further tries of calls through the gateway.");
pub static BREAKERS: Gauge<Breaker> =
    Gauge::new("vivified_breakers", "Circuit breakers that are not closed.");
pub static EGRESS: Counter<EgressDecision> =
    Counter::new("vivified_egress_total", "Requests to the outside by decision.");
pub static DECISIONS: Counter<Verdict> =
    Counter::new("vivified_decisions_total", "Decisions of the policy.");
pub static AUDIT_SECONDS: Histogram<()> = Histogram::of_durations(
    "vivified_audit_append_seconds",
    "Time until an audit record was on the disk.",
);
pub static AUDIT_FAILURES: Counter<()> =
    Counter::new("vivified_audit_failures_total", "Audit records that could not be written.");
pub static STORE_BATCH: Histogram<()> =
    Histogram::of_sizes("vivified_store_batch_jobs", "Jobs that shared one commit.");
pub static STORE_SECONDS: Histogram<()> =
    Histogram::of_durations("vivified_store_commit_seconds", "Time of one commit with its sync.");
pub static PLUGINS: Gauge<PluginState> =
    Gauge::new("vivified_plugins", "Registered plugins by state.");
pub static SPANS: Counter<Span> =
    Counter::new("vivified_spans_total", "Spans handed to the collector or dropped.");
pub static READY: Gauge<()> = Gauge::new("vivified_ready", "1 when Core takes work.");
static STARTED: Gauge<()> =
    Gauge::new("process_start_time_seconds", "Start of the process in seconds since 1970.");
static MEMORY: Gauge<()> =
    Gauge::new("process_resident_memory_bytes", "Memory of the process that is resident.");

/// Everything that is exposed, in this order.
pub static FAMILIES: &[&dyn Family] = &[
    &REQUESTS,
    &REQUEST_SECONDS,
    &REQUESTS_RUNNING,
    &REQUESTS_WAITING,
    &SHED,
    &RATE_LIMITED,
    &CONNECTIONS,
    &CONNECTION_ENDS,
    &RELOADS,
    &EVENTS,
    &CALLS,
    &CALL_RETRIES,
    &BREAKERS,
    &EGRESS,
    &DECISIONS,
    &AUDIT_SECONDS,
    &AUDIT_FAILURES,
    &STORE_BATCH,
    &STORE_SECONDS,
    &PLUGINS,
    &SPANS,
    &READY,
    &STARTED,
    &MEMORY,
];

static START: LazyLock<i64> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
});

/// Remembers when the process began.
pub fn start() {
    LazyLock::force(&START);
}

/// All figures as text.
pub fn text() -> String {
    STARTED.set((), *START);
    MEMORY.set((), resident_bytes().unwrap_or(0));
    let mut out = String::with_capacity(64 * 1024);
    FAMILIES.iter().for_each(|family| family.write(&mut out));
    out
}

/// The second figure of `statm` counts pages; those of the platforms we build for have 4 KiB.
fn resident_bytes() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    text.split(' ').nth(1)?.parse::<i64>().ok().map(|pages| pages * 4_096)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use vivified_contract::OPERATIONS;

    use super::*;

    fn shown(family: &dyn Family) -> Vec<String> {
        let mut out = String::new();
        family.write(&mut out);
        out.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[test]
    fn a_counter_shows_every_point_of_its_labels() {
        let counter: Counter<(Operation, Status)> = Counter::new("c_total", "Help.");
        counter.count((Operation(Some(OPERATIONS[0])), Status::of(204)));
        counter.count((Operation(None), Status::of(404)));
        let lines = shown(&counter);
        assert_eq!(lines.len(), (OPERATIONS.len() + 1) * 5);
        assert!(lines.contains(&r#"c_total{operation="get_health",status="2xx"} 1"#.to_owned()));
        assert!(lines.contains(&r#"c_total{operation="none",status="4xx"} 1"#.to_owned()));
        assert_eq!(lines.iter().filter(|line| !line.ends_with(" 0")).count(), 2);
    }

    #[test]
    fn every_operation_has_a_point_of_its_own() {
        let points: HashSet<usize> =
            OPERATIONS.iter().map(|operation| Operation(Some(operation)).index()).collect();
        assert_eq!(points.len(), OPERATIONS.len());
        for operation in OPERATIONS {
            let point = Operation(Some(operation)).index();
            assert_eq!(Operation::describe(point), [("operation", operation.id)]);
        }
    }

    #[test]
    fn a_histogram_adds_up_its_steps() {
        let histogram: Histogram<()> = Histogram::of_durations("h_seconds", "Help.");
        for micros in [50, 100, 101, 20_000_000] {
            histogram.time((), Duration::from_micros(micros));
        }
        let lines = shown(&histogram);
        for line in [
            r#"h_seconds_bucket{le="0.0001"} 2"#,
            r#"h_seconds_bucket{le="0.00025"} 3"#,
            r#"h_seconds_bucket{le="10"} 3"#,
            r#"h_seconds_bucket{le="+Inf"} 4"#,
            "h_seconds_sum 20.000251",
            "h_seconds_count 4",
        ] {
            assert!(lines.contains(&line.to_owned()), "{line} not in {lines:?}");
        }
        assert_eq!(histogram.value(()), 4);
    }

    #[test]
    fn a_gauge_goes_up_and_down() {
        let gauge: Gauge<Breaker> = Gauge::new("g", "Help.");
        gauge.add(Breaker::Open, 3);
        gauge.add(Breaker::Open, -1);
        assert_eq!(shown(&gauge), [r#"g{state="open"} 2"#, r#"g{state="probing"} 0"#]);
    }

    /// The grammar of the text format, and that no series is named twice.
    #[test]
    fn the_exposition_is_well_formed() {
        let text = text();
        let mut series = HashSet::new();
        let mut typed = HashSet::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                typed.insert(rest.split(' ').next().expect("a name").to_owned());
                continue;
            }
            if line.starts_with("# HELP ") {
                continue;
            }
            let (name, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(series.insert(name.to_owned()), "{name} stands twice");
            let family = name.split('{').next().expect("a name");
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| family.strip_suffix(end).filter(|name| typed.contains(*name)))
                .unwrap_or(family);
            assert!(typed.contains(family), "{family} has no type");
        }
        assert_eq!(typed.len(), FAMILIES.len());
        assert!(FAMILIES.iter().all(|family| typed.contains(family.name())));
    }
}
