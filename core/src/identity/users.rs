//! The accounts as the store keeps them.

use rusqlite::{Connection, OptionalExtension, Transaction};
use secrecy::SecretString;

use crate::policy::{Member, Role, Roles};
use crate::store::StoreError;

pub(super) const SQL: &str = "CREATE TABLE users (
        id TEXT PRIMARY KEY,
        username TEXT NOT NULL UNIQUE,
        roles TEXT NOT NULL,
        password_hash TEXT NOT NULL,
        totp_secret BLOB NOT NULL,
        totp_step INTEGER NOT NULL,
        confirmed INTEGER NOT NULL,
        disabled INTEGER NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;";

/// An empty `totp_secret` says that there is no second factor. The `pending` columns hold one
/// that waits for its first code, in the session that asked for it.
pub(super) const SQL_LIFE: &str = "
    ALTER TABLE users ADD COLUMN password_change INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE users ADD COLUMN password_ends_at INTEGER;
    ALTER TABLE users ADD COLUMN pending_totp BLOB;
    ALTER TABLE users ADD COLUMN pending_session TEXT;
    ALTER TABLE users ADD COLUMN pending_ends_at INTEGER;
    ALTER TABLE users ADD COLUMN signed_in_at INTEGER;";

/// What checking an account needs.
pub(super) struct User {
    pub id: String,
    pub password_hash: String,
    pub password_change: bool,
    /// A one-time password is good until then.
    pub password_ends_at: Option<i64>,
    /// Sealed; empty without a second factor.
    pub totp_secret: Vec<u8>,
    pub disabled: bool,
}

impl User {
    pub fn has_factor(&self) -> bool {
        !self.totp_secret.is_empty()
    }

    pub fn may_sign_in(&self, now: i64) -> bool {
        !self.disabled && self.password_ends_at.is_none_or(|end| now < end)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserStatus {
    /// Has not yet set a password of its own and enrolled a second factor.
    Invited,
    Active,
    Disabled,
}

/// One account, as administrators see it. Times are seconds since 1970.
#[derive(Clone)]
pub struct UserRecord {
    pub user_id: String,
    pub username: String,
    pub roles: Roles,
    pub disabled: bool,
    pub mfa: bool,
    pub password_change: bool,
    pub recovery_codes_left: i32,
    pub sessions: i32,
    pub created_at: i64,
    pub last_sign_in_at: Option<i64>,
}

impl UserRecord {
    pub fn status(&self) -> UserStatus {
        match (self.disabled, self.mfa && !self.password_change) {
            (true, _) => UserStatus::Disabled,
            (false, true) => UserStatus::Active,
            (false, false) => UserStatus::Invited,
        }
    }
}

/// A user name can be the name of a person: it prints as nothing.
impl std::fmt::Debug for UserRecord {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("UserRecord").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// A one-time password on its way to its user.
pub struct Invitation {
    pub user_id: String,
    pub username: String,
    pub password: SecretString,
    pub ends_at: i64,
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Invitation").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

pub(super) fn find(conn: &Connection, username: &str) -> Result<Option<User>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, password_hash, password_change, password_ends_at, totp_secret, disabled
         FROM users WHERE username = ?1",
    )?;
    let user = statement.query_row([username], |row| {
        Ok(User {
            id: row.get(0)?,
            password_hash: row.get(1)?,
            password_change: row.get(2)?,
            password_ends_at: row.get(3)?,
            totp_secret: row.get(4)?,
            disabled: row.get(5)?,
        })
    });
    Ok(user.optional()?)
}

/// Whether the account is still the one that was checked: checking takes time, and meanwhile an
/// administrator may have disabled it or its password may have changed.
pub(super) fn is_unchanged(tx: &Transaction<'_>, user: &User) -> Result<bool, StoreError> {
    Ok(tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1 AND disabled = 0
            AND password_hash = ?2 AND totp_secret = ?3)",
        (&user.id, &user.password_hash, &user.totp_secret),
        |row| row.get(0),
    )?)
}

/// A step counts once: only one of many equal codes finds a smaller step to replace.
pub(super) fn accept_step(
    tx: &Transaction<'_>,
    user_id: &str,
    step: i64,
) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE users SET totp_step = ?2, confirmed = 1
         WHERE id = ?1 AND totp_step < ?2 AND disabled = 0",
        (user_id, step),
    )?;
    Ok(changed == 1)
}

pub(super) fn all(
    conn: &Connection,
    only: Option<&str>,
    now: i64,
    idle: i64,
) -> Result<Vec<UserRecord>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, username, roles, disabled, length(totp_secret) > 0, password_change,
            (SELECT count(*) FROM recovery_codes r WHERE r.user_id = users.id),
            (SELECT count(*) FROM sessions s WHERE s.user_id = users.id
                AND s.ends_at > ?2 AND s.seen_at >= ?2 - ?3),
            created_at, signed_in_at
         FROM users WHERE ?1 IS NULL OR id = ?1 ORDER BY username",
    )?;
    let rows = statement.query_map((only, now, idle), |row| {
        Ok(UserRecord {
            user_id: row.get(0)?,
            username: row.get(1)?,
            roles: parse_roles(&row.get::<_, String>(2)?),
            disabled: row.get(3)?,
            mfa: row.get(4)?,
            password_change: row.get(5)?,
            recovery_codes_left: row.get(6)?,
            sessions: row.get(7)?,
            created_at: row.get(8)?,
            last_sign_in_at: row.get(9)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether somebody else can do the work of an administrator: enabled and with a second factor.
pub(super) fn another_admin(tx: &Transaction<'_>, user_id: &str) -> Result<bool, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT roles FROM users
         WHERE id != ?1 AND disabled = 0 AND length(totp_secret) > 0 AND password_change = 0",
    )?;
    let roles = statement.query_map([user_id], |row| row.get::<_, String>(0))?;
    for roles in roles {
        if parse_roles(&roles?).has(Role::Admin) {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn parse_roles(text: &str) -> Roles {
    Roles::parse(text.split(' '))
}

pub(super) fn print_roles(roles: Roles) -> String {
    let names: Vec<&str> = roles.iter().map(Member::name).collect();
    names.join(" ")
}
