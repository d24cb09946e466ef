//! Health, readiness, keys and the contract itself.

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use vivified_contract::api::SystemApi;
use vivified_contract::runtime::{Call, Problem, Raw};
use vivified_contract::{models, problems};

use crate::identity::CACHE_AGE;
use crate::policy::PluginState;
use crate::telemetry::metrics::{self, Breaker};
use crate::{Caller, Core};

/// The text format of Prometheus.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
/// A store that takes longer to write one row is not ready.
const STALL: Duration = Duration::from_secs(2);

static OPENAPI: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(vivified_contract::OPENAPI).expect("the compiler writes valid JSON")
});

impl SystemApi for Core {
    async fn get_health(&self, _call: &mut Call<'_, Caller>) -> Result<models::Health, Problem> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(models::Health { status: "ok".into(), version, ..Default::default() })
    }

    /// The audit log lives in the store, so one durable write answers for both.
    async fn get_ready(&self, _call: &mut Call<'_, Caller>) -> Result<models::Readiness, Problem> {
        let not_ready = |_| problems::not_ready().with_retry_after(5);
        metrics::READY.set((), 0);
        if self.load.is_draining() {
            return Err(not_ready(()));
        }
        let probe = timeout(STALL, self.store.probe(self.clock.unix())).await;
        probe.map_err(drop).and_then(|written| written.map_err(drop)).map_err(not_ready)?;
        self.identity.check_keys().then_some(()).ok_or(()).map_err(not_ready)?;
        metrics::READY.set((), 1);
        let check = |name: &str| models::ReadinessCheck {
            name: name.into(),
            ok: true,
            ..Default::default()
        };
        let checks = vec![check("store"), check("audit"), check("keys")];
        Ok(models::Readiness { status: "ready".into(), checks, ..Default::default() })
    }

    async fn get_metrics(&self, _call: &mut Call<'_, Caller>) -> Result<Raw, Problem> {
        for state in PluginState::ALL {
            metrics::PLUGINS.set(state, 0);
        }
        for plugin in self.registry.all() {
            metrics::PLUGINS.add(plugin.state, 1);
        }
        let tripped = self.gateway.tripped();
        let probing = tripped.iter().filter(|breaker| breaker.probing).count();
        let shown = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        metrics::BREAKERS.set(Breaker::Probing, shown(probing));
        metrics::BREAKERS.set(Breaker::Open, shown(tripped.len() - probing));
        Ok(Raw::new(EXPOSITION, metrics::text()))
    }

    async fn get_jwks(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::JsonWebKeySet, Problem> {
        // A next key is published long before this ends, so a kept copy always has it.
        call.set_header("cache-control", format!("public, max-age={CACHE_AGE}"));
        let keys = self.identity.public_keys();
        let keys = keys.iter().map(|key| models::JsonWebKey {
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            alg: "EdDSA".into(),
            use_: "sig".into(),
            kid: key.kid.clone(),
            x: key.x.clone(),
            ..Default::default()
        });
        Ok(models::JsonWebKeySet { keys: keys.collect(), ..Default::default() })
    }

    async fn get_openapi(&self, _call: &mut Call<'_, Caller>) -> Result<Value, Problem> {
        Ok(OPENAPI.clone())
    }
}
