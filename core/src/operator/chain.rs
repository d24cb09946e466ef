//! Which calls are part of which: the chain that shows cycles, and the deadline that binds all.
//!
//! A callee that calls on continues the chain it is part of. It shows the token of the call it
//! works on, which Core signed; where it does not, the trace of the call tells the same, because
//! Core remembers what is under way. A chain never returns to a plugin and has at most eight hops.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

const MAX_HOPS: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainFault {
    /// The plugins in order, ending with the one that comes twice.
    Cycle(Vec<String>),
    TooLong,
}

/// A call that is under way.
#[derive(Clone)]
struct Running {
    id: u64,
    /// Every plugin of the chain, the callee last.
    path: Vec<String>,
    deadline: Instant,
}

/// Calls under way by trace.
#[derive(Clone, Default)]
pub struct Chains {
    running: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    next: u64,
    by_trace: HashMap<String, Vec<Running>>,
}

/// What a new call continues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Plugins before the caller, the outermost first.
    pub before: Vec<String>,
    pub deadline: Option<Instant>,
}

/// Takes the call from the list when it ends.
pub struct Entry {
    owner: Chains,
    trace_id: String,
    id: u64,
}

impl Chains {
    /// The call that `caller` works on in this trace; the longest one when there are several.
    pub fn origin(&self, trace_id: &str, caller: &str) -> Origin {
        let state = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = state.by_trace.get(trace_id).into_iter().flatten();
        calls
            .filter(|call| call.path.last().is_some_and(|callee| callee == caller))
            .max_by_key(|call| call.path.len())
            .map(|call| Origin {
                before: call.path[..call.path.len() - 1].to_vec(),
                deadline: Some(call.deadline),
            })
            .unwrap_or_default()
    }

    /// Adds a call that [`extend`] has allowed.
    pub fn enter(&self, trace_id: &str, path: Vec<String>, deadline: Instant) -> Entry {
        let mut state = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let id = state.next;
        state.next += 1;
        let calls = state.by_trace.entry(trace_id.to_owned()).or_default();
        calls.push(Running { id, path, deadline });
        Entry { owner: self.clone(), trace_id: trace_id.to_owned(), id }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut state = self.owner.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(calls) = state.by_trace.get_mut(&self.trace_id) {
            calls.retain(|call| call.id != self.id);
            if calls.is_empty() {
                state.by_trace.remove(&self.trace_id);
            }
        }
    }
}

/// The path of a call from `caller` to `callee` that continues `before`.
pub fn extend(before: &[String], caller: &str, callee: &str) -> Result<Vec<String>, ChainFault> {
    let mut path = before.to_vec();
    path.push(caller.to_owned());
    let cycle = path.iter().any(|plugin| plugin == callee);
    path.push(callee.to_owned());
    if cycle {
        return Err(ChainFault::Cycle(path));
    }
    if path.len() - 1 > MAX_HOPS {
        return Err(ChainFault::TooLong);
    }
    Ok(path)
}
