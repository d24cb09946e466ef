//! The way of an entry to the disk: collected, written together, answered after the commit.
//!
//! Every entry that waits when the writer comes by is written in one job, so that a job costs the
//! same for one record as for a hundred. The job stands in the queue of the store before `push`
//! returns: whatever the caller writes afterwards is on the disk no earlier than its entry. Who
//! waits for the disk anyway only adds the entry and calls the writer once others had their turn to
//! add theirs, so that one sync serves them all.

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

/// Appends the entries of one turn and says the place of those that somebody waits for.
pub trait Write:
    FnOnce(&Transaction<'_>, Turn) -> Result<Vec<(Answer, i64)>, StoreError> + Send + 'static
{
}

impl<F> Write for F where
    F: FnOnce(&Transaction<'_>, Turn) -> Result<Vec<(Answer, i64)>, StoreError> + Send + 'static
{
}

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
    /// Adds an entry that somebody waits for. [`Queue::call`] must follow.
    pub fn add(&self, entry: Entry, answer: Answer) -> Result<(), StoreError> {
        self.lock_sound().admit(entry, Some(answer))
    }

    /// Adds an entry and calls the writer before anybody can write behind it.
    pub fn push<F: Write>(
        self: &Arc<Self>,
        store: &Store,
        entry: Entry,
        write: F,
    ) -> Result<(), StoreError> {
        let mut waiting = self.lock_sound();
        waiting.admit(entry, None)?;
        self.call_locked(waiting, store, write)
    }

    /// Has the writer come for what waits; `write` appends what one turn hands it, in order.
    pub fn call<F: Write>(self: &Arc<Self>, store: &Store, write: F) -> Result<(), StoreError> {
        self.call_locked(self.lock_sound(), store, write)
    }

    /// While the lock is held nobody else can add: what is refused here was promised to nobody.
    fn call_locked<F: Write>(
        self: &Arc<Self>,
        mut waiting: MutexGuard<'_, Waiting>,
        store: &Store,
        write: F,
    ) -> Result<(), StoreError> {
        if waiting.has_job || waiting.entries.is_empty() {
            return Ok(());
        }
        let turn = Turn { queue: self.clone(), taken: false };
        let done = |result: Result<Vec<(Answer, i64)>, StoreError>| {
            for (answer, seq) in result.unwrap_or_default() {
                let _ = answer.send(seq);
            }
        };
        let awaited = waiting.entries.iter().any(|(_, answer)| answer.is_some());
        let queued = store.enqueue_then(move |tx| write(tx, turn), done, awaited);
        if queued.is_err() {
            *waiting = Waiting::default();
            self.lost.store(false, Ordering::Release);
        } else {
            waiting.has_job = true;
        }
        queued
    }

    /// What a job that was thrown away should have taken is refused first.
    fn lock_sound(&self) -> MutexGuard<'_, Waiting> {
        let mut waiting = self.lock();
        if self.lost.swap(false, Ordering::AcqRel) {
            *waiting = Waiting::default();
        }
        waiting
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn admit(&mut self, entry: Entry, answer: Option<Answer>) -> Result<(), StoreError> {
        if self.entries.len() >= MOST {
            return Err(StoreError::Unavailable);
        }
        self.entries.push_back((entry, answer));
        Ok(())
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
