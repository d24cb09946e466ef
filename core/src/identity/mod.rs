//! People, keys and tokens: who somebody is, proven, and for how long.
//!
//! What a caller may do is not decided here. Every answer about people is the same for a wrong
//! password, a wrong code and a user that does not exist, in text and in work done.

mod administration;
#[cfg(feature = "dev")]
mod bootstrap;
mod cache;
mod credentials;
mod keys;
mod lockout;
mod passwords;
mod recovery;
mod rotation;
mod rules;
mod sessions;
mod setup;
mod sign_in;
mod tokens;
mod totp;
mod users;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ring::hmac;

pub use cache::Verified;
pub use keys::{PublicKey, SigningKeys};
pub use rotation::{CACHE_AGE, KeyRecord, KeyStatus};
pub use rules::PasswordFault;
pub use sessions::{NextStep, Person, SessionRecord};
pub use sign_in::{Factor, Proof, SignIn};
pub use tokens::{
    CORE_AUDIENCE, CallGrant, Claims, ISSUER, IssuedToken, TokenError, TokenKind, claimed_kind,
};
pub use totp::Enrolment;
pub use users::{Invitation, UserRecord, UserStatus};

use crate::clock::Clock;
use crate::store::{MasterKey, Migration, Sealer, Store, StoreError};
use cache::Cache;
use passwords::Passwords;
use rotation::LiveKeys;

/// Whose key seals second factors and signing keys. No plugin can have this id: its grammar has
/// no slash.
const SEAL_OWNER: &str = "core/identity";
/// Seconds between two sweeps of ended sessions.
const SWEEP: i64 = 60;

pub const MIGRATIONS: &[Migration] = &[
    Migration { module: "identity", version: 1, sql: users::SQL },
    Migration { module: "identity", version: 2, sql: sessions::SQL },
    Migration { module: "identity", version: 3, sql: lockout::SQL },
    Migration { module: "identity", version: 4, sql: setup::SQL },
    Migration { module: "identity", version: 5, sql: users::SQL_LIFE },
    Migration { module: "identity", version: 6, sql: sessions::SQL_VERIFIED },
    Migration { module: "identity", version: 7, sql: recovery::SQL },
    Migration { module: "identity", version: 8, sql: rotation::SQL },
];

/// What an operator may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Seconds without a request after which a session ends; at most half an hour.
    pub session_idle: i64,
    /// Seconds after which a signing key is replaced.
    pub key_rotation: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { session_idle: 900, key_rotation: 90 * 86_400 }
    }
}

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
    #[error("the password is refused")]
    PasswordRefused(Vec<PasswordFault>),
    #[error("no second factor waits for confirmation in this session")]
    NothingPending,
    #[error("the administrator of development mode cannot be changed")]
    Bootstrap,
    #[error("the user name is taken")]
    NameTaken,
    #[error("unknown user")]
    UnknownUser,
    #[error("this is the last working administrator")]
    LastAdmin,
    #[error("a rotation is under way already")]
    RotationPending,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Clone)]
pub struct Identity {
    store: Store,
    clock: Clock,
    sealer: Sealer,
    settings: Settings,
    live_keys: Arc<LiveKeys>,
    key_turn: Arc<tokio::sync::Mutex<()>>,
    cache: Arc<Cache>,
    passwords: Passwords,
    accounts: hmac::Key,
    recovery: hmac::Key,
    swept_at: Arc<AtomicI64>,
    #[cfg_attr(not(feature = "dev"), allow(dead_code))]
    development: bool,
}

impl Identity {
    /// Opens the signing keys and makes them on the first start. `development` switches the bootstrap
    /// user on, where the feature is compiled in.
    pub async fn open(
        store: Store,
        clock: Clock,
        master: &MasterKey,
        settings: Settings,
        development: bool,
    ) -> Result<Self, StoreError> {
        let (sealer, now) = (Sealer::new(master.clone()), clock.unix());
        let every = settings.key_rotation;
        let keys = store.write(move |tx| rotation::open(tx, &sealer, now, every)).await?;
        Ok(Self::with(store, clock, master, settings, keys, development))
    }

    /// With keys that stand outside the store and never rotate.
    #[cfg(test)]
    pub fn new(
        store: Store,
        clock: Clock,
        master: &MasterKey,
        keys: SigningKeys,
        development: bool,
    ) -> Self {
        let keys = LiveKeys::new(keys, i64::MAX);
        Self::with(store, clock, master, Settings::default(), keys, development)
    }

    fn with(
        store: Store,
        clock: Clock,
        master: &MasterKey,
        settings: Settings,
        live_keys: LiveKeys,
        development: bool,
    ) -> Self {
        let mac = |purpose: &str| {
            hmac::Key::new(hmac::HMAC_SHA256, master.derive(purpose, "").as_slice())
        };
        Self {
            store,
            clock,
            sealer: Sealer::new(master.clone()),
            settings,
            live_keys: Arc::new(live_keys),
            key_turn: Arc::default(),
            cache: Arc::default(),
            passwords: Passwords::new(),
            accounts: mac("sign-in accounts"),
            recovery: mac("recovery codes"),
            swept_at: Arc::default(),
            development,
        }
    }

    /// Public keys that verify tokens of Core; the first one signs.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.live_keys.keys().public().to_vec()
    }

    /// Whether what is signed now is accepted now.
    pub fn check_keys(&self) -> bool {
        let (keys, now) = (self.live_keys.keys(), self.clock.unix());
        let issued = tokens::issue_plugin(&keys, now, "readiness", 0);
        issued.is_ok_and(|issued| {
            let kind = TokenKind::Plugin;
            tokens::verify(&keys, now, kind, CORE_AUDIENCE, issued.expose()).is_ok()
        })
    }

    /// What has to happen with time: keys, and sessions that have ended.
    pub async fn upkeep(&self) -> Result<(), StoreError> {
        self.keep_keys().await?;
        let (now, idle) = (self.clock.unix(), self.settings.session_idle);
        if now - self.swept_at.load(Ordering::Relaxed) >= SWEEP {
            self.swept_at.store(now, Ordering::Relaxed);
            self.store.write(move |tx| sessions::sweep(tx, now, idle)).await?;
        }
        Ok(())
    }

    /// A token that Core itself takes, verified. Seen before, it costs a hash and a look-up.
    pub fn verify(&self, token: &str) -> Result<Arc<Verified>, TokenError> {
        let (now, epoch) = (self.clock.unix(), self.live_keys.epoch());
        let key = cache::key(token);
        if let Some(known) = self.cache.get(&key, epoch) {
            tokens::within_time(&known.claims, known.kind, now)?;
            return Ok(known);
        }
        let kind = claimed_kind(token).filter(|kind| *kind != TokenKind::Call);
        let kind = kind.ok_or(TokenError::Invalid)?;
        let claims = tokens::verify(&self.live_keys.keys(), now, kind, CORE_AUDIENCE, token)?;
        let verified = Arc::new(Verified::new(kind, claims, epoch));
        self.cache.keep(key, verified.clone(), now);
        Ok(verified)
    }

    /// The person behind a session token, while the session lives.
    pub async fn person(&self, token: &str) -> Result<Result<Person, TokenError>, StoreError> {
        match self.verify(token) {
            Ok(verified) => self.person_of(&verified).await,
            Err(error) => Ok(Err(error)),
        }
    }

    /// The same for a token that is verified already.
    pub async fn person_of(
        &self,
        verified: &Verified,
    ) -> Result<Result<Person, TokenError>, StoreError> {
        let claims = &verified.claims;
        let session_id = claims.text("sid").filter(|_| verified.kind == TokenKind::Session);
        let Some(session_id) = session_id.map(str::to_owned) else {
            return Ok(Err(TokenError::Invalid));
        };
        let (now, idle, id) = (self.clock.unix(), self.settings.session_idle, session_id.clone());
        let found = self.store.read(move |conn| sessions::find(conn, &id, now, idle)).await?;
        let living = match found {
            Ok(living) if living.user_id == claims.subject => living,
            Ok(_) => return Ok(Err(TokenError::Invalid)),
            Err(error) => return Ok(Err(error)),
        };
        if living.is_stale(now) {
            let id = session_id.clone();
            self.store.write(move |tx| sessions::touch(tx, &id, now)).await?;
        }
        Ok(self.living_person(living, session_id, claims.expires_at))
    }

    fn living_person(
        &self,
        living: sessions::Living,
        session_id: String,
        expires_at: i64,
    ) -> Result<Person, TokenError> {
        let (username, roles, password_change) = match living.user {
            Some((username, roles, change)) => (username, users::parse_roles(&roles), change),
            #[cfg(feature = "dev")]
            None if self.development && living.user_id == bootstrap::USER_ID => {
                (bootstrap::USERNAME.to_owned(), bootstrap::roles(), false)
            }
            None => return Err(TokenError::Invalid),
        };
        Ok(Person {
            user_id: living.user_id,
            username,
            roles,
            session_id,
            expires_at,
            verified_at: living.verified_at,
            mfa: living.mfa,
            password_change,
        })
    }

    /// A token for a plugin. `generation` is that of its registration.
    pub fn plugin_token(
        &self,
        plugin_id: &str,
        generation: i64,
    ) -> Result<IssuedToken, StoreError> {
        tokens::issue_plugin(&self.live_keys.keys(), self.clock.unix(), plugin_id, generation)
    }

    /// Plugin id and generation of a plugin token. The registry says whether they still count.
    pub fn plugin_claims(&self, token: &str) -> Result<(String, i64), TokenError> {
        let verified = self.verify(token)?;
        let generation = verified.generation().ok_or(TokenError::Invalid)?;
        Ok((verified.claims.subject.clone(), generation))
    }

    /// A token for one call through the gateway; the callee is its audience.
    pub fn call_token(&self, call: &CallGrant<'_>) -> Result<IssuedToken, StoreError> {
        tokens::issue_call(&self.live_keys.keys(), self.clock.unix(), call)
    }

    /// A call token that `callee` shows to prove which call it is working on.
    pub fn call_claims(&self, callee: &str, token: &str) -> Result<Claims, TokenError> {
        let keys = self.live_keys.keys();
        tokens::verify(&keys, self.clock.unix(), TokenKind::Call, callee, token)
    }

    fn issue_session(&self, user_id: &str, session_id: &str) -> Result<IssuedToken, StoreError> {
        let (keys, now) = (self.live_keys.keys(), self.clock.unix());
        tokens::issue_session(&keys, now, self.settings.session_idle, user_id, session_id)
    }

    /// How an account is named where attempts are counted.
    fn account(&self, username: &str) -> Vec<u8> {
        hmac::sign(&self.accounts, username.as_bytes()).as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests;
