//! Rotation of the keys that seal what plugins keep.
//!
//! A new key is durable before it seals anything. From then on every write uses it, and what was
//! sealed before is opened and sealed anew in small steps, so that no start and no request waits
//! for a large store. Older keys stay, because events and kept answers age out by themselves.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Transaction, params};

use crate::store::{Migration, Sealer, Store, StoreError};
use crate::{Clock, random, settings, storage};

pub const MIGRATIONS: &[Migration] = &[Migration {
    module: "keyring",
    version: 1,
    sql: "
        CREATE TABLE plugin_keys (
            plugin_id TEXT NOT NULL,
            version INTEGER NOT NULL,
            salt BLOB NOT NULL,
            made_at INTEGER NOT NULL,
            resealed_at INTEGER,
            PRIMARY KEY (plugin_id, version)
        ) STRICT;
    ",
}];

const SALT_LEN: usize = 32;
/// Values of one step; a step is one transaction of the writer.
const STEP: usize = 200;

/// Seals up to `limit` stale values of a plugin anew, after the row `after`. Answers the last row
/// it looked at, or none when it came to the end.
type Reseal = fn(&Transaction<'_>, &Sealer, &str, i64, usize) -> Result<Option<i64>, StoreError>;

const TABLES: [Reseal; 3] = [settings::reseal, settings::secrets::reseal, storage::reseal];

/// How far the sealing anew of one plugin has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    version: u32,
    table: usize,
    after: i64,
}

/// The key of a plugin as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyState {
    pub version: u32,
    /// Whether older values are still being sealed anew.
    pub resealing: bool,
}

pub struct Keyring {
    store: Store,
    sealer: Sealer,
    clock: Clock,
    pending: Mutex<BTreeMap<String, Progress>>,
}

impl Keyring {
    /// Gives the sealer every key there is.
    pub async fn open(store: Store, sealer: Sealer, clock: Clock) -> Result<Self, StoreError> {
        let rows = store.read(|conn| {
            let mut query = conn.prepare(
                "SELECT plugin_id, version, salt, resealed_at IS NULL FROM plugin_keys
                 ORDER BY plugin_id, version",
            )?;
            let rows = query.query_map([], |row| {
                let salt: Vec<u8> = row.get(2)?;
                Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?, salt, row.get::<_, bool>(3)?))
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        let mut pending = BTreeMap::new();
        for (plugin_id, version, salt, unfinished) in rows.await? {
            sealer.add_key(&plugin_id, version, &salt);
            if unfinished {
                pending.insert(plugin_id, Progress { version, ..Progress::default() });
            }
        }
        Ok(Self { store, sealer, clock, pending: Mutex::new(pending) })
    }

    pub fn state(&self, plugin_id: &str) -> KeyState {
        KeyState {
            version: self.sealer.version(plugin_id),
            resealing: self.pending().contains_key(plugin_id),
        }
    }

    /// Makes the next key of a plugin and starts to seal its values anew.
    pub async fn rotate(&self, plugin_id: &str) -> Result<KeyState, StoreError> {
        let mut salt = [0; SALT_LEN];
        random::fill(&mut salt)?;
        let (now, plugin) = (self.clock.unix_millis(), plugin_id.to_owned());
        let made = self.store.write(move |tx| {
            let newest: Option<u32> = tx.query_row(
                "SELECT max(version) FROM plugin_keys WHERE plugin_id = ?1",
                [&plugin],
                |row| row.get(0),
            )?;
            // The first key of a plugin is derived and has no row.
            let version = newest.unwrap_or(1) + 1;
            tx.execute(
                "INSERT INTO plugin_keys (plugin_id, version, salt, made_at)
                 VALUES (?1, ?2, ?3, ?4)",
                params![plugin, version, salt, now],
            )?;
            Ok(version)
        });
        let version = made.await?;
        self.sealer.add_key(plugin_id, version, &salt);
        let start = Progress { version, ..Progress::default() };
        self.pending().insert(plugin_id.to_owned(), start);
        Ok(KeyState { version, resealing: true })
    }

    /// One step for every plugin whose values are being sealed anew.
    pub async fn upkeep(&self) -> Result<(), StoreError> {
        let pending: Vec<_> = self.pending().iter().map(|(id, at)| (id.clone(), *at)).collect();
        for (plugin_id, at) in pending {
            let next = self.step(&plugin_id, at).await?;
            let mut pending = self.pending();
            // A rotation in between has started over; its progress must stand.
            if pending.get(&plugin_id) == Some(&at) {
                match next {
                    Some(next) => drop(pending.insert(plugin_id, next)),
                    None => drop(pending.remove(&plugin_id)),
                }
            }
        }
        Ok(())
    }

    async fn step(&self, plugin_id: &str, at: Progress) -> Result<Option<Progress>, StoreError> {
        let (sealer, plugin) = (self.sealer.clone(), plugin_id.to_owned());
        let now = self.clock.unix_millis();
        self.store
            .write(move |tx| {
                let Some(reseal) = TABLES.get(at.table) else {
                    tx.execute(
                        "UPDATE plugin_keys SET resealed_at = ?3
                         WHERE plugin_id = ?1 AND version <= ?2 AND resealed_at IS NULL",
                        params![plugin, at.version, now],
                    )?;
                    return Ok(None);
                };
                Ok(Some(match reseal(tx, &sealer, &plugin, at.after, STEP)? {
                    Some(after) => Progress { after, ..at },
                    None => Progress { table: at.table + 1, after: 0, ..at },
                }))
            })
            .await
    }

    fn pending(&self) -> MutexGuard<'_, BTreeMap<String, Progress>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sealed value and what names its place.
pub struct SealedRow {
    pub row: i64,
    pub place: Vec<u8>,
    pub value: Vec<u8>,
}

/// Seals those of `rows` anew that an older key closed; `update` takes the value and the row. A
/// value that does not open stays as it is: reading it tells its owner that it is damaged.
pub fn seal_anew(
    tx: &Transaction<'_>,
    sealer: &Sealer,
    plugin_id: &str,
    rows: Vec<SealedRow>,
    update: &str,
) -> Result<Option<i64>, StoreError> {
    let last = rows.last().map(|row| row.row);
    for row in rows.into_iter().filter(|row| sealer.is_stale(plugin_id, &row.value)) {
        if let Ok(text) = sealer.open(plugin_id, &row.place, &row.value) {
            let sealed = sealer.seal(plugin_id, &row.place, &text)?;
            tx.execute(update, params![sealed, row.row])?;
        }
    }
    Ok(last)
}

#[cfg(test)]
mod tests;
