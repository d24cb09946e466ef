//! Sessions of people: a token names one, and the store says whether it still lives.
//!
//! A session ends after 15 minutes without a request, after twelve hours whatever happens, at
//! sign-out, and when its user is disabled. A token alone is never enough.

use rusqlite::{OptionalExtension, Transaction};

use super::tokens::TokenError;
use crate::policy::Roles;
use crate::store::StoreError;

/// Seconds without a request.
pub(super) const IDLE: i64 = 900;
/// Seconds in all.
pub(super) const ABSOLUTE: i64 = 12 * 3_600;

pub(super) const SQL: &str = "CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        seen_at INTEGER NOT NULL,
        ends_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_user ON sessions (user_id);
    CREATE INDEX sessions_ends_at ON sessions (ends_at);";

/// A person whose session lives.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    pub user_id: String,
    pub username: String,
    pub roles: Roles,
    pub session_id: String,
    /// End of the token, in seconds since 1970.
    pub expires_at: i64,
}

/// A user name can be the name of a person: it prints as nothing.
impl std::fmt::Debug for Person {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Person")
            .field("user_id", &self.user_id)
            .field("username", &"***")
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

pub(super) fn start(
    tx: &Transaction<'_>,
    session_id: &str,
    user_id: &str,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute("DELETE FROM sessions WHERE ends_at <= ?1", [now])?;
    tx.execute(
        "INSERT INTO sessions (id, user_id, seen_at, ends_at) VALUES (?1, ?2, ?3, ?4)",
        (session_id, user_id, now, now + ABSOLUTE),
    )?;
    Ok(())
}

/// Marks the session as used and answers its user id, if it still lives.
pub(super) fn touch(
    tx: &Transaction<'_>,
    session_id: &str,
    now: i64,
) -> Result<Result<String, TokenError>, StoreError> {
    let row: Option<(String, i64, i64)> = tx
        .query_row(
            "SELECT user_id, seen_at, ends_at FROM sessions WHERE id = ?1",
            [session_id],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((user_id, seen_at, ends_at)) = row else { return Ok(Err(TokenError::Invalid)) };
    if now - seen_at > IDLE || now >= ends_at {
        end(tx, session_id)?;
        return Ok(Err(TokenError::Expired));
    }
    if seen_at < now {
        tx.execute("UPDATE sessions SET seen_at = ?2 WHERE id = ?1", (session_id, now))?;
    }
    Ok(Ok(user_id))
}

pub(super) fn end(tx: &Transaction<'_>, session_id: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM sessions WHERE id = ?1", [session_id])?;
    Ok(())
}
