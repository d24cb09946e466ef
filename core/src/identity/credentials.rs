//! What people change about themselves: the password, the second factor, the recovery codes.
//!
//! Each change ends the other sessions of the user: whoever holds one may be the reason for it.

use rusqlite::OptionalExtension;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::passwords::normalised;
use super::rules::{self, PasswordFault};
use super::totp::{self, Enrolment};
use super::{Identity, IdentityError, Person, SEAL_OWNER, lockout, recovery, sessions, users};
use crate::store::StoreError;

/// Seconds in which a new factor has to be confirmed.
const PENDING: i64 = 900;

impl Identity {
    /// Takes the present password and sets a new one.
    pub async fn change_password(
        &self,
        person: &Person,
        current: SecretString,
        new: SecretString,
    ) -> Result<(), IdentityError> {
        self.not_bootstrap(person)?;
        self.check_rules(&new, &person.username)?;
        if normalised(&current) == normalised(&new) {
            return Err(IdentityError::PasswordRefused(vec![PasswordFault::Unchanged]));
        }
        let account = self.account(&person.username);
        let now = self.take_attempt(&account).await?;
        let name = person.username.clone();
        let user = self.store.read(move |conn| users::find(conn, &name)).await?;
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let right = self.passwords.verify(current, hash).await?;
        let user = user.filter(|user| right && user.may_sign_in(now) && user.id == person.user_id);
        let Some(user) = user else { return Err(IdentityError::LoginFailed) };
        let hash = self.passwords.hash(new).await?;
        let session_id = person.session_id.clone();
        let done = self
            .store
            .write(move |tx| {
                if !users::is_unchanged(tx, &user)? {
                    return Ok(false);
                }
                tx.execute(
                    "UPDATE users SET password_hash = ?2, password_change = 0,
                        password_ends_at = NULL
                     WHERE id = ?1",
                    (&user.id, hash),
                )?;
                // Without a second factor the password is everything there is to prove.
                if !user.has_factor() {
                    sessions::verified(tx, &session_id, false, now)?;
                }
                sessions::end_all(tx, &user.id, Some(&session_id))?;
                lockout::forget(tx, &account)?;
                Ok(true)
            })
            .await?;
        if done { Ok(()) } else { Err(IdentityError::LoginFailed) }
    }

    /// A new secret for the authenticator, which counts once it is confirmed in this session.
    pub async fn enroll_factor(&self, person: &Person) -> Result<Enrolment, IdentityError> {
        self.not_bootstrap(person)?;
        let ends_at = self.clock.unix() + PENDING;
        let enrolment = totp::enrol(&person.username, ends_at)?;
        let sealed = self.sealer.seal(SEAL_OWNER, person.user_id.as_bytes(), &enrolment.secret)?;
        let (user_id, session_id) = (person.user_id.clone(), person.session_id.clone());
        self.store
            .write(move |tx| {
                tx.execute(
                    "UPDATE users SET pending_totp = ?2, pending_session = ?3, pending_ends_at = ?4
                     WHERE id = ?1 AND disabled = 0",
                    (user_id, sealed, session_id, ends_at),
                )?;
                Ok(())
            })
            .await?;
        Ok(enrolment)
    }

    /// Takes the first code of the new secret; answers new recovery codes.
    pub async fn confirm_factor(
        &self,
        person: &Person,
        code: &SecretString,
    ) -> Result<Vec<SecretString>, IdentityError> {
        let pending = self.pending_factor(person).await?.ok_or(IdentityError::NothingPending)?;
        let account = self.account(&person.username);
        let now = self.take_attempt(&account).await?;
        let secret = self.sealer.open(SEAL_OWNER, person.user_id.as_bytes(), &pending)?;
        let step = totp::matching_step(&secret, code, now).ok_or(IdentityError::LoginFailed)?;
        let (codes, hashes) = recovery::make(&self.recovery)?;
        let (user_id, session_id) = (person.user_id.clone(), person.session_id.clone());
        let done = self
            .store
            .write(move |tx| {
                let changed = tx.execute(
                    "UPDATE users SET totp_secret = pending_totp, totp_step = ?4, confirmed = 1,
                        pending_totp = NULL, pending_session = NULL, pending_ends_at = NULL
                     WHERE id = ?1 AND pending_session = ?2 AND pending_totp = ?3
                        AND disabled = 0",
                    (&user_id, &session_id, &pending, step),
                )?;
                if changed == 0 {
                    return Ok(false);
                }
                recovery::replace(tx, &user_id, &hashes)?;
                sessions::verified(tx, &session_id, true, now)?;
                sessions::end_all(tx, &user_id, Some(&session_id))?;
                lockout::forget(tx, &account)?;
                Ok(true)
            })
            .await?;
        if done { Ok(codes) } else { Err(IdentityError::NothingPending) }
    }

    /// New recovery codes in place of the present ones.
    pub async fn renew_recovery_codes(
        &self,
        person: &Person,
    ) -> Result<Vec<SecretString>, IdentityError> {
        self.not_bootstrap(person)?;
        let (codes, hashes) = recovery::make(&self.recovery)?;
        let user_id = person.user_id.clone();
        self.store.write(move |tx| recovery::replace(tx, &user_id, &hashes)).await?;
        Ok(codes)
    }

    pub async fn recovery_codes_left(&self, user_id: &str) -> Result<i32, StoreError> {
        let user_id = user_id.to_owned();
        self.store.read(move |conn| recovery::left(conn, &user_id)).await
    }

    /// Whether this user may have this password.
    pub(super) fn check_rules(
        &self,
        password: &SecretString,
        username: &str,
    ) -> Result<(), IdentityError> {
        let faults = rules::faults(password, username);
        if faults.is_empty() { Ok(()) } else { Err(IdentityError::PasswordRefused(faults)) }
    }

    async fn pending_factor(&self, person: &Person) -> Result<Option<Vec<u8>>, StoreError> {
        let (user_id, session_id) = (person.user_id.clone(), person.session_id.clone());
        let now = self.clock.unix();
        self.store
            .read(move |conn| {
                let row = conn.query_row(
                    "SELECT pending_totp FROM users
                     WHERE id = ?1 AND pending_session = ?2 AND pending_ends_at > ?3",
                    (user_id, session_id, now),
                    |row| row.get(0),
                );
                Ok(row.optional()?)
            })
            .await
    }

    /// The administrator of development mode has nothing of its own that could change.
    fn not_bootstrap(&self, person: &Person) -> Result<(), IdentityError> {
        #[cfg(feature = "dev")]
        if person.user_id == super::bootstrap::USER_ID {
            return Err(IdentityError::Bootstrap);
        }
        let _ = person;
        Ok(())
    }
}

/// A password for one time, which nobody has to remember.
pub(super) fn one_time_password() -> Result<SecretString, StoreError> {
    let code = recovery::code()?;
    let lower = Zeroizing::new(code.expose_secret().to_lowercase());
    Ok(lower.as_str().into())
}
