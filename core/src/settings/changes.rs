//! Waiting for changes: what was written after the last change a plugin has seen.
//!
//! The answer tells keys and revisions and no values. Whoever missed some changes of a key gets
//! the newest only; a number that is ahead of the counter starts over from the beginning.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::{Origin, Settings, SettingsError};
use crate::StoreError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub key: String,
    pub revision: i64,
    pub origin: Origin,
    pub removed: bool,
}

/// Changes of keys in byte order, and the number to wait on next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub changes: Vec<Change>,
    pub cursor: i64,
}

impl Settings {
    /// What changed after `since`; waits for the first change as long as `wait`.
    pub async fn watch(
        &self,
        plugin_id: &str,
        since: i64,
        wait: Duration,
    ) -> Result<Changes, SettingsError> {
        // Subscribed before the first look, so that no change falls between look and wait.
        let mut changed = self.changed.subscribe();
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let plugin = plugin_id.to_owned();
            let seen = self.store.read(move |conn| read(conn, &plugin, since)).await?;
            if !seen.changes.is_empty() {
                return Ok(seen);
            }
            let woken = tokio::time::timeout_at(deadline, changed.changed()).await;
            if !matches!(woken, Ok(Ok(()))) {
                return Ok(seen);
            }
        }
    }
}

fn read(conn: &Connection, plugin_id: &str, since: i64) -> Result<Changes, StoreError> {
    let last: i64 = conn.query_row("SELECT last FROM settings_counter", [], |row| row.get(0))?;
    let since = if since > last { 0 } else { since };
    let mut query = conn.prepare_cached(
        "SELECT change, key, revision, origin, removed FROM settings
         WHERE plugin_id = ?1 AND change > ?2 ORDER BY change",
    )?;
    let mut newest = BTreeMap::new();
    let mut cursor = since;
    let mut rows = query.query(params![plugin_id, since])?;
    while let Some(row) = rows.next()? {
        cursor = row.get(0)?;
        let (key, origin): (String, String) = (row.get(1)?, row.get(3)?);
        let change = Change {
            key: key.clone(),
            revision: row.get(2)?,
            origin: Origin::parse(&origin).unwrap_or(Origin::Plugin),
            removed: row.get(4)?,
        };
        newest.insert(key, change);
    }
    Ok(Changes { changes: newest.into_values().collect(), cursor })
}
