//! The end of a delivery: done, again later, never again, or not yet.
//!
//! A delivery is open for thirty seconds. Whoever settles names delivery and attempt, so that an
//! answer that comes too late cannot end the next attempt. Failed deliveries come again after
//! growing delays; the eighth failure makes a dead letter, which frees its partition key.

use rusqlite::{OptionalExtension as _, Transaction, params};
use serde_json::{Value, json};

use super::subscriptions::find;
use super::tables::{BEHIND, IN_FLIGHT, WAITING};
use super::{ACK_WAIT_MS, Bus, BusError, MAX_DELIVERIES};
use crate::StoreError;
use crate::telemetry::Field;
use crate::telemetry::metrics::{EVENTS, EventStep};
use crate::telemetry::traces::{Kind, event_step, is_on};

/// Delays after the first to the seventh failure.
const DELAYS_MS: [i64; 7] =
    [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000];
/// Jitter in percent of the delay, to either side.
const JITTER_PERCENT: i64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ack,
    /// Again, after this many milliseconds when given.
    Nack {
        delay_ms: Option<i64>,
    },
    Term,
    Progress,
}

#[derive(Clone, Debug)]
pub struct Outcome {
    pub delivery_id: String,
    pub verdict: Verdict,
    /// A code for the history.
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub settled: usize,
    /// Deliveries that were not open any more.
    pub unknown: Vec<String>,
}

impl Bus {
    pub async fn settle(
        &self,
        plugin_id: &str,
        name: &str,
        outcomes: Vec<Outcome>,
    ) -> Result<Settled, BusError> {
        let now = self.clock.unix_millis();
        let (plugin, name) = (plugin_id.to_owned(), name.to_owned());
        let settled = self.store.write(move |tx| {
            let Some(subscription) = find(tx, &plugin, &name)? else {
                return Ok(Err(BusError::UnknownSubscription));
            };
            let mut settled = Settled::default();
            for outcome in outcomes {
                match open(tx, subscription, &outcome.delivery_id)? {
                    Some(open) => {
                        apply(tx, &open, &outcome, now)?;
                        settled.settled += 1;
                    }
                    None => settled.unknown.push(outcome.delivery_id),
                }
            }
            Ok(Ok(settled))
        });
        let settled = settled.await??;
        self.wake();
        Ok(settled)
    }
}

/// A delivery that is out.
pub(super) struct Open {
    pub delivery: i64,
    pub attempt: i64,
    /// Attempts that do not count, because the plugin was paused meanwhile.
    pub spared: i64,
}

/// The name of one attempt of one delivery.
pub(super) fn delivery_id(delivery: i64, attempt: i64) -> String {
    format!("dlv-{delivery}-{attempt}")
}

fn open(
    tx: &Transaction<'_>,
    subscription: i64,
    delivery_id: &str,
) -> Result<Option<Open>, StoreError> {
    let parts = delivery_id.strip_prefix("dlv-").and_then(|rest| rest.split_once('-'));
    let Some((Ok(delivery), Ok(attempt))) =
        parts.map(|(delivery, attempt)| (delivery.parse::<i64>(), attempt.parse::<i64>()))
    else {
        return Ok(None);
    };
    let known = tx
        .prepare_cached(
            "SELECT spared FROM deliveries WHERE delivery = ?1 AND subscription = ?2
                AND attempt = ?3 AND state = ?4",
        )?
        .query_row(params![delivery, subscription, attempt, IN_FLIGHT], |row| row.get(0))
        .optional()?;
    Ok(known.map(|spared| Open { delivery, attempt, spared }))
}

fn apply(tx: &Transaction<'_>, open: &Open, outcome: &Outcome, now: i64) -> Result<(), StoreError> {
    let reason = outcome.reason.as_deref().filter(|reason| !reason.is_empty());
    match outcome.verdict {
        Verdict::Ack => {
            EVENTS.count(EventStep::Acknowledged);
            remove(tx, open.delivery, now)
        }
        Verdict::Nack { delay_ms } => {
            fail(tx, open, "nack", reason.unwrap_or("nack"), delay_ms, now)
        }
        Verdict::Term => {
            note(tx, open, "term", reason.unwrap_or("term"), now)?;
            bury(tx, open, reason.unwrap_or("term"), now)
        }
        Verdict::Progress => {
            tx.prepare_cached("UPDATE deliveries SET due_at = ?2 WHERE delivery = ?1")?
                .execute(params![open.delivery, now + ACK_WAIT_MS])?;
            Ok(())
        }
    }
}

/// One delivery failed: again later, or dead after the last one.
pub(super) fn fail(
    tx: &Transaction<'_>,
    open: &Open,
    outcome: &str,
    reason: &str,
    delay_ms: Option<i64>,
    now: i64,
) -> Result<(), StoreError> {
    note(tx, open, outcome, reason, now)?;
    let failed = open.attempt - open.spared;
    if failed >= MAX_DELIVERIES {
        return bury(tx, open, reason, now);
    }
    let delay = match delay_ms {
        Some(delay) => delay,
        None => delay_after(failed)?,
    };
    EVENTS.count(EventStep::Retried);
    again(tx, open.delivery, now.saturating_add(delay))
}

/// Puts an open delivery back into its subscription.
pub(super) fn again(tx: &Transaction<'_>, delivery: i64, due_at: i64) -> Result<(), StoreError> {
    let (subscription, key, sequence): (i64, Option<String>, i64) = tx
        .prepare_cached(
            "UPDATE deliveries SET state = ?2, due_at = ?3 WHERE delivery = ?1
             RETURNING subscription, partition_key, sequence",
        )?
        .query_row(params![delivery, WAITING, due_at], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let Some(key) = key else { return Ok(()) };
    let oldest: i64 = tx
        .prepare_cached(
            "SELECT min(sequence) FROM deliveries WHERE subscription = ?1 AND partition_key = ?2",
        )?
        .query_row(params![subscription, key], |row| row.get(0))?;
    if oldest == sequence { Ok(()) } else { line_up(tx, subscription, &key) }
}

/// Of each partition key only the oldest event waits in front, and only while none is out. What
/// comes back from the dead letters or from a replay is older than what follows it.
pub(super) fn line_up(
    tx: &Transaction<'_>,
    subscription: i64,
    key: &str,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE deliveries SET state = CASE
            WHEN EXISTS (SELECT 1 FROM deliveries AS other
                WHERE other.subscription = ?1 AND other.partition_key = ?2
                    AND (other.state = ?3 OR other.sequence < deliveries.sequence))
            THEN ?4 ELSE ?5 END
         WHERE subscription = ?1 AND partition_key = ?2 AND state <> ?3",
    )?
    .execute(params![subscription, key, IN_FLIGHT, BEHIND, WAITING])?;
    Ok(())
}

/// Takes a delivery away and lets the next event of its key come forward.
pub(super) fn remove(tx: &Transaction<'_>, delivery: i64, now: i64) -> Result<(), StoreError> {
    let (subscription, key): (i64, Option<String>) = tx
        .prepare_cached(
            "DELETE FROM deliveries WHERE delivery = ?1 RETURNING subscription, partition_key",
        )?
        .query_row([delivery], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if let Some(key) = key {
        tx.prepare_cached(
            "UPDATE deliveries SET state = ?3, due_at = max(due_at, ?5)
             WHERE state = ?4 AND delivery = (
                SELECT delivery FROM deliveries
                WHERE subscription = ?1 AND partition_key = ?2 ORDER BY sequence LIMIT 1
             )",
        )?
        .execute(params![subscription, key, WAITING, BEHIND, now])?;
    }
    Ok(())
}

pub(super) fn bury(
    tx: &Transaction<'_>,
    open: &Open,
    reason: &str,
    now: i64,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO dead_letters
            (plugin_id, subscription, sequence, attempts, reason, history, died_at)
         SELECT s.plugin_id, s.name, d.sequence, d.attempt - d.spared, ?2, d.history, ?3
         FROM deliveries AS d JOIN subscriptions AS s ON s.subscription = d.subscription
         WHERE d.delivery = ?1",
    )?
    .execute(params![open.delivery, reason, now])?;
    EVENTS.count(EventStep::Dead);
    if is_on() {
        let published_at: Option<String> = tx
            .prepare_cached(
                "SELECT e.traceparent FROM deliveries AS d
                 JOIN events AS e ON e.sequence = d.sequence WHERE d.delivery = ?1",
            )?
            .query_row([open.delivery], |row| row.get(0))?;
        let attempt: [Field<'_>; 1] = [("vivified.attempt", &open.attempt)];
        event_step("dead letter", Kind::Internal, published_at.as_deref(), None, &attempt);
    }
    remove(tx, open.delivery, now)
}

pub(super) fn note(
    tx: &Transaction<'_>,
    open: &Open,
    outcome: &str,
    reason: &str,
    now: i64,
) -> Result<(), StoreError> {
    let history: String = tx
        .prepare_cached("SELECT history FROM deliveries WHERE delivery = ?1")?
        .query_row([open.delivery], |row| row.get(0))?;
    let broken = || StoreError::Broken("deliveries holds a broken history");
    let mut history: Vec<Value> = serde_json::from_str(&history).map_err(|_| broken())?;
    history.push(json!({
        "attempt": open.attempt, "outcome": outcome, "reason": reason, "at": now,
    }));
    tx.prepare_cached("UPDATE deliveries SET history = ?2 WHERE delivery = ?1")?
        .execute(params![open.delivery, Value::Array(history).to_string()])?;
    Ok(())
}

/// The jittered delay after the failure of this attempt, so that failures spread out.
fn delay_after(attempt: i64) -> Result<i64, StoreError> {
    let place = usize::try_from(attempt - 1).unwrap_or(0).min(DELAYS_MS.len() - 1);
    let base = DELAYS_MS[place];
    let spread = base * JITTER_PERCENT / 100;
    let mut bytes = [0; 8];
    crate::random::fill(&mut bytes)?;
    let drawn = i64::from_le_bytes(bytes).rem_euclid(2 * spread + 1);
    Ok(base - spread + drawn)
}
