//! The way of an entry to the disk: collected, written together, answered after the commit.
//!
//! Every entry that waits when the writer comes by is written in one job, so that a job costs the
//! same for one record as for a hundred. The job stands in the queue of the store before `push`
//! returns: whatever the caller writes afterwards is on the disk no earlier than its entry.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Transaction;
use tokio::sync::oneshot;

use super::record::Entry;
use crate::store::{Store, StoreError};

/// More entries than this mean that the disk cannot follow.
const MOST: usize = 16_384;

pub type Answer = oneshot::Sender<i64>;

#[derive(Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    /// A job was thrown away without having run, so that nobody will come for what waits.
    lost: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<(Entry, Option<Answer>)>,
    /// A job that will take them stands in the queue of the store.
    has_job: bool,
}

/// One turn of the writer. When it is dropped before it took the entries, they are lost.
pub struct Turn {
    queue: Arc<Queue>,
    taken: bool,
}

impl Queue {
    /// Adds an entry; `write` appends what one turn hands it, in order.
    pub fn push<F>(
        self: &Arc<Self>,
        store: &Store,
        entry: Entry,
        answer: Option<Answer>,
        write: F,
    ) -> Result<(), StoreError>
    where
        F: FnOnce(&Transaction<'_>, Turn) -> Result<Vec<(Answer, i64)>, StoreError>
            + Send
            + 'static,
    {
        let mut waiting = self.lock();
        if self.lost.swap(false, Ordering::AcqRel) {
            *waiting = Waiting::default();
        }
        if waiting.entries.len() >= MOST {
            return Err(StoreError::Unavailable);
        }
        waiting.entries.push_back((entry, answer));
        if waiting.has_job {
            return Ok(());
        }
        let turn = Turn { queue: self.clone(), taken: false };
        let done = |result: Result<Vec<(Answer, i64)>, StoreError>| {
            for (answer, seq) in result.unwrap_or_default() {
                let _ = answer.send(seq);
            }
        };
        // Queued while nobody else can add: what is refused here was promised to nobody.
        let queued = store.enqueue_then(move |tx| write(tx, turn), done);
        if queued.is_err() {
            *waiting = Waiting::default();
            self.lost.store(false, Ordering::Release);
        } else {
            waiting.has_job = true;
        }
        queued
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// What waits now. Entries that come later get a turn of their own.
    pub fn take(mut self) -> VecDeque<(Entry, Option<Answer>)> {
        self.taken = true;
        let mut waiting = self.queue.lock();
        waiting.has_job = false;
        std::mem::take(&mut waiting.entries)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.taken {
            self.queue.lost.store(true, Ordering::Release);
        }
    }
}
