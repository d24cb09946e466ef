//! What has become of a plugin over time, for those who have to tell why.

use rusqlite::{Connection, Transaction};

use super::Registry;
use super::plugin::{Health, Plugin};
use crate::policy::PluginState;
use crate::store::StoreError;

/// Most changes that are shown, the newest.
const SHOWN: i64 = 100;

/// One change of state or of what was granted, or an end of a lease and its return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Seconds since 1970.
    pub at: i64,
    pub state: PluginState,
    pub reason: String,
}

impl Registry {
    /// Newest first.
    pub async fn history(&self, plugin_id: &str) -> Result<Vec<Change>, StoreError> {
        let plugin_id = plugin_id.to_owned();
        self.store.read(move |conn| read(conn, &plugin_id)).await
    }
}

/// Writes down what `after` changes; nothing when it only renews its lease.
pub(super) fn note(
    tx: &Transaction<'_>,
    before: Option<&Plugin>,
    after: &Plugin,
) -> Result<(), StoreError> {
    let moved = before.is_none_or(|before| {
        (before.state, before.changed_at, &before.reason)
            != (after.state, after.changed_at, &after.reason)
    });
    let was_lost = before.is_some_and(|before| before.health == Health::Lost);
    let (at, reason) = match (moved, was_lost, after.health == Health::Lost) {
        (true, ..) => (after.changed_at, after.reason.as_str()),
        (false, false, true) => (end_of_lease(after), "not heard of within its lease"),
        (false, true, false) => (after.seen_at.unwrap_or(after.changed_at), "heard of again"),
        (false, ..) => return Ok(()),
    };
    tx.execute(
        "INSERT INTO plugin_history (plugin_id, revision, at, state, reason)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        (&after.plugin_id, after.revision, at, after.state.name(), reason),
    )?;
    Ok(())
}

fn end_of_lease(plugin: &Plugin) -> i64 {
    plugin.lease_ends_at().unwrap_or(plugin.changed_at)
}

fn read(conn: &Connection, plugin_id: &str) -> Result<Vec<Change>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT at, state, reason FROM plugin_history WHERE plugin_id = ?1
         ORDER BY revision DESC LIMIT ?2",
    )?;
    let mut rows = statement.query((plugin_id, SHOWN))?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let state: String = row.get(1)?;
        let state = PluginState::parse(&state).ok_or(StoreError::Broken("plugin_history"))?;
        changes.push(Change { at: row.get(0)?, state, reason: row.get(2)? });
    }
    Ok(changes)
}
