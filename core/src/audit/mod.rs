//! The audit log: append-only, hash-chained, and a condition of everything else.
//!
//! What cannot be written here does not happen: the guard appends an intent before an effect and
//! an outcome after it, and when an append fails the caller gets `audit_unavailable` and nothing
//! is released. The log lives in the same store as the effects, so an effect and its record can
//! share one transaction ([`AuditLog::append_in`]).

mod record;
mod search;
mod verify;

use std::time::Duration;

use ring::hmac;
use rusqlite::{OptionalExtension, Transaction};
use time::OffsetDateTime;
use time::macros::format_description;

pub use record::{Actor, ActorKind, Entry, Phase};
pub use search::{Filter, Page};
pub use verify::{Fault, Report, verify};

use crate::clock::Clock;
use crate::json::hex;
use crate::store::{MasterKey, Migration, Store, StoreError};
use record::hash;

/// The value of `prev` in the first record.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// A disk that stalls longer than this counts as one that cannot be written.
const STALL: Duration = Duration::from_secs(2);

pub const MIGRATIONS: &[Migration] = &[Migration {
    module: "audit",
    version: 1,
    sql: "CREATE TABLE audit_log (
            seq INTEGER PRIMARY KEY,
            time TEXT NOT NULL,
            action TEXT NOT NULL,
            actor_id TEXT NOT NULL,
            plugin_id TEXT,
            record TEXT NOT NULL,
            hash TEXT NOT NULL
        ) STRICT;
        CREATE INDEX audit_log_action ON audit_log (action, seq);
        CREATE INDEX audit_log_actor ON audit_log (actor_id, seq);
        CREATE INDEX audit_log_plugin ON audit_log (plugin_id, seq) WHERE plugin_id IS NOT NULL;
        CREATE INDEX audit_log_time ON audit_log (time, seq);
        CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
        CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;",
}];

/// The record could not be written, so what it would record must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written")]
pub struct AuditUnavailable;

#[derive(Clone)]
pub struct AuditLog {
    store: Store,
    clock: Clock,
    pseudonyms: hmac::Key,
}

impl AuditLog {
    pub fn new(store: Store, clock: Clock, master: &MasterKey) -> Self {
        let key = master.derive("audit pseudonyms", "");
        Self { store, clock, pseudonyms: hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()) }
    }

    /// Appends one record and answers its place once it is on the disk.
    pub async fn append(&self, entry: Entry) -> Result<i64, AuditUnavailable> {
        let log = self.clone();
        let write = self.store.write(move |tx| log.append_in(tx, entry));
        match tokio::time::timeout(STALL, write).await {
            Ok(Ok(seq)) => Ok(seq),
            Ok(Err(_)) | Err(_) => Err(AuditUnavailable),
        }
    }

    /// Appends within a transaction, so that the record and its effect stand or fall together.
    pub fn append_in(&self, tx: &Transaction<'_>, entry: Entry) -> Result<i64, StoreError> {
        let last = tx
            .prepare_cached("SELECT seq, time, hash FROM audit_log ORDER BY seq DESC LIMIT 1")?
            .query_row([], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            })
            .optional()?;
        let time = stamp(self.clock.now());
        let (seq, prev, entry) = match last {
            None => (1, GENESIS.to_owned(), entry),
            // A record says so itself when the clock of the machine went back before it.
            Some((seq, before, prev)) if before > time => {
                (seq + 1, prev, entry.detail("clock_went_back", "true"))
            }
            Some((seq, _, prev)) => (seq + 1, prev, entry),
        };
        let record = entry.into_record(seq, &time, &prev);
        let text = record.text();
        let hash = hash(&text);
        tx.prepare_cached(
            "INSERT INTO audit_log (seq, time, action, actor_id, plugin_id, record, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            seq,
            &time,
            record.string("action"),
            record.actor_id(),
            record.string("plugin_id"),
            &text,
            hash,
        ))?;
        Ok(seq)
    }

    /// A stable stand-in for an identifier that could name a person. Without the key nobody can
    /// try candidates against it.
    pub fn pseudonym(&self, kind: &str, value: &str) -> String {
        let mut context = hmac::Context::with_key(&self.pseudonyms);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(value.as_bytes());
        format!("{kind}_{}", hex(&context.sign().as_ref()[..16]))
    }
}

/// RFC 3339 in UTC with milliseconds: sorts as text.
pub(crate) fn stamp(time: OffsetDateTime) -> String {
    let form =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    time.to_offset(time::UtcOffset::UTC).format(form).expect("a time in UTC has all these parts")
}

#[cfg(test)]
mod tests;
