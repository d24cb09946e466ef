//! Configuration of plugins: versioned values over the defaults of the manifest.
//!
//! Every write is a new revision, whoever makes it, and the older ones stay as history. The newest
//! revision is the effective value and says whose it is; without one the default in the
//! `config_schema` of the manifest applies. A write that the schema refuses is refused before it
//! is stored, and so is a return to an old value that the schema of today refuses. Values are
//! sealed: a setting is often sensitive.

mod changes;
#[cfg(test)]
mod model;
mod revisions;
pub mod secrets;
#[cfg(test)]
mod tests;

use rusqlite::params;
use serde_json::{Map, Value};
use tokio::sync::watch;

pub use changes::{Change, Changes};
pub use revisions::reseal;
use revisions::{Draft, Record};

use crate::schemas::{Fault, Schemas};
use crate::{Clock, Migration, Sealer, Store, StoreError};

pub const MIGRATIONS: &[Migration] = &[
    Migration { module: "settings", version: 1, sql: revisions::SQL },
    Migration { module: "settings", version: 2, sql: revisions::SQL_ORIGINS },
    Migration { module: "settings", version: 3, sql: secrets::SQL },
];

/// Keys with a value one plugin may have.
const MAX_KEYS: i64 = 1_000;
/// Revisions of a key that are kept.
const HISTORY: i64 = 100;

/// Whose value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Plugin,
    Admin,
    Default,
}

impl Origin {
    pub fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Admin => "admin",
            Self::Default => "default",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Plugin, Self::Admin].into_iter().find(|origin| origin.name() == name)
    }
}

#[derive(Clone, PartialEq)]
pub struct Setting {
    pub key: String,
    pub value: Value,
    /// 0 for a default.
    pub revision: i64,
    pub origin: Origin,
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Setting(revision {}, {})", self.revision, self.origin.name())
    }
}

/// What a list tells of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub key: String,
    pub revision: i64,
    pub origin: Origin,
    /// Milliseconds since 1970.
    pub written_at: Option<i64>,
}

/// One write of the past.
#[derive(Clone, PartialEq)]
pub struct Revision {
    pub revision: i64,
    pub origin: Origin,
    pub written_at: i64,
    /// None where the write was a removal.
    pub value: Option<Value>,
}

/// Who writes, and under which condition.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub origin: Origin,
    /// Write only while this is the newest revision; 0 means while there is no value.
    pub if_revision: Option<i64>,
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("the key has no value")]
    UnknownKey,
    #[error("the key has no such revision")]
    UnknownRevision,
    #[error("the newest revision is {current}")]
    RevisionConflict { current: i64 },
    #[error("the config_schema of the manifest refuses the value")]
    Refused(Vec<Fault>),
    #[error("a plugin has at most {MAX_KEYS} keys")]
    TooManyKeys,
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub struct Settings {
    store: Store,
    sealer: Sealer,
    clock: Clock,
    schemas: Schemas,
    /// Wakes those who wait for a change, of any plugin.
    changed: watch::Sender<()>,
}

impl Settings {
    pub fn new(store: Store, sealer: Sealer, clock: Clock) -> Self {
        let (changed, _) = watch::channel(());
        Self { store, sealer, clock, schemas: Schemas::default(), changed }
    }

    /// Every key with a value of its own or a default, in byte order. `schema` is the
    /// `config_schema` of the approved manifest.
    pub async fn list(
        &self,
        plugin_id: &str,
        schema: Option<&Value>,
    ) -> Result<Vec<Summary>, SettingsError> {
        let plugin = plugin_id.to_owned();
        let mut summaries =
            self.store.read(move |conn| revisions::newest_all(conn, &plugin)).await?;
        let defaults: Vec<_> = defaults(schema)
            .filter(|(key, _)| !summaries.iter().any(|summary| summary.key == **key))
            .map(|(key, _)| Summary {
                key: key.clone(),
                revision: 0,
                origin: Origin::Default,
                written_at: None,
            })
            .collect();
        summaries.extend(defaults);
        summaries.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(summaries)
    }

    /// The effective value.
    pub async fn get(
        &self,
        plugin_id: &str,
        key: &str,
        schema: Option<&Value>,
    ) -> Result<Setting, SettingsError> {
        let (plugin, name) = (plugin_id.to_owned(), key.to_owned());
        let found = self.store.read(move |conn| revisions::newest(conn, &plugin, &name)).await?;
        let key = key.to_owned();
        if let Some(record) = found.filter(|record| !record.removed) {
            let value = self.read_value(plugin_id, &key, &record)?;
            let (revision, origin) = (record.revision, record.origin);
            return Ok(Setting { key, value, revision, origin });
        }
        let value = defaults(schema).find(|(name, _)| **name == key).map(|(_, value)| value);
        let value = value.cloned().ok_or(SettingsError::UnknownKey)?;
        Ok(Setting { key, value, revision: 0, origin: Origin::Default })
    }

    /// Writes a new revision.
    pub async fn set(
        &self,
        plugin_id: &str,
        key: &str,
        value: Value,
        terms: Terms,
        schema: Option<&Value>,
    ) -> Result<Setting, SettingsError> {
        self.check(key, &value, schema)?;
        let revision = self.write(plugin_id, key, Some(&value), terms).await?;
        Ok(Setting { key: key.to_owned(), value, revision, origin: terms.origin })
    }

    /// Takes the value back; the default applies again. Removing what is not there is fine.
    pub async fn remove(
        &self,
        plugin_id: &str,
        key: &str,
        terms: Terms,
    ) -> Result<(), SettingsError> {
        self.write(plugin_id, key, None, terms).await.map(drop)
    }

    /// The newest `limit` writes of a key, newest first.
    pub async fn history(
        &self,
        plugin_id: &str,
        key: &str,
        limit: i64,
    ) -> Result<Vec<Revision>, SettingsError> {
        let (plugin, name) = (plugin_id.to_owned(), key.to_owned());
        let records = self.store.read(move |conn| revisions::all(conn, &plugin, &name, limit));
        let records = records.await?;
        if records.is_empty() {
            return Err(SettingsError::UnknownKey);
        }
        let revision = |record: Record| {
            let value = match record.removed {
                true => None,
                false => Some(self.read_value(plugin_id, key, &record)?),
            };
            let Record { revision, origin, written_at, .. } = record;
            Ok(Revision { revision, origin, written_at, value })
        };
        records.into_iter().map(revision).collect()
    }

    /// Writes the value of an old revision as a new one.
    pub async fn roll_back(
        &self,
        plugin_id: &str,
        key: &str,
        revision: i64,
        terms: Terms,
        schema: Option<&Value>,
    ) -> Result<Setting, SettingsError> {
        let old = self.history(plugin_id, key, HISTORY).await?;
        let old = old.into_iter().find(|old| old.revision == revision);
        let value = old.and_then(|old| old.value).ok_or(SettingsError::UnknownRevision)?;
        self.set(plugin_id, key, value, terms, schema).await
    }

    /// Forgets removals that nobody can be waiting to hear of any more.
    pub async fn upkeep(&self) -> Result<(), StoreError> {
        let before = self.clock.unix_millis() - revisions::REMOVALS_KEPT_MS;
        let due = self.store.read(move |conn| revisions::forgettable(conn, before)).await?;
        if due {
            self.store.write(move |tx| revisions::forget(tx, before)).await?;
        }
        Ok(())
    }

    async fn write(
        &self,
        plugin_id: &str,
        key: &str,
        value: Option<&Value>,
        terms: Terms,
    ) -> Result<i64, SettingsError> {
        let draft = Draft {
            plugin_id: plugin_id.to_owned(),
            key: key.to_owned(),
            text: value.map(Value::to_string),
            origin: terms.origin,
            now: self.clock.unix_millis(),
        };
        let (sealer, if_revision) = (self.sealer.clone(), terms.if_revision);
        let written = self.store.write(move |tx| {
            let newest = revisions::newest(tx, &draft.plugin_id, &draft.key)?;
            let last = newest.as_ref().map_or(0, |record| record.revision);
            let current = newest.filter(|record| !record.removed).map_or(0, |live| live.revision);
            if if_revision.is_some_and(|expected| expected != current) {
                return Ok(Err(SettingsError::RevisionConflict { current }));
            }
            match (&draft.text, current) {
                (None, 0) => return Ok(Ok(0)),
                (Some(_), 0) if revisions::count(tx, &draft.plugin_id)? >= MAX_KEYS => {
                    return Ok(Err(SettingsError::TooManyKeys));
                }
                _ => {}
            }
            revisions::insert(tx, &sealer, &draft, last + 1)?;
            tx.execute(
                "DELETE FROM settings WHERE plugin_id = ?1 AND key = ?2 AND revision <= ?3",
                params![draft.plugin_id, draft.key, last + 1 - HISTORY],
            )?;
            Ok(Ok(last + 1))
        });
        let revision = written.await??;
        self.changed.send_replace(());
        Ok(revision)
    }

    fn read_value(
        &self,
        plugin_id: &str,
        key: &str,
        record: &Record,
    ) -> Result<Value, SettingsError> {
        let place = revisions::place(key, record.revision);
        let text = self.sealer.open(plugin_id, &place, &record.value)?;
        let value = serde_json::from_slice(&text);
        Ok(value.map_err(|_| StoreError::Broken("settings holds no JSON"))?)
    }

    /// One key is written at a time, so what the schema says of the object as a whole waits.
    fn check(&self, key: &str, value: &Value, schema: Option<&Value>) -> Result<(), SettingsError> {
        let Some(Value::Object(schema)) = schema else { return Ok(()) };
        let mut schema = schema.clone();
        for whole in ["required", "minProperties", "dependentRequired", "dependentSchemas"] {
            schema.remove(whole);
        }
        let object = Map::from_iter([(key.to_owned(), value.clone())]);
        let mut faults = self.schemas.faults(&Value::Object(schema), &Value::Object(object));
        // The caller wrote the value alone, so places are told from there.
        let own = format!("/{key}");
        for fault in &mut faults {
            fault.pointer = fault.pointer.strip_prefix(&own).unwrap_or_default().to_owned();
        }
        if faults.is_empty() { Ok(()) } else { Err(SettingsError::Refused(faults)) }
    }
}

fn defaults(schema: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    let properties = schema.and_then(|schema| schema.get("properties")?.as_object());
    properties
        .into_iter()
        .flatten()
        .filter_map(|(key, property)| Some((key, property.get("default")?)))
}
