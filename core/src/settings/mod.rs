//! Configuration of plugins: versioned values over the defaults of the manifest.
//!
//! Every write is a new revision and the older ones stay as history. The effective value says
//! where it comes from: a write, or the default in the `config_schema` of the manifest. A write
//! that the schema refuses is refused before it is stored. Values are sealed: a setting is often
//! a secret.

#[cfg(test)]
mod tests;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Map, Value};

use crate::schemas::{Fault, Schemas};
use crate::{Clock, Migration, Sealer, Store, StoreError};

pub const MIGRATIONS: &[Migration] = &[Migration {
    module: "settings",
    version: 1,
    sql: "
        CREATE TABLE settings (
            plugin_id TEXT NOT NULL,
            key TEXT NOT NULL,
            revision INTEGER NOT NULL,
            value BLOB NOT NULL,
            written_at INTEGER NOT NULL,
            PRIMARY KEY (plugin_id, key, revision)
        ) STRICT;
    ",
}];

/// Keys one plugin may write.
const MAX_KEYS: i64 = 1_000;
/// Revisions of a key that are kept.
const HISTORY: i64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Plugin,
    Default,
}

impl Origin {
    pub fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Default => "default",
        }
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

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("the key has no value")]
    UnknownKey,
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
}

impl Settings {
    pub fn new(store: Store, sealer: Sealer, clock: Clock) -> Self {
        Self { store, sealer, clock, schemas: Schemas::default() }
    }

    /// Every key with a value of its own or a default, in byte order. `schema` is the
    /// `config_schema` of the approved manifest.
    pub async fn list(
        &self,
        plugin_id: &str,
        schema: Option<&Value>,
    ) -> Result<Vec<Summary>, SettingsError> {
        let plugin = plugin_id.to_owned();
        let listed = self.store.read(move |conn| {
            let mut query = conn.prepare_cached(
                "SELECT key, max(revision), written_at FROM settings WHERE plugin_id = ?1
                 GROUP BY key",
            )?;
            let rows = query.query_map([plugin], |row| {
                Ok(Summary {
                    key: row.get(0)?,
                    revision: row.get(1)?,
                    origin: Origin::Plugin,
                    written_at: row.get(2)?,
                })
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        let mut summaries = listed.await?;
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
        let found = self.store.read(move |conn| {
            Ok(conn
                .query_row(
                    "SELECT revision, value FROM settings WHERE plugin_id = ?1 AND key = ?2
                     ORDER BY revision DESC LIMIT 1",
                    params![plugin, name],
                    |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)),
                )
                .optional()?)
        });
        let key = key.to_owned();
        if let Some((revision, sealed)) = found.await? {
            let text = self.sealer.open(plugin_id, &place(&key, revision), &sealed)?;
            let value = serde_json::from_slice(&text)
                .map_err(|_| StoreError::Broken("settings holds no JSON"))?;
            return Ok(Setting { key, value, revision, origin: Origin::Plugin });
        }
        let value = defaults(schema).find(|(name, _)| **name == key).map(|(_, value)| value);
        let value = value.cloned().ok_or(SettingsError::UnknownKey)?;
        Ok(Setting { key, value, revision: 0, origin: Origin::Default })
    }

    /// Writes a new revision, while `if_revision` is the newest one when it is given.
    pub async fn set(
        &self,
        plugin_id: &str,
        key: &str,
        value: Value,
        if_revision: Option<i64>,
        schema: Option<&Value>,
    ) -> Result<Setting, SettingsError> {
        self.check(key, &value, schema)?;
        let now = self.clock.unix_millis();
        let (plugin, name) = (plugin_id.to_owned(), key.to_owned());
        let (sealer, text) = (self.sealer.clone(), value.to_string());
        let written = self.store.write(move |tx| {
            let current = newest(tx, &plugin, &name)?;
            if if_revision.is_some_and(|expected| expected != current) {
                return Ok(Err(SettingsError::RevisionConflict { current }));
            }
            if current == 0 && count_keys(tx, &plugin)? >= MAX_KEYS {
                return Ok(Err(SettingsError::TooManyKeys));
            }
            let revision = current + 1;
            let sealed = sealer.seal(&plugin, &place(&name, revision), text.as_bytes())?;
            tx.execute(
                "INSERT INTO settings (plugin_id, key, revision, value, written_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![plugin, name, revision, sealed, now],
            )?;
            tx.execute(
                "DELETE FROM settings WHERE plugin_id = ?1 AND key = ?2 AND revision <= ?3",
                params![plugin, name, revision - HISTORY],
            )?;
            Ok(Ok(revision))
        });
        let revision = written.await??;
        Ok(Setting { key: key.to_owned(), value, revision, origin: Origin::Plugin })
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

fn newest(conn: &Connection, plugin_id: &str, key: &str) -> Result<i64, StoreError> {
    Ok(conn.query_row(
        "SELECT coalesce(max(revision), 0) FROM settings WHERE plugin_id = ?1 AND key = ?2",
        params![plugin_id, key],
        |row| row.get(0),
    )?)
}

fn count_keys(conn: &Connection, plugin_id: &str) -> Result<i64, StoreError> {
    let count = "SELECT count(DISTINCT key) FROM settings WHERE plugin_id = ?1";
    Ok(conn.query_row(count, [plugin_id], |row| row.get(0))?)
}

/// Binds a sealed value to its key and revision.
fn place(key: &str, revision: i64) -> Vec<u8> {
    format!("settings/{key}/{revision}").into_bytes()
}
