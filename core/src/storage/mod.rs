//! The key-value store of each plugin: a namespace of its own, sealed under its own key.
//!
//! Revisions of a key only grow, also across delete and expiry, so that compare-and-set cannot
//! mistake a new value for an old one: what goes raises a floor under every revision of its plugin.
//! A value whose time has passed is gone for every reader at that moment; its space is freed by
//! upkeep and at the next write, whichever comes first.

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
mod usage;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde_json::Value;

use crate::keyring::{SealedRow, seal_anew};
use usage::{Growth, Usage, bury_expired};

use crate::{Clock, Migration, Sealer, Store, StoreError};

pub const MIGRATIONS: &[Migration] = &[
    Migration { module: "storage", version: 1, sql: SQL },
    Migration { module: "storage", version: 2, sql: usage::SQL_KEYS },
    Migration { module: "storage", version: 3, sql: usage::SQL_FLOOR },
];

const SQL: &str = "
        CREATE TABLE storage_values (
            plugin_id TEXT NOT NULL,
            key TEXT NOT NULL,
            revision INTEGER NOT NULL,
            value BLOB,
            size INTEGER NOT NULL,
            expires_at INTEGER,
            removed_at INTEGER,
            PRIMARY KEY (plugin_id, key)
        ) STRICT;
        CREATE INDEX storage_by_expiry ON storage_values (plugin_id, expires_at)
            WHERE expires_at IS NOT NULL;
        CREATE INDEX storage_by_removal ON storage_values (removed_at)
            WHERE removed_at IS NOT NULL;
        CREATE TABLE storage_usage (
            plugin_id TEXT NOT NULL PRIMARY KEY,
            octets INTEGER NOT NULL
        ) STRICT;
    ";

#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("the key is not there")]
    UnknownKey,
    #[error("the newest revision is {current}")]
    RevisionConflict { current: i64 },
    #[error("the quota of {quota} octets is used up")]
    QuotaExceeded { quota: u64 },
    #[error("the quota of {quota} keys is used up")]
    TooManyKeys { quota: u64 },
    #[error("the cursor is not one of ours")]
    BadCursor,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Clone, PartialEq)]
pub struct Stored {
    pub key: String,
    pub value: Value,
    pub revision: i64,
    /// Milliseconds since 1970.
    pub expires_at: Option<i64>,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Stored(revision {})", self.revision)
    }
}

/// What a list tells of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    pub revision: i64,
    pub size: i64,
    pub expires_at: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub keys: Vec<Listed>,
    pub cursor: Option<String>,
}

/// How a value is to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    pub quota: u64,
    pub quota_keys: u64,
    pub ttl_seconds: Option<i64>,
    /// Write only while this is the newest revision; 0 means while there is none.
    pub if_revision: Option<i64>,
}

#[derive(Clone)]
pub struct Storage {
    store: Store,
    sealer: Sealer,
    clock: Clock,
}

impl Storage {
    pub fn new(store: Store, sealer: Sealer, clock: Clock) -> Self {
        Self { store, sealer, clock }
    }

    pub async fn put(
        &self,
        plugin_id: &str,
        key: &str,
        value: Value,
        terms: Terms,
    ) -> Result<Stored, StorageError> {
        let now = self.clock.unix_millis();
        let expires_at = terms.ttl_seconds.map(|seconds| now.saturating_add(seconds * 1_000));
        let (plugin, name) = (plugin_id.to_owned(), key.to_owned());
        let (sealer, text) = (self.sealer.clone(), value.to_string());
        let size = i64::try_from(text.len()).map_err(|_| StoreError::Unavailable)?;
        let written = self.store.write(move |tx| {
            bury_expired(tx, &plugin, now)?;
            let row = row(tx, &plugin, &name)?;
            let current = row.as_ref().map_or(0, |row| row.revision);
            if terms.if_revision.is_some_and(|expected| expected != current) {
                return Ok(Err(StorageError::RevisionConflict { current }));
            }
            let growth = Growth {
                octets: size - row.as_ref().map_or(0, |row| row.size),
                keys: i64::from(current == 0),
            };
            let usage = Usage::read(tx, &plugin)?;
            if let Err(full) = usage.admit(growth, terms) {
                return Ok(Err(full));
            }
            let revision = row.map_or(usage.floor, |row| row.revision) + 1;
            let place = place(&name, revision, expires_at);
            let sealed = sealer.seal(&plugin, &place, text.as_bytes())?;
            tx.execute(
                "INSERT INTO storage_values (plugin_id, key, revision, value, size, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (plugin_id, key) DO UPDATE SET revision = excluded.revision,
                    value = excluded.value, size = excluded.size,
                    expires_at = excluded.expires_at",
                params![plugin, name, revision, sealed, size, expires_at],
            )?;
            usage::add(tx, &plugin, growth)?;
            Ok(Ok(revision))
        });
        let revision = written.await??;
        Ok(Stored { key: key.to_owned(), value, revision, expires_at })
    }

    pub async fn get(&self, plugin_id: &str, key: &str) -> Result<Stored, StorageError> {
        let now = self.clock.unix_millis();
        let (plugin, name) = (plugin_id.to_owned(), key.to_owned());
        let found = self.store.read(move |conn| {
            Ok(conn
                .query_row(
                    "SELECT revision, value, expires_at FROM storage_values
                     WHERE plugin_id = ?1 AND key = ?2
                        AND (expires_at IS NULL OR expires_at > ?3)",
                    params![plugin, name, now],
                    |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.get(2)?)),
                )
                .optional()?)
        });
        let (revision, sealed, expires_at) = found.await?.ok_or(StorageError::UnknownKey)?;
        let text = self.sealer.open(plugin_id, &place(key, revision, expires_at), &sealed)?;
        let value = serde_json::from_slice(&text)
            .map_err(|_| StoreError::Broken("storage_values holds no JSON"))?;
        Ok(Stored { key: key.to_owned(), value, revision, expires_at })
    }

    /// Removes a value. What is not there is gone already, unless a revision was expected.
    pub async fn delete(
        &self,
        plugin_id: &str,
        key: &str,
        if_revision: Option<i64>,
    ) -> Result<(), StorageError> {
        let now = self.clock.unix_millis();
        let (plugin, name) = (plugin_id.to_owned(), key.to_owned());
        let removed = self.store.write(move |tx| {
            bury_expired(tx, &plugin, now)?;
            let row = row(tx, &plugin, &name)?;
            let current = row.as_ref().map_or(0, |row| row.revision);
            if if_revision.is_some_and(|expected| expected != current) {
                return Ok(Err(StorageError::RevisionConflict { current }));
            }
            if let Some(row) = row {
                tx.execute(
                    "DELETE FROM storage_values WHERE plugin_id = ?1 AND key = ?2",
                    params![plugin, name],
                )?;
                usage::add(tx, &plugin, Growth { octets: -row.size, keys: -1 })?;
                usage::raise_floor(tx, &plugin, row.revision)?;
            }
            Ok(Ok(()))
        });
        removed.await?
    }

    /// Frees the space of what has expired, a bounded number of plugins at a time.
    pub async fn upkeep(&self) -> Result<(), StoreError> {
        let now = self.clock.unix_millis();
        let due = self.store.read(move |conn| usage::plugins_with_expired(conn, now)).await?;
        for plugin_id in due {
            self.store.write(move |tx| bury_expired(tx, &plugin_id, now)).await?;
        }
        Ok(())
    }

    /// Keys in byte order that open with `prefix`, after the cursor.
    pub async fn list(
        &self,
        plugin_id: &str,
        prefix: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, StorageError> {
        let now = self.clock.unix_millis();
        let after = cursor.map(read_cursor).transpose()?.unwrap_or_default();
        let (plugin, prefix) = (plugin_id.to_owned(), prefix.to_owned());
        let rows = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
        let listed = self.store.read(move |conn| {
            let mut query = conn.prepare_cached(
                "SELECT key, revision, size, expires_at FROM storage_values
                 WHERE plugin_id = ?1 AND key >= ?2 AND key > ?3
                    AND substr(key, 1, length(?2)) = ?2
                    AND (expires_at IS NULL OR expires_at > ?4)
                 ORDER BY key LIMIT ?5",
            )?;
            let rows = query.query_map(params![plugin, prefix, after, now, rows], |row| {
                Ok(Listed {
                    key: row.get(0)?,
                    revision: row.get(1)?,
                    size: row.get(2)?,
                    expires_at: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        let mut keys = listed.await?;
        let more = keys.len() > limit;
        keys.truncate(limit);
        let last = keys.last().filter(|_| more);
        let cursor = last.map(|last| URL_SAFE_NO_PAD.encode(last.key.as_bytes()));
        Ok(Page { keys, cursor })
    }
}

struct Row {
    revision: i64,
    size: i64,
}

fn row(conn: &Connection, plugin_id: &str, key: &str) -> Result<Option<Row>, StoreError> {
    Ok(conn
        .query_row(
            "SELECT revision, size FROM storage_values
             WHERE plugin_id = ?1 AND key = ?2",
            params![plugin_id, key],
            |row| Ok(Row { revision: row.get(0)?, size: row.get(1)? }),
        )
        .optional()?)
}

/// Binds a sealed value to its key, revision and end, so that rows cannot be swapped and no life
/// can be made longer by hand.
fn place(key: &str, revision: i64, expires_at: Option<i64>) -> Vec<u8> {
    let end = expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    format!("storage/{key}/{revision}/{end}").into_bytes()
}

/// Seals what an older key closed with the newest one, a few rows at a time.
pub fn reseal(
    tx: &Transaction<'_>,
    sealer: &Sealer,
    plugin_id: &str,
    after: i64,
    limit: usize,
) -> Result<Option<i64>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT rowid, key, revision, expires_at, value FROM storage_values
         WHERE plugin_id = ?1 AND rowid > ?2 ORDER BY rowid LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![plugin_id, after, limit], |row| {
        let key: String = row.get(1)?;
        let place = place(&key, row.get(2)?, row.get(3)?);
        Ok(SealedRow { row: row.get(0)?, place, value: row.get(4)? })
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    seal_anew(tx, sealer, plugin_id, rows, "UPDATE storage_values SET value = ?1 WHERE rowid = ?2")
}

fn read_cursor(cursor: &str) -> Result<String, StorageError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| StorageError::BadCursor)?;
    String::from_utf8(bytes).map_err(|_| StorageError::BadCursor)
}
