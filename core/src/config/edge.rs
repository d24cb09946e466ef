//! The bounds of the network edge and the pace of callers, with what they usually are.

use std::time::Duration;

use super::source::Sources;

/// What one connection, one address and all of them together may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeLimits {
    pub connections: usize,
    pub connections_per_address: usize,
    pub handshake: Duration,
    pub headers: Duration,
    pub idle: Duration,
    /// How long a peer may leave an answer unread.
    pub write: Duration,
    /// Requests worked on at once; more are answered with `overloaded`.
    pub requests: usize,
    /// Long polls and streams that may be open at once.
    pub waiting: usize,
    pub drain: Duration,
    /// Between not being ready and closing the listener, for a balancer to notice.
    pub drain_delay: Duration,
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_address: 64,
            handshake: Duration::from_secs(10),
            headers: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            write: Duration::from_secs(30),
            requests: 1_024,
            waiting: 4_096,
            drain: Duration::from_secs(10),
            drain_delay: Duration::ZERO,
        }
    }
}

/// How often: `burst` at once, then `per_second`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub per_second: u32,
    pub burst: u32,
}

/// The usual pace of each class of the contract, of every address, and of bad tokens.
pub const RATES: &[(&str, Rate)] = &[
    ("address", Rate { per_second: 2_000, burst: 4_000 }),
    ("strangers", Rate { per_second: 10, burst: 200 }),
    ("login", Rate { per_second: 1, burst: 30 }),
    ("public", Rate { per_second: 50, burst: 200 }),
    ("admin", Rate { per_second: 10, burst: 120 }),
    ("control", Rate { per_second: 10, burst: 60 }),
    ("egress", Rate { per_second: 2, burst: 100 }),
    ("lane", Rate { per_second: 1_000, burst: 2_000 }),
];

/// Settings of a rate: its name, then the keys of its two numbers.
const RATE_KEYS: &[(&str, &str, &str)] = &[
    ("address", "rates.address.per_second", "rates.address.burst"),
    ("strangers", "rates.strangers.per_second", "rates.strangers.burst"),
    ("login", "rates.login.per_second", "rates.login.burst"),
    ("public", "rates.public.per_second", "rates.public.burst"),
    ("admin", "rates.admin.per_second", "rates.admin.burst"),
    ("control", "rates.control.per_second", "rates.control.burst"),
    ("egress", "rates.egress.per_second", "rates.egress.burst"),
    ("lane", "rates.lane.per_second", "rates.lane.burst"),
];

pub(super) fn limits(sources: &mut Sources<'_>) -> EdgeLimits {
    let usual = EdgeLimits::default();
    let mut count = |key, usual: usize, most| {
        usize::try_from(sources.number(key, usual as u64, 1..=most)).unwrap_or(usual)
    };
    let connections = count("limits.connections", usual.connections, 100_000);
    let per_address =
        count("limits.connections_per_address", usual.connections_per_address, 100_000);
    let requests = count("limits.requests", usual.requests, 100_000);
    let waiting = count("limits.waiting", usual.waiting, 1_000_000);
    let mut seconds = |key, usual: Duration, least| {
        Duration::from_secs(sources.number(key, usual.as_secs(), least..=3_600))
    };
    EdgeLimits {
        connections,
        connections_per_address: per_address,
        requests,
        waiting,
        handshake: seconds("limits.handshake_seconds", usual.handshake, 1),
        headers: seconds("limits.header_seconds", usual.headers, 1),
        idle: seconds("limits.idle_seconds", usual.idle, 1),
        write: seconds("limits.write_seconds", usual.write, 1),
        drain: seconds("limits.drain_seconds", usual.drain, 1),
        drain_delay: seconds("limits.drain_delay_seconds", usual.drain_delay, 0),
    }
}

pub(super) fn rates(sources: &mut Sources<'_>) -> Vec<(&'static str, Rate)> {
    let mut rate = |(name, usual): &(&'static str, Rate)| {
        let keys = RATE_KEYS.iter().find(|(known, ..)| known == name);
        let (_, per_second, burst) = keys.expect("every rate has its two keys");
        let mut number = |key, usual: u32| {
            let number = sources.number(key, usual.into(), 1..=10_000_000);
            u32::try_from(number).unwrap_or(usual)
        };
        let per_second = number(per_second, usual.per_second);
        (*name, Rate { per_second, burst: number(burst, usual.burst) })
    };
    RATES.iter().map(&mut rate).collect()
}
