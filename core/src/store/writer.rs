//! Group commit: one thread writes, and one disk sync covers everything that queued up before it.
//!
//! A job that fails takes back only its own statements, or those of its [`Bond`]. Replies are sent
//! after the commit and never before it. When the disk fails, nobody is answered and the failure
//! handler, which ends the process, decides.
//!
//! Jobs run in the order in which they were queued, and a later job is never in an earlier
//! transaction. So what is queued before an effect is on the disk no later than the effect, and
//! need not be awaited before it (see [`Writer::enqueue`]).

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::telemetry::metrics::{STORE_BATCH, STORE_SECONDS};

use super::batch::Batch;
use super::job::{Bond, Job, Work, is_disk_failure};
use super::{OnFailure, StoreError};

const BATCH_JOBS: usize = 256;
/// Jobs are small, so this stops only a batch of large ones.
const BATCH_TIME: Duration = Duration::from_millis(10);
/// What nobody waits for, such as an intent, waits this long for the effect that comes after it, so
/// that one sync serves both.
const LINGER: Duration = Duration::from_millis(1);
const QUEUE: usize = 4_096;
/// Pages of 4 KiB in the journal before they move into the file.
const CHECKPOINT_PAGES: i64 = 4_096;
/// After a write that others build upon was lost to a full disk, nothing is written for longer
/// than any request may take, so that no effect can follow a record that is not there.
const REST: Duration = Duration::from_secs(65);

#[derive(Clone)]
pub(super) struct Writer {
    queue: SyncSender<Message>,
    handle: Arc<std::sync::Mutex<Option<std::thread::JoinHandle<()>>>>,
}

enum Message {
    Job(Box<dyn Job>),
    Close,
}

impl Writer {
    pub fn start(connection: Connection, on_failure: OnFailure) -> Result<Self, StoreError> {
        let (queue, jobs) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                Loop { connection, jobs, on_failure, rests_until: None }.run();
            })
            .map_err(|_| StoreError::Unavailable)?;
        Ok(Self { queue, handle: Arc::new(std::sync::Mutex::new(Some(thread))) })
    }

    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.queue(work, Bond::Alone)?.durable().await
    }

    pub async fn write_together<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.queue(work, Bond::Together)?.durable().await
    }

    pub fn enqueue<T, F>(&self, work: F) -> Result<Queued<T>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.queue(work, Bond::ReliedUpon)
    }

    fn queue<T, F>(&self, work: F, bond: Bond) -> Result<Queued<T>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let reply = move |result| drop(reply.send(result));
        self.submit(Work::new(work, reply, bond))?;
        Ok(Queued { answer })
    }

    pub fn enqueue_then<T, F, R>(&self, work: F, reply: R, awaited: bool) -> Result<(), StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
        R: FnOnce(Result<T, StoreError>) + Send + 'static,
    {
        self.submit(Work::new(work, reply, Bond::ReliedUpon).awaited(awaited))
    }

    /// A full queue means the disk cannot follow: refuse now rather than wait without a bound.
    fn submit(&self, job: impl Job + 'static) -> Result<(), StoreError> {
        self.queue.try_send(Message::Job(Box::new(job))).map_err(|_| StoreError::Unavailable)
    }

    pub fn write_blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let reply = move |result| drop(reply.send(result));
        let job = Work::new(work, reply, Bond::Alone);
        self.queue.send(Message::Job(Box::new(job))).map_err(|_| StoreError::Unavailable)?;
        answer.blocking_recv().unwrap_or(Err(StoreError::Unavailable))
    }

    pub async fn close(&self) {
        let queue = self.queue.clone();
        let handle = self.handle.clone();
        let _ = tokio::task::spawn_blocking(move || {
            let _ = queue.send(Message::Close);
            let thread = handle.lock().ok().and_then(|mut slot| slot.take());
            if let Some(thread) = thread {
                let _ = thread.join();
            }
        })
        .await;
    }
}

/// A write that stands in the queue and will run whether or not anybody waits for it.
pub struct Queued<T> {
    answer: oneshot::Receiver<Result<T, StoreError>>,
}

impl<T> Queued<T> {
    /// Answers once the write is on the disk.
    pub async fn durable(self) -> Result<T, StoreError> {
        self.answer.await.unwrap_or(Err(StoreError::Unavailable))
    }
}

struct Loop {
    connection: Connection,
    jobs: Receiver<Message>,
    on_failure: OnFailure,
    rests_until: Option<Instant>,
}

impl Loop {
    fn run(mut self) {
        let mut open = true;
        while open {
            let Ok(Message::Job(first)) = self.jobs.recv() else { break };
            if self.rests_until.is_some_and(|until| Instant::now() < until) {
                first.refuse();
                continue;
            }
            match self.batch(first) {
                Ok(more) => open = more,
                Err(what) => {
                    (self.on_failure)(&what);
                    return;
                }
            }
            if let Err(what) = self.checkpoint() {
                (self.on_failure)(&what);
                return;
            }
        }
        let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    /// Runs what is queued in one transaction. False when the store was told to close.
    fn batch(&mut self, first: Box<dyn Job>) -> Result<bool, String> {
        let started = Instant::now();
        let mut open = true;
        let rests_until = &mut self.rests_until;
        let transaction =
            match self.connection.transaction_with_behavior(TransactionBehavior::Immediate) {
                Ok(transaction) => transaction,
                Err(error) => return refuse_all(vec![first], &error, rests_until).map(|()| true),
            };
        let mut batch = Batch::new(transaction);
        let mut next = Some(first);
        while let Some(job) = next.take() {
            if let Err(what) = batch.run(job) {
                batch.done.into_iter().for_each(Job::refuse);
                return Err(what);
            }
            // SQLite ends the whole transaction by itself on some errors, such as a full disk.
            if batch.transaction.is_autocommit() {
                refuse_and_rest(batch.done, rests_until);
                return Ok(true);
            }
            if batch.done.len() < BATCH_JOBS && started.elapsed() < BATCH_TIME {
                let mut message = self.jobs.try_recv();
                let is_empty = matches!(message, Err(TryRecvError::Empty));
                if is_empty && !batch.done.iter().any(|job| job.is_awaited()) {
                    message = self.jobs.recv_timeout(LINGER).map_err(|_| TryRecvError::Empty);
                }
                match message {
                    Ok(Message::Job(job)) => next = Some(job),
                    Ok(Message::Close) | Err(TryRecvError::Disconnected) => open = false,
                    Err(TryRecvError::Empty) => {}
                }
            }
        }
        let jobs = batch.done.len() as u64;
        let commit = Instant::now();
        let committed = batch.transaction.commit();
        STORE_SECONDS.time((), commit.elapsed());
        STORE_BATCH.note((), jobs);
        match committed {
            Ok(()) => batch.done.into_iter().for_each(Job::answer),
            Err(error) => refuse_all(batch.done, &error, rests_until)?,
        }
        Ok(open)
    }

    /// Moves the journal into the file once it has grown, and looks at the result. The size of the
    /// journal file says nothing: SQLite writes it anew from the start and never shortens it, so
    /// what counts is the pages that are in use.
    fn checkpoint(&self) -> Result<(), String> {
        let used = self
            .connection
            .prepare_cached("PRAGMA wal_checkpoint(NOOP)")
            .and_then(|mut pages| pages.query_row([], |row| row.get::<_, i64>(1)));
        if used.is_ok_and(|used| used < CHECKPOINT_PAGES) {
            return Ok(());
        }
        match self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            Err(error) if is_disk_failure(&error) => Err(error.to_string()),
            _ => Ok(()),
        }
    }
}

fn refuse_all(
    jobs: Vec<Box<dyn Job>>,
    error: &rusqlite::Error,
    rests_until: &mut Option<Instant>,
) -> Result<(), String> {
    refuse_and_rest(jobs, rests_until);
    if is_disk_failure(error) { Err(error.to_string()) } else { Ok(()) }
}

fn refuse_and_rest(jobs: Vec<Box<dyn Job>>, rests_until: &mut Option<Instant>) {
    if jobs.iter().any(|job| job.bond() == Bond::ReliedUpon) {
        *rests_until = Some(Instant::now() + REST);
    }
    jobs.into_iter().for_each(Job::refuse);
}
