//! How much work is taken at once. What is over the bound is refused before anything is looked
//! at, so that a flood costs little and what was taken is finished.
//!
//! Long polls and streams wait more than they work and have a bound of their own. Health and
//! readiness always answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use vivified_contract::runtime::OperationInfo;

use crate::telemetry::metrics::{REQUESTS_RUNNING, REQUESTS_WAITING, SHED};

/// Operations that hold their request open on purpose.
const WAITING: [&str; 3] = ["pull_events", "stream_events", "watch_config"];
const ALWAYS: [&str; 2] = ["get_health", "get_ready"];

/// All the work that may be taken is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overloaded;

pub struct Load {
    running: Slots,
    waiting: Slots,
    always: Slots,
    draining: AtomicBool,
}

struct Slots {
    most: usize,
    taken: AtomicUsize,
}

impl Load {
    pub fn new(requests: usize, waiting: usize) -> Self {
        let slots = |most| Slots { most, taken: AtomicUsize::new(0) };
        Self {
            running: slots(requests),
            waiting: slots(waiting),
            always: slots(usize::MAX),
            draining: AtomicBool::new(false),
        }
    }

    /// Takes a slot until [`Load::leave`].
    pub fn enter(&self, operation: &OperationInfo) -> Result<(), Overloaded> {
        let slots = self.slots(operation);
        let more = |taken: usize| (taken < slots.most).then_some(taken + 1);
        let taken = slots.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        self.show();
        taken.map(|_| ()).map_err(|_| {
            SHED.count(());
            Overloaded
        })
    }

    pub fn leave(&self, operation: &OperationInfo) {
        self.slots(operation).taken.fetch_sub(1, Ordering::AcqRel);
        self.show();
    }

    /// Requests that have not ended, of every kind.
    pub fn open(&self) -> usize {
        let all = [&self.running, &self.waiting, &self.always];
        all.iter().map(|slots| slots.taken.load(Ordering::Acquire)).sum()
    }

    /// From now on Core is not ready.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    fn slots(&self, operation: &OperationInfo) -> &Slots {
        match operation.id {
            id if WAITING.contains(&id) => &self.waiting,
            id if ALWAYS.contains(&id) => &self.always,
            _ => &self.running,
        }
    }

    fn show(&self) {
        let shown = |slots: &Slots| slots.taken.load(Ordering::Relaxed).try_into().unwrap_or(0);
        REQUESTS_RUNNING.set((), shown(&self.running));
        REQUESTS_WAITING.set((), shown(&self.waiting));
    }
}

#[cfg(test)]
mod tests {
    use vivified_contract::operations::{GET_HEALTH, GET_ME, PULL_EVENTS};

    use super::*;

    #[test]
    fn what_is_over_the_bound_is_refused_until_a_slot_is_free() {
        let load = Load::new(2, 1);
        assert_eq!((load.enter(&GET_ME), load.enter(&GET_ME)), (Ok(()), Ok(())));
        assert_eq!(load.enter(&GET_ME), Err(Overloaded));
        load.leave(&GET_ME);
        assert_eq!(load.enter(&GET_ME), Ok(()));
        assert_eq!(load.open(), 2);
    }

    #[test]
    fn waiting_requests_take_no_slot_of_working_ones_and_health_needs_none() {
        let load = Load::new(1, 1);
        assert_eq!((load.enter(&PULL_EVENTS), load.enter(&GET_ME)), (Ok(()), Ok(())));
        assert_eq!(load.enter(&PULL_EVENTS), Err(Overloaded));
        assert!((0..1_000).all(|_| load.enter(&GET_HEALTH).is_ok()));
    }

    #[test]
    fn the_operations_with_a_place_of_their_own_are_in_the_contract() {
        let known = |id: &&str| vivified_contract::OPERATIONS.iter().any(|known| known.id == *id);
        assert!(ALWAYS.iter().all(known));
        assert!(known(&WAITING[0]));
    }
}
