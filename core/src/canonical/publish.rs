//! Taking an event: stamped, deduplicated, fanned out and durable, all in one transaction.

use rusqlite::{OptionalExtension as _, Transaction, params};
use serde_json::Value;
use uuid::Uuid;

use super::tables::{AWAITED, BEHIND, PUBLISHED, WAITING};
use super::{Bus, BusError};
use crate::StoreError;
use crate::telemetry::metrics::{EVENTS, EventStep};

/// How long an id of a source is remembered.
const DEDUP_MS: i64 = 24 * 60 * 60 * 1_000;

/// An event whose publisher, type, data classes and payload have been checked.
#[derive(Clone)]
pub struct Draft {
    pub source: String,
    /// Made by the bus when absent.
    pub id: Option<String>,
    pub event_type: String,
    pub payload: Value,
    pub data_traits: Vec<String>,
    pub partition_key: Option<String>,
    pub traceparent: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub event_id: String,
    pub sequence: i64,
    pub duplicate: bool,
}

impl Bus {
    /// Answers once the event and all its deliveries are on the disk.
    pub async fn publish(&self, draft: Draft) -> Result<Receipt, BusError> {
        self.publish_with(draft, |_, _| Ok(())).await
    }

    /// [`Bus::publish`] together with what is written of it: `record` runs in the same
    /// transaction, so both stand or fall, and one sync is enough for both.
    pub async fn publish_with<F>(&self, draft: Draft, record: F) -> Result<Receipt, BusError>
    where
        F: FnOnce(&Transaction<'_>, &Receipt) -> Result<(), StoreError> + Send + 'static,
    {
        let now = self.clock.unix_millis();
        let event_id = draft.id.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
        let place = place(&draft.source, &event_id, now);
        let payload =
            self.sealer.seal(&draft.source, &place, draft.payload.to_string().as_bytes())?;
        let quotas = self.quotas;
        let receipt = self
            .store
            .write_together(move |tx| {
                // An id that was made here was never heard of before.
                let earlier = match draft.id {
                    Some(_) => known(tx, &draft.source, &event_id, now)?,
                    None => None,
                };
                let duplicate = earlier.is_some();
                let sequence = match earlier {
                    Some(sequence) => sequence,
                    None => {
                        let (undelivered, wanted) = standing(tx, &draft)?;
                        if undelivered > quotas.published {
                            return Ok(Err(BusError::PublishedQuota));
                        }
                        let sequence = insert(tx, &draft, &event_id, &payload, now)?;
                        if wanted > 0 {
                            let size = i64::try_from(payload.len()).unwrap_or(i64::MAX);
                            fan_out(tx, sequence, &draft, size, wanted, quotas.awaited, now)?;
                        }
                        sequence
                    }
                };
                let receipt = Receipt { event_id, sequence, duplicate };
                record(tx, &receipt)?;
                Ok(Ok(receipt))
            })
            .await??;
        let step = if receipt.duplicate { EventStep::Duplicate } else { EventStep::Published };
        EVENTS.count(step);
        self.wake();
        Ok(receipt)
    }
}

/// Binds a payload to its event; the sequence is not known yet when it is sealed.
pub(super) fn place(source: &str, event_id: &str, published_at: i64) -> Vec<u8> {
    format!("events/{source}/{event_id}/{published_at}").into_bytes()
}

fn known(
    tx: &Transaction<'_>,
    source: &str,
    event_id: &str,
    now: i64,
) -> Result<Option<i64>, StoreError> {
    Ok(tx
        .prepare_cached(
            "SELECT sequence FROM events
             WHERE source = ?1 AND event_id = ?2 AND published_at > ?3",
        )?
        .query_row(params![source, event_id, now - DEDUP_MS], |row| row.get(0))
        .optional()?)
}

/// Octets of the publisher that are undelivered, and how many subscriptions want this event.
fn standing(tx: &Transaction<'_>, draft: &Draft) -> Result<(i64, u32), StoreError> {
    let both = "SELECT
        coalesce((SELECT bytes FROM backlog WHERE plugin_id = ?1 AND side = ?2), 0),
        (SELECT count(*) FROM subscription_types WHERE event_type = ?3)";
    Ok(tx
        .prepare_cached(both)?
        .query_row(params![draft.source, PUBLISHED, draft.event_type], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?)
}

/// Stores the event; answers its place.
fn insert(
    tx: &Transaction<'_>,
    draft: &Draft,
    event_id: &str,
    payload: &[u8],
    now: i64,
) -> Result<i64, StoreError> {
    tx.prepare_cached(
        "INSERT INTO events (source, event_id, event_type, published_at,
            partition_key, data_traits, traceparent, payload)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        draft.source,
        event_id,
        draft.event_type,
        now,
        draft.partition_key,
        draft.data_traits.join(","),
        draft.traceparent,
        payload
    ])?;
    Ok(tx.last_insert_rowid())
}

/// One delivery for each subscription of the type. A subscriber whose backlog is full gets a dead
/// letter instead, so that it can hold up neither the disk nor those who publish to others.
fn fan_out(
    tx: &Transaction<'_>,
    sequence: i64,
    draft: &Draft,
    size: i64,
    wanted: u32,
    quota: i64,
    now: i64,
) -> Result<(), StoreError> {
    let made = deliver(tx, sequence, draft, size, quota, now)?;
    if made < wanted as usize { turn_away(tx, sequence, &draft.event_type, now) } else { Ok(()) }
}

/// Makes the deliveries of all subscribers that have room; answers how many there are.
fn deliver(
    tx: &Transaction<'_>,
    sequence: i64,
    draft: &Draft,
    size: i64,
    quota: i64,
    now: i64,
) -> Result<usize, StoreError> {
    let made = tx
        .prepare_cached(
            "INSERT INTO deliveries (subscription, sequence, partition_key, state, attempt, due_at,
                history, source, size)
             SELECT wanted.subscription, ?1, ?2,
                CASE WHEN ?2 IS NOT NULL AND EXISTS (
                    SELECT 1 FROM deliveries AS earlier
                    WHERE earlier.subscription = wanted.subscription
                        AND earlier.partition_key = ?2
                ) THEN ?3 ELSE ?4 END,
                0, ?5, '[]', ?7, ?8
             FROM subscription_types AS wanted
             JOIN subscriptions AS s ON s.subscription = wanted.subscription
             LEFT JOIN backlog AS b ON b.plugin_id = s.plugin_id AND b.side = ?9
             WHERE wanted.event_type = ?6 AND coalesce(b.bytes, 0) <= ?10",
        )?
        .execute(params![
            sequence,
            draft.partition_key,
            BEHIND,
            WAITING,
            now,
            draft.event_type,
            draft.source,
            size,
            AWAITED,
            quota
        ])?;
    Ok(made)
}

/// Makes a dead letter for every subscription of the type that got no delivery.
fn turn_away(
    tx: &Transaction<'_>,
    sequence: i64,
    event_type: &str,
    now: i64,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO dead_letters
            (plugin_id, subscription, sequence, attempts, reason, history, died_at)
         SELECT s.plugin_id, s.name, ?1, 0, 'backlog_full', '[]', ?2
         FROM subscription_types AS wanted
         JOIN subscriptions AS s ON s.subscription = wanted.subscription
         JOIN backlog AS b ON b.plugin_id = s.plugin_id AND b.side = ?3
         WHERE wanted.event_type = ?4 AND NOT EXISTS (
            SELECT 1 FROM deliveries AS made
            WHERE made.subscription = wanted.subscription AND made.sequence = ?1
         )",
    )?
    .execute(params![sequence, now, AWAITED, event_type])?;
    Ok(())
}

/// Octets that count against a quota of the plugin.
pub(super) fn backlog(tx: &Transaction<'_>, plugin_id: &str, side: i64) -> Result<i64, StoreError> {
    Ok(tx
        .prepare_cached("SELECT bytes FROM backlog WHERE plugin_id = ?1 AND side = ?2")?
        .query_row(params![plugin_id, side], |row| row.get(0))
        .optional()?
        .unwrap_or(0))
}
