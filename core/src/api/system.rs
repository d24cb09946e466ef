//! Health, readiness, keys and the contract itself.

use std::sync::LazyLock;

use serde_json::Value;
use vivified_contract::api::SystemApi;
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{models, problems};

use crate::{Caller, Core};

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
        let probe = self.store.probe(self.clock.unix()).await;
        probe.map_err(|_| problems::not_ready().with_retry_after(5))?;
        let check = |name: &str| models::ReadinessCheck {
            name: name.into(),
            ok: true,
            ..Default::default()
        };
        let checks = vec![check("store"), check("audit")];
        Ok(models::Readiness { status: "ready".into(), checks, ..Default::default() })
    }

    async fn get_jwks(
        &self,
        _call: &mut Call<'_, Caller>,
    ) -> Result<models::JsonWebKeySet, Problem> {
        let keys = self.identity.public_keys().iter().map(|key| models::JsonWebKey {
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
