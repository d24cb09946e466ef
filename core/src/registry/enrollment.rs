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

/// A fresh token; only the administrator who asked for it ever sees it.
#[derive(Debug)]
pub struct Enrollment {
    pub plugin_id: String,
    pub token: SecretString,
    pub ends_at: i64,
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

pub(super) fn keep(
    tx: &Transaction<'_>,
    token: &str,
    plugin_id: &str,
    approve: bool,
    ends_at: i64,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute("DELETE FROM enrollments WHERE ends_at <= ?1", [now])?;
    tx.execute(
        "INSERT INTO enrollments (hash, plugin_id, approve, ends_at) VALUES (?1, ?2, ?3, ?4)",
        (sha256(token.as_bytes()), plugin_id, approve, ends_at),
    )?;
    Ok(())
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
) -> Result<(), StoreError> {
    let sql = "UPDATE enrollments SET spent_on = ?2 WHERE hash = ?1";
    tx.execute(sql, (enrolled.hash, digest))?;
    Ok(())
}

/// Whoever is revoked comes back only with an enrolment made afterwards.
pub(super) fn withdraw(tx: &Transaction<'_>, plugin_id: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM enrollments WHERE plugin_id = ?1", [plugin_id])?;
    Ok(())
}
