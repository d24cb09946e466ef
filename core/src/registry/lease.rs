//! Leases: a plugin that is not heard of in time counts as lost until it is heard of again.
//!
//! Whether a plugin gets work never waits for the round that marks it: the lease itself is asked
//! each time. The mark is for people and for the log.

use std::sync::Arc;

use super::plugin::{Health, Plugin};
use super::{Registry, RegistryError};
use crate::audit::{Actor, AuditLog, Entry};
use crate::policy::PluginState;
use crate::store::StoreError;

impl Registry {
    /// Marks those whose lease has ended.
    pub async fn upkeep(&self, audit: &AuditLog) -> Result<(), StoreError> {
        let now = self.clock.unix();
        let silent: Vec<Arc<Plugin>> =
            self.all().into_iter().filter(|plugin| is_overdue(plugin, now)).collect();
        for plugin in silent {
            let entry = Entry::outcome(Actor::system(), "plugin.lease_end", "ok");
            let entry = entry.about(plugin.plugin_id.as_str());
            audit.append(entry).await.map_err(|_| StoreError::Unavailable)?;
            let marked = self.change(&plugin.plugin_id, move |_, plugin| {
                let overdue = is_overdue(&plugin, now);
                Ok(if overdue { Plugin { health: Health::Lost, ..plugin } } else { plugin })
            });
            match marked.await {
                Ok(_) => {}
                Err(RegistryError::Store(error)) => return Err(error),
                Err(_) => return Err(StoreError::Broken("plugins")),
            }
        }
        Ok(())
    }
}

fn is_overdue(plugin: &Plugin, now: i64) -> bool {
    let gone = matches!(plugin.state, PluginState::Revoked | PluginState::Left);
    !gone && plugin.health != Health::Lost && plugin.lease_ends_at().is_some_and(|end| now > end)
}
