//! How often and how soon a failed try is repeated.
//!
//! Retries help against a lost connection and hurt a callee that is drowning. So each callee has
//! a budget: ten calls earn one retry, and a few are there from the start.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::{StoreError, random};

/// Tries beside the first one.
pub const MAX_RETRIES: u32 = 2;

/// In tenths of a retry.
const COST: u32 = 10;
const START: u32 = 10 * COST;
const MOST: u32 = 20 * COST;

#[derive(Default)]
pub struct Budget {
    tenths: Mutex<HashMap<String, u32>>,
}

impl Budget {
    /// Counts a call.
    pub fn earn(&self, callee: &str) {
        let mut tenths = self.tenths.lock().unwrap_or_else(PoisonError::into_inner);
        let held = tenths.entry(callee.to_owned()).or_insert(START);
        *held = (*held + 1).min(MOST);
    }

    /// Takes one retry, if there is one left.
    pub fn spend(&self, callee: &str) -> bool {
        let mut tenths = self.tenths.lock().unwrap_or_else(PoisonError::into_inner);
        let held = tenths.entry(callee.to_owned()).or_insert(START);
        let enough = *held >= COST;
        if enough {
            *held -= COST;
        }
        enough
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
