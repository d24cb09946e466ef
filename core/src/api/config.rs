//! Configuration of the calling plugin.

use std::time::Duration;

use serde_json::Value;
use vivified_contract::api::{
    ConfigApi, DeleteConfigParams, ListConfigHistoryParams, RollBackConfigParams, SetConfigParams,
    WatchConfigParams,
};
use vivified_contract::runtime::{Call, Fields, Problem};
use vivified_contract::{models, problems};

use super::calls::{moment, once, plugin, still_present, violations};
use super::guard::store_failed;
use crate::registry::Plugin;
use crate::settings::{Origin, Revision, Setting, SettingsError, Summary, Terms};
use crate::{Caller, Core};

impl ConfigApi for Core {
    async fn list_config(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::ConfigList, Problem> {
        let plugin = plugin(call)?;
        let listed =
            self.settings.list(&plugin.plugin_id, schema(&plugin)).await.map_err(failed)?;
        Ok(list(listed))
    }

    async fn get_config(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
    ) -> Result<models::ConfigEntry, Problem> {
        let plugin = plugin(call)?;
        let setting =
            self.settings.get(&plugin.plugin_id, &key, schema(&plugin)).await.map_err(failed)?;
        call.set_header("etag", format!("\"{}\"", setting.revision));
        Ok(entry(setting))
    }

    async fn set_config(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
        params: SetConfigParams,
        body: models::ConfigWrite,
    ) -> Result<models::ConfigEntry, Problem> {
        let plugin = plugin(call)?;
        let id = plugin.plugin_id.as_str();
        let terms = terms(Origin::Plugin, params.if_match.as_deref());
        let work = async {
            let set = self.settings.set(id, &key, body.value, terms, schema(&plugin));
            set.await.map(entry).map_err(failed)
        };
        let written = once(self, id, call.request, call.body_octets(), work).await?;
        call.note("revision", written.revision);
        call.set_header("etag", format!("\"{}\"", written.revision));
        Ok(written)
    }

    async fn delete_config(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
        params: DeleteConfigParams,
    ) -> Result<(), Problem> {
        let plugin = plugin(call)?;
        let terms = terms(Origin::Plugin, params.if_match.as_deref());
        self.settings.remove(&plugin.plugin_id, &key, terms).await.map_err(failed)
    }

    async fn list_config_history(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
        params: ListConfigHistoryParams,
    ) -> Result<models::ConfigHistory, Problem> {
        let plugin = plugin(call)?;
        let limit = i64::from(params.limit);
        let found = self.settings.history(&plugin.plugin_id, &key, limit).await.map_err(failed)?;
        Ok(history(key, found))
    }

    async fn roll_back_config(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
        params: RollBackConfigParams,
        body: models::ConfigRollback,
    ) -> Result<models::ConfigEntry, Problem> {
        let plugin = plugin(call)?;
        let (id, terms) = (&plugin.plugin_id, terms(Origin::Plugin, params.if_match.as_deref()));
        let back = self.settings.roll_back(id, &key, body.revision, terms, schema(&plugin));
        let written = back.await.map(entry).map_err(failed)?;
        call.note("from_revision", body.revision);
        call.note("revision", written.revision);
        call.set_header("etag", format!("\"{}\"", written.revision));
        Ok(written)
    }

    async fn watch_config(
        &self,
        call: &mut Call<'_, Caller>,
        params: WatchConfigParams,
    ) -> Result<models::ConfigChanges, Problem> {
        let plugin = plugin(call)?;
        let wait = Duration::from_millis(u64::try_from(params.wait_ms).unwrap_or(0));
        let heard = self.settings.watch(&plugin.plugin_id, params.since, wait).await;
        let heard = heard.map_err(failed)?;
        still_present(&self.registry, &plugin)?;
        let changes = heard.changes.into_iter().map(|change| models::ConfigChange {
            key: change.key,
            revision: change.revision,
            origin: origin(change.origin),
            removed: change.removed,
            other: Fields::default(),
        });
        let changes = changes.collect();
        Ok(models::ConfigChanges { changes, cursor: heard.cursor, ..Default::default() })
    }
}

pub(super) fn schema(plugin: &Plugin) -> Option<&Value> {
    plugin.manifest.get("config_schema")
}

pub(super) fn terms(origin: Origin, if_match: Option<&str>) -> Terms {
    let if_revision = if_match.and_then(|text| text.trim_matches('"').parse().ok());
    Terms { origin, if_revision }
}

pub(super) fn list(listed: Vec<Summary>) -> models::ConfigList {
    let entries = listed.into_iter().map(|row| models::ConfigSummary {
        key: row.key,
        revision: row.revision,
        origin: origin(row.origin),
        updated_at: row.written_at.map(moment),
        other: Fields::default(),
    });
    models::ConfigList { entries: entries.collect(), ..Default::default() }
}

pub(super) fn history(key: String, revisions: Vec<Revision>) -> models::ConfigHistory {
    let revisions = revisions.into_iter().map(|old| models::ConfigRevision {
        revision: old.revision,
        origin: origin(old.origin),
        updated_at: moment(old.written_at),
        removed: old.value.is_none(),
        value: old.value,
        other: Fields::default(),
    });
    models::ConfigHistory { key, revisions: revisions.collect(), other: Fields::default() }
}

pub(super) fn entry(setting: Setting) -> models::ConfigEntry {
    models::ConfigEntry {
        key: setting.key,
        value: setting.value,
        revision: setting.revision,
        origin: origin(setting.origin),
        other: Fields::default(),
    }
}

fn origin(origin: Origin) -> models::ConfigOrigin {
    match origin {
        Origin::Plugin => models::ConfigOrigin::Plugin,
        Origin::Admin => models::ConfigOrigin::Admin,
        Origin::Default => models::ConfigOrigin::Default,
    }
}

pub(super) fn failed(error: SettingsError) -> Problem {
    match error {
        SettingsError::UnknownKey => problems::unknown_key(),
        SettingsError::UnknownRevision => problems::unknown_revision(),
        SettingsError::RevisionConflict { current } => {
            problems::revision_conflict().with_detail(format!("the newest revision is {current}"))
        }
        SettingsError::Refused(faults) => {
            problems::invalid_request().with_violations(violations("/body/value", faults))
        }
        SettingsError::TooManyKeys => problems::quota_exceeded().with_detail(error.to_string()),
        SettingsError::Store(error) => store_failed(error),
    }
}
