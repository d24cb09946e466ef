//! Configuration, secrets and data keys of a plugin, in the hands of an administrator.

use std::sync::Arc;

use vivified_contract::api::{
    DeletePluginConfigParams, ListPluginConfigHistoryParams, RollBackPluginConfigParams,
    SetPluginConfigParams,
};
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{models, problems};
use zeroize::Zeroizing;

use crate::api::calls::moment;
use crate::api::config::{entry, failed, history, list, schema, terms};
use crate::api::guard::store_failed;
use crate::api::proxy::rules;
use crate::keyring::KeyState;
use crate::registry::Plugin;
use crate::settings::Origin;
use crate::settings::secrets::{self, SecretError};
use crate::{Caller, Core};

pub async fn list_plugin_config(
    core: &Core,
    _call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
) -> Result<models::ConfigList, Problem> {
    let plugin = known(core, &plugin_id)?;
    core.settings.list(&plugin_id, schema(&plugin)).await.map(list).map_err(failed)
}

pub async fn get_plugin_config(
    core: &Core,
    call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
    key: String,
) -> Result<models::ConfigEntry, Problem> {
    let plugin = known(core, &plugin_id)?;
    let setting = core.settings.get(&plugin_id, &key, schema(&plugin)).await.map_err(failed)?;
    call.set_header("etag", format!("\"{}\"", setting.revision));
    Ok(entry(setting))
}

pub async fn set_plugin_config(
    core: &Core,
    call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
    key: String,
    params: SetPluginConfigParams,
    body: models::ConfigWrite,
) -> Result<models::ConfigEntry, Problem> {
    let plugin = known(core, &plugin_id)?;
    let terms = terms(Origin::Admin, params.if_match.as_deref());
    let set = core.settings.set(&plugin_id, &key, body.value, terms, schema(&plugin));
    let written = set.await.map(entry).map_err(failed)?;
    call.note("key", key);
    call.note("revision", written.revision);
    call.set_header("etag", format!("\"{}\"", written.revision));
    Ok(written)
}

pub async fn delete_plugin_config(
    core: &Core,
    call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
    key: String,
    params: DeletePluginConfigParams,
) -> Result<(), Problem> {
    known(core, &plugin_id)?;
    let terms = terms(Origin::Admin, params.if_match.as_deref());
    core.settings.remove(&plugin_id, &key, terms).await.map_err(failed)?;
    call.note("key", key);
    Ok(())
}

pub async fn list_plugin_config_history(
    core: &Core,
    _call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
    key: String,
    params: ListPluginConfigHistoryParams,
) -> Result<models::ConfigHistory, Problem> {
    known(core, &plugin_id)?;
    let limit = i64::from(params.limit);
    let found = core.settings.history(&plugin_id, &key, limit).await.map_err(failed)?;
    Ok(history(key, found))
}

pub async fn roll_back_plugin_config(
    core: &Core,
    call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
    key: String,
    params: RollBackPluginConfigParams,
    body: models::ConfigRollback,
) -> Result<models::ConfigEntry, Problem> {
    let plugin = known(core, &plugin_id)?;
    let terms = terms(Origin::Admin, params.if_match.as_deref());
    let back = core.settings.roll_back(&plugin_id, &key, body.revision, terms, schema(&plugin));
    let written = back.await.map(entry).map_err(failed)?;
    call.note("key", key);
    call.note("from_revision", body.revision);
    call.note("revision", written.revision);
    call.set_header("etag", format!("\"{}\"", written.revision));
    Ok(written)
}

pub async fn list_plugin_secrets(
    core: &Core,
    _call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
) -> Result<models::SecretList, Problem> {
    let plugin = known(core, &plugin_id)?;
    let listed = core.secrets.list(&plugin_id).await.map_err(secret_failed)?;
    let secrets = listed.into_iter().map(|secret| secret_info(&plugin, secret)).collect();
    Ok(models::SecretList { secrets, ..Default::default() })
}

pub async fn put_plugin_secret(
    core: &Core,
    call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
    name: String,
    body: models::SecretWrite,
) -> Result<models::SecretInfo, Problem> {
    let plugin = known(core, &plugin_id)?;
    let value = Zeroizing::new(body.value);
    let written = core.secrets.put(&plugin_id, &name, value).await.map_err(secret_failed)?;
    call.note("secret", name);
    call.note("version", written.version);
    Ok(secret_info(&plugin, written))
}

pub async fn delete_plugin_secret(
    core: &Core,
    call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
    name: String,
) -> Result<(), Problem> {
    known(core, &plugin_id)?;
    core.secrets.remove(&plugin_id, &name).await.map_err(secret_failed)?;
    call.note("secret", name);
    Ok(())
}

pub async fn get_plugin_key(
    core: &Core,
    _call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
) -> Result<models::PluginKey, Problem> {
    known(core, &plugin_id)?;
    let state = core.keyring.state(&plugin_id);
    Ok(plugin_key(plugin_id, &state))
}

pub async fn rotate_plugin_key(
    core: &Core,
    call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
) -> Result<models::PluginKey, Problem> {
    known(core, &plugin_id)?;
    let state = core.keyring.rotate(&plugin_id).await.map_err(store_failed)?;
    call.note("version", state.version);
    Ok(plugin_key(plugin_id, &state))
}

/// A plugin there is, in whatever state.
pub(super) fn known(core: &Core, plugin_id: &str) -> Result<Arc<Plugin>, Problem> {
    core.registry.get(plugin_id).ok_or_else(problems::unknown_plugin)
}

fn plugin_key(plugin_id: models::PluginId, state: &KeyState) -> models::PluginKey {
    models::PluginKey {
        plugin_id,
        version: i32::try_from(state.version).unwrap_or(i32::MAX),
        resealing: state.resealing,
        ..Default::default()
    }
}

fn secret_info(plugin: &Plugin, secret: secrets::SecretInfo) -> models::SecretInfo {
    let uses = |rule: &crate::egress::AllowRule| {
        rule.credential.as_ref().is_some_and(|credential| credential.secret == secret.name)
    };
    let hosts = rules(plugin).into_iter().filter(uses).map(|rule| rule.host()).collect();
    models::SecretInfo {
        name: secret.name,
        version: secret.version,
        updated_at: moment(secret.written_at),
        hosts,
        other: Default::default(),
    }
}

fn secret_failed(error: SecretError) -> Problem {
    match error {
        SecretError::Unknown => problems::unknown_key(),
        SecretError::Unusable => {
            problems::invalid_request().with_violation("/body/value", "secret", error.to_string())
        }
        SecretError::TooMany => problems::quota_exceeded().with_detail(error.to_string()),
        SecretError::Store(error) => store_failed(error),
    }
}
