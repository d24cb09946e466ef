//! What administrators do with accounts.
//!
//! Whatever they do, somebody who can do the work of an administrator is left. Every change that
//! takes something away ends the sessions it concerns in the same transaction.

use rusqlite::Transaction;

use super::credentials::one_time_password;
use super::users::{self, Invitation, UserRecord};
use super::{Identity, IdentityError, SessionRecord, recovery, sessions};
use crate::policy::{Role, Roles};
use crate::random;
use crate::store::StoreError;

/// Seconds in which a one-time password has to be changed.
const INVITATION: i64 = 24 * 3_600;
/// A hash that no password has.
const NO_FACTOR: [u8; 0] = [];

impl Identity {
    pub async fn users(&self) -> Result<Vec<UserRecord>, StoreError> {
        let (now, idle) = (self.clock.unix(), self.settings.session_idle);
        self.store.read(move |conn| users::all(conn, None, now, idle)).await
    }

    pub async fn user(&self, user_id: &str) -> Result<Option<UserRecord>, StoreError> {
        let (now, idle, id) = (self.clock.unix(), self.settings.session_idle, user_id.to_owned());
        let found = self.store.read(move |conn| users::all(conn, Some(&id), now, idle)).await?;
        Ok(found.into_iter().next())
    }

    /// An account with a one-time password.
    pub async fn create_user(
        &self,
        username: &str,
        roles: Roles,
    ) -> Result<Invitation, IdentityError> {
        if self.is_reserved(username) {
            return Err(IdentityError::NameTaken);
        }
        let invitation = self.invitation(random::id("usr")?, username.to_owned())?;
        let hash = self.passwords.hash(invitation.password.clone()).await?;
        let (user_id, username) = (invitation.user_id.clone(), invitation.username.clone());
        let (now, ends_at) = (self.clock.unix(), invitation.ends_at);
        let made = self
            .store
            .write(move |tx| {
                Ok(tx.execute(
                    "INSERT INTO users (id, username, roles, password_hash, totp_secret,
                        totp_step, confirmed, disabled, created_at, password_change,
                        password_ends_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, ?6, 1, ?7)
                     ON CONFLICT (username) DO NOTHING",
                    (user_id, username, users::print_roles(roles), hash, NO_FACTOR, now, ends_at),
                )? == 1)
            })
            .await?;
        if made { Ok(invitation) } else { Err(IdentityError::NameTaken) }
    }

    pub async fn set_roles(&self, user_id: &str, roles: Roles) -> Result<(), IdentityError> {
        let takes_away = !roles.has(Role::Admin);
        self.change_user(user_id, takes_away, move |tx, user_id| {
            let sql = "UPDATE users SET roles = ?2 WHERE id = ?1";
            tx.execute(sql, (user_id, users::print_roles(roles)))?;
            Ok(())
        })
        .await
    }

    /// Ends every session at once.
    pub async fn disable_user(&self, user_id: &str) -> Result<(), IdentityError> {
        self.change_user(user_id, true, |tx, user_id| {
            tx.execute("UPDATE users SET disabled = 1 WHERE id = ?1", [user_id])?;
            sessions::end_all(tx, user_id, None)?;
            Ok(())
        })
        .await
    }

    pub async fn enable_user(&self, user_id: &str) -> Result<(), IdentityError> {
        self.change_user(user_id, false, |tx, user_id| {
            tx.execute("UPDATE users SET disabled = 0 WHERE id = ?1", [user_id])?;
            Ok(())
        })
        .await
    }

    /// A one-time password in place of a forgotten one.
    pub async fn reset_password(&self, user_id: &str) -> Result<Invitation, IdentityError> {
        self.invite_again(user_id, false).await
    }

    /// Takes a lost second factor away, and gives a one-time password with it.
    pub async fn reset_factor(&self, user_id: &str) -> Result<Invitation, IdentityError> {
        self.invite_again(user_id, true).await
    }

    /// How many sessions ended.
    pub async fn revoke_sessions(&self, user_id: &str) -> Result<usize, IdentityError> {
        self.user(user_id).await?.ok_or(IdentityError::UnknownUser)?;
        let user_id = user_id.to_owned();
        Ok(self.store.write(move |tx| sessions::end_all(tx, &user_id, None)).await?)
    }

    pub async fn sessions_of(&self, user_id: &str) -> Result<Vec<SessionRecord>, StoreError> {
        let (now, idle, id) = (self.clock.unix(), self.settings.session_idle, user_id.to_owned());
        self.store.read(move |conn| sessions::of_user(conn, &id, now, idle)).await
    }

    /// Ends one session of this user, if it is one.
    pub async fn end_session(&self, user_id: &str, session_id: &str) -> Result<(), StoreError> {
        let (user_id, session_id) = (user_id.to_owned(), session_id.to_owned());
        self.store.write(move |tx| sessions::end(tx, &session_id, &user_id)).await
    }

    async fn invite_again(
        &self,
        user_id: &str,
        without_factor: bool,
    ) -> Result<Invitation, IdentityError> {
        let user = self.user(user_id).await?.ok_or(IdentityError::UnknownUser)?;
        let invitation = self.invitation(user.user_id, user.username)?;
        let hash = self.passwords.hash(invitation.password.clone()).await?;
        let ends_at = invitation.ends_at;
        // A one-time password stops the work of an administrator too, until it is changed.
        self.change_user(user_id, true, move |tx, user_id| {
            tx.execute(
                "UPDATE users SET password_hash = ?2, password_change = 1, password_ends_at = ?3,
                    pending_totp = NULL, pending_session = NULL, pending_ends_at = NULL
                 WHERE id = ?1",
                (user_id, hash, ends_at),
            )?;
            if without_factor {
                tx.execute(
                    "UPDATE users SET totp_secret = ?2 WHERE id = ?1",
                    (user_id, NO_FACTOR),
                )?;
                recovery::replace(tx, user_id, &[])?;
            }
            sessions::end_all(tx, user_id, None)?;
            Ok(())
        })
        .await?;
        Ok(invitation)
    }

    fn invitation(&self, user_id: String, username: String) -> Result<Invitation, StoreError> {
        let (password, ends_at) = (one_time_password()?, self.clock.unix() + INVITATION);
        Ok(Invitation { user_id, username, password, ends_at })
    }

    /// `takes_away` says that this user can do less afterwards, which the last administrator must
    /// not. In development mode there is always the administrator of that mode.
    async fn change_user(
        &self,
        user_id: &str,
        takes_away: bool,
        change: impl FnOnce(&Transaction<'_>, &str) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), IdentityError> {
        let user_id = user_id.to_owned();
        let guarded = takes_away && !self.development;
        self.store
            .write(move |tx| {
                let Some(user) = users::all(tx, Some(&user_id), 0, 0)?.into_iter().next() else {
                    return Ok(Err(IdentityError::UnknownUser));
                };
                let works = user.roles.has(Role::Admin) && !user.disabled;
                if guarded && works && !users::another_admin(tx, &user_id)? {
                    return Ok(Err(IdentityError::LastAdmin));
                }
                change(tx, &user_id).map(Ok)
            })
            .await?
    }

    fn is_reserved(&self, username: &str) -> bool {
        #[cfg(feature = "dev")]
        if username == super::bootstrap::USERNAME {
            return true;
        }
        let _ = username;
        false
    }
}
