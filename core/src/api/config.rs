//! Configuration of the calling plugin.

use serde_json::Value;
use vivified_contract::api::{ConfigApi, SetConfigParams};
use vivified_contract::runtime::{Call, Fields, Problem};
use vivified_contract::{models, problems};

use super::calls::{moment, once, plugin, violations};
use super::guard::store_failed;
use crate::registry::Plugin;
use crate::settings::{Origin, Setting, SettingsError, Terms};
use crate::{Caller, Core};

impl ConfigApi for Core {
    async fn list_config(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::ConfigList, Problem> {
        let plugin = plugin(call)?;
        let listed =
            self.settings.list(&plugin.plugin_id, schema(&plugin)).await.map_err(failed)?;
        let entries = listed.into_iter().map(|row| models::ConfigSummary {
            key: row.key,
            revision: row.revision,
            origin: origin(row.origin),
            updated_at: row.written_at.map(moment),
            other: Fields::default(),
        });
        Ok(models::ConfigList { entries: entries.collect(), ..Default::default() })
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
        let if_revision =
            params.if_match.as_deref().and_then(|text| text.trim_matches('"').parse().ok());
        let work = async {
            let terms = Terms { origin: Origin::Plugin, if_revision };
            let set = self.settings.set(id, &key, body.value, terms, schema(&plugin));
            set.await.map(entry).map_err(failed)
        };
        let written = once(self, id, call.request, call.body_octets(), work).await?;
        call.note("revision", written.revision);
        call.set_header("etag", format!("\"{}\"", written.revision));
        Ok(written)
    }
}

fn schema(plugin: &Plugin) -> Option<&Value> {
    plugin.manifest.get("config_schema")
}

fn entry(setting: Setting) -> models::ConfigEntry {
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
        Origin::Plugin | Origin::Admin => models::ConfigOrigin::Plugin,
        Origin::Default => models::ConfigOrigin::Default,
    }
}

fn failed(error: SettingsError) -> Problem {
    match error {
        SettingsError::UnknownKey | SettingsError::UnknownRevision => problems::unknown_key(),
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
