//! Enrolment and approval of plugins.

use std::sync::Arc;

use secrecy::ExposeSecret;
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{models, problems};

use crate::api::guard::store_failed;
use crate::api::identity::date_time;
use crate::api::plugins::{registry_problem, status};
use crate::registry::{Approval, Plugin, RegistryError};
use crate::{Caller, Core};

/// Seconds an enrolment token lives when nobody says otherwise.
const ENROLLMENT_LIFE: i64 = 3_600;

pub async fn create_enrollment(
    core: &Core,
    call: &mut Call<'_, Caller>,
    body: models::EnrollmentRequest,
) -> Result<models::Enrollment, Problem> {
    let approve = body.approve.unwrap_or(false);
    call.note("plugin_id", body.plugin_id.clone());
    call.note("approve", approve);
    let life = body.expires_in.unwrap_or(ENROLLMENT_LIFE);
    let enrollment =
        core.registry.enroll(&body.plugin_id, approve, life).await.map_err(registry_problem)?;
    call.note("enrollment_id", enrollment.id.clone());
    Ok(models::Enrollment {
        enrollment_id: enrollment.id,
        plugin_id: enrollment.plugin_id,
        enrollment_token: enrollment.token.expose_secret().to_owned(),
        expires_at: date_time(enrollment.ends_at),
        ..Default::default()
    })
}

pub async fn list_enrollments(core: &Core) -> Result<models::EnrollmentList, Problem> {
    let found = core.registry.enrollments().await.map_err(store_failed)?;
    let enrollments = found.into_iter().map(|enrollment| models::EnrollmentRecord {
        enrollment_id: enrollment.id,
        plugin_id: enrollment.plugin_id,
        approve: enrollment.approve,
        status: match enrollment.spent_at {
            None => models::EnrollmentStatus::Open,
            Some(_) => models::EnrollmentStatus::Spent,
        },
        created_at: date_time(enrollment.made_at),
        expires_at: date_time(enrollment.ends_at),
        spent_at: enrollment.spent_at.map(date_time),
        other: Default::default(),
    });
    Ok(models::EnrollmentList { enrollments: enrollments.collect(), ..Default::default() })
}

pub async fn revoke_enrollment(
    core: &Core,
    call: &mut Call<'_, Caller>,
    enrollment_id: String,
) -> Result<(), Problem> {
    let revoked = core.registry.revoke_enrollment(&enrollment_id).await;
    call.note("enrollment_id", enrollment_id);
    call.note("plugin_id", revoked.map_err(registry_problem)?);
    Ok(())
}

pub async fn list_admin_plugins(
    core: &Core,
    _call: &mut Call<'_, Caller>,
) -> Result<models::PluginList, Problem> {
    let plugins = core.registry.all();
    let plugins = plugins.iter().map(|plugin| record(core, plugin)).collect();
    Ok(models::PluginList { plugins, ..Default::default() })
}

pub async fn get_admin_plugin(
    core: &Core,
    plugin_id: models::PluginId,
) -> Result<models::PluginDetails, Problem> {
    let plugin = core.registry.get(&plugin_id).ok_or_else(problems::unknown_plugin)?;
    let history = core.registry.history(&plugin_id).await.map_err(store_failed)?;
    let history = history.into_iter().map(|change| models::PluginChange {
        status: status(change.state),
        reason: change.reason,
        at: date_time(change.at),
        other: Default::default(),
    });
    let manifest = plugin.manifest.as_object().cloned().unwrap_or_default();
    Ok(models::PluginDetails {
        plugin: record(core, &plugin),
        manifest: manifest.into_iter().collect(),
        history: history.collect(),
        other: Default::default(),
    })
}

pub async fn suspend_plugin(
    core: &Core,
    plugin_id: models::PluginId,
    body: models::StateChange,
) -> Result<models::PluginRecord, Problem> {
    answered(core, core.registry.suspend(&plugin_id, body.reason).await)
}

pub async fn drain_plugin(
    core: &Core,
    plugin_id: models::PluginId,
    body: models::StateChange,
) -> Result<models::PluginRecord, Problem> {
    answered(core, core.registry.drain(&plugin_id, body.reason).await)
}

pub async fn resume_plugin(
    core: &Core,
    plugin_id: models::PluginId,
    body: models::StateChange,
) -> Result<models::PluginRecord, Problem> {
    answered(core, core.registry.resume(&plugin_id, body.reason).await)
}

pub async fn approve_plugin(
    core: &Core,
    call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
    body: models::Approval,
) -> Result<models::PluginRecord, Problem> {
    let approval = Approval {
        traits: body.traits,
        hosts: body.domains,
        reason: body.reason.unwrap_or_else(|| "approved".into()),
    };
    let plugin = core.registry.approve(&plugin_id, approval).await.map_err(registry_problem)?;
    call.note("granted_traits", plugin.granted_traits().names().join(" "));
    call.note("granted_domains", plugin.granted_hosts().join(" "));
    answered(core, Ok(plugin))
}

pub async fn revoke_plugin(
    core: &Core,
    _call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
    body: models::Revocation,
) -> Result<models::PluginRecord, Problem> {
    answered(core, core.registry.revoke(&plugin_id, body.reason).await)
}

/// Long polls look at once whether their plugin may still receive, or may again.
fn answered(
    core: &Core,
    changed: Result<Arc<Plugin>, RegistryError>,
) -> Result<models::PluginRecord, Problem> {
    let plugin = changed.map_err(registry_problem)?;
    core.events.wake();
    Ok(record(core, &plugin))
}

fn record(core: &Core, plugin: &Plugin) -> models::PluginRecord {
    models::PluginRecord {
        plugin_id: plugin.plugin_id.clone(),
        name: plugin.name.clone(),
        version: plugin.version.clone(),
        status: status(plugin.state),
        reason: plugin.reason.clone(),
        traits: plugin.granted_traits().names(),
        requested_traits: plugin.requested_traits.names(),
        domains: plugin.granted_hosts(),
        requested_domains: plugin.requested_hosts(),
        healthy: plugin.is_healthy(core.clock.unix()),
        health: Some(plugin.health.name().into()),
        lease_ends_at: plugin.lease_ends_at().map(date_time),
        registered_at: date_time(plugin.registered_at),
        changed_at: date_time(plugin.changed_at),
        seen_at: plugin.seen_at.map(date_time),
        other: Default::default(),
    }
}
