//! Pause, drain and resume: what administrators do to a plugin that they mean to keep.
//!
//! A suspended plugin keeps its token, because it must be able to renew its lease to be resumed;
//! its state is asked with every request, so the token opens nothing else from that moment on.

use std::sync::Arc;

use super::plugin::Plugin;
use super::{Registry, RegistryError};
use crate::policy::PluginState;

impl Registry {
    /// Pauses the plugin on every lane.
    pub async fn suspend(
        &self,
        plugin_id: &str,
        reason: String,
    ) -> Result<Arc<Plugin>, RegistryError> {
        use PluginState::{Active, Draining, Pending, Suspended};
        self.enter(plugin_id, Suspended, reason, &[Pending, Active, Draining]).await
    }

    /// Lets the plugin finish and gives it nothing new.
    pub async fn drain(
        &self,
        plugin_id: &str,
        reason: String,
    ) -> Result<Arc<Plugin>, RegistryError> {
        self.enter(plugin_id, PluginState::Draining, reason, &[PluginState::Active]).await
    }

    /// Ends a pause or a drain. What its manifest has come to ask for meanwhile needs approval
    /// like any other wish.
    pub async fn resume(
        &self,
        plugin_id: &str,
        reason: String,
    ) -> Result<Arc<Plugin>, RegistryError> {
        let now = self.clock.unix();
        self.change(plugin_id, move |_, plugin| {
            if !matches!(plugin.state, PluginState::Suspended | PluginState::Draining) {
                return Err(RegistryError::State(plugin.state));
            }
            let (state, reason) = if plugin.is_settled() {
                (PluginState::Active, reason)
            } else {
                (PluginState::Pending, "asks for more than was approved".to_owned())
            };
            Ok(Plugin { state, reason, changed_at: now, ..plugin })
        })
        .await
    }

    /// The same again changes nothing, not even the reason.
    async fn enter(
        &self,
        plugin_id: &str,
        state: PluginState,
        reason: String,
        from: &'static [PluginState],
    ) -> Result<Arc<Plugin>, RegistryError> {
        let now = self.clock.unix();
        self.change(plugin_id, move |_, plugin| {
            if plugin.state == state {
                return Ok(plugin);
            }
            if !from.contains(&plugin.state) {
                return Err(RegistryError::State(plugin.state));
            }
            Ok(Plugin { state, reason, changed_at: now, ..plugin })
        })
        .await
    }
}
