//! People who sign in.

use secrecy::ExposeSecret;
use time::OffsetDateTime;
use vivified_contract::api::IdentityApi;
use vivified_contract::runtime::{Call, DateTime, Problem};
use vivified_contract::{models, problems};

use super::guard::store_failed;
use crate::identity::{IdentityError, Person};
use crate::policy::Member;
use crate::{Caller, Core};

impl IdentityApi for Core {
    async fn setup(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::SetupRequest,
    ) -> Result<models::SetupResult, Problem> {
        call.note("user", self.audit.pseudonym("user", &body.username));
        let (code, password) = (body.setup_code.into(), body.password.into());
        let enrolment = self
            .identity
            .set_up(&code, &body.username, password)
            .await
            .map_err(identity_problem)?;
        Ok(models::SetupResult {
            username: body.username,
            mfa_secret: enrolment.base32.expose_secret().to_owned(),
            otpauth_uri: enrolment.otpauth_uri.expose_secret().to_owned(),
            ..Default::default()
        })
    }

    async fn login(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::LoginRequest,
    ) -> Result<models::Session, Problem> {
        call.note("user", self.audit.pseudonym("user", &body.username));
        let (password, code) = (body.password.into(), body.mfa_code.into());
        let sign_in = self
            .identity
            .sign_in(&body.username, password, code)
            .await
            .map_err(identity_problem)?;
        Ok(models::Session {
            token: sign_in.token.expose().to_owned(),
            expires_in: sign_in.token.expires_in,
            ..Default::default()
        })
    }

    async fn get_me(&self, call: &mut Call<'_, Caller>) -> Result<models::Me, Problem> {
        let person = person(call)?;
        Ok(models::Me {
            username: person.username.clone(),
            traits: person.roles.iter().map(|role| role.name().into()).collect(),
            mfa: true,
            expires_at: date_time(person.expires_at),
            ..Default::default()
        })
    }

    async fn logout(&self, call: &mut Call<'_, Caller>) -> Result<(), Problem> {
        let person = person(call)?;
        self.identity.sign_out(&person.session_id).await.map_err(store_failed)
    }
}

/// The guard let only people pass; anything else is a mistake of ours and refused.
fn person<'r>(call: &Call<'r, Caller>) -> Result<&'r Person, Problem> {
    call.caller.person().ok_or_else(problems::wrong_principal)
}

fn identity_problem(error: IdentityError) -> Problem {
    match error {
        IdentityError::LoginFailed => problems::login_failed(),
        IdentityError::Locked { retry_after } => {
            problems::account_locked().with_retry_after(u64::try_from(retry_after).unwrap_or(1))
        }
        IdentityError::SetupCodeInvalid => problems::setup_code_invalid(),
        IdentityError::AlreadySetUp => {
            problems::state_conflict().with_detail("an administrator exists already")
        }
        IdentityError::Store(error) => store_failed(error),
    }
}

/// Seconds since 1970 as they travel.
pub(super) fn date_time(seconds: i64) -> DateTime {
    DateTime(OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH))
}
