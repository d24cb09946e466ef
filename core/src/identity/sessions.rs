//! Sessions of people: a token names one, and the store says whether it still lives.
//!
//! A session ends when it is idle, after twelve hours whatever happens, at sign-out, when it is
//! revoked, and when its user is disabled. A token alone is never enough. The store is asked for
//! every request, so an end counts at once and a restart forgets nothing.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::tokens::TokenError;
use crate::policy::Roles;
use crate::store::StoreError;

/// Seconds in all.
pub(super) const ABSOLUTE: i64 = 12 * 3_600;
/// A use is written down when the last one is older, in seconds: a session may end this much
/// early, never late.
const GRAIN: i64 = 5;

pub(super) const SQL: &str = "CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        seen_at INTEGER NOT NULL,
        ends_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_user ON sessions (user_id);
    CREATE INDEX sessions_ends_at ON sessions (ends_at);";

/// Sessions from before they knew how they were verified end.
pub(super) const SQL_VERIFIED: &str = "DROP TABLE sessions;
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        seen_at INTEGER NOT NULL,
        verified_at INTEGER NOT NULL,
        mfa INTEGER NOT NULL,
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
    /// When the person last proved who it is, with everything it has.
    pub verified_at: i64,
    /// Whether a second factor was shown.
    pub mfa: bool,
    /// Whether the password is a one-time password.
    pub password_change: bool,
}

/// What a person has to do before anything else is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    ChangePassword,
    EnrollMfa,
}

impl Person {
    pub fn next_step(&self) -> Option<NextStep> {
        next_step(self.mfa, self.password_change)
    }
}

pub(super) fn next_step(mfa: bool, password_change: bool) -> Option<NextStep> {
    match (password_change, mfa) {
        (true, _) => Some(NextStep::ChangePassword),
        (false, false) => Some(NextStep::EnrollMfa),
        (false, true) => None,
    }
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

/// One session, as its user sees it.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    pub session_id: String,
    pub mfa: bool,
    pub created_at: i64,
    pub seen_at: i64,
    pub ends_at: i64,
}

/// A session that lives, and the user row behind it if there is an enabled one.
pub(super) struct Living {
    pub user_id: String,
    pub seen_at: i64,
    pub verified_at: i64,
    pub mfa: bool,
    /// Name, roles, whether the password has to be changed.
    pub user: Option<(String, String, bool)>,
}

impl Living {
    /// Whether this use has to be written down.
    pub fn is_stale(&self, now: i64) -> bool {
        now - self.seen_at >= GRAIN
    }
}

pub(super) fn start(
    tx: &Transaction<'_>,
    session_id: &str,
    user_id: &str,
    mfa: bool,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO sessions (id, user_id, created_at, seen_at, verified_at, mfa, ends_at)
         VALUES (?1, ?2, ?3, ?3, ?3, ?4, ?5)",
        (session_id, user_id, now, mfa, now + ABSOLUTE),
    )?;
    Ok(())
}

pub(super) fn find(
    conn: &Connection,
    session_id: &str,
    now: i64,
    idle: i64,
) -> Result<Result<Living, TokenError>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT s.user_id, s.seen_at, s.verified_at, s.mfa, s.ends_at,
                u.username, u.roles, u.password_change
         FROM sessions s LEFT JOIN users u ON u.id = s.user_id AND u.disabled = 0
         WHERE s.id = ?1",
    )?;
    let row = statement
        .query_row([session_id], |row| {
            let name: Option<String> = row.get(5)?;
            let user = match name {
                Some(name) => Some((name, row.get(6)?, row.get(7)?)),
                None => None,
            };
            let living = Living {
                user_id: row.get(0)?,
                seen_at: row.get(1)?,
                verified_at: row.get(2)?,
                mfa: row.get(3)?,
                user,
            };
            Ok((living, row.get::<_, i64>(4)?))
        })
        .optional()?;
    let Some((living, ends_at)) = row else { return Ok(Err(TokenError::Invalid)) };
    if now - living.seen_at > idle || now >= ends_at {
        return Ok(Err(TokenError::Expired));
    }
    Ok(Ok(living))
}

/// Marks the session as used. One that has ended meanwhile stays ended.
pub(super) fn touch(tx: &Transaction<'_>, session_id: &str, now: i64) -> Result<(), StoreError> {
    let sql = "UPDATE sessions SET seen_at = max(seen_at, ?2) WHERE id = ?1";
    tx.execute(sql, (session_id, now))?;
    Ok(())
}

/// The person has proved everything again; false when the session is gone.
pub(super) fn verified(
    tx: &Transaction<'_>,
    session_id: &str,
    mfa: bool,
    now: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE sessions SET verified_at = ?2, seen_at = ?2, mfa = max(mfa, ?3)
               WHERE id = ?1";
    Ok(tx.execute(sql, (session_id, now, mfa))? == 1)
}

pub(super) fn of_user(
    conn: &Connection,
    user_id: &str,
    now: i64,
    idle: i64,
) -> Result<Vec<SessionRecord>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, mfa, created_at, seen_at, ends_at FROM sessions
         WHERE user_id = ?1 AND ends_at > ?2 AND seen_at >= ?2 - ?3
         ORDER BY created_at DESC, id",
    )?;
    let rows = statement.query_map((user_id, now, idle), |row| {
        Ok(SessionRecord {
            session_id: row.get(0)?,
            mfa: row.get(1)?,
            created_at: row.get(2)?,
            seen_at: row.get(3)?,
            ends_at: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Ends one session of this user; that of somebody else stays.
pub(super) fn end(tx: &Transaction<'_>, session_id: &str, user_id: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM sessions WHERE id = ?1 AND user_id = ?2", (session_id, user_id))?;
    Ok(())
}

/// Ends all sessions of a user but the named one, and says how many.
pub(super) fn end_all(
    tx: &Transaction<'_>,
    user_id: &str,
    but: Option<&str>,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM sessions WHERE user_id = ?1 AND id IS NOT ?2";
    Ok(tx.execute(sql, (user_id, but))?)
}

/// Forgets sessions that have ended by themselves.
pub(super) fn sweep(tx: &Transaction<'_>, now: i64, idle: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM sessions WHERE ends_at <= ?1 OR seen_at < ?1 - ?2";
    tx.execute(sql, (now, idle))?;
    Ok(())
}
