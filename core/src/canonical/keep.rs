//! What time does to the lane: ack waits end, pauses spare attempts, old things go.

use std::sync::atomic::Ordering;

use rusqlite::{Transaction, params};

use super::Bus;
use super::pull::expire;
use super::settle::{Open, again, bury, note};
use super::tables::IN_FLIGHT;
use crate::StoreError;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long an event stays once nobody waits for it.
const KEPT_MS: i64 = 7 * DAY_MS;
/// How long a delivery may wait in a subscription that nobody pulls.
const UNDELIVERED_MS: i64 = 7 * DAY_MS;
/// How long a dead letter, and with it its event, stays.
const DEAD_MS: i64 = 30 * DAY_MS;
/// How often the log is swept, and how much of each kind one sweep removes.
const SWEEP_MS: i64 = 60_000;
const SWEEP_ROWS: i64 = 4_096;

impl Bus {
    /// One round. `paused` says of a plugin that it cannot settle what it holds.
    pub async fn upkeep<P>(&self, paused: P) -> Result<(), StoreError>
    where
        P: Fn(&str) -> bool,
    {
        let now = self.clock.unix_millis();
        self.spare(paused, now).await?;
        self.end_waits(now).await?;
        if self.is_sweep_due(now) {
            while self.store.write(move |tx| sweep(tx, now)).await? {}
        }
        Ok(())
    }

    /// Takes open deliveries back from plugins that are paused; the attempt does not count.
    async fn spare<P>(&self, paused: P, now: i64) -> Result<(), StoreError>
    where
        P: Fn(&str) -> bool,
    {
        let holders = self.store.read(|conn| {
            let mut query = conn.prepare_cached(
                "SELECT DISTINCT s.plugin_id FROM deliveries AS d
                 JOIN subscriptions AS s ON s.subscription = d.subscription WHERE d.state = 1",
            )?;
            let rows = query.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<Vec<String>, _>>()?)
        });
        let paused: Vec<String> = holders.await?.into_iter().filter(|id| paused(id)).collect();
        for plugin_id in paused {
            self.store.write(move |tx| take_back(tx, &plugin_id, now)).await?;
        }
        Ok(())
    }

    /// Ends ack waits also in subscriptions that nobody pulls, so that dead letters are on time.
    async fn end_waits(&self, now: i64) -> Result<(), StoreError> {
        let late = self.store.read(move |conn| {
            let mut query = conn.prepare_cached(
                "SELECT DISTINCT subscription FROM deliveries WHERE state = 1 AND due_at <= ?1",
            )?;
            let rows = query.query_map([now], |row| row.get(0))?;
            Ok(rows.collect::<Result<Vec<i64>, _>>()?)
        });
        for subscription in late.await? {
            self.store.write(move |tx| expire(tx, subscription, now)).await?;
            self.wake();
        }
        Ok(())
    }

    fn is_sweep_due(&self, now: i64) -> bool {
        let last = self.swept_at.load(Ordering::Acquire);
        let due = now - last >= SWEEP_MS || now < last;
        if due {
            self.swept_at.store(now, Ordering::Release);
        }
        due
    }
}

fn take_back(tx: &Transaction<'_>, plugin_id: &str, now: i64) -> Result<(), StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT d.delivery FROM deliveries AS d
         JOIN subscriptions AS s ON s.subscription = d.subscription
         WHERE s.plugin_id = ?1 AND d.state = ?2",
    )?;
    let held = query.query_map(params![plugin_id, IN_FLIGHT], |row| row.get(0))?;
    for delivery in held.collect::<Result<Vec<i64>, _>>()? {
        again(tx, delivery, now)?;
        tx.prepare_cached("UPDATE deliveries SET spared = spared + 1 WHERE delivery = ?1")?
            .execute([delivery])?;
    }
    Ok(())
}

/// Removes what is too old. True when there may be more.
fn sweep(tx: &Transaction<'_>, now: i64) -> Result<bool, StoreError> {
    let expired = expire_undelivered(tx, now)?;
    let dead = tx.execute(
        "DELETE FROM dead_letters WHERE dead_letter IN (
            SELECT dead_letter FROM dead_letters WHERE died_at < ?1 ORDER BY died_at LIMIT ?2)",
        params![now - DEAD_MS, SWEEP_ROWS],
    )?;
    let events = tx.execute(
        "DELETE FROM events WHERE sequence IN (
            SELECT sequence FROM events
            WHERE published_at < ?1
                AND NOT EXISTS (SELECT 1 FROM deliveries
                    WHERE deliveries.sequence = events.sequence)
                AND NOT EXISTS (SELECT 1 FROM dead_letters
                    WHERE dead_letters.sequence = events.sequence)
            ORDER BY published_at LIMIT ?2
        )",
        params![now - KEPT_MS, SWEEP_ROWS],
    )?;
    let most = usize::try_from(SWEEP_ROWS).unwrap_or(usize::MAX);
    Ok(expired == most || dead == most || events == most)
}

/// What waits for a week with nobody to take it becomes a dead letter, where people see it.
fn expire_undelivered(tx: &Transaction<'_>, now: i64) -> Result<usize, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT d.delivery, d.attempt, d.spared FROM events AS e
         JOIN deliveries AS d ON d.sequence = e.sequence
         WHERE e.published_at < ?1 AND d.state <> ?2 AND d.due_at < ?1
         ORDER BY e.published_at LIMIT ?3",
    )?;
    let values = params![now - UNDELIVERED_MS, IN_FLIGHT, SWEEP_ROWS];
    let old = query.query_map(values, |row| {
        Ok(Open { delivery: row.get(0)?, attempt: row.get(1)?, spared: row.get(2)? })
    })?;
    let old = old.collect::<Result<Vec<_>, _>>()?;
    for open in &old {
        note(tx, open, "expired", "expired", now)?;
        bury(tx, open, "expired", now)?;
    }
    Ok(old.len())
}
