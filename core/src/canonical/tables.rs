//! Where events, subscriptions and deliveries lie.
//!
//! An event is stored once. Publishing writes one `deliveries` row for each subscription of its
//! type, in the same transaction; settling removes the row. What waits behind an unsettled event
//! of the same partition key is `BEHIND`, so a pull finds what is ready by one index and a stuck
//! key costs the others nothing.

use crate::Migration;

pub const WAITING: i64 = 0;
pub const IN_FLIGHT: i64 = 1;
pub const BEHIND: i64 = 2;

pub const MIGRATIONS: &[Migration] = &[Migration {
    module: "canonical",
    version: 1,
    sql: "
        CREATE TABLE events (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            source TEXT NOT NULL,
            event_id TEXT NOT NULL,
            event_type TEXT NOT NULL,
            published_at INTEGER NOT NULL,
            partition_key TEXT,
            data_traits TEXT NOT NULL,
            traceparent TEXT,
            payload BLOB NOT NULL
        ) STRICT;
        CREATE INDEX events_by_id ON events (source, event_id, published_at);
        CREATE INDEX events_by_age ON events (published_at);

        CREATE TABLE subscriptions (
            subscription INTEGER PRIMARY KEY AUTOINCREMENT,
            plugin_id TEXT NOT NULL,
            name TEXT NOT NULL,
            max_in_flight INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            UNIQUE (plugin_id, name)
        ) STRICT;
        CREATE TABLE subscription_types (
            event_type TEXT NOT NULL,
            subscription INTEGER NOT NULL
                REFERENCES subscriptions (subscription) ON DELETE CASCADE,
            PRIMARY KEY (event_type, subscription)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX subscription_types_by_subscription ON subscription_types (subscription);

        -- due_at: WAITING, the earliest next delivery; IN_FLIGHT, the end of the ack wait.
        CREATE TABLE deliveries (
            delivery INTEGER PRIMARY KEY AUTOINCREMENT,
            subscription INTEGER NOT NULL
                REFERENCES subscriptions (subscription) ON DELETE CASCADE,
            sequence INTEGER NOT NULL REFERENCES events (sequence),
            partition_key TEXT,
            state INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            due_at INTEGER NOT NULL,
            history TEXT NOT NULL,
            UNIQUE (subscription, sequence)
        ) STRICT;
        CREATE INDEX deliveries_by_state ON deliveries (subscription, state, sequence);
        CREATE INDEX deliveries_by_key ON deliveries (subscription, partition_key, sequence)
            WHERE partition_key IS NOT NULL;
        CREATE INDEX deliveries_by_event ON deliveries (sequence);

        CREATE TABLE dead_letters (
            dead_letter INTEGER PRIMARY KEY AUTOINCREMENT,
            plugin_id TEXT NOT NULL,
            subscription TEXT NOT NULL,
            sequence INTEGER NOT NULL REFERENCES events (sequence),
            attempts INTEGER NOT NULL,
            reason TEXT NOT NULL,
            history TEXT NOT NULL,
            died_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX dead_letters_by_event ON dead_letters (sequence);
    ",
}];
