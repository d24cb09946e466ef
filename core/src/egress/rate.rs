//! How often a plugin may go out: a sliding window of one minute for each entry.
//!
//! Calls that no entry covers share one window, so that a plugin cannot try out the guard without
//! end.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

const WINDOW_MS: u64 = 60_000;

/// The window of one plugin and one entry.
type Window = (String, String);

/// Remembers the last minute of calls of each window, at most as many as its limit.
#[derive(Default)]
pub struct Rate {
    calls: Mutex<HashMap<Window, VecDeque<u64>>>,
}

impl Rate {
    /// Counts one call at `now` (milliseconds); when the window is full, the seconds until it has
    /// room again. Refused calls do not count, so that a waiting caller gets through.
    pub fn take(&self, plugin_id: &str, entry: &str, limit: usize, now: u64) -> Result<(), u64> {
        let window = (plugin_id.to_owned(), entry.to_owned());
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if !calls.contains_key(&window) {
            calls.retain(|_, moments| moments.back().is_some_and(|last| last + WINDOW_MS > now));
        }
        let moments = calls.entry(window).or_default();
        while moments.front().is_some_and(|first| first + WINDOW_MS <= now) {
            moments.pop_front();
        }
        if moments.len() < limit {
            moments.push_back(now);
            return Ok(());
        }
        let free_at = moments.front().map_or(now, |first| first + WINDOW_MS);
        Err(free_at.saturating_sub(now).div_ceil(1000).max(1))
    }
}
