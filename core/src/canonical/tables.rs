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

/// Sides of the backlog of a plugin: what of its own is undelivered, what it has not taken yet.
pub const PUBLISHED: i64 = 0;
pub const AWAITED: i64 = 1;

pub const MIGRATIONS: &[Migration] = &[FIRST, QUOTAS, IDS];

const FIRST: Migration = Migration {
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
};

/// Counted by the engine itself, so that no way of removing a delivery can forget it.
const QUOTAS: Migration = Migration {
    module: "canonical",
    version: 2,
    sql: "
        -- spared: attempts that do not count, because the plugin was paused meanwhile.
        ALTER TABLE deliveries ADD COLUMN spared INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE deliveries ADD COLUMN source TEXT NOT NULL DEFAULT '';
        ALTER TABLE deliveries ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX deliveries_in_flight ON deliveries (due_at) WHERE state = 1;
        CREATE INDEX dead_letters_by_age ON dead_letters (died_at);

        CREATE TABLE backlog (
            plugin_id TEXT NOT NULL,
            side INTEGER NOT NULL,
            bytes INTEGER NOT NULL,
            PRIMARY KEY (plugin_id, side)
        ) STRICT, WITHOUT ROWID;
        UPDATE deliveries SET
            source = (SELECT source FROM events AS e WHERE e.sequence = deliveries.sequence),
            size = (SELECT length(payload) FROM events AS e
                WHERE e.sequence = deliveries.sequence);
        INSERT INTO backlog
            SELECT source, 0, sum(size) FROM deliveries GROUP BY source;
        INSERT INTO backlog
            SELECT s.plugin_id, 1, sum(d.size) FROM deliveries AS d
            JOIN subscriptions AS s ON s.subscription = d.subscription GROUP BY s.plugin_id;
        CREATE TRIGGER backlog_grows AFTER INSERT ON deliveries BEGIN
            INSERT INTO backlog (plugin_id, side, bytes) VALUES (NEW.source, 0, NEW.size)
                ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
            INSERT INTO backlog (plugin_id, side, bytes)
                SELECT plugin_id, 1, NEW.size FROM subscriptions
                WHERE subscription = NEW.subscription
                ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
        END;
        CREATE TRIGGER backlog_shrinks AFTER DELETE ON deliveries BEGIN
            UPDATE backlog SET bytes = bytes - OLD.size
                WHERE plugin_id = OLD.source AND side = 0;
            UPDATE backlog SET bytes = bytes - OLD.size
                WHERE side = 1 AND plugin_id = (
                    SELECT plugin_id FROM subscriptions WHERE subscription = OLD.subscription);
        END;
    ",
};

/// Ids that are made here grow with time, so the newest stand side by side. With the publisher
/// first, every one that is busy would touch a page of its own in every transaction.
const IDS: Migration = Migration {
    module: "canonical",
    version: 3,
    sql: "
        DROP INDEX events_by_id;
        CREATE INDEX events_by_id ON events (event_id, source, published_at);
    ",
};
