//! Proving who somebody is: at sign-in, and again before something dangerous.
//!
//! The same steps are taken whether or not the user exists, and only the last one tells. What was
//! shown (a step of the authenticator, a recovery code) is used up in the transaction that grants
//! the result, so that of many equal attempts one wins.

use rusqlite::Transaction;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::users::User;
use super::{
    Identity, IdentityError, IssuedToken, NextStep, Person, SEAL_OWNER, lockout, recovery,
    sessions, totp, users,
};
use crate::random;
use crate::store::StoreError;

/// Length of the secret that stands in for that of a user without one.
const NO_SECRET: [u8; 20] = [0; 20];

/// What somebody shows.
pub struct Proof {
    pub password: SecretString,
    pub factor: Factor,
}

pub enum Factor {
    None,
    Code(SecretString),
    Recovery(SecretString),
}

/// What a sign-in gives.
#[derive(Debug)]
pub struct SignIn {
    pub user_id: String,
    pub token: IssuedToken,
    pub next_step: Option<NextStep>,
}

/// A second factor that fits and has still to be used up.
enum Shown {
    /// The user has none yet.
    Nothing,
    Step(i64),
    Recovery(Vec<u8>),
}

impl Identity {
    /// Checks password and second factor and starts a session.
    pub async fn sign_in(&self, username: &str, proof: Proof) -> Result<SignIn, IdentityError> {
        #[cfg(feature = "dev")]
        if self.is_bootstrap(username, &proof) {
            let user_id = super::bootstrap::USER_ID.to_owned();
            return self.start_session(user_id, true, false, |_, _| Ok(true)).await;
        }
        let account = self.account(username);
        let now = self.take_attempt(&account).await?;
        let (user, shown) = self.check(username, proof, now).await?;
        let (mfa, user_id) = (!matches!(shown, Shown::Nothing), user.id.clone());
        let password_change = user.password_change;
        self.start_session(user_id, mfa, password_change, move |tx, now| {
            if !accept(tx, &user, &shown)? {
                return Ok(false);
            }
            lockout::forget(tx, &account)?;
            let sql = "UPDATE users SET signed_in_at = ?2 WHERE id = ?1";
            tx.execute(sql, (&user.id, now))?;
            Ok(true)
        })
        .await
    }

    /// Checks everything again for a living session, which then counts as fresh.
    pub async fn step_up(
        &self,
        person: &Person,
        proof: Proof,
    ) -> Result<IssuedToken, IdentityError> {
        let session_id = person.session_id.clone();
        #[cfg(feature = "dev")]
        if person.user_id == super::bootstrap::USER_ID
            && self.is_bootstrap(&person.username, &proof)
        {
            let now = self.clock.unix();
            self.store.write(move |tx| sessions::verified(tx, &session_id, true, now)).await?;
            return Ok(self.session_token(person)?);
        }
        let account = self.account(&person.username);
        let now = self.take_attempt(&account).await?;
        let (user, shown) = self.check(&person.username, proof, now).await?;
        if user.id != person.user_id || matches!(shown, Shown::Nothing) {
            return Err(IdentityError::LoginFailed);
        }
        let done = self
            .store
            .write(move |tx| {
                let done =
                    accept(tx, &user, &shown)? && sessions::verified(tx, &session_id, true, now)?;
                if done {
                    lockout::forget(tx, &account)?;
                }
                Ok(done)
            })
            .await?;
        if done { Ok(self.session_token(person)?) } else { Err(IdentityError::LoginFailed) }
    }

    /// A new token for a living session.
    pub fn session_token(&self, person: &Person) -> Result<IssuedToken, StoreError> {
        self.issue_session(&person.user_id, &person.session_id)
    }

    /// Takes one attempt of the account before anything is checked; answers the time it counts at.
    pub(super) async fn take_attempt(&self, account: &[u8]) -> Result<i64, IdentityError> {
        let (account, now) = (account.to_vec(), self.clock.unix());
        self.store
            .write(move |tx| lockout::take_attempt(tx, &account, now))
            .await?
            .map_err(|retry_after| IdentityError::Locked { retry_after })?;
        Ok(now)
    }

    async fn check(
        &self,
        username: &str,
        proof: Proof,
        now: i64,
    ) -> Result<(User, Shown), IdentityError> {
        let name = username.to_owned();
        let user = self.store.read(move |conn| users::find(conn, &name)).await?;
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let right_password = self.passwords.verify(proof.password, hash).await?;
        let secret = match user.as_ref().filter(|user| user.has_factor()) {
            Some(user) => self.sealer.open(SEAL_OWNER, user.id.as_bytes(), &user.totp_secret)?,
            None => Zeroizing::new(NO_SECRET.to_vec()),
        };
        let shown = match &proof.factor {
            Factor::None => None,
            Factor::Code(code) => totp::matching_step(&secret, code, now).map(Shown::Step),
            Factor::Recovery(code) => Some(Shown::Recovery(recovery::hash(&self.recovery, code))),
        };
        let user = user.filter(|user| right_password && user.may_sign_in(now));
        match (user, shown) {
            (Some(user), _) if !user.has_factor() => Ok((user, Shown::Nothing)),
            (Some(user), Some(shown)) => Ok((user, shown)),
            _ => Err(IdentityError::LoginFailed),
        }
    }

    /// `accept` has the last word, in the same transaction that starts the session.
    async fn start_session(
        &self,
        user_id: String,
        mfa: bool,
        password_change: bool,
        accept: impl FnOnce(&Transaction<'_>, i64) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<SignIn, IdentityError> {
        let now = self.clock.unix();
        let session_id = random::id("ses")?;
        let token = self.issue_session(&user_id, &session_id)?;
        let user = user_id.clone();
        let started = self
            .store
            .write(move |tx| {
                if !accept(tx, now)? {
                    return Ok(false);
                }
                sessions::start(tx, &session_id, &user, mfa, now)?;
                Ok(true)
            })
            .await?;
        let next_step = sessions::next_step(mfa, password_change);
        if started {
            Ok(SignIn { user_id, token, next_step })
        } else {
            Err(IdentityError::LoginFailed)
        }
    }

    #[cfg(feature = "dev")]
    fn is_bootstrap(&self, username: &str, proof: &Proof) -> bool {
        let Factor::Code(code) = &proof.factor else { return false };
        self.development && super::bootstrap::matches(username, &proof.password, code)
    }
}

/// Uses up what was shown. False when it was used before, or the account has changed meanwhile.
fn accept(tx: &Transaction<'_>, user: &User, shown: &Shown) -> Result<bool, StoreError> {
    if !users::is_unchanged(tx, user)? {
        return Ok(false);
    }
    match shown {
        Shown::Nothing => Ok(true),
        Shown::Step(step) => users::accept_step(tx, &user.id, *step),
        Shown::Recovery(hash) => recovery::take(tx, &user.id, hash),
    }
}
