//! How often: a bound for every address before anything is verified, then one for every caller
//! and class of operation.
//!
//! Keys come from the connection and from the verified token, never from a header a client can
//! write. Counting is by cell rate: a burst, then a steady pace.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

type Keyed = DefaultKeyedRateLimiter<String>;

/// Idle keys are dropped after this many questions.
const CLEAN_EVERY: u64 = 8_192;

pub struct Limits {
    addresses: Keyed,
    classes: Vec<(&'static str, Keyed)>,
    other: Keyed,
    strangers: Keyed,
    refusals: Keyed,
    clock: DefaultClock,
    asked: AtomicU64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            addresses: keyed(2_000, 4_000),
            // Class of the contract, tokens a second, burst.
            classes: vec![
                ("login", keyed(1, 30)),
                ("public", keyed(50, 200)),
                ("admin", keyed(10, 120)),
                ("control", keyed(10, 60)),
                ("egress", keyed(2, 100)),
                ("lane", keyed(1_000, 2_000)),
            ],
            other: keyed(10, 60),
            strangers: keyed(10, 200),
            refusals: RateLimiter::keyed(Quota::per_minute(NonZeroU32::MIN)),
            clock: DefaultClock::default(),
            asked: AtomicU64::new(0),
        }
    }
}

impl Limits {
    /// Seconds to wait, when an address is over its bound. Classes that anybody can call count
    /// by address as well.
    pub fn address(
        &self,
        peer: Option<SocketAddr>,
        class: &str,
        anonymous: bool,
    ) -> Result<(), u64> {
        self.clean();
        let key = address_key(peer);
        self.take(&self.addresses, &key)?;
        if anonymous { self.take(self.class(class), &key) } else { Ok(()) }
    }

    /// Seconds to wait, when a caller is over the bound of this class.
    pub fn caller(&self, caller: &str, class: &str) -> Result<(), u64> {
        self.take(self.class(class), &caller.to_owned())
    }

    /// Seconds to wait, when an address has shown too many bad tokens or broken requests. Each of
    /// them is written down, so this bounds what a stranger can write into the log.
    pub fn stranger(&self, peer: Option<SocketAddr>) -> Result<(), u64> {
        self.take(&self.strangers, &address_key(peer))
    }

    /// Whether this refusal is to be written down: the first of a minute. Otherwise a flood that
    /// is refused would still fill the disk.
    pub fn record_refusal(&self, key: &str) -> bool {
        self.refusals.check_key(&key.to_owned()).is_ok()
    }

    fn class(&self, name: &str) -> &Keyed {
        let known = self.classes.iter().find(|(known, _)| *known == name);
        known.map_or(&self.other, |(_, limiter)| limiter)
    }

    fn take(&self, limiter: &Keyed, key: &String) -> Result<(), u64> {
        limiter.check_key(key).map_err(|until| {
            let wait: Duration = until.wait_time_from(self.clock.now());
            wait.as_secs() + 1
        })
    }

    fn clean(&self) {
        if self.asked.fetch_add(1, Ordering::Relaxed) % CLEAN_EVERY == CLEAN_EVERY - 1 {
            let classes = self.classes.iter().map(|(_, limiter)| limiter);
            let all =
                classes.chain([&self.addresses, &self.other, &self.strangers, &self.refusals]);
            all.for_each(|limiter| {
                limiter.retain_recent();
                limiter.shrink_to_fit();
            });
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

fn keyed(per_second: u32, burst: u32) -> Keyed {
    let number = |value: u32| NonZeroU32::new(value).unwrap_or(NonZeroU32::MIN);
    RateLimiter::keyed(Quota::per_second(number(per_second)).allow_burst(number(burst)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_pace_holds_for_that_key_only() {
        let limits = Limits::default();
        let taken = (0..200).filter(|_| limits.caller("alpha", "login").is_ok()).count();
        assert!((30..=32).contains(&taken), "{taken}");
        assert!(limits.caller("alpha", "login").is_err_and(|wait| wait >= 1));
        assert!(limits.caller("beta", "login").is_ok());
        assert!(limits.caller("alpha", "lane").is_ok());
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
