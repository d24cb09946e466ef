//! The units of work of the writer, and what the failure of one takes with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::{ErrorCode, Transaction};

use super::StoreError;

/// Which other jobs go down with one that fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Bond {
    Alone,
    /// Its neighbours of the same bond. They share a savepoint, which costs more than a small job.
    Together,
    /// All: later jobs were queued in the belief that this one succeeds.
    ReliedUpon,
}

/// A unit of work whose answer waits for the commit.
pub trait Job: Send {
    fn bond(&self) -> Bond;
    /// Whether anybody waits for the answer.
    fn is_awaited(&self) -> bool;
    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), Failure>;
    fn answer(self: Box<Self>);
    fn refuse(self: Box<Self>);
}

/// How far a failed job reaches.
pub enum Failure {
    Job,
    Disk(String),
}

pub struct Work<T, F, R> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: Option<R>,
    bond: Bond,
    awaited: bool,
}

impl<T, F, R> Work<T, F, R> {
    pub fn new(work: F, reply: R, bond: Bond) -> Self {
        Self { work: Some(work), result: None, reply: Some(reply), bond, awaited: true }
    }

    /// The same, when it is known whether anybody waits for it.
    pub fn awaited(self, awaited: bool) -> Self {
        Self { awaited, ..self }
    }
}

impl<T, F, R> Job for Work<T, F, R>
where
    T: Send + 'static,
    F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    R: FnOnce(Result<T, StoreError>) + Send + 'static,
{
    fn bond(&self) -> Bond {
        self.bond
    }

    fn is_awaited(&self) -> bool {
        self.awaited
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
            Err(error) if self.bond == Bond::ReliedUpon && !is_full(error) => {
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

/// Nothing was written and the file is sound.
fn is_full(error: &StoreError) -> bool {
    matches!(error, StoreError::Sqlite(error)
        if error.sqlite_error_code() == Some(ErrorCode::DiskFull))
}

/// Errors after which the state of the file is unknown. A full disk is not one of them: the
/// transaction is rolled back whole and callers are told that nothing happened.
pub fn is_disk_failure(error: &rusqlite::Error) -> bool {
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
