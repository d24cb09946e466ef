//! What may stand in a label: values of fixed lists, known when the program is built.
//!
//! A label is an index into such a list and never a text, so that no caller can make a new time
//! series and nothing of a request can stand in one. Ids of plugins are no labels: how many there
//! are is up to administrators, and the admin operations show each of them.

use std::sync::OnceLock;

use vivified_contract::OPERATIONS;
use vivified_contract::runtime::OperationInfo;

use crate::policy::PluginState;

/// A point in a bounded set of label values.
pub trait Label: Copy + Send + Sync + 'static {
    /// How many points there are.
    fn count() -> usize;
    fn index(self) -> usize;
    /// Name and value of each label at a point.
    fn describe(index: usize) -> Vec<(&'static str, &'static str)>;
}

/// No label at all.
impl Label for () {
    fn count() -> usize {
        1
    }

    fn index(self) -> usize {
        0
    }

    fn describe(_: usize) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }
}

impl<A: Label, B: Label> Label for (A, B) {
    fn count() -> usize {
        A::count() * B::count()
    }

    fn index(self) -> usize {
        self.0.index() * B::count() + self.1.index()
    }

    fn describe(index: usize) -> Vec<(&'static str, &'static str)> {
        let mut labels = A::describe(index / B::count());
        labels.extend(B::describe(index % B::count()));
        labels
    }
}

/// An operation of the contract, or none of them.
#[derive(Debug, Clone, Copy)]
pub struct Operation(pub Option<&'static OperationInfo>);

impl Label for Operation {
    fn count() -> usize {
        OPERATIONS.len() + 1
    }

    fn index(self) -> usize {
        let known = self.0.and_then(place);
        known.unwrap_or(OPERATIONS.len())
    }

    fn describe(index: usize) -> Vec<(&'static str, &'static str)> {
        vec![("operation", OPERATIONS.get(index).map_or("none", |operation| operation.id))]
    }
}

impl Label for PluginState {
    fn count() -> usize {
        Self::ALL.len()
    }

    fn index(self) -> usize {
        Self::ALL.iter().position(|state| *state == self).unwrap_or_default()
    }

    fn describe(index: usize) -> Vec<(&'static str, &'static str)> {
        vec![("state", Self::ALL[index].name())]
    }
}

/// Where an operation stands in the contract.
fn place(operation: &'static OperationInfo) -> Option<usize> {
    static BY_ADDRESS: OnceLock<Vec<(usize, usize)>> = OnceLock::new();
    let address = |operation: &'static OperationInfo| std::ptr::from_ref(operation).addr();
    let table = BY_ADDRESS.get_or_init(|| {
        let mut table: Vec<(usize, usize)> =
            OPERATIONS.iter().enumerate().map(|(index, known)| (address(known), index)).collect();
        table.sort_unstable();
        table
    });
    let found = table.binary_search_by_key(&address(operation), |(address, _)| *address);
    found.ok().map(|index| table[index].1)
}

/// Makes an enum a label: `name` of the label, then each variant with its text.
macro_rules! labels {
    ($($(#[$doc:meta])* $label:ident as $name:literal { $($variant:ident = $text:literal),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum $label { $($variant),+ }

            impl $label {
                const TEXTS: &'static [&'static str] = &[$($text),+];
            }

            impl Label for $label {
                fn count() -> usize {
                    Self::TEXTS.len()
                }

                fn index(self) -> usize {
                    self as usize
                }

                fn describe(index: usize) -> Vec<(&'static str, &'static str)> {
                    vec![($name, Self::TEXTS[index])]
                }
            }
        )+
    };
}

labels! {
    /// The first digit of a status.
    Status as "status" {
        Informed = "1xx", Done = "2xx", Moved = "3xx", Refused = "4xx", Failed = "5xx",
    }
    /// What became of a connection.
    Connection as "outcome" {
        Accepted = "accepted",
        OverTotal = "over_total",
        OverAddress = "over_address",
        HandshakeFailed = "handshake_failed",
        HandshakeTimeout = "handshake_timeout",
        HeaderTimeout = "header_timeout",
        IdleTimeout = "idle_timeout",
        WriteTimeout = "write_timeout",
    }
    /// A step in the life of an event.
    EventStep as "step" {
        Published = "published",
        Duplicate = "duplicate",
        Delivered = "delivered",
        Withheld = "withheld",
        Acknowledged = "acknowledged",
        Retried = "retried",
        Dead = "dead",
        Redriven = "redriven",
        Replayed = "replayed",
    }
    /// How a call through the gateway ended.
    CallEnd as "outcome" {
        Answered = "answered",
        Refused = "refused",
        CalleeFailed = "callee_failed",
        Timeout = "timeout",
        Unavailable = "unavailable",
        CircuitOpen = "circuit_open",
    }
    /// The state of a circuit breaker.
    Breaker as "state" { Open = "open", Probing = "probing" }
    /// What was decided of a request that wants to leave.
    EgressDecision as "decision" {
        Allowed = "allowed", Denied = "denied", Reported = "reported", Failed = "failed",
    }
    /// What the policy decided.
    Verdict as "verdict" { Allow = "allow", Deny = "deny", Mask = "mask" }
    /// What became of a span.
    Span as "outcome" { Exported = "exported", Dropped = "dropped" }
    /// Whether a new certificate was taken into use.
    Reload as "outcome" { Taken = "taken", Kept = "kept" }
}

impl Status {
    pub fn of(status: u16) -> Self {
        match status {
            100..=199 => Self::Informed,
            200..=299 => Self::Done,
            300..=399 => Self::Moved,
            400..=499 => Self::Refused,
            _ => Self::Failed,
        }
    }
}
