//! The circuit breaker: one per callee and operation.
//!
//! Five failures in a row open it for sixty seconds; then one call is let through as a probe, and
//! its end decides. A probe that is dropped without an end lets the next call probe.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::Clock;

const FAILURES: u32 = 5;
const OPEN_FOR: Duration = Duration::from_secs(60);

/// Callee and operation.
type Slot = (String, String);

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { since: Duration },
    Probing,
}

#[derive(Clone)]
pub struct Breakers {
    clock: Clock,
    slots: Arc<Mutex<HashMap<Slot, State>>>,
}

/// What people may see of a breaker that is not closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tripped {
    pub plugin_id: String,
    pub operation: String,
    /// Whether a probe is under way.
    pub probing: bool,
    /// Seconds until a call is let through.
    pub retry_after: u64,
}

/// The right to make one try. Its end must be told; dropping it ends a probe undecided.
pub struct Permit {
    owner: Breakers,
    slot: Slot,
    told: bool,
}

impl Breakers {
    pub fn new(clock: Clock) -> Self {
        Self { clock, slots: Arc::default() }
    }

    /// Lets a try through, or says in how many seconds one may be let through.
    pub fn admit(&self, plugin_id: &str, operation: &str) -> Result<Permit, u64> {
        let slot = (plugin_id.to_owned(), operation.to_owned());
        let now = self.clock.monotonic();
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.get(&slot) {
            Some(State::Open { since }) => {
                let left = (*since + OPEN_FOR).saturating_sub(now);
                if !left.is_zero() {
                    return Err(whole_seconds(left));
                }
                slots.insert(slot.clone(), State::Probing);
            }
            Some(State::Probing) => return Err(1),
            Some(State::Closed { .. }) | None => {}
        }
        Ok(Permit { owner: self.clone(), slot, told: false })
    }

    /// Every breaker that is not closed.
    pub fn tripped(&self) -> Vec<Tripped> {
        let now = self.clock.monotonic();
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |((plugin_id, operation), state): (&Slot, &State)| {
            let (probing, left) = match state {
                State::Closed { .. } => return None,
                State::Open { since } => (false, (*since + OPEN_FOR).saturating_sub(now)),
                State::Probing => (true, Duration::from_secs(1)),
            };
            Some(Tripped {
                plugin_id: plugin_id.clone(),
                operation: operation.clone(),
                probing,
                retry_after: whole_seconds(left),
            })
        };
        let mut tripped: Vec<_> = slots.iter().filter_map(shown).collect();
        tripped.sort_by(|one, other| {
            (&one.plugin_id, &one.operation).cmp(&(&other.plugin_id, &other.operation))
        });
        tripped
    }
}

fn whole_seconds(left: Duration) -> u64 {
    left.as_secs_f64().ceil() as u64
}

impl Permit {
    pub fn succeeded(mut self) {
        self.told = true;
        let mut slots = self.owner.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.remove(&self.slot);
    }

    /// The end of a try says nothing of the callee, such as one that was withdrawn: a probe is
    /// followed by another.
    pub fn undecided(self) {}

    pub fn failed(mut self) {
        self.told = true;
        let now = self.owner.clock.monotonic();
        let mut slots = self.owner.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let state = slots.entry(self.slot.clone()).or_insert(State::Closed { failures: 0 });
        *state = match *state {
            State::Closed { failures } if failures + 1 < FAILURES => {
                State::Closed { failures: failures + 1 }
            }
            // A late failure of an older try must not prolong the pause.
            State::Open { since } => State::Open { since },
            State::Closed { .. } | State::Probing => State::Open { since: now },
        };
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.told {
            return;
        }
        let over = self.owner.clock.monotonic().saturating_sub(OPEN_FOR);
        let mut slots = self.owner.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.get(&self.slot) == Some(&State::Probing) {
            slots.insert(self.slot.clone(), State::Open { since: over });
        }
    }
}
