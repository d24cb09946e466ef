//! People who sign in, and what they change about themselves.

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use vivified_contract::api::IdentityApi;
use vivified_contract::runtime::{Call, DateTime, Problem};
use vivified_contract::{models, problems};

use super::guard::store_failed;
use crate::identity::{Factor, IdentityError, IssuedToken, NextStep, Person, Proof};
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
        let made = self.identity.set_up(&code, &body.username, password).await;
        let enrolment = made.map_err(identity_problem)?;
        Ok(models::SetupResult {
            username: body.username,
            mfa_secret: enrolment.base32.expose_secret().to_owned(),
            otpauth_uri: enrolment.otpauth_uri.expose_secret().to_owned(),
            recovery_codes: exposed(&enrolment.recovery_codes),
            ..Default::default()
        })
    }

    async fn login(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::LoginRequest,
    ) -> Result<models::Session, Problem> {
        call.note("user", self.audit.pseudonym("user", &body.username));
        let proof = proof(call, body.password, body.mfa_code, body.recovery_code);
        let sign_in =
            self.identity.sign_in(&body.username, proof).await.map_err(identity_problem)?;
        Ok(session(&sign_in.token, sign_in.next_step))
    }

    async fn get_me(&self, call: &mut Call<'_, Caller>) -> Result<models::Me, Problem> {
        let person = person(call)?;
        let left = self.identity.recovery_codes_left(&person.user_id).await;
        Ok(models::Me {
            username: person.username.clone(),
            traits: person.roles.iter().map(|role| role.name().into()).collect(),
            mfa: person.mfa,
            expires_at: date_time(person.expires_at),
            verified_at: Some(date_time(person.verified_at)),
            recovery_codes_left: Some(left.map_err(store_failed)?),
            next_step: person.next_step().map(next_step),
            ..Default::default()
        })
    }

    async fn logout(&self, call: &mut Call<'_, Caller>) -> Result<(), Problem> {
        let person = person(call)?;
        let ended = self.identity.end_session(&person.user_id, &person.session_id).await;
        ended.map_err(store_failed)
    }

    async fn refresh_session(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::Session, Problem> {
        let person = person(call)?;
        let token = self.identity.session_token(person).map_err(store_failed)?;
        Ok(session(&token, person.next_step()))
    }

    async fn step_up(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::StepUpRequest,
    ) -> Result<models::Session, Problem> {
        let proof = proof(call, body.password, body.mfa_code, body.recovery_code);
        let person = person(call)?;
        let token = self.identity.step_up(person, proof).await.map_err(identity_problem)?;
        Ok(session(&token, person.next_step()))
    }

    async fn change_password(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::PasswordChange,
    ) -> Result<(), Problem> {
        let (current, new) = (body.current_password.into(), body.new_password.into());
        let changed = self.identity.change_password(person(call)?, current, new).await;
        changed.map_err(|error| named_problem(error, "/body/new_password"))
    }

    async fn enroll_mfa(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::MfaEnrollment, Problem> {
        let enrolment =
            self.identity.enroll_factor(person(call)?).await.map_err(identity_problem)?;
        Ok(models::MfaEnrollment {
            mfa_secret: enrolment.base32.expose_secret().to_owned(),
            otpauth_uri: enrolment.otpauth_uri.expose_secret().to_owned(),
            expires_at: date_time(enrolment.ends_at),
            other: Default::default(),
        })
    }

    async fn confirm_mfa(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::MfaConfirmation,
    ) -> Result<models::RecoveryCodes, Problem> {
        let code = body.mfa_code.into();
        let codes = self.identity.confirm_factor(person(call)?, &code).await;
        Ok(recovery_codes(&codes.map_err(identity_problem)?))
    }

    async fn regenerate_recovery_codes(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::RecoveryCodes, Problem> {
        let codes = self.identity.renew_recovery_codes(person(call)?).await;
        Ok(recovery_codes(&codes.map_err(identity_problem)?))
    }

    async fn list_sessions(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::SessionList, Problem> {
        let person = person(call)?;
        let sessions = self.identity.sessions_of(&person.user_id).await.map_err(store_failed)?;
        let sessions = sessions.into_iter().map(|session| models::SessionRecord {
            current: session.session_id == person.session_id,
            session_id: session.session_id,
            mfa: session.mfa,
            created_at: date_time(session.created_at),
            seen_at: date_time(session.seen_at),
            ends_at: date_time(session.ends_at),
            other: Default::default(),
        });
        Ok(models::SessionList { sessions: sessions.collect(), ..Default::default() })
    }

    async fn end_session(
        &self,
        call: &mut Call<'_, Caller>,
        session_id: String,
    ) -> Result<(), Problem> {
        let person = person(call)?;
        self.identity.end_session(&person.user_id, &session_id).await.map_err(store_failed)
    }
}

/// The guard let only people pass; anything else is a mistake of ours and refused.
fn person<'r>(call: &Call<'r, Caller>) -> Result<&'r Person, Problem> {
    call.caller.person().ok_or_else(problems::wrong_principal)
}

/// What was shown; the record says which kind of factor, not which code. A one-time code counts
/// when both are there.
fn proof(
    call: &mut Call<'_, Caller>,
    password: String,
    mfa_code: Option<String>,
    recovery_code: Option<String>,
) -> Proof {
    let (name, factor) = match (mfa_code, recovery_code) {
        (Some(code), _) => ("code", Factor::Code(code.into())),
        (None, Some(code)) => ("recovery", Factor::Recovery(code.into())),
        (None, None) => ("none", Factor::None),
    };
    call.note("factor", name);
    Proof { password: password.into(), factor }
}

fn session(token: &IssuedToken, next: Option<NextStep>) -> models::Session {
    models::Session {
        token: token.expose().to_owned(),
        expires_in: token.expires_in,
        next_step: next.map(next_step),
        ..Default::default()
    }
}

fn next_step(next: NextStep) -> models::NextStep {
    match next {
        NextStep::ChangePassword => models::NextStep::ChangePassword,
        NextStep::EnrollMfa => models::NextStep::EnrollMfa,
    }
}

fn recovery_codes(codes: &[SecretString]) -> models::RecoveryCodes {
    models::RecoveryCodes { recovery_codes: exposed(codes), ..Default::default() }
}

fn exposed(codes: &[SecretString]) -> Vec<String> {
    codes.iter().map(|code| code.expose_secret().to_owned()).collect()
}

pub(super) fn identity_problem(error: IdentityError) -> Problem {
    named_problem(error, "/body/password")
}

/// `password` is where a refused password stands in the request.
fn named_problem(error: IdentityError, password: &str) -> Problem {
    let conflict = |text: &'static str| problems::state_conflict().with_detail(text);
    match error {
        IdentityError::LoginFailed => problems::login_failed(),
        IdentityError::Locked { retry_after } => {
            problems::account_locked().with_retry_after(u64::try_from(retry_after).unwrap_or(1))
        }
        IdentityError::SetupCodeInvalid => problems::setup_code_invalid(),
        IdentityError::PasswordRefused(faults) => {
            faults.into_iter().fold(problems::password_refused(), |problem, fault| {
                let (rule, message) = fault.describe();
                problem.with_violation(password, rule, message)
            })
        }
        IdentityError::UnknownUser => problems::unknown_user(),
        IdentityError::AlreadySetUp => conflict("an administrator exists already"),
        IdentityError::NothingPending => {
            conflict("no second factor waits for confirmation in this session")
        }
        IdentityError::Bootstrap => {
            conflict("the administrator of development mode cannot be changed")
        }
        IdentityError::NameTaken => conflict("the user name is taken"),
        IdentityError::LastAdmin => conflict("this is the last working administrator"),
        IdentityError::RotationPending => conflict("a rotation is under way already"),
        IdentityError::Store(error) => store_failed(error),
    }
}

/// Seconds since 1970 as they travel.
pub(super) fn date_time(seconds: i64) -> DateTime {
    DateTime(OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH))
}
