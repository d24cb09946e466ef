//! The embedded store: one SQLite file, one writer, a few readers.
//!
//! A write is answered only after the transaction that holds it is on the disk (WAL with
//! `synchronous=FULL`). All writes go through one thread, which commits what has queued up in one
//! go, so that the cost of the sync is shared (see [`writer`]). The tables belong to the modules
//! that use them: each hands its [`Migration`]s to [`Store::open`].

mod batch;
pub mod files;
mod job;
mod readers;
pub mod seal;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction};

use readers::Readers;
pub use seal::{MasterKey, Sealer};
pub use writer::Queued;
use writer::Writer;

/// Statements each connection keeps compiled; every module together has fewer.
const STATEMENTS: usize = 256;

/// Older versions can corrupt a WAL database (the WAL-reset bug).
const OLDEST_SQLITE: i32 = 3_051_003;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written; the store could not take or commit the transaction.
    #[error("the store is not available")]
    Unavailable,
    #[error("the store refused a statement: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the bundled SQLite {0} is older than 3.51.3")]
    OldSqlite(&'static str),
    #[error("a stored value does not open with its key")]
    Seal,
    /// What stands in the store contradicts itself; the text names the table, never a value.
    #[error("the store holds a broken record: {0}")]
    Broken(&'static str),
    #[error("{path}: {reason}")]
    File { path: PathBuf, reason: String },
}

impl StoreError {
    /// The error as a word of the program, for the log.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Sqlite(_) => "sqlite",
            Self::OldSqlite(_) => "old_sqlite",
            Self::Seal => "seal",
            Self::Broken(place) => place,
            Self::File { .. } => "file",
        }
    }
}

/// One step in the life of a module's tables. Steps are only ever added.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    pub module: &'static str,
    pub version: u32,
    pub sql: &'static str,
}

pub const MIGRATIONS: &[Migration] = &[
    Migration {
        module: "store",
        version: 1,
        sql: "CREATE TABLE probe (
                one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL
            ) STRICT",
    },
    Migration {
        module: "store",
        version: 2,
        sql: "CREATE TABLE purpose (
                one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL
            ) STRICT",
    },
];

/// What to do when the disk fails under the store. It must not return to serving.
pub type OnFailure = Arc<dyn Fn(&str) + Send + Sync>;

/// A handle; clones share the same file, writer and readers.
#[derive(Clone)]
pub struct Store {
    writer: Writer,
    readers: Readers,
}

impl Store {
    /// Opens or makes the file, brings the tables up to date and starts the writer.
    /// A disk error later on ends the process: an unknown state must not be served.
    pub fn open(path: &Path, modules: &[&[Migration]]) -> Result<Self, StoreError> {
        Self::open_with(path, modules, Arc::new(stop_process))
    }

    pub fn open_with(
        path: &Path,
        modules: &[&[Migration]],
        on_failure: OnFailure,
    ) -> Result<Self, StoreError> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(StoreError::OldSqlite(rusqlite::version()));
        }
        files::touch_private(path)?;
        let mut connection = Connection::open(path)?;
        configure(&connection)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        migrate(&mut connection, modules)?;
        files::sync_parent(path)?;
        let readers = Readers::open(path)?;
        let writer = Writer::start(connection, on_failure)?;
        Ok(Self { writer, readers })
    }

    /// Runs `work` in a transaction and answers once it is on the disk.
    /// An error of `work` takes back what it wrote, and nothing else.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// [`Store::write`] for small work that only a broken store can make fail: it goes down with
    /// the other work of this kind that stands beside it in the queue, and costs less for that.
    pub async fn write_together<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.writer.write_together(work).await
    }

    /// Queues `work` without waiting for it. Whatever is written after this call is on the disk no
    /// earlier than `work` is, so a record may be queued here before the effect it announces and
    /// be awaited together with it. `work` must not fail: all that came after it was done in the
    /// belief that it stands, so its failure ends the process like that of the disk. Only a full
    /// disk is forgiven: then nothing is written for a while.
    pub fn enqueue<T, F>(&self, work: F) -> Result<Queued<T>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.writer.enqueue(work)
    }

    /// [`Store::enqueue`] for work whose end is a call instead of an answer: `done` runs on the
    /// thread of the writer once the work is on the disk or refused, so it must be quick. Nothing
    /// calls it when the store was closed before the work ran. What is not `awaited` may wait for a
    /// millisecond for something that is.
    pub fn enqueue_then<T, F, R>(&self, work: F, done: R, awaited: bool) -> Result<(), StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
        R: FnOnce(Result<T, StoreError>) + Send + 'static,
    {
        self.writer.enqueue_then(work, done, awaited)
    }

    /// [`Store::write`] for code outside the async runtime, such as the start of the process.
    pub fn write_blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.writer.write_blocking(work)
    }

    /// Runs `work` on a read-only connection that sees every answered write.
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.readers.read(work).await
    }

    /// What this store was made for; the first one to say it decides for good.
    pub async fn purpose(&self, name: &'static str) -> Result<String, StoreError> {
        self.write(move |tx| {
            tx.execute("INSERT OR IGNORE INTO purpose (one, name) VALUES (1, ?1)", [name])?;
            Ok(tx.query_row("SELECT name FROM purpose", [], |row| row.get(0))?)
        })
        .await
    }

    /// Writes something and waits until it is on the disk.
    pub async fn probe(&self, at: i64) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute("INSERT OR REPLACE INTO probe (one, at) VALUES (1, ?1)", [at])?;
            Ok(())
        })
        .await
    }

    /// Commits what is queued and ends the writer; later writes answer `Unavailable`.
    pub async fn close(&self) {
        self.writer.close().await;
    }
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    keep_plans(connection)?;
    // The writer checkpoints itself: SQLite's automatic checkpoint swallows disk errors.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if mode != "wal" || synchronous != 2 {
        return Err(StoreError::Broken("the file cannot be put in WAL mode with full sync"));
    }
    Ok(())
}

/// A partial index makes SQLite look at the values bound to a statement and compile it anew for
/// each of them, which costs far more than most statements do. No plan here needs the values.
fn keep_plans(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn migrate(connection: &mut Connection, modules: &[&[Migration]]) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (
            module TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (module, version)
        ) STRICT",
    )?;
    for migration in modules.iter().copied().flatten() {
        let known: bool = transaction.query_row(
            "SELECT EXISTS (SELECT 1 FROM schema_migrations WHERE module = ?1 AND version = ?2)",
            (migration.module, migration.version),
            |row| row.get(0),
        )?;
        if !known {
            transaction.execute_batch(migration.sql)?;
            transaction.execute(
                "INSERT INTO schema_migrations (module, version) VALUES (?1, ?2)",
                (migration.module, migration.version),
            )?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// `EX_IOERR`: what was answered is safe, what was not is unknown, and only a restart can tell.
fn stop_process(what: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = std::io::Write::write_fmt(
        &mut stderr,
        format_args!("vivified-core: the store failed and the process stops: {what}\n"),
    );
    std::process::exit(74);
}

#[cfg(test)]
mod tests;
