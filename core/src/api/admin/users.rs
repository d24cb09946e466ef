//! Accounts of people, for those who administer them.

use secrecy::ExposeSecret;
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{models, problems};

use super::super::guard::store_failed;
use super::super::identity::{date_time, identity_problem};
use crate::identity::{Invitation, UserRecord, UserStatus};
use crate::policy::{Member, Roles};
use crate::{Caller, Core};

pub async fn list_users(
    core: &Core,
    _call: &mut Call<'_, Caller>,
) -> Result<models::UserList, Problem> {
    let users = core.identity.users().await.map_err(store_failed)?;
    let users = users.into_iter().map(record).collect();
    Ok(models::UserList { users, ..Default::default() })
}

pub async fn create_user(
    core: &Core,
    call: &mut Call<'_, Caller>,
    body: models::UserRequest,
) -> Result<models::Invitation, Problem> {
    let roles = roles(&body.roles);
    call.note("user", core.audit.pseudonym("user", &body.username));
    call.note("roles", roles.names().join(" "));
    let made = core.identity.create_user(&body.username, roles).await;
    made.map(invitation).map_err(identity_problem)
}

pub async fn get_user(
    core: &Core,
    call: &mut Call<'_, Caller>,
    user_id: String,
) -> Result<models::UserRecord, Problem> {
    about(core, call, &user_id).await.map(record)
}

pub async fn set_user_roles(
    core: &Core,
    call: &mut Call<'_, Caller>,
    user_id: String,
    body: models::RoleList,
) -> Result<models::UserRecord, Problem> {
    let (roles, before) = (roles(&body.roles), about(core, call, &user_id).await?);
    call.note("roles_before", before.roles.names().join(" "));
    call.note("roles", roles.names().join(" "));
    core.identity.set_roles(&user_id, roles).await.map_err(identity_problem)?;
    about(core, call, &user_id).await.map(record)
}

pub async fn disable_user(
    core: &Core,
    call: &mut Call<'_, Caller>,
    user_id: String,
) -> Result<models::UserRecord, Problem> {
    about(core, call, &user_id).await?;
    core.identity.disable_user(&user_id).await.map_err(identity_problem)?;
    about(core, call, &user_id).await.map(record)
}

pub async fn enable_user(
    core: &Core,
    call: &mut Call<'_, Caller>,
    user_id: String,
) -> Result<models::UserRecord, Problem> {
    about(core, call, &user_id).await?;
    core.identity.enable_user(&user_id).await.map_err(identity_problem)?;
    about(core, call, &user_id).await.map(record)
}

pub async fn reset_user_password(
    core: &Core,
    call: &mut Call<'_, Caller>,
    user_id: String,
) -> Result<models::Invitation, Problem> {
    about(core, call, &user_id).await?;
    core.identity.reset_password(&user_id).await.map(invitation).map_err(identity_problem)
}

pub async fn reset_user_mfa(
    core: &Core,
    call: &mut Call<'_, Caller>,
    user_id: String,
) -> Result<models::Invitation, Problem> {
    about(core, call, &user_id).await?;
    core.identity.reset_factor(&user_id).await.map(invitation).map_err(identity_problem)
}

pub async fn revoke_user_sessions(
    core: &Core,
    call: &mut Call<'_, Caller>,
    user_id: String,
) -> Result<models::EndedSessions, Problem> {
    about(core, call, &user_id).await?;
    let ended = core.identity.revoke_sessions(&user_id).await.map_err(identity_problem)?;
    call.note("sessions", ended);
    let ended = i32::try_from(ended).unwrap_or(i32::MAX);
    Ok(models::EndedSessions { ended, ..Default::default() })
}

/// The user a request is about. The record names it by the pseudonym its own acts have.
async fn about(
    core: &Core,
    call: &mut Call<'_, Caller>,
    user_id: &str,
) -> Result<UserRecord, Problem> {
    let user = core.identity.user(user_id).await.map_err(store_failed)?;
    let user = user.ok_or_else(problems::unknown_user)?;
    call.note("user", core.audit.pseudonym("user", &user.username));
    Ok(user)
}

fn roles(names: &[models::UserTrait]) -> Roles {
    Roles::parse(names.iter().map(models::UserTrait::as_str))
}

fn invitation(invitation: Invitation) -> models::Invitation {
    models::Invitation {
        user_id: invitation.user_id,
        username: invitation.username,
        initial_password: invitation.password.expose_secret().to_owned(),
        expires_at: date_time(invitation.ends_at),
        other: Default::default(),
    }
}

fn record(user: UserRecord) -> models::UserRecord {
    models::UserRecord {
        status: match user.status() {
            UserStatus::Invited => models::UserStatus::Invited,
            UserStatus::Active => models::UserStatus::Active,
            UserStatus::Disabled => models::UserStatus::Disabled,
        },
        roles: user.roles.iter().map(|role| role.name().into()).collect(),
        user_id: user.user_id,
        username: user.username,
        mfa: user.mfa,
        password_change: user.password_change,
        recovery_codes_left: user.recovery_codes_left,
        sessions: user.sessions,
        created_at: date_time(user.created_at),
        last_sign_in_at: user.last_sign_in_at.map(date_time),
        other: Default::default(),
    }
}
