//! Replay: kept events once more into one subscription.
//!
//! A replay makes deliveries and decides nothing: what the subscriber may have is judged when each
//! of them is handed out. So it is also the way to what was withheld before a right was granted.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::publish::backlog;
use super::settle::line_up;
use super::subscriptions::find;
use super::tables::{AWAITED, BEHIND};
use super::{Bus, BusError};
use crate::StoreError;
use crate::telemetry::metrics::{EVENTS, EventStep};

/// Events one transaction looks at; the writer serves others in between.
const BATCH: i64 = 1_000;
/// Events one request looks at.
const MOST: i64 = 100_000;

#[derive(Clone, Copy, Debug)]
pub enum Start {
    Sequence(i64),
    /// Milliseconds since 1970.
    Time(i64),
}

#[derive(Clone, Debug)]
pub struct Replay {
    pub plugin_id: String,
    pub subscription: String,
    pub start: Start,
    pub until: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    pub replayed: i64,
    /// Where to go on, when not everything could be taken.
    pub next: Option<i64>,
}

impl Bus {
    /// Puts events of the types of the subscription into it, those that do not wait there.
    /// Ends early when the backlog of the subscriber is full.
    pub async fn replay(&self, replay: Replay) -> Result<Replayed, BusError> {
        let (mut next, last) = self.range(&replay).await?;
        let end = last.min(next.saturating_add(MOST - 1));
        let mut replayed = 0;
        while next <= end {
            let (quota, now) = (self.quotas.awaited, self.clock.unix_millis());
            let (wish, from, to) = (replay.clone(), next, end.min(next + BATCH - 1));
            let made = self.store.write(move |tx| {
                let Some(subscription) = find(tx, &wish.plugin_id, &wish.subscription)? else {
                    return Ok(Err(BusError::UnknownSubscription));
                };
                if backlog(tx, &wish.plugin_id, AWAITED)? > quota {
                    return Ok(Ok(None));
                }
                Ok(Ok(Some(deliver_again(tx, subscription, from, to, now)?)))
            });
            let Some(made) = made.await?? else { break };
            replayed += made;
            EVENTS.add(EventStep::Replayed, u64::try_from(made).unwrap_or(0));
            next = to + 1;
        }
        self.wake();
        Ok(Replayed { replayed, next: (next <= last).then_some(next) })
    }

    /// The first and the last sequence that are meant.
    async fn range(&self, replay: &Replay) -> Result<(i64, i64), BusError> {
        let replay = replay.clone();
        let range = self.store.read(move |conn| {
            if find(conn, &replay.plugin_id, &replay.subscription)?.is_none() {
                return Ok(Err(BusError::UnknownSubscription));
            }
            let bounds = "SELECT min(sequence), max(sequence) FROM events";
            let (oldest, newest): (Option<i64>, Option<i64>) =
                conn.query_row(bounds, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let (Some(oldest), Some(newest)) = (oldest, newest) else { return Ok(Ok((1, 0))) };
            let first = match replay.start {
                Start::Sequence(sequence) => sequence,
                Start::Time(time) => conn
                    .query_row(
                        "SELECT sequence FROM events WHERE published_at >= ?1
                         ORDER BY published_at, sequence LIMIT 1",
                        [time],
                        |row| row.get(0),
                    )
                    .optional()?
                    .unwrap_or(newest + 1),
            };
            Ok(Ok((first.max(oldest), replay.until.unwrap_or(newest).min(newest))))
        });
        range.await?
    }
}

fn deliver_again(
    tx: &Transaction<'_>,
    subscription: i64,
    from: i64,
    to: i64,
    now: i64,
) -> Result<i64, StoreError> {
    // Everything starts behind; what may go in front is told by its key below.
    let made = tx
        .prepare_cached(
            "INSERT INTO deliveries (subscription, sequence, partition_key, state, attempt,
                due_at, history, source, size)
             SELECT ?1, e.sequence, e.partition_key,
                CASE WHEN e.partition_key IS NULL THEN 0 ELSE ?5 END,
                0, ?4, '[]', e.source, length(e.payload)
             FROM events AS e
             WHERE e.sequence BETWEEN ?2 AND ?3 AND e.event_type IN (
                SELECT event_type FROM subscription_types WHERE subscription = ?1)
             ON CONFLICT (subscription, sequence) DO NOTHING",
        )?
        .execute(params![subscription, from, to, now, BEHIND])?;
    let mut query = tx.prepare_cached(
        "SELECT DISTINCT partition_key FROM deliveries
         WHERE subscription = ?1 AND sequence BETWEEN ?2 AND ?3 AND partition_key IS NOT NULL",
    )?;
    let keys = query.query_map(params![subscription, from, to], |row| row.get(0))?;
    for key in keys.collect::<Result<Vec<String>, _>>()? {
        line_up(tx, subscription, &key)?;
    }
    // An event that is on its way again is no dead letter of this subscription any more.
    tx.prepare_cached(
        "DELETE FROM dead_letters WHERE sequence BETWEEN ?2 AND ?3
            AND (plugin_id, subscription) = (
                SELECT plugin_id, name FROM subscriptions WHERE subscription = ?1)
            AND sequence IN (SELECT sequence FROM deliveries WHERE subscription = ?1)",
    )?
    .execute(params![subscription, from, to])?;
    Ok(i64::try_from(made).unwrap_or(i64::MAX))
}
