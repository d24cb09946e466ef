//! Enrolment tokens: made by an administrator, bound to one plugin id, good for one manifest.
//!
//! The token is 256 random bits of which only the hash is kept. Registering spends it. Until it
//! ends it still answers for the very same manifest, so that a plugin whose first answer got lost,
//! or that was restarted, does not need a new one; for any other manifest it is worth nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{OptionalExtension, Transaction};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::identity::TokenError;
use crate::json::sha256;
use crate::random;
use crate::store::StoreError;

/// Tells an enrolment token from the others before it is looked up.
pub const PREFIX: &str = "venr_";

pub(super) const SQL: &str = "CREATE TABLE enrollments (
        hash BLOB PRIMARY KEY,
        plugin_id TEXT NOT NULL,
        approve INTEGER NOT NULL,
        ends_at INTEGER NOT NULL,
        spent_on BLOB
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX enrollments_plugin ON enrollments (plugin_id);";

/// A name for each enrolment that is no secret, and when it was made and spent.
pub(super) const NAMED_SQL: &str = "ALTER TABLE enrollments ADD COLUMN id TEXT NOT NULL DEFAULT '';
    ALTER TABLE enrollments ADD COLUMN made_at INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE enrollments ADD COLUMN spent_at INTEGER;
    UPDATE enrollments SET id = 'enr_' || lower(hex(randomblob(16)));
    CREATE UNIQUE INDEX enrollments_id ON enrollments (id);";

/// A fresh token; only the administrator who asked for it ever sees it.
#[derive(Debug)]
pub struct Enrollment {
    pub id: String,
    pub plugin_id: String,
    pub token: SecretString,
    pub ends_at: i64,
}

/// An enrolment as administrators see it, without its token. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    pub plugin_id: String,
    pub approve: bool,
    pub made_at: i64,
    pub ends_at: i64,
    pub spent_at: Option<i64>,
}

/// Who shows a token that is known.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolled {
    pub plugin_id: String,
    hash: [u8; 32],
}

impl std::fmt::Debug for Enrolled {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Enrolled({})", self.plugin_id)
    }
}

pub(super) struct Terms {
    pub plugin_id: String,
    pub approve: bool,
    pub spent_on: Option<Vec<u8>>,
}

pub(super) fn fresh_token() -> Result<Zeroizing<String>, StoreError> {
    let mut bytes = Zeroizing::new([0; 32]);
    random::fill(bytes.as_mut_slice())?;
    Ok(Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_slice()))))
}

pub(super) fn keep(tx: &Transaction<'_>, token: &str, made: &Listed) -> Result<(), StoreError> {
    tx.execute("DELETE FROM enrollments WHERE ends_at <= ?1", [made.made_at])?;
    tx.execute(
        "INSERT INTO enrollments (hash, id, plugin_id, approve, made_at, ends_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            sha256(token.as_bytes()),
            &made.id,
            &made.plugin_id,
            made.approve,
            made.made_at,
            made.ends_at,
        ),
    )?;
    Ok(())
}

pub(super) fn all(conn: &rusqlite::Connection, now: i64) -> Result<Vec<Listed>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT id, plugin_id, approve, made_at, ends_at, spent_at FROM enrollments
         WHERE ends_at > ?1 ORDER BY made_at, id",
    )?;
    let rows = statement.query_map([now], |row| {
        Ok(Listed {
            id: row.get(0)?,
            plugin_id: row.get(1)?,
            approve: row.get(2)?,
            made_at: row.get(3)?,
            ends_at: row.get(4)?,
            spent_at: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Answers for whom the enrolment was, if there was one.
pub(super) fn remove(tx: &Transaction<'_>, id: &str) -> Result<Option<String>, StoreError> {
    let sql = "DELETE FROM enrollments WHERE id = ?1 RETURNING plugin_id";
    Ok(tx.query_row(sql, [id], |row| row.get(0)).optional()?)
}

/// Who holds this token, if it is known and has not ended.
pub(super) fn holder(
    conn: &rusqlite::Connection,
    token: &str,
    now: i64,
) -> Result<Result<Enrolled, TokenError>, StoreError> {
    let hash = sha256(token.as_bytes());
    let row: Option<(String, i64)> = conn
        .query_row("SELECT plugin_id, ends_at FROM enrollments WHERE hash = ?1", [hash], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(match row {
        None => Err(TokenError::Invalid),
        Some((_, ends_at)) if ends_at <= now => Err(TokenError::Expired),
        Some((plugin_id, _)) => Ok(Enrolled { plugin_id, hash }),
    })
}

/// What the token is good for, read again inside the transaction that spends it.
pub(super) fn terms(
    tx: &Transaction<'_>,
    enrolled: &Enrolled,
) -> Result<Option<Terms>, StoreError> {
    let sql = "SELECT plugin_id, approve, spent_on FROM enrollments WHERE hash = ?1";
    let terms = tx
        .query_row(sql, [enrolled.hash], |row| {
            Ok(Terms { plugin_id: row.get(0)?, approve: row.get(1)?, spent_on: row.get(2)? })
        })
        .optional()?;
    Ok(terms)
}

pub(super) fn spend(
    tx: &Transaction<'_>,
    enrolled: &Enrolled,
    digest: &[u8],
    now: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE enrollments SET spent_on = ?2, spent_at = ?3 WHERE hash = ?1";
    tx.execute(sql, (enrolled.hash, digest, now))?;
    Ok(())
}

/// Whoever is revoked comes back only with an enrolment made afterwards.
pub(super) fn withdraw(tx: &Transaction<'_>, plugin_id: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM enrollments WHERE plugin_id = ?1", [plugin_id])?;
    Ok(())
}
