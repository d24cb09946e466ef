//! Group commit: one thread writes, and one disk sync covers everything that queued up before it.
//!
//! A job runs in its own savepoint, so one that fails takes back only its own statements. Replies
//! are sent after the commit and never before it. When the disk fails, nobody is answered and the
//! failure handler, which ends the process, decides.
//!
//! Jobs run in the order in which they were queued, and a later job is never in an earlier
//! transaction. So what is queued before an effect is on the disk no later than the effect, and
//! need not be awaited before it (see [`Writer::enqueue`]).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::telemetry::metrics::{STORE_BATCH, STORE_SECONDS};

use super::{OnFailure, StoreError};

const BATCH_JOBS: usize = 256;
/// Jobs are small, so this stops only a batch of large ones.
const BATCH_TIME: Duration = Duration::from_millis(10);
const QUEUE: usize = 4_096;
/// Pages of 4 KiB in the journal before they move into the file.
const CHECKPOINT_PAGES: i64 = 1_024;
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
        self.queue(work, false)?.durable().await
    }

    pub fn enqueue<T, F>(&self, work: F) -> Result<Queued<T>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.queue(work, true)
    }

    fn queue<T, F>(&self, work: F, relied_upon: bool) -> Result<Queued<T>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let reply = move |result| drop(reply.send(result));
        self.submit(Work { work: Some(work), result: None, reply: Some(reply), relied_upon })?;
        Ok(Queued { answer })
    }

    pub fn enqueue_then<T, F, R>(&self, work: F, reply: R) -> Result<(), StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
        R: FnOnce(Result<T, StoreError>) + Send + 'static,
    {
        self.submit(Work { work: Some(work), result: None, reply: Some(reply), relied_upon: true })
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
        let job = Work { work: Some(work), result: None, reply: Some(reply), relied_upon: false };
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

/// A unit of work whose answer waits for the commit.
trait Job: Send {
    /// Whether later jobs were queued in the belief that this one succeeds.
    fn is_relied_upon(&self) -> bool;
    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), Failure>;
    fn answer(self: Box<Self>);
    fn refuse(self: Box<Self>);
}

/// How far a failed job reaches.
enum Failure {
    Job,
    Disk(String),
}

struct Work<T, F, R> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: Option<R>,
    relied_upon: bool,
}

impl<T, F, R> Job for Work<T, F, R>
where
    T: Send + 'static,
    F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    R: FnOnce(Result<T, StoreError>) + Send + 'static,
{
    fn is_relied_upon(&self) -> bool {
        self.relied_upon
    }

    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), Failure> {
        let Some(work) = self.work.take() else { return Ok(()) };
        let result = catch_unwind(AssertUnwindSafe(|| work(transaction)))
            .unwrap_or(Err(StoreError::Unavailable));
        let outcome = match &result {
            Ok(_) => Ok(()),
            Err(StoreError::Sqlite(error)) if is_disk_failure(error) => {
                Err(Failure::Disk(error.to_string()))
            }
            // It cannot fail alone: what was queued behind it would be done without it.
            Err(error) if self.relied_upon && !is_full(error) => {
                Err(Failure::Disk("a write that others rely upon failed".to_owned()))
            }
            Err(_) => Err(Failure::Job),
        };
        self.result = Some(result);
        outcome
    }

    fn answer(mut self: Box<Self>) {
        let result = self.result.take().unwrap_or(Err(StoreError::Unavailable));
        if let Some(reply) = self.reply.take() {
            reply(result);
        }
    }

    fn refuse(mut self: Box<Self>) {
        if let Some(reply) = self.reply.take() {
            reply(Err(StoreError::Unavailable));
        }
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
        let mut done: Vec<Box<dyn Job>> = Vec::new();
        let mut open = true;
        let rests_until = &mut self.rests_until;
        let transaction =
            match self.connection.transaction_with_behavior(TransactionBehavior::Immediate) {
                Ok(transaction) => transaction,
                Err(error) => return refuse_all(vec![first], &error, rests_until).map(|()| true),
            };
        let mut next = Some(first);
        while let Some(mut job) = next.take() {
            let ran = run_in_savepoint(&transaction, job.as_mut());
            done.push(job);
            if let Err(what) = ran {
                done.into_iter().for_each(Job::refuse);
                return Err(what);
            }
            // SQLite ends the whole transaction by itself on some errors, such as a full disk.
            if transaction.is_autocommit() {
                refuse_and_rest(done, rests_until);
                return Ok(true);
            }
            if done.len() < BATCH_JOBS && started.elapsed() < BATCH_TIME {
                match self.jobs.try_recv() {
                    Ok(Message::Job(job)) => next = Some(job),
                    Ok(Message::Close) | Err(TryRecvError::Disconnected) => open = false,
                    Err(TryRecvError::Empty) => {}
                }
            }
        }
        let jobs = done.len() as u64;
        let commit = Instant::now();
        let committed = transaction.commit();
        STORE_SECONDS.time((), commit.elapsed());
        STORE_BATCH.note((), jobs);
        match committed {
            Ok(()) => done.into_iter().for_each(Job::answer),
            Err(error) => refuse_all(done, &error, rests_until)?,
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

fn run_in_savepoint(transaction: &Transaction<'_>, job: &mut dyn Job) -> Result<(), String> {
    // Prepared once: parsing three statements for each job would cost more than small jobs do.
    let savepoint = |sql: &str| {
        let done = transaction.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        match done {
            Err(error) if is_disk_failure(&error) => Err(error.to_string()),
            _ => Ok(()),
        }
    };
    savepoint("SAVEPOINT job")?;
    match job.run(transaction) {
        Ok(()) => savepoint("RELEASE job"),
        Err(Failure::Job) if transaction.is_autocommit() => Ok(()),
        Err(Failure::Job) => {
            savepoint("ROLLBACK TO job")?;
            savepoint("RELEASE job")
        }
        Err(Failure::Disk(what)) => Err(what),
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
    if jobs.iter().any(|job| job.is_relied_upon()) {
        *rests_until = Some(Instant::now() + REST);
    }
    jobs.into_iter().for_each(Job::refuse);
}

/// Nothing was written and the file is sound.
fn is_full(error: &StoreError) -> bool {
    matches!(error, StoreError::Sqlite(error)
        if error.sqlite_error_code() == Some(ErrorCode::DiskFull))
}

/// Errors after which the state of the file is unknown. A full disk is not one of them: the
/// transaction is rolled back whole and callers are told that nothing happened.
fn is_disk_failure(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ReadOnly
        )
    )
}
