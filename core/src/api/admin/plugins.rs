//! Enrolment and approval of plugins.

use secrecy::ExposeSecret;
use vivified_contract::models;
use vivified_contract::runtime::{Call, Problem};

use crate::api::identity::date_time;
use crate::api::plugins::{registry_problem, status};
use crate::registry::{Approval, Plugin};
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
    Ok(models::Enrollment {
        plugin_id: enrollment.plugin_id,
        enrollment_token: enrollment.token.expose_secret().to_owned(),
        expires_at: date_time(enrollment.ends_at),
        ..Default::default()
    })
}

pub async fn list_admin_plugins(
    core: &Core,
    _call: &mut Call<'_, Caller>,
) -> Result<models::PluginList, Problem> {
    let plugins = core.registry.all();
    let plugins = plugins.iter().map(|plugin| record(core, plugin)).collect();
    Ok(models::PluginList { plugins, ..Default::default() })
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
    Ok(record(core, &plugin))
}

pub async fn revoke_plugin(
    core: &Core,
    _call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
    body: models::Revocation,
) -> Result<models::PluginRecord, Problem> {
    let plugin = core.registry.revoke(&plugin_id, body.reason).await.map_err(registry_problem)?;
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
        registered_at: date_time(plugin.registered_at),
        changed_at: date_time(plugin.changed_at),
        seen_at: plugin.seen_at.map(date_time),
        other: Default::default(),
    }
}
