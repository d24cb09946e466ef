//! How often: a bound for every address before anything is verified, then one for every caller
//! and class of operation.
//!
//! Keys come from the connection and from the verified token, never from a header a client can
//! write. Counting is by cell rate: a burst, then a steady pace.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::clock::{Clock, DefaultClock, QuantaInstant};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use vivified_contract::runtime::Allowance;

use crate::config::{RATES, Rate};

type Keyed =
    RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// Idle keys are dropped after this many questions.
const CLEAN_EVERY: u64 = 8_192;
/// An address may hold several administrators.
const PER_ADDRESS: u32 = 4;

/// One bound for each key.
struct Bound {
    name: &'static str,
    rate: Rate,
    limiter: Keyed,
}

/// A key is over its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// Seconds to wait.
    pub wait: u64,
    pub allowance: Allowance,
}

pub struct Limits {
    addresses: Bound,
    /// By address, for classes in which an account alone is not enough of a key.
    admin_addresses: Bound,
    classes: Vec<Bound>,
    other: Bound,
    strangers: Bound,
    refusals: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    asked: AtomicU64,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(RATES)
    }
}

impl Limits {
    pub fn new(rates: &[(&'static str, Rate)]) -> Self {
        let usual = Rate { per_second: 10, burst: 60 };
        let rate = |wanted: &str| {
            let found = rates.iter().find(|(name, _)| *name == wanted);
            found.map_or(usual, |(_, rate)| *rate)
        };
        let classes = ["login", "public", "admin", "control", "egress", "lane"];
        let admin = rate("admin");
        let admin_addresses = Rate {
            per_second: admin.per_second.saturating_mul(PER_ADDRESS),
            burst: admin.burst.saturating_mul(PER_ADDRESS),
        };
        Self {
            addresses: Bound::new("address", rate("address")),
            admin_addresses: Bound::new("admin-address", admin_addresses),
            classes: classes.map(|name| Bound::new(name, rate(name))).into(),
            other: Bound::new("other", usual),
            strangers: Bound::new("strangers", rate("strangers")),
            refusals: RateLimiter::keyed(Quota::per_minute(NonZeroU32::MIN)),
            clock: DefaultClock::default(),
            asked: AtomicU64::new(0),
        }
    }

    /// Counts a request on its address. Classes that anybody can call, and those of
    /// administrators, have a bound of their own there.
    pub fn address(
        &self,
        peer: Option<SocketAddr>,
        class: &str,
        anonymous: bool,
    ) -> Result<Allowance, Over> {
        self.clean();
        let key = address_key(peer);
        let all = self.addresses.take(&key, &self.clock)?;
        match class {
            "admin" => self.admin_addresses.take(&key, &self.clock),
            class if anonymous => self.class(class).take(&key, &self.clock),
            _ => Ok(all),
        }
    }

    /// Counts a request on a caller.
    pub fn caller(&self, caller: &str, class: &str) -> Result<Allowance, Over> {
        self.class(class).take(&caller.to_owned(), &self.clock)
    }

    /// Counts a bad token or a broken request. Each of them is written down, so this bounds what
    /// a stranger can write into the log.
    pub fn stranger(&self, peer: Option<SocketAddr>) -> Result<Allowance, Over> {
        self.strangers.take(&address_key(peer), &self.clock)
    }

    /// Whether this refusal is to be written down: the first of a minute. Otherwise a flood that
    /// is refused would still fill the disk.
    pub fn record_refusal(&self, key: &str) -> bool {
        self.refusals.check_key(&key.to_owned()).is_ok()
    }

    fn class(&self, name: &str) -> &Bound {
        self.classes.iter().find(|bound| bound.name == name).unwrap_or(&self.other)
    }

    fn clean(&self) {
        if self.asked.fetch_add(1, Ordering::Relaxed) % CLEAN_EVERY == CLEAN_EVERY - 1 {
            let own = [&self.addresses, &self.admin_addresses, &self.other, &self.strangers];
            for bound in self.classes.iter().chain(own) {
                bound.limiter.retain_recent();
                bound.limiter.shrink_to_fit();
            }
            self.refusals.retain_recent();
            self.refusals.shrink_to_fit();
        }
    }
}

impl Bound {
    fn new(name: &'static str, rate: Rate) -> Self {
        let number = |value: u32| NonZeroU32::new(value).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(number(rate.per_second)).allow_burst(number(rate.burst));
        let limiter = RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>();
        Self { name, rate, limiter }
    }

    fn take(&self, key: &String, clock: &DefaultClock) -> Result<Allowance, Over> {
        let until = |not_until: governor::NotUntil<QuantaInstant>| Over {
            wait: not_until.wait_time_from(clock.now()).as_secs() + 1,
            allowance: self.allowance(0),
        };
        let state = self.limiter.check_key(key).map_err(until)?;
        Ok(self.allowance(state.remaining_burst_capacity().into()))
    }

    /// The burst is the quota, and the window is how long it takes to come back.
    fn allowance(&self, remaining: u64) -> Allowance {
        let (burst, pace) = (u64::from(self.rate.burst), u64::from(self.rate.per_second).max(1));
        Allowance {
            policy: self.name,
            quota: burst,
            window: burst.div_ceil(pace).max(1),
            remaining,
            reset: burst.saturating_sub(remaining).div_ceil(pace),
        }
    }
}

/// One IPv6 site has more addresses than we have memory: it counts as one.
pub fn address_key(peer: Option<SocketAddr>) -> String {
    match peer.map(|peer| peer.ip().to_canonical()) {
        Some(IpAddr::V6(address)) => {
            let site = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(site).to_string()
        }
        Some(address) => address.to_string(),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_pace_holds_for_that_key_only() {
        let limits = Limits::default();
        let taken = (0..200).filter(|_| limits.caller("alpha", "login").is_ok()).count();
        assert!((30..=32).contains(&taken), "{taken}");
        assert!(limits.caller("alpha", "login").is_err_and(|over| over.wait >= 1));
        assert!(limits.caller("beta", "login").is_ok());
        assert!(limits.caller("alpha", "lane").is_ok());
    }

    #[test]
    fn what_is_left_goes_down_and_the_whole_quota_comes_back_in_a_window() {
        let limits = Limits::new(&[("lane", Rate { per_second: 2, burst: 7 })]);
        let first = limits.caller("alpha", "lane").expect("within");
        let told = (first.policy, first.quota, first.window, first.remaining, first.reset);
        assert_eq!(told, ("lane", 7, 4, 6, 1));
        let left = (0..6).map(|_| limits.caller("alpha", "lane").expect("within").remaining);
        assert_eq!(left.collect::<Vec<_>>(), [5, 4, 3, 2, 1, 0]);
        let over = limits.caller("alpha", "lane").expect_err("over");
        assert_eq!((over.allowance.remaining, over.allowance.reset), (0, 4));
    }

    #[test]
    fn admin_operations_count_by_address_too() {
        let limits = Limits::new(&[("admin", Rate { per_second: 1, burst: 2 })]);
        let peer = "192.0.2.1:1".parse().ok();
        let taken = (0..50).filter(|_| limits.address(peer, "admin", false).is_ok()).count();
        assert!((8..=9).contains(&taken), "{taken}");
        assert!(limits.address(peer, "lane", false).is_ok());
    }

    #[test]
    fn addresses_of_one_ipv6_site_are_one_key_and_mapped_ones_are_ipv4() {
        let key = |text: &str| address_key(Some(text.parse().expect("an address")));
        assert_eq!(key("[2001:db8:1:2::1]:1"), key("[2001:db8:1:2:ffff::9]:2"));
        assert_ne!(key("[2001:db8:1:2::1]:1"), key("[2001:db8:1:3::1]:1"));
        assert_eq!(key("[::ffff:192.0.2.1]:1"), key("192.0.2.1:2"));
    }

    #[test]
    fn of_a_flood_of_refusals_one_a_minute_is_written_down() {
        let limits = Limits::default();
        assert_eq!((0..1_000).filter(|_| limits.record_refusal("192.0.2.1")).count(), 1);
        assert!(limits.record_refusal("192.0.2.2"));
    }
}
