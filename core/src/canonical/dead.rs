//! Dead letters: what could not be delivered, why, and its way back.
//!
//! A dead letter keeps its event alive. Redriven, the event stands in its subscription again as
//! if it had never been tried, but with its history, and in front of what followed it in its key.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde_json::{Value, json};

use super::pull::words;
use super::settle::line_up;
use super::subscriptions::find;
use super::tables::BEHIND;
use super::{Bus, BusError};
use crate::StoreError;
use crate::telemetry::metrics::{EVENTS, EventStep};
use crate::telemetry::traces::{Kind, event_step};

/// Dead letters that one request redrives; the writer serves others in between.
const BATCH: i64 = 1_000;

/// Which dead letters; every part that is given must match.
#[derive(Clone, Debug, Default)]
pub struct Which {
    pub plugin_id: Option<String>,
    pub subscription: Option<String>,
    pub event_type: Option<String>,
    pub reason: Option<String>,
}

impl Which {
    pub fn is_all(&self) -> bool {
        self.plugin_id.is_none()
            && self.subscription.is_none()
            && self.event_type.is_none()
            && self.reason.is_none()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    pub dead_letter: i64,
    pub plugin_id: String,
    pub subscription: String,
    pub sequence: i64,
    pub event_id: String,
    pub event_type: String,
    pub source: String,
    pub data_traits: Vec<String>,
    pub traceparent: Option<String>,
    pub attempts: i64,
    pub reason: String,
    /// Milliseconds since 1970, as all times here.
    pub published_at: i64,
    pub died_at: i64,
    /// Octets of the sealed payload.
    pub size: i64,
    pub history: Vec<Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    pub redriven: i64,
    /// Their subscription is gone.
    pub skipped: i64,
    pub remaining: i64,
}

const COLUMNS: &str = "l.dead_letter, l.plugin_id, l.subscription, l.sequence, e.event_id,
    e.event_type, e.source, e.data_traits, e.traceparent, l.attempts, l.reason, e.published_at,
    l.died_at, length(e.payload), l.history";
const MATCHING: &str = "FROM dead_letters AS l JOIN events AS e ON e.sequence = l.sequence
    WHERE (?1 IS NULL OR l.plugin_id = ?1) AND (?2 IS NULL OR l.subscription = ?2)
        AND (?3 IS NULL OR e.event_type = ?3) AND (?4 IS NULL OR l.reason = ?4)";

impl Bus {
    /// Newest first, those before the dead letter of this number.
    pub async fn dead_letters(
        &self,
        which: Which,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<DeadLetter>, BusError> {
        let read = self.store.read(move |conn| {
            let mut query = conn.prepare_cached(&format!(
                "SELECT {COLUMNS} {MATCHING} AND (?5 IS NULL OR l.dead_letter < ?5)
                 ORDER BY l.dead_letter DESC LIMIT ?6"
            ))?;
            let Which { plugin_id, subscription, event_type, reason } = which;
            let values = params![plugin_id, subscription, event_type, reason, before, limit];
            let rows = query.query_map(values, |row| Ok(DeadLetter::read(row)))?;
            rows.map(|row| row?).collect()
        });
        Ok(read.await?)
    }

    pub async fn dead_letter(&self, number: i64) -> Result<DeadLetter, BusError> {
        let read = self.store.read(move |conn| get(conn, number));
        read.await?.ok_or(BusError::UnknownDeadLetter)
    }

    /// Gives one up for good.
    pub async fn drop_dead_letter(&self, number: i64) -> Result<DeadLetter, BusError> {
        let drop = self.store.write(move |tx| {
            let letter = get(tx, number)?;
            tx.execute("DELETE FROM dead_letters WHERE dead_letter = ?1", [number])?;
            Ok(letter)
        });
        drop.await?.ok_or(BusError::UnknownDeadLetter)
    }

    pub async fn redrive(&self, number: i64) -> Result<DeadLetter, BusError> {
        let now = self.clock.unix_millis();
        let redrive = self.store.write(move |tx| {
            let Some(letter) = get(tx, number)? else {
                return Ok(Err(BusError::UnknownDeadLetter));
            };
            if !put_back(tx, &letter, now)? {
                return Ok(Err(BusError::SubscriptionGone));
            }
            Ok(Ok(letter))
        });
        let letter = redrive.await??;
        self.wake();
        Ok(letter)
    }

    /// Redrives the oldest of those that match, a bounded number of them.
    pub async fn redrive_all(&self, which: Which) -> Result<Redriven, BusError> {
        let now = self.clock.unix_millis();
        let redrive = self.store.write(move |tx| {
            let Which { plugin_id, subscription, event_type, reason } = which;
            let filter = params![plugin_id, subscription, event_type, reason];
            let has_home = "EXISTS (SELECT 1 FROM subscriptions AS s
                WHERE s.plugin_id = l.plugin_id AND s.name = l.subscription)";
            let mut query = tx.prepare(&format!(
                "SELECT {COLUMNS} {MATCHING} AND {has_home}
                 ORDER BY l.dead_letter LIMIT {BATCH}"
            ))?;
            let letters = query.query_map(filter, |row| Ok(DeadLetter::read(row)))?;
            let letters =
                letters.map(|row| row?).collect::<Result<Vec<DeadLetter>, StoreError>>()?;
            let mut done = Redriven::default();
            for letter in &letters {
                done.redriven += i64::from(put_back(tx, letter, now)?);
            }
            let count = |home: &str| -> Result<i64, StoreError> {
                let sql = format!("SELECT count(*) {MATCHING} AND {home}");
                Ok(tx.query_row(&sql, filter, |row| row.get(0))?)
            };
            done.remaining = count(has_home)?;
            done.skipped = count(&format!("NOT {has_home}"))?;
            Ok(done)
        });
        let done = redrive.await?;
        self.wake();
        Ok(done)
    }
}

impl DeadLetter {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let history: String = row.get(14)?;
        let broken = |_| StoreError::Broken("dead_letters holds a broken history");
        Ok(Self {
            dead_letter: row.get(0)?,
            plugin_id: row.get(1)?,
            subscription: row.get(2)?,
            sequence: row.get(3)?,
            event_id: row.get(4)?,
            event_type: row.get(5)?,
            source: row.get(6)?,
            data_traits: words(&row.get::<_, String>(7)?),
            traceparent: row.get(8)?,
            attempts: row.get(9)?,
            reason: row.get(10)?,
            published_at: row.get(11)?,
            died_at: row.get(12)?,
            size: row.get(13)?,
            history: serde_json::from_str(&history).map_err(broken)?,
        })
    }
}

fn get(conn: &Connection, number: i64) -> Result<Option<DeadLetter>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM dead_letters AS l JOIN events AS e ON e.sequence = l.sequence
         WHERE l.dead_letter = ?1"
    );
    let found = conn.prepare_cached(&sql)?.query_row([number], |row| Ok(DeadLetter::read(row)));
    found.optional()?.transpose()
}

/// False when there is no subscription any more. An event that a replay has put there already
/// stays as it is.
fn put_back(tx: &Transaction<'_>, letter: &DeadLetter, now: i64) -> Result<bool, StoreError> {
    let Some(subscription) = find(tx, &letter.plugin_id, &letter.subscription)? else {
        return Ok(false);
    };
    let mut history = letter.history.clone();
    history.push(json!({
        "attempt": letter.attempts, "outcome": "redrive", "reason": letter.reason, "at": now,
    }));
    let key: Option<String> = tx
        .prepare_cached("SELECT partition_key FROM events WHERE sequence = ?1")?
        .query_row([letter.sequence], |row| row.get(0))?;
    tx.prepare_cached(
        "INSERT INTO deliveries
            (subscription, sequence, partition_key, state, attempt, due_at, history, source, size)
         VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8)
         ON CONFLICT (subscription, sequence) DO NOTHING",
    )?
    .execute(params![
        subscription,
        letter.sequence,
        key,
        if key.is_some() { BEHIND } else { super::tables::WAITING },
        now,
        Value::Array(history).to_string(),
        letter.source,
        letter.size
    ])?;
    tx.execute("DELETE FROM dead_letters WHERE dead_letter = ?1", [letter.dead_letter])?;
    EVENTS.count(EventStep::Redriven);
    event_step("redrive", Kind::Internal, letter.traceparent.as_deref(), None, &[]);
    if let Some(key) = key {
        line_up(tx, subscription, &key)?;
    }
    Ok(true)
}
