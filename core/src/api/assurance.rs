//! How well a person has proved who it is, and how long ago.
//!
//! A session without a second factor, or with a one-time password, opens only what ends that
//! state. Operations that carry `x-max-authentication-age` ask for a full verification that is not
//! older than that, because a session that was left open must not do something dangerous.

use vivified_contract::problems;
use vivified_contract::runtime::{OperationInfo, Problem};

use crate::identity::{NextStep, Person};

/// What is open with a one-time password.
const BEFORE_PASSWORD: [&str; 3] = ["get_me", "logout", "change_password"];
/// What is open without a second factor.
const BEFORE_FACTOR: [&str; 5] =
    ["get_me", "logout", "change_password", "enroll_mfa", "confirm_mfa"];

/// The rule and the problem of a session that is too weak for the operation.
pub fn of(operation: &OperationInfo, person: &Person) -> Option<(&'static str, Problem)> {
    let (open, refusal): (&[&str], _) = match person.next_step()? {
        NextStep::ChangePassword => {
            (&BEFORE_PASSWORD, ("caller.password_change", problems::password_change_required()))
        }
        NextStep::EnrollMfa => (&BEFORE_FACTOR, ("caller.mfa", problems::mfa_required())),
    };
    (!open.contains(&operation.id)).then_some(refusal)
}

/// The rule and the problem of a verification that is too old for the operation.
pub fn freshness(
    operation: &OperationInfo,
    person: &Person,
    now: i64,
) -> Option<(&'static str, Problem)> {
    let most = i64::try_from(operation.max_authentication_age?).unwrap_or(i64::MAX);
    let age = now.saturating_sub(person.verified_at);
    (age > most).then(|| ("caller.step_up", problems::step_up_required()))
}
