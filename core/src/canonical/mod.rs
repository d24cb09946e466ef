//! The event bus: durable publish, subscriptions, at-least-once delivery, dead letters.
//!
//! The bus knows plugins by id and data classes by name; who may publish or receive is decided
//! elsewhere and asked for at the moment of delivery. Everything that was answered is on the disk,
//! and every state a crash can leave is one the next pull carries on from.

mod publish;
mod pull;
mod settle;
mod subscriptions;
mod tables;
#[cfg(test)]
mod tests;
pub mod types;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::sync::Notify;

use crate::schemas::{Fault, Schemas};
use crate::{Clock, Sealer, Store, StoreError};

pub use publish::{Draft, Receipt};
pub use pull::{Admit, Delivery, Event, Pulled};
pub use settle::{Outcome, Settled, Verdict};
pub use subscriptions::{Subscription, Wish};
pub use tables::MIGRATIONS;
pub use types::{EventType, EventTypes};

/// How long a delivery may stay open before it counts as failed.
pub const ACK_WAIT_MS: i64 = 30_000;
/// How often an event is delivered before it becomes a dead letter.
pub const MAX_DELIVERIES: i64 = 8;
/// Open deliveries of one subscription.
pub const MAX_IN_FLIGHT: i64 = 256;

#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("the plugin has no subscription of this name")]
    UnknownSubscription,
    #[error("a plugin has at most {} subscriptions", subscriptions::MAX_SUBSCRIPTIONS)]
    TooManySubscriptions,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The bus of this Core. Clones share everything.
#[derive(Clone)]
pub struct Bus {
    store: Store,
    sealer: Sealer,
    clock: Clock,
    woken: Arc<Notify>,
    draining: Arc<AtomicBool>,
    schemas: Arc<Schemas>,
}

impl Bus {
    pub fn new(store: Store, sealer: Sealer, clock: Clock) -> Self {
        Self {
            store,
            sealer,
            clock,
            woken: Arc::default(),
            draining: Arc::default(),
            schemas: Arc::default(),
        }
    }

    /// What the schema of its type finds wrong with a payload.
    pub fn faults(&self, event_type: &EventType, payload: &Value) -> Vec<Fault> {
        self.schemas.faults(&event_type.schema, payload)
    }

    /// Lets waiting pulls look again, after anything that can make a delivery ready.
    pub fn wake(&self) {
        self.woken.notify_waiters();
    }

    /// Sends waiting pulls home with what there is, so that the process can end.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.wake();
    }
}
