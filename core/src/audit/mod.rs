//! The audit log: append-only, hash-chained, signed, and a condition of everything else.
//!
//! What cannot be written here does not happen: the guard appends an intent before an effect and
//! an outcome after it, and when an append fails the caller gets `audit_unavailable` and nothing
//! is released. The log lives in the same store as the effects, so an effect and its record can
//! share one transaction ([`AuditLog::append_in`]) or stand in order ([`AuditLog::announce`]).
//!
//! Every record quotes the hash of the one before. Every thousand records, and every minute in
//! which something was recorded, a checkpoint signs the Merkle root over all of them and leaves the
//! database for a second file, so that not even who can rewrite the database can rewrite the past.

mod blocks;
mod chain;
pub mod checkpoint;
pub mod command;
pub mod download;
pub mod export;
pub mod fhir;
pub mod folder;
mod heads;
mod holds;
mod key;
pub mod offline;
mod prune;
mod queue;
mod record;
mod search;
mod stamp;
mod tables;
mod text;
mod tree;
mod verify;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ring::hmac;
use rusqlite::Transaction;
use tokio::sync::oneshot;

pub use chain::{Broken, Chain, LoadError};
pub use checkpoint::{Checkpoint, Signed};
pub use holds::Hold;
pub use key::{AuditKey, PublicKey};
pub use offline::verify_folder;
pub use prune::{Base, PruneError, RETENTION_FLOOR_YEARS, Retention};
pub use record::{Actor, ActorKind, Entry, Phase};
pub use search::{Filter, Page};
pub(crate) use stamp::stamp;
pub use tables::MIGRATIONS;
pub use verify::{Fault, Report};

use crate::clock::Clock;
use crate::json::hex;
use crate::store::{MasterKey, Store, StoreError};
use crate::telemetry::metrics::{AUDIT_FAILURES, AUDIT_SECONDS};
use chain::Sealed;
use heads::Heads;
use queue::{Queue, Turn};

/// A disk that stalls longer than this counts as one that cannot be written.
const STALL: Duration = Duration::from_secs(2);
/// Seconds after which what was recorded is sealed, however little it is.
const SEAL_AFTER: Duration = Duration::from_secs(60);

/// The record could not be written, so what it would record must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written")]
pub struct AuditUnavailable;

/// What is set for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The second file that every checkpoint goes to.
    pub heads: Option<PathBuf>,
    /// Years before records may be pruned.
    pub retention_years: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { heads: None, retention_years: RETENTION_FLOOR_YEARS }
    }
}

/// Why the log cannot be opened. Core does not start then.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the audit log is broken: {0}; nothing is served until this is explained. Keep a copy of \
         the data folder, run `vivified-core audit verify --data-dir` on it, then restore the last \
         good backup together with its audit.key"
    )]
    Broken(#[from] Broken),
    #[error(
        "the audit log ends at record {size}, but {path} holds a checkpoint of {kept} records that \
         it does not contain: the database is older than that file or was rewritten. Restore the \
         newest backup; if an older one was restored on purpose, move that file aside and keep it"
    )]
    RolledBack { path: PathBuf, size: i64, kept: i64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LoadError> for OpenError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Broken(broken) => Self::Broken(broken),
            LoadError::Store(error) => Self::Store(error),
        }
    }
}

/// A handle; clones share the same log.
#[derive(Clone)]
pub struct AuditLog(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    key: Arc<AuditKey>,
    pseudonyms: hmac::Key,
    retention_years: u16,
    queue: Arc<Queue>,
    /// None while it must be read again. Only the writer of the store appends.
    chain: Mutex<Option<Chain>>,
    /// What the chain last said of itself.
    seen: Mutex<Seen>,
    heads: Option<tokio::sync::Mutex<Heads>>,
    /// There may be records before the beginning of the log.
    has_pruned: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    size: i64,
    sealed: Sealed,
    /// Monotonic time of the newest checkpoint.
    sealed_at: Duration,
}

impl AuditLog {
    /// Opens the log and verifies its end. A log that is broken there cannot be opened.
    pub async fn open(
        store: Store,
        clock: Clock,
        master: &MasterKey,
        key: AuditKey,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let pseudonyms = master.derive("audit pseudonyms", "");
        let key = Arc::new(key);
        let chain = {
            let (key, now) = (key.clone(), clock.now());
            store.write(move |tx| Ok(tables::open(tx, &key, now))).await??
        };
        let seen =
            Seen { size: chain.size(), sealed: chain.sealed(), sealed_at: clock.monotonic() };
        let heads = match settings.heads {
            None => None,
            Some(path) => {
                Some(tokio::sync::Mutex::new(Heads::open(path, &store, key.public()).await?))
            }
        };
        Ok(Self(Arc::new(Shared {
            store,
            clock,
            key,
            pseudonyms: hmac::Key::new(hmac::HMAC_SHA256, pseudonyms.as_slice()),
            retention_years: settings.retention_years.max(RETENTION_FLOOR_YEARS),
            queue: Arc::default(),
            chain: Mutex::new(Some(chain)),
            seen: Mutex::new(seen),
            heads,
            has_pruned: AtomicBool::new(true),
        })))
    }

    /// Appends one record and answers its place once it is on the disk. Whatever can run runs
    /// before the writer is called, so that the records of all who wait share one sync.
    pub async fn append(&self, entry: Entry) -> Result<i64, AuditUnavailable> {
        let (answer, written) = oneshot::channel();
        let start = Instant::now();
        self.0.queue.add(entry, answer).map_err(|_| AuditUnavailable)?;
        let calling = Calling(self);
        tokio::task::yield_now().await;
        drop(calling);
        match tokio::time::timeout(STALL, written).await {
            Ok(Ok(seq)) => {
                AUDIT_SECONDS.time((), start.elapsed());
                Ok(seq)
            }
            Ok(Err(_)) | Err(_) => {
                AUDIT_FAILURES.count(());
                Err(AuditUnavailable)
            }
        }
    }

    /// Queues one record without waiting for the disk. It is there no later than anything that is
    /// written to the store from now on, which is enough for an effect that lives there.
    pub fn announce(&self, entry: Entry) -> Result<(), AuditUnavailable> {
        self.0.queue.push(&self.0.store, entry, self.writing()).map_err(|_| AuditUnavailable)
    }

    fn writing(&self) -> impl queue::Write {
        let shared = self.0.clone();
        move |tx: &Transaction<'_>, turn: Turn| shared.write(tx, turn)
    }

    /// Appends within a transaction, so that the record and its effect stand or fall together.
    pub fn append_in(&self, tx: &Transaction<'_>, entry: &Entry) -> Result<i64, StoreError> {
        let now = self.0.clock.now();
        self.0.with_chain(tx, |chain| chain.append(tx, entry, now))
    }

    /// A stable stand-in for an identifier that could name a person. Without the key nobody can
    /// try candidates against it.
    pub fn pseudonym(&self, kind: &str, value: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0.pseudonyms);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(value.as_bytes());
        format!("{kind}_{}", hex(&context.sign().as_ref()[..16]))
    }

    /// The key that verifies checkpoints.
    pub fn public_key(&self) -> PublicKey {
        self.0.key.public()
    }

    /// Signs everything recorded so far and answers how far that is.
    pub async fn seal(&self) -> Result<i64, StoreError> {
        let shared = self.0.clone();
        let sealed = self
            .0
            .store
            .write(move |tx| {
                let now = shared.clock.now();
                shared.with_chain(tx, |chain| chain.seal(tx, now))
            })
            .await?;
        Ok(sealed.size)
    }

    /// Checkpoints before that number, newest first, and where the next page begins.
    pub async fn checkpoints(
        &self,
        before: Option<i64>,
        limit: i64,
    ) -> Result<(Vec<Signed>, Option<i64>), StoreError> {
        let before = before.unwrap_or(i64::MAX);
        self.0
            .store
            .read(move |conn| {
                let mut rows = conn.prepare_cached(
                    "SELECT number, text, signature FROM audit_checkpoints
                     WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
                )?;
                let rows = rows.query_map((before, limit), |row| {
                    let signed = Signed { text: row.get(1)?, signature: row.get(2)? };
                    Ok((row.get::<_, i64>(0)?, signed))
                })?;
                let found = rows.collect::<Result<Vec<_>, _>>()?;
                // Numbers begin at 1 and have no gaps.
                let next = found.last().map(|(number, _)| *number).filter(|number| *number > 1);
                Ok((found.into_iter().map(|(_, signed)| signed).collect(), next))
            })
            .await
    }

    /// What time asks for: a checkpoint each minute, its copy outside, records that were pruned.
    pub async fn upkeep(&self) -> Result<(), StoreError> {
        let seen = *self.0.lock_seen();
        let age = self.0.clock.monotonic().saturating_sub(seen.sealed_at);
        if seen.size > seen.sealed.size && age >= SEAL_AFTER {
            self.seal().await?;
        }
        self.copy_heads().await?;
        self.remove_pruned().await
    }

    /// Brings every checkpoint to the second file.
    pub async fn copy_heads(&self) -> Result<(), StoreError> {
        let Some(heads) = &self.0.heads else { return Ok(()) };
        let newest = self.0.lock_seen().sealed.number;
        heads.lock().await.copy(&self.0.store, self.0.key.public(), newest).await
    }
}

/// Calls the writer at its end, also when nobody waits for the record any more.
struct Calling<'a>(&'a AuditLog);

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        let log = self.0;
        // What cannot be written is told to those who wait by the end of their channel.
        let _ = log.0.queue.call(&log.0.store, log.writing());
    }
}

impl Shared {
    /// One turn of the writer: all that waits becomes records.
    fn write(
        &self,
        tx: &Transaction<'_>,
        turn: Turn,
    ) -> Result<Vec<(queue::Answer, i64)>, StoreError> {
        let entries = turn.take();
        let now = self.clock.now();
        let mut answers = Vec::with_capacity(entries.len());
        self.with_chain(tx, |chain| {
            for (entry, answer) in &entries {
                let seq = chain.append(tx, entry, now)?;
                if answer.is_some() {
                    answers.push(seq);
                }
            }
            Ok(())
        })?;
        let waiting = entries.into_iter().filter_map(|(_, answer)| answer);
        Ok(waiting.zip(answers).collect())
    }

    /// Runs `work` on a chain that fits the file. A chain that met an error is read again.
    fn with_chain<T>(
        &self,
        tx: &Transaction<'_>,
        work: impl FnOnce(&mut Chain) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut slot = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let mut chain = match slot.take() {
            Some(chain) if chain.is_current(tx)? => chain,
            _ => Chain::load(tx, &self.key).map_err(|error| match error {
                LoadError::Broken(_) => StoreError::Broken("audit_log"),
                LoadError::Store(error) => error,
            })?,
        };
        let result = work(&mut chain)?;
        self.look(&chain);
        *slot = Some(chain);
        Ok(result)
    }

    fn look(&self, chain: &Chain) {
        let mut seen = self.lock_seen();
        if chain.sealed().number != seen.sealed.number {
            seen.sealed_at = self.clock.monotonic();
        }
        seen.size = chain.size();
        seen.sealed = chain.sealed();
    }

    fn lock_seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
