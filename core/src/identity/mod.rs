//! People, keys and tokens: who somebody is, proven, and for how long.
//!
//! What a caller may do is not decided here. Every answer about people is the same for a wrong
//! password, a wrong code and a user that does not exist, in text and in work done.

#[cfg(feature = "dev")]
mod bootstrap;
mod keys;
mod lockout;
mod passwords;
mod sessions;
mod setup;
mod tokens;
mod totp;

use std::sync::Arc;

use ring::hmac;
use rusqlite::{Connection, OptionalExtension, Transaction};
use secrecy::SecretString;

pub use keys::{PublicKey, SigningKeys};
pub use sessions::Person;
pub use tokens::{
    CORE_AUDIENCE, CallGrant, Claims, ISSUER, IssuedToken, TokenError, TokenKind, claimed_kind,
};
pub use totp::Enrolment;

use crate::clock::Clock;
use crate::policy::Roles;
use crate::random;
use crate::store::{MasterKey, Migration, Sealer, Store, StoreError};
use passwords::Passwords;

/// Whose key seals second factors. No plugin can have this id: its grammar has no slash.
const SEAL_OWNER: &str = "core/identity";

pub const MIGRATIONS: &[Migration] = &[
    Migration {
        module: "identity",
        version: 1,
        sql: "CREATE TABLE users (
                id TEXT PRIMARY KEY,
                username TEXT NOT NULL UNIQUE,
                roles TEXT NOT NULL,
                password_hash TEXT NOT NULL,
                totp_secret BLOB NOT NULL,
                totp_step INTEGER NOT NULL,
                confirmed INTEGER NOT NULL,
                disabled INTEGER NOT NULL,
                created_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;",
    },
    Migration { module: "identity", version: 2, sql: sessions::SQL },
    Migration { module: "identity", version: 3, sql: lockout::SQL },
    Migration { module: "identity", version: 4, sql: setup::SQL },
];

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("sign-in failed")]
    LoginFailed,
    #[error("too many failed sign-ins")]
    Locked { retry_after: i64 },
    #[error("the set-up code is not valid")]
    SetupCodeInvalid,
    #[error("an administrator exists already")]
    AlreadySetUp,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Clone)]
pub struct Identity {
    store: Store,
    clock: Clock,
    sealer: Sealer,
    keys: Arc<SigningKeys>,
    passwords: Passwords,
    accounts: hmac::Key,
    #[cfg_attr(not(feature = "dev"), allow(dead_code))]
    development: bool,
}

/// What a sign-in gives.
#[derive(Debug)]
pub struct SignIn {
    pub user_id: String,
    pub token: IssuedToken,
}

struct User {
    id: String,
    password_hash: String,
    totp_secret: Vec<u8>,
    disabled: bool,
}

impl Identity {
    /// `development` switches the bootstrap user on, where the feature is compiled in.
    pub fn new(
        store: Store,
        clock: Clock,
        master: &MasterKey,
        keys: SigningKeys,
        development: bool,
    ) -> Self {
        let accounts = master.derive("sign-in accounts", "");
        Self {
            store,
            clock,
            sealer: Sealer::new(master.clone()),
            keys: Arc::new(keys),
            passwords: Passwords::new(),
            accounts: hmac::Key::new(hmac::HMAC_SHA256, accounts.as_slice()),
            development,
        }
    }

    /// Public keys that verify tokens of Core; the first one signs.
    /// Whether what is signed now is accepted now.
    pub fn check_keys(&self) -> bool {
        let issued = self.plugin_token("readiness", 0);
        issued.is_ok_and(|issued| self.plugin_claims(issued.expose()).is_ok())
    }

    pub fn public_keys(&self) -> &[PublicKey] {
        self.keys.public()
    }

    /// Checks password and code and starts a session.
    pub async fn sign_in(
        &self,
        username: &str,
        password: SecretString,
        code: SecretString,
    ) -> Result<SignIn, IdentityError> {
        #[cfg(feature = "dev")]
        if self.development && bootstrap::matches(username, &password, &code) {
            return self.start_session(bootstrap::USER_ID, |_| Ok(true)).await;
        }
        let now = self.clock.unix();
        let account = hmac::sign(&self.accounts, username.as_bytes()).as_ref().to_vec();
        let attempt = account.clone();
        self.store
            .write(move |tx| lockout::take_attempt(tx, &attempt, now))
            .await?
            .map_err(|retry_after| IdentityError::Locked { retry_after })?;
        let user = self.user(username.to_owned()).await?;
        let (user_id, step) = self.check(user, password, &code, now).await?;
        let id = user_id.clone();
        self.start_session(&user_id, move |tx| {
            lockout::forget(tx, &account)?;
            accept_step(tx, &id, step)
        })
        .await
    }

    /// The same steps whether or not the user exists; only the last one tells.
    async fn check(
        &self,
        user: Option<User>,
        password: SecretString,
        code: &SecretString,
        now: i64,
    ) -> Result<(String, i64), IdentityError> {
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let right_password = self.passwords.verify(password, hash).await?;
        let secret = match &user {
            Some(user) => self.sealer.open(SEAL_OWNER, user.id.as_bytes(), &user.totp_secret)?,
            None => zeroize::Zeroizing::new(vec![0; 20]),
        };
        let step = totp::matching_step(&secret, code, now);
        match (user, step) {
            (Some(user), Some(step)) if right_password && !user.disabled => Ok((user.id, step)),
            _ => Err(IdentityError::LoginFailed),
        }
    }

    /// `accept` has the last word, in the same transaction that starts the session.
    async fn start_session(
        &self,
        user_id: &str,
        accept: impl FnOnce(&Transaction<'_>) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<SignIn, IdentityError> {
        let now = self.clock.unix();
        let session_id = random::id("ses")?;
        let token = tokens::issue_session(&self.keys, now, user_id, &session_id)?;
        let user_id = user_id.to_owned();
        let user = user_id.clone();
        let started = self
            .store
            .write(move |tx| {
                if !accept(tx)? {
                    return Ok(false);
                }
                sessions::start(tx, &session_id, &user, now)?;
                Ok(true)
            })
            .await?;
        if started { Ok(SignIn { user_id, token }) } else { Err(IdentityError::LoginFailed) }
    }

    /// The person behind a session token, while the session lives.
    pub async fn person(&self, token: &str) -> Result<Result<Person, TokenError>, StoreError> {
        let now = self.clock.unix();
        let kind = TokenKind::Session;
        let claims = match tokens::verify(&self.keys, now, kind, CORE_AUDIENCE, token) {
            Ok(claims) => claims,
            Err(error) => return Ok(Err(error)),
        };
        let Some(session_id) = claims.text("sid").map(str::to_owned) else {
            return Ok(Err(TokenError::Invalid));
        };
        let identity = self.clone();
        self.store
            .write(move |tx| {
                let user_id = match sessions::touch(tx, &session_id, now)? {
                    Ok(user_id) if user_id == claims.subject => user_id,
                    Ok(_) => return Ok(Err(TokenError::Invalid)),
                    Err(error) => return Ok(Err(error)),
                };
                let Some((username, roles)) = identity.name_and_roles(tx, &user_id)? else {
                    return Ok(Err(TokenError::Invalid));
                };
                let expires_at = claims.expires_at;
                Ok(Ok(Person { user_id, username, roles, session_id, expires_at }))
            })
            .await
    }

    pub async fn sign_out(&self, session_id: &str) -> Result<(), StoreError> {
        let session_id = session_id.to_owned();
        self.store.write(move |tx| sessions::end(tx, &session_id)).await
    }

    /// A token for a plugin. `generation` is that of its registration.
    pub fn plugin_token(
        &self,
        plugin_id: &str,
        generation: i64,
    ) -> Result<IssuedToken, StoreError> {
        tokens::issue_plugin(&self.keys, self.clock.unix(), plugin_id, generation)
    }

    /// Plugin id and generation of a plugin token. The registry says whether they still count.
    pub fn plugin_claims(&self, token: &str) -> Result<(String, i64), TokenError> {
        let now = self.clock.unix();
        let claims = tokens::verify(&self.keys, now, TokenKind::Plugin, CORE_AUDIENCE, token)?;
        let generation = claims.integer("gen").ok_or(TokenError::Invalid)?;
        Ok((claims.subject, generation))
    }

    /// A token for one call through the gateway; the callee is its audience.
    pub fn call_token(&self, call: &CallGrant<'_>) -> Result<IssuedToken, StoreError> {
        tokens::issue_call(&self.keys, self.clock.unix(), call)
    }

    /// A call token that `callee` shows to prove which call it is working on.
    pub fn call_claims(&self, callee: &str, token: &str) -> Result<Claims, TokenError> {
        tokens::verify(&self.keys, self.clock.unix(), TokenKind::Call, callee, token)
    }

    async fn user(&self, username: String) -> Result<Option<User>, StoreError> {
        self.store.read(move |conn| find_user(conn, &username)).await
    }

    fn name_and_roles(
        &self,
        tx: &Transaction<'_>,
        user_id: &str,
    ) -> Result<Option<(String, Roles)>, StoreError> {
        #[cfg(feature = "dev")]
        if self.development && user_id == bootstrap::USER_ID {
            return Ok(Some((bootstrap::USERNAME.to_owned(), bootstrap::roles())));
        }
        let row: Option<(String, String)> = tx
            .query_row(
                "SELECT username, roles FROM users WHERE id = ?1 AND disabled = 0",
                [user_id],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        Ok(row.map(|(username, roles)| (username, Roles::parse(roles.split(' ')))))
    }
}

fn find_user(conn: &Connection, username: &str) -> Result<Option<User>, StoreError> {
    let user = conn
        .query_row(
            "SELECT id, password_hash, totp_secret, disabled FROM users WHERE username = ?1",
            [username],
            |row| {
                Ok(User {
                    id: row.get(0)?,
                    password_hash: row.get(1)?,
                    totp_secret: row.get(2)?,
                    disabled: row.get(3)?,
                })
            },
        )
        .optional()?;
    Ok(user)
}

/// A step counts once: only one of many equal codes finds a smaller step to replace.
fn accept_step(tx: &Transaction<'_>, user_id: &str, step: i64) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE users SET totp_step = ?2, confirmed = 1
         WHERE id = ?1 AND totp_step < ?2 AND disabled = 0",
        (user_id, step),
    )?;
    Ok(changed == 1)
}

#[cfg(test)]
mod tests;
