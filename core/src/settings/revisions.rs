//! The table of revisions.
//!
//! A removal is a revision too, without a value: it keeps revisions growing and tells those who
//! watch. All writes share one counter, so that one number says what a watcher has seen.

use rusqlite::{Connection, Row, Transaction, params};

use super::{Origin, Summary};
use crate::keyring::{SealedRow, seal_anew};
use crate::{Sealer, StoreError};

pub const SQL: &str = "
    CREATE TABLE settings (
        plugin_id TEXT NOT NULL,
        key TEXT NOT NULL,
        revision INTEGER NOT NULL,
        value BLOB NOT NULL,
        written_at INTEGER NOT NULL,
        PRIMARY KEY (plugin_id, key, revision)
    ) STRICT;
";

pub const SQL_ORIGINS: &str = "
    ALTER TABLE settings ADD COLUMN origin TEXT NOT NULL DEFAULT 'plugin';
    ALTER TABLE settings ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE settings ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX settings_by_change ON settings (plugin_id, change);
    CREATE INDEX settings_by_removal ON settings (written_at) WHERE removed = 1;
    CREATE TABLE settings_counter (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL)
        STRICT;
    INSERT INTO settings_counter (one, last) VALUES (1, 0);
";

/// How long a removal is remembered.
pub const REMOVALS_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// What is about to be written; no text is a removal.
pub struct Draft {
    pub plugin_id: String,
    pub key: String,
    pub text: Option<String>,
    pub origin: Origin,
    pub now: i64,
}

pub struct Record {
    pub revision: i64,
    pub value: Vec<u8>,
    pub origin: Origin,
    pub removed: bool,
    pub written_at: i64,
}

const COLUMNS: &str = "revision, value, origin, removed, written_at";

impl Record {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let origin: String = row.get("origin")?;
        Ok(Self {
            revision: row.get("revision")?,
            value: row.get("value")?,
            origin: Origin::parse(&origin).unwrap_or(Origin::Plugin),
            removed: row.get("removed")?,
            written_at: row.get("written_at")?,
        })
    }
}

/// The newest revision of a key, which may be a removal.
pub fn newest(conn: &Connection, plugin_id: &str, key: &str) -> Result<Option<Record>, StoreError> {
    Ok(all(conn, plugin_id, key, 1)?.pop())
}

/// Newest first.
pub fn all(
    conn: &Connection,
    plugin_id: &str,
    key: &str,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM settings WHERE plugin_id = ?1 AND key = ?2
         ORDER BY revision DESC LIMIT ?3"
    ))?;
    let rows = query.query_map(params![plugin_id, key, limit], Record::read)?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?)
}

/// The newest revision of every key that has a value.
pub fn newest_all(conn: &Connection, plugin_id: &str) -> Result<Vec<Summary>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT key, max(revision) AS revision, origin, removed, written_at FROM settings
         WHERE plugin_id = ?1 GROUP BY key HAVING removed = 0",
    )?;
    let rows = query.query_map([plugin_id], |row| {
        let origin: String = row.get("origin")?;
        Ok(Summary {
            key: row.get("key")?,
            revision: row.get("revision")?,
            origin: Origin::parse(&origin).unwrap_or(Origin::Plugin),
            written_at: Some(row.get("written_at")?),
        })
    })?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?)
}

/// Keys that have a value.
pub fn count(conn: &Connection, plugin_id: &str) -> Result<i64, StoreError> {
    Ok(conn.query_row(
        "SELECT count(*) FROM (SELECT max(revision), removed FROM settings
         WHERE plugin_id = ?1 GROUP BY key HAVING removed = 0)",
        [plugin_id],
        |row| row.get(0),
    )?)
}

pub fn insert(
    tx: &Transaction<'_>,
    sealer: &Sealer,
    draft: &Draft,
    revision: i64,
) -> Result<(), StoreError> {
    let change: i64 =
        tx.query_row("UPDATE settings_counter SET last = last + 1 RETURNING last", [], |row| {
            row.get(0)
        })?;
    let text = draft.text.as_deref().unwrap_or_default();
    let place = place(&draft.key, revision);
    let sealed = sealer.seal(&draft.plugin_id, &place, text.as_bytes())?;
    tx.execute(
        "INSERT INTO settings (plugin_id, key, revision, value, written_at, origin, removed, change)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            draft.plugin_id,
            draft.key,
            revision,
            sealed,
            draft.now,
            draft.origin.name(),
            draft.text.is_none(),
            change
        ],
    )?;
    Ok(())
}

/// Whether a removal was made before this time.
pub fn forgettable(conn: &Connection, before: i64) -> Result<bool, StoreError> {
    Ok(conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM settings WHERE removed = 1 AND written_at < ?1)",
        [before],
        |row| row.get(0),
    )?)
}

/// Takes away removals of that age and, where one is the newest word on its key, the whole key.
pub fn forget(tx: &Transaction<'_>, before: i64) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM settings WHERE (plugin_id, key) IN (
            SELECT plugin_id, key FROM settings AS old
            WHERE removed = 1 AND written_at < ?1 AND NOT EXISTS (
                SELECT 1 FROM settings AS newer WHERE newer.plugin_id = old.plugin_id
                AND newer.key = old.key AND newer.revision > old.revision))",
        [before],
    )?;
    tx.execute("DELETE FROM settings WHERE removed = 1 AND written_at < ?1", [before])?;
    Ok(())
}

/// Binds a sealed value to its key and revision.
pub fn place(key: &str, revision: i64) -> Vec<u8> {
    format!("settings/{key}/{revision}").into_bytes()
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
        "SELECT rowid, key, revision, value FROM settings WHERE plugin_id = ?1 AND rowid > ?2
         ORDER BY rowid LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![plugin_id, after, limit], |row| {
        let key: String = row.get(1)?;
        Ok(SealedRow { row: row.get(0)?, place: place(&key, row.get(2)?), value: row.get(3)? })
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    seal_anew(tx, sealer, plugin_id, rows, "UPDATE settings SET value = ?1 WHERE rowid = ?2")
}
