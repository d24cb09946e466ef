//! How an outgoing call ends when it does not end well.
//!
//! A refusal names the layer and the rule, both from fixed lists; it never repeats the address,
//! the path or anything else of the call, because these texts reach problems, logs and the audit.

/// The layers of the guard, in the order a call meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    Parse,
    Allowlist,
    Forward,
    Address,
    Connect,
}

impl Layer {
    pub fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Allowlist => "allowlist",
            Self::Forward => "forward",
            Self::Address => "address",
            Self::Connect => "connect",
        }
    }
}

/// Denied by rule: nothing has left the machine but at most a DNS query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub layer: Layer,
    pub rule: &'static str,
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Refused(Refusal),
    /// The plugin spent its calls; the next one is free after this many seconds.
    RateLimited {
        retry_after: u64,
    },
    /// The deadline over look-up, dial and exchange has passed.
    TimedOut,
    /// No checked address took the connection, or TLS did not verify.
    Unreachable(&'static str),
    /// The far side broke HTTP or the caps on its answer.
    BadAnswer(&'static str),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
