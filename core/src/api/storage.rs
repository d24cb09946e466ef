//! The key-value store of the calling plugin.

use serde_json::Value;
use vivified_contract::api::{DeleteValueParams, ListValuesParams, StorageApi};
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{models, problems};

use super::calls::{moment, once, plugin};
use super::guard::store_failed;
use crate::registry::Plugin;
use crate::storage::{StorageError, Stored, Terms};
use crate::{Caller, Core};

/// Octets a plugin may keep whose manifest does not say; the default of the manifest schema.
const DEFAULT_QUOTA: u64 = 10 * 1024 * 1024;
const DEFAULT_QUOTA_KEYS: u64 = 10_000;

impl StorageApi for Core {
    async fn list_values(
        &self,
        call: &mut Call<'_, Caller>,
        params: ListValuesParams,
    ) -> Result<models::StorageList, Problem> {
        let plugin = plugin(call)?;
        let prefix = params.prefix.unwrap_or_default();
        let limit = usize::try_from(params.limit).unwrap_or(1);
        let page = self.storage.list(&plugin.plugin_id, &prefix, params.cursor.as_deref(), limit);
        let page = page.await.map_err(failed)?;
        let keys = page.keys.into_iter().map(|listed| models::StoredKey {
            key: listed.key,
            revision: listed.revision,
            size: listed.size,
            expires_at: listed.expires_at.map(moment),
            ..Default::default()
        });
        Ok(models::StorageList { keys: keys.collect(), cursor: page.cursor, ..Default::default() })
    }

    async fn get_value(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
    ) -> Result<models::StoredValue, Problem> {
        let plugin = plugin(call)?;
        self.storage.get(&plugin.plugin_id, &key).await.map(value).map_err(failed)
    }

    async fn put_value(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
        body: models::StorageWrite,
    ) -> Result<models::StoredValue, Problem> {
        let plugin = plugin(call)?;
        let id = plugin.plugin_id.as_str();
        let terms = Terms {
            quota: quota(&plugin, "/storage/quota_bytes", DEFAULT_QUOTA),
            quota_keys: quota(&plugin, "/storage/quota_keys", DEFAULT_QUOTA_KEYS),
            ttl_seconds: body.ttl_seconds,
            if_revision: body.if_revision,
        };
        let work = async {
            self.storage.put(id, &key, body.value, terms).await.map(value).map_err(failed)
        };
        let stored = once(self, id, call.request, call.body_octets(), work).await?;
        call.note("revision", stored.revision);
        Ok(stored)
    }

    async fn delete_value(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
        params: DeleteValueParams,
    ) -> Result<(), Problem> {
        let plugin = plugin(call)?;
        self.storage.delete(&plugin.plugin_id, &key, params.if_revision).await.map_err(failed)
    }
}

fn quota(plugin: &Plugin, pointer: &str, usual: u64) -> u64 {
    plugin.manifest.pointer(pointer).and_then(Value::as_u64).unwrap_or(usual)
}

fn value(stored: Stored) -> models::StoredValue {
    models::StoredValue {
        key: stored.key,
        value: stored.value,
        revision: stored.revision,
        expires_at: stored.expires_at.map(moment),
        ..Default::default()
    }
}

fn failed(error: StorageError) -> Problem {
    match error {
        StorageError::UnknownKey => problems::unknown_key(),
        StorageError::RevisionConflict { current } => {
            problems::revision_conflict().with_detail(format!("the newest revision is {current}"))
        }
        StorageError::QuotaExceeded { .. } | StorageError::TooManyKeys { .. } => {
            problems::quota_exceeded().with_detail(error.to_string())
        }
        StorageError::BadCursor => problems::invalid_request().with_violation(
            "/query/cursor",
            "cursor",
            "is not one that a list has answered",
        ),
        StorageError::Store(error) => store_failed(error),
    }
}
