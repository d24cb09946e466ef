//! Vivified Core: a zero-trust plugin platform.
//!
//! Every route, wire type and authentication rule comes from the compiled contract; this crate
//! decides. [`Core`] holds one field per module, and `api` answers each operation by calling them.

pub mod api;
pub mod audit;
pub mod backup;
pub mod caller;
pub mod canonical;
#[cfg(test)]
mod certificates;
pub mod clock;
pub mod config;
pub mod egress;
pub mod framing;
pub mod idempotency;
pub mod identity;
pub mod json;
pub mod keyring;
pub mod operator;
pub mod policy;
pub mod random;
pub mod registry;
pub mod schemas;
pub mod server;
pub mod settings;
pub mod storage;
pub mod store;
pub mod telemetry;
pub mod upkeep;

use std::sync::Arc;

use anyhow::Context;

pub use caller::Caller;
pub use clock::Clock;
pub use config::Config;
pub use store::{MasterKey, Migration, Sealer, Store, StoreError};

/// The tables of every module, in the order they are made.
pub const SCHEMA: &[&[Migration]] = &[
    store::MIGRATIONS,
    audit::MIGRATIONS,
    canonical::MIGRATIONS,
    egress::modes::MIGRATIONS,
    identity::MIGRATIONS,
    idempotency::MIGRATIONS,
    keyring::MIGRATIONS,
    policy::MIGRATIONS,
    registry::MIGRATIONS,
    settings::MIGRATIONS,
    storage::MIGRATIONS,
];

/// The platform: what every operation may use.
pub struct Core {
    pub clock: Clock,
    pub store: Store,
    pub sealer: Sealer,
    pub audit: audit::AuditLog,
    pub identity: identity::Identity,
    pub registry: registry::Registry,
    pub policy: policy::Policy,
    pub events: canonical::Bus,
    pub gateway: operator::Gateway,
    pub egress: egress::Egress,
    pub egress_modes: egress::modes::Modes,
    pub keyring: keyring::Keyring,
    pub settings: settings::Settings,
    pub secrets: settings::secrets::Secrets,
    pub storage: storage::Storage,
    pub idempotency: idempotency::Idempotency,
    pub limits: api::limits::Limits,
    pub load: api::load::Load,
    pub scraper: telemetry::Scraper,
    pub decisions: api::decisions::Decisions,
    /// Keeps a second process off the data folder.
    _lock: std::fs::File,
}

impl Core {
    /// Opens the data folder and everything in it. A start that cannot be audited is refused.
    pub async fn open(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let folder = &config.data_dir;
        store::files::create_folder(folder)?;
        let lock = store::files::lock_folder(folder)?;
        let master = MasterKey::open(&folder.join("master.key"))?;
        let store = Store::open(&folder.join("core.db"), SCHEMA)?;
        check_purpose(&store, config.development).await?;
        let sealer = Sealer::new(master.clone());
        let keyring = keyring::Keyring::open(store.clone(), sealer.clone(), clock.clone()).await?;
        let audit_key = audit::AuditKey::open(&folder.join("audit.key"))?;
        let settings = audit::Settings {
            heads: Some(
                config
                    .audit
                    .heads
                    .clone()
                    .unwrap_or_else(|| folder.join("audit-checkpoints.jsonl")),
            ),
            ..config.audit.clone()
        };
        let audit =
            audit::AuditLog::open(store.clone(), clock.clone(), &master, audit_key, settings)
                .await?;
        let identity = identity::Identity::open(
            store.clone(),
            clock.clone(),
            &master,
            config.identity.clone(),
            config.development,
        )
        .await?;
        if let Some(endpoint) = &config.otlp_endpoint {
            let tls = egress::connect::Tls::new(config.egress_roots.as_deref())?;
            telemetry::traces::export_to(endpoint, &tls);
        }
        let registry = registry::Registry::open(store.clone(), clock.clone()).await?;
        let policy = policy::Policy::open(&store).await?;
        let tls = egress::connect::Tls::new(config.egress_roots.as_deref())?;
        let gateway = operator::Gateway::new(identity.clone(), clock.clone(), &tls);
        let started = audit::Entry::outcome(audit::Actor::system(), "core.start", "ok")
            .detail("version", env!("CARGO_PKG_VERSION"))
            .detail("development", config.development.to_string());
        audit.append(started).await.context("the start cannot be audited")?;
        Ok(Self {
            events: canonical::Bus::new(store.clone(), sealer.clone(), clock.clone()),
            egress: egress(config, tls)?,
            egress_modes: egress::modes::Modes::open(store.clone(), clock.clone()).await?,
            settings: settings::Settings::new(store.clone(), sealer.clone(), clock.clone()),
            secrets: settings::secrets::Secrets::new(store.clone(), sealer.clone(), clock.clone()),
            storage: storage::Storage::new(store.clone(), sealer.clone(), clock.clone()),
            idempotency: idempotency::Idempotency::new(
                store.clone(),
                sealer.clone(),
                clock.clone(),
                &master,
            ),
            limits: api::limits::Limits::new(&config.rates),
            load: api::load::Load::new(config.limits.requests, config.limits.waiting),
            scraper: telemetry::Scraper::open(config.metrics_token_file.as_deref())?,
            policy,
            decisions: api::decisions::Decisions::new(clock.clone()),
            clock,
            store,
            sealer,
            audit,
            identity,
            registry,
            keyring,
            gateway,
            _lock: lock,
        })
    }

    /// Records the end and brings everything to the disk.
    pub async fn close(&self) {
        let stopped = audit::Entry::outcome(audit::Actor::system(), "core.stop", "ok");
        let _ = self.audit.append(stopped).await;
        // What was recorded leaves the machine signed, not only what a minute or a block closed.
        let _ = self.audit.seal().await;
        let _ = self.audit.copy_heads().await;
        telemetry::traces::flush().await;
        self.store.close().await;
    }
}

/// What the well-known administrator of development mode enrolled must never be served in
/// production, and what production holds must never be open to that administrator.
async fn check_purpose(store: &Store, development: bool) -> anyhow::Result<()> {
    let wanted = if development { "development" } else { "production" };
    let made_for = store.purpose(wanted).await?;
    anyhow::ensure!(
        made_for == wanted,
        "the data folder was made for {made_for}; use another one for {wanted}"
    );
    Ok(())
}

fn egress(config: &Config, tls: egress::connect::Tls) -> anyhow::Result<egress::Egress> {
    let resolver = Arc::new(egress::resolve::DnsClient::new(&config.dns_servers)?);
    let dial = Arc::new(egress::connect::TcpDial);
    let egress = egress::Egress::new(resolver, dial, tls, egress::Limits::default())
        .with_denied(config.egress_denied.clone());
    #[cfg(feature = "dev")]
    let egress = egress.with_stubs(config.egress_stubs.clone());
    Ok(egress)
}
