//! What must happen with time, whoever calls or does not: ends of leases, expiry, rotation,
//! checkpoints.
//!
//! One task asks every module in turn, once a second of the clock. A module decides by the time
//! it sees, so that a test moves the clock and calls [`Core::upkeep`] itself.

use std::sync::Arc;
use std::time::Duration;

use crate::{Core, StoreError, telemetry};

/// How often every module is asked.
const PACE: Duration = Duration::from_secs(1);

impl Core {
    /// One round. What fails is tried again in the next one.
    pub async fn upkeep(&self) {
        tokio::spawn(telemetry::traces::flush());
        self.gateway.follow(&self.registry);
        report("audit", self.audit.upkeep().await);
        report("events", self.events_upkeep().await);
        report("idempotency", self.idempotency.upkeep().await);
        report("egress", self.egress_modes.upkeep().await);
        report("registry", self.registry.upkeep(&self.audit).await);
        report("identity", self.identity.upkeep().await);
        report("keyring", self.keyring.upkeep().await);
        report("settings", self.settings.upkeep().await);
        report("storage", self.storage.upkeep().await);
    }

    /// A plugin that is suspended or has not been heard of cannot settle what it holds.
    async fn events_upkeep(&self) -> Result<(), StoreError> {
        let now = self.clock.unix();
        let paused = |plugin_id: &str| {
            let plugin = self.registry.get(plugin_id);
            !plugin.is_some_and(|plugin| plugin.is_leased(now))
        };
        self.events.upkeep(paused).await
    }
}

fn report(module: &'static str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        telemetry::error("upkeep failed", &[("module", &module), ("kind", &error.kind())]);
    }
}

/// Calls [`Core::upkeep`] until `stop` resolves.
pub async fn run(core: Arc<Core>, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    let mut round = tokio::time::interval(PACE);
    round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut stop => return,
            _ = round.tick() => core.upkeep().await,
        }
    }
}
