//! How often a plugin may go out: a sliding window of one minute per plugin.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

const WINDOW_MS: u64 = 60_000;

/// Remembers the last minute of calls of each plugin, at most `limit` moments each.
pub struct Rate {
    limit: usize,
    calls: Mutex<HashMap<String, VecDeque<u64>>>,
}

impl Rate {
    pub fn per_minute(limit: usize) -> Self {
        Self { limit, calls: Mutex::default() }
    }

    /// Counts one call at `now` (milliseconds); when the window is full, the seconds until it has
    /// room again. Refused calls do not count, so that a waiting caller gets through.
    pub fn take(&self, plugin_id: &str, now: u64) -> Result<(), u64> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if !calls.contains_key(plugin_id) {
            calls.retain(|_, moments| moments.back().is_some_and(|last| last + WINDOW_MS > now));
        }
        let moments = calls.entry(plugin_id.to_owned()).or_default();
        while moments.front().is_some_and(|first| first + WINDOW_MS <= now) {
            moments.pop_front();
        }
        if moments.len() < self.limit {
            moments.push_back(now);
            return Ok(());
        }
        let free_at = moments.front().map_or(now, |first| first + WINDOW_MS);
        Err(free_at.saturating_sub(now).div_ceil(1000).max(1))
    }
}
