//! Vivified Core: a zero-trust plugin platform.
//!
//! Every route, wire type and authentication rule comes from the compiled contract; this crate
//! decides. [`Core`] holds one field per module, and `api` answers each operation by calling them.

pub mod audit;
pub mod canonical;
pub mod caller;
pub mod clock;
pub mod egress;
pub mod idempotency;
pub mod identity;
pub mod json;
pub mod operator;
pub mod policy;
pub mod random;
pub mod registry;
pub mod schemas;
pub mod settings;
pub mod storage;
pub mod store;
pub mod telemetry;

pub use caller::Caller;
pub use clock::Clock;
pub use store::{MasterKey, Migration, Sealer, Store, StoreError};

/// The tables of every module, in the order they are made.
pub const SCHEMA: &[&[Migration]] = &[
    audit::MIGRATIONS,
    canonical::MIGRATIONS,
    identity::MIGRATIONS,
    idempotency::MIGRATIONS,
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
}
