//! Report mode: for how long the refusals of an allowlist are only recorded.
//!
//! An administrator sets it, for a plugin or for one entry, and always with an end, so that a
//! roll-out cannot turn into a hole by being forgotten. It belongs to one life of the plugin: a
//! plugin that was revoked or left comes back without it.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use rusqlite::params;

use super::rule::Report;
use crate::{Clock, Migration, Store, StoreError};

pub const MIGRATIONS: &[Migration] = &[Migration {
    module: "egress",
    version: 1,
    sql: "
        CREATE TABLE egress_modes (
            plugin_id TEXT NOT NULL,
            generation INTEGER NOT NULL,
            host TEXT NOT NULL,
            ends_at INTEGER NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (plugin_id, host)
        ) STRICT;
    ",
}];

/// Longest report mode, in seconds.
pub const LONGEST: i64 = 30 * 24 * 60 * 60;
/// The host that stands for the whole plugin.
const WHOLE: &str = "";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mode {
    generation: i64,
    /// Seconds since 1970.
    ends_at: i64,
}

pub struct Modes {
    store: Store,
    clock: Clock,
    known: RwLock<HashMap<(String, String), Mode>>,
}

impl Modes {
    pub async fn open(store: Store, clock: Clock) -> Result<Self, StoreError> {
        let rows = store.read(|conn| {
            let mut query =
                conn.prepare("SELECT plugin_id, host, generation, ends_at FROM egress_modes")?;
            let rows = query.query_map([], |row| {
                let mode = Mode { generation: row.get(2)?, ends_at: row.get(3)? };
                Ok(((row.get(0)?, row.get(1)?), mode))
            })?;
            Ok(rows.collect::<Result<HashMap<_, _>, _>>()?)
        });
        Ok(Self { known: RwLock::new(rows.await?), store, clock })
    }

    /// When report mode ends, if it holds now; `host` none asks for the whole plugin.
    pub fn ends_at(&self, plugin_id: &str, generation: i64, host: Option<&str>) -> Option<i64> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mode = known.get(&(plugin_id.to_owned(), host.unwrap_or(WHOLE).to_owned()))?;
        (mode.generation == generation && mode.ends_at > self.clock.unix()).then_some(mode.ends_at)
    }

    /// What is only recorded for this plugin, whose entries are for `hosts`.
    pub fn report(
        &self,
        plugin_id: &str,
        generation: i64,
        hosts: impl Iterator<Item = String>,
    ) -> Report {
        Report {
            plugin: self.ends_at(plugin_id, generation, None).is_some(),
            hosts: hosts
                .filter(|host| self.ends_at(plugin_id, generation, Some(host)).is_some())
                .collect(),
        }
    }

    /// Report mode until `ends_at`, or enforcement at once when there is no end.
    pub async fn set(
        &self,
        plugin_id: &str,
        generation: i64,
        host: Option<String>,
        ends_at: Option<i64>,
        reason: String,
    ) -> Result<(), StoreError> {
        let host = host.unwrap_or_else(|| WHOLE.to_owned());
        let (plugin, name) = (plugin_id.to_owned(), host.clone());
        self.store
            .write(move |tx| {
                tx.execute(
                    "DELETE FROM egress_modes WHERE plugin_id = ?1 AND host = ?2",
                    params![plugin, name],
                )?;
                if let Some(ends_at) = ends_at {
                    tx.execute(
                        "INSERT INTO egress_modes (plugin_id, generation, host, ends_at, reason)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                        params![plugin, generation, name, ends_at, reason],
                    )?;
                }
                Ok(())
            })
            .await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let place = (plugin_id.to_owned(), host);
        match ends_at {
            Some(ends_at) => known.insert(place, Mode { generation, ends_at }),
            None => known.remove(&place),
        };
        Ok(())
    }

    /// Forgets what has ended.
    pub async fn upkeep(&self) -> Result<(), StoreError> {
        let now = self.clock.unix();
        let ended = {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            let before = known.len();
            known.retain(|_, mode| mode.ends_at > now);
            known.len() < before
        };
        if ended {
            let delete = "DELETE FROM egress_modes WHERE ends_at <= ?1";
            self.store.write(move |tx| Ok(tx.execute(delete, [now])?)).await?;
        }
        Ok(())
    }
}
