//! The event bus: durable publish, subscriptions, at-least-once delivery, dead letters.
//!
//! The bus knows plugins by id and data classes by name; who may publish or receive is decided
//! elsewhere and asked for at the moment of delivery. Everything that was answered is on the disk,
//! and every state a crash can leave is one the next pull carries on from.

mod dead;
mod facts;
mod follow;
mod keep;
mod mask;
mod publish;
mod pull;
mod replay;
mod settle;
mod subscriptions;
mod tables;
#[cfg(test)]
mod tests;
pub mod types;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use serde_json::Value;
use tokio::sync::Notify;

use crate::schemas::{Fault, Schemas};
use crate::{Clock, Sealer, Store, StoreError};

pub use dead::{DeadLetter, Redriven, Which};
pub use facts::{Facts, Tail};
pub use follow::{MAX_STREAMS, Stream};
pub use mask::Mask;
pub use publish::{Draft, Receipt};
pub use pull::{Admission, Admit, Delivery, Event, Pulled, Withheld};
pub use replay::{Replay, Replayed, Start};
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

/// Octets of undelivered events.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    /// Of one publisher, over all subscriptions that wait for them. Beyond it publishing is
    /// refused. Several times the other one, so that no single subscriber can use it up.
    pub published: i64,
    /// Of one subscriber. Beyond it events become dead letters at once.
    pub awaited: i64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { published: 1 << 30, awaited: 256 << 20 }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("the plugin has no subscription of this name")]
    UnknownSubscription,
    #[error("no dead letter has this number")]
    UnknownDeadLetter,
    #[error("the subscription of the dead letter is gone")]
    SubscriptionGone,
    #[error("too many octets of events that this plugin published are undelivered")]
    PublishedQuota,
    #[error("a plugin has at most {} open streams", follow::MAX_STREAMS)]
    TooManyStreams,
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
    quotas: Quotas,
    streams: follow::Streams,
    /// Milliseconds since 1970.
    swept_at: Arc<AtomicI64>,
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
            quotas: Quotas::default(),
            streams: follow::Streams::default(),
            swept_at: Arc::default(),
        }
    }

    /// The same bus with other quotas.
    #[must_use]
    pub fn with_quotas(self, quotas: Quotas) -> Self {
        Self { quotas, ..self }
    }

    /// What the schema of its type finds wrong with a payload.
    pub fn faults(&self, event_type: &EventType, payload: &Value) -> Vec<Fault> {
        self.schemas.faults(&event_type.schema, payload)
    }

    /// Lets waiting pulls look again, after anything that can make a delivery ready.
    pub fn wake(&self) {
        self.woken.notify_waiters();
    }

    /// Sends waiting pulls home with what there is and ends streams, so that the process can end.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.wake();
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}
