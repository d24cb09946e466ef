//! The only place that asks the machine for the time.
//!
//! Every expiry, lock-out, lease and audit stamp goes through a [`Clock`], so that tests move time
//! instead of sleeping. Deadlines use the monotonic reading, which a changed wall clock cannot bend.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

/// Where the time comes from. Cheap to clone; clones of a manual clock move together.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System(Instant),
    Manual(Arc<Mutex<Manual>>),
}

struct Manual {
    wall: OffsetDateTime,
    monotonic: Duration,
}

impl Clock {
    pub fn system() -> Self {
        Clock(Source::System(Instant::now()))
    }

    /// A clock that stands still until a test moves it.
    pub fn manual(start: OffsetDateTime) -> Self {
        Clock(Source::Manual(Arc::new(Mutex::new(Manual {
            wall: start,
            monotonic: Duration::ZERO,
        }))))
    }

    /// Wall time in UTC.
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            Source::System(_) => OffsetDateTime::now_utc(),
            Source::Manual(manual) => lock(manual).wall,
        }
    }

    /// Wall time in whole seconds since 1970, the form tokens and TOTP count in.
    pub fn unix(&self) -> i64 {
        self.now().unix_timestamp()
    }

    /// Wall time in milliseconds since 1970, the form the store keeps.
    pub fn unix_millis(&self) -> i64 {
        let millis = self.now().unix_timestamp_nanos() / 1_000_000;
        i64::try_from(millis).unwrap_or(i64::MAX)
    }

    /// Time since the clock was made; never goes back.
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System(start) => start.elapsed(),
            Source::Manual(manual) => lock(manual).monotonic,
        }
    }

    /// Moves a manual clock forward; a system clock cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let mut manual = lock(manual);
            manual.wall += by;
            manual.monotonic += by;
        }
    }

    /// Sets the wall time of a manual clock, also backwards; the monotonic reading stays.
    pub fn set(&self, wall: OffsetDateTime) {
        if let Source::Manual(manual) = &self.0 {
            lock(manual).wall = wall;
        }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self.0 {
            Source::System(_) => "Clock(system)",
            Source::Manual(_) => "Clock(manual)",
        })
    }
}

fn lock(manual: &Mutex<Manual>) -> std::sync::MutexGuard<'_, Manual> {
    manual.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_move_together_and_monotonic_time_never_goes_back() {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
        let other = clock.clone();
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(other.unix(), 1);
        assert_eq!(other.unix_millis(), 1_500);
        clock.set(OffsetDateTime::UNIX_EPOCH);
        assert_eq!(other.unix(), 0);
        assert_eq!(other.monotonic(), Duration::from_millis(1_500));
    }
}
