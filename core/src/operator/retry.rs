//! How often and how soon a failed try is repeated.
//!
//! Retries help against a lost connection and hurt a callee that is drowning. So each callee has
//! a budget: of the calls of the last ten seconds a fifth may be tried again, and a few always.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::{Clock, StoreError, random};

/// Tries beside the first one.
pub const MAX_RETRIES: u32 = 2;

/// Seconds that are looked back on.
const WINDOW: usize = 10;
/// One retry for so many calls.
const CALLS_FOR_RETRY: u32 = 5;
/// Retries in a window whatever the number of calls.
const ALWAYS: u32 = 3;

pub struct Budget {
    clock: Clock,
    callees: Mutex<HashMap<String, Window>>,
}

/// Calls and retries of the last seconds, one slot each.
#[derive(Default)]
struct Window {
    second: u64,
    slots: [(u32, u32); WINDOW],
}

impl Budget {
    pub fn new(clock: Clock) -> Self {
        Self { clock, callees: Mutex::default() }
    }

    /// Counts a call.
    pub fn earn(&self, callee: &str) {
        self.with(callee, |window| {
            let (calls, _) = window.now();
            *calls = calls.saturating_add(1);
        });
    }

    /// Takes one retry, if there is one left.
    pub fn spend(&self, callee: &str) -> bool {
        self.with(callee, |window| {
            let (calls, retries) = window.slots.iter().fold((0_u32, 0_u32), |sum, slot| {
                (sum.0.saturating_add(slot.0), sum.1.saturating_add(slot.1))
            });
            let enough = retries < (calls / CALLS_FOR_RETRY).max(ALWAYS);
            if enough {
                window.now().1 += 1;
            }
            enough
        })
    }

    fn with<T>(&self, callee: &str, work: impl FnOnce(&mut Window) -> T) -> T {
        let second = self.clock.monotonic().as_secs();
        let mut callees = self.callees.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = callees.get_mut(callee) {
            window.advance(second);
            return work(window);
        }
        let window = callees.entry(callee.to_owned()).or_default();
        window.second = second;
        work(window)
    }
}

impl Window {
    /// Forgets the seconds that have left the window.
    fn advance(&mut self, second: u64) {
        let passed = second.saturating_sub(self.second).min(WINDOW as u64);
        for step in 1..=passed {
            self.slots[((self.second + step) % WINDOW as u64) as usize] = (0, 0);
        }
        if second.saturating_sub(self.second) >= WINDOW as u64 {
            self.slots = Default::default();
        }
        self.second = self.second.max(second);
    }

    fn now(&mut self) -> &mut (u32, u32) {
        &mut self.slots[(self.second % WINDOW as u64) as usize]
    }
}

/// Full jitter: anything between nothing and a doubling bound.
pub struct Backoff {
    pub base: Duration,
    pub most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(50), most: Duration::from_secs(1) }
    }
}

impl Backoff {
    /// The pause before retry number `retry`, from 1.
    pub fn pause(&self, retry: u32) -> Result<Duration, StoreError> {
        let bound = self.base.saturating_mul(1 << retry.min(8)).min(self.most);
        let mut bytes = [0; 4];
        random::fill(&mut bytes)?;
        let share = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
        Ok(bound.mul_f64(share))
    }
}
