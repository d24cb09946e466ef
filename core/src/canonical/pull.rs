//! Handing events out: who is asked at the last moment, and the wait until there is something.
//!
//! A pull that finds nothing waits for the next publish or settle, or for the moment the next
//! delivery falls due; it never polls. While the plugin may not receive, nothing is taken and no
//! attempt is counted.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::{Connection, Row, Transaction, params};
use serde_json::Value;
use tokio::time::Instant;

use super::mask::Mask;
use super::publish::place;
use super::settle::{Open, delivery_id, fail, remove};
use super::subscriptions::find;
use super::tables::{IN_FLIGHT, WAITING};
use super::{ACK_WAIT_MS, Bus, BusError};
use crate::StoreError;
use crate::telemetry::metrics::{EVENTS, EventStep};

/// What the subscriber may have of one event, decided when it is about to be handed over.
#[derive(Clone, Debug)]
pub enum Admission {
    Whole,
    Masked(Mask),
    /// Nothing, by the rule of this name.
    Withheld(String),
}

/// Asked with the type of an event and its classes of data.
pub type Admit = Arc<dyn Fn(&str, &[String]) -> Admission + Send + Sync>;

/// An event as it was stamped.
#[derive(Clone, PartialEq)]
pub struct Event {
    pub id: String,
    pub source: String,
    pub event_type: String,
    pub sequence: i64,
    /// Milliseconds since 1970.
    pub published_at: i64,
    pub partition_key: Option<String>,
    pub data_traits: Vec<String>,
    pub traceparent: Option<String>,
    /// Classes that were taken out of the payload.
    pub masked: Vec<String>,
    pub payload: Value,
}

impl std::fmt::Debug for Event {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Event({} {})", self.event_type, self.sequence)
    }
}

#[derive(Clone, Debug)]
pub struct Delivery {
    pub delivery_id: String,
    pub attempt: i64,
    pub event: Event,
}

/// What one pull got.
#[derive(Clone, Debug, Default)]
pub struct Pulled {
    pub deliveries: Vec<Delivery>,
    /// What the subscriber was denied. A later grant does not bring it back; a replay does.
    pub withheld: Vec<Withheld>,
}

/// An event that was not handed over, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    pub sequence: i64,
    pub rule: String,
}

/// A delivery taken from the store, its payload still sealed.
struct Taken {
    delivery: i64,
    attempt: i64,
    sealed: Sealed,
    mask: Option<Mask>,
}

/// An event whose payload is still sealed.
pub(super) struct Sealed {
    pub event: Event,
    pub payload: Vec<u8>,
}

impl Bus {
    /// Up to `max` deliveries, waiting up to `wait` for the first. `turn` is asked each time
    /// before the store is: it answers `None` while deliveries are paused.
    pub async fn pull<T, F>(
        &self,
        plugin_id: &str,
        name: &str,
        max: i64,
        wait: Duration,
        turn: T,
    ) -> Result<Pulled, BusError>
    where
        T: Fn() -> F,
        F: Future<Output = Option<Admit>>,
    {
        let end = Instant::now() + wait;
        loop {
            // Enlisted before looking, so that nothing published in between is missed.
            let woken = self.woken.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let mut due_in = None;
            if let Some(admit) = turn().await {
                let pulled = self.take(plugin_id, name, max, admit).await?;
                if !pulled.deliveries.is_empty() || !pulled.withheld.is_empty() {
                    return Ok(pulled);
                }
                due_in = self.next_due(plugin_id, name).await?;
            } else {
                self.exists(plugin_id, name).await?;
            }
            let now = Instant::now();
            if now >= end || self.draining.load(Ordering::Acquire) {
                return Ok(Pulled::default());
            }
            let look = due_in.map_or(end, |due_in| end.min(now + due_in));
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep_until(look) => {}
            }
        }
    }

    async fn take(
        &self,
        plugin_id: &str,
        name: &str,
        max: i64,
        admit: Admit,
    ) -> Result<Pulled, BusError> {
        let now = self.clock.unix_millis();
        let (plugin, name) = (plugin_id.to_owned(), name.to_owned());
        let (check, owner) = (plugin.clone(), name.clone());
        let work = self.store.read(move |conn| {
            let found = find(conn, &check, &owner)?;
            found.map(|subscription| has_work(conn, subscription, now)).transpose()
        });
        match work.await? {
            None => return Err(BusError::UnknownSubscription),
            Some(false) => return Ok(Pulled::default()),
            Some(true) => {}
        }
        let taken = self.store.write(move |tx| {
            let Some(subscription) = find(tx, &plugin, &name)? else {
                return Ok(Err(BusError::UnknownSubscription));
            };
            expire(tx, subscription, now)?;
            Ok(Ok(take_ready(tx, subscription, max, now, &admit)?))
        });
        let (taken, withheld) = taken.await??;
        let deliveries = taken
            .into_iter()
            .map(|taken| {
                let delivery_id = delivery_id(taken.delivery, taken.attempt);
                let event = self.unseal(taken.sealed, taken.mask.as_ref())?;
                Ok(Delivery { delivery_id, attempt: taken.attempt, event })
            })
            .collect::<Result<_, StoreError>>()?;
        EVENTS.add(EventStep::Withheld, withheld.len() as u64);
        let deliveries: Vec<Delivery> = deliveries;
        EVENTS.add(EventStep::Delivered, deliveries.len() as u64);
        Ok(Pulled { deliveries, withheld })
    }

    /// The event with its payload, less what is masked.
    pub(super) fn unseal(&self, sealed: Sealed, mask: Option<&Mask>) -> Result<Event, StoreError> {
        let Sealed { mut event, payload } = sealed;
        let place = place(&event.source, &event.id, event.published_at);
        let text = self.sealer.open(&event.source, &place, &payload)?;
        event.payload = serde_json::from_slice(&text)
            .map_err(|_| StoreError::Broken("events holds no JSON"))?;
        if let Some(mask) = mask {
            mask.apply(&mut event.payload);
            event.masked = mask.classes().to_vec();
        }
        Ok(event)
    }

    async fn exists(&self, plugin_id: &str, name: &str) -> Result<(), BusError> {
        let (plugin, name) = (plugin_id.to_owned(), name.to_owned());
        let found = self.store.read(move |conn| find(conn, &plugin, &name)).await?;
        found.map(|_| ()).ok_or(BusError::UnknownSubscription)
    }

    /// How long until a delivery falls due by itself.
    async fn next_due(&self, plugin_id: &str, name: &str) -> Result<Option<Duration>, BusError> {
        let now = self.clock.unix_millis();
        let (plugin, name) = (plugin_id.to_owned(), name.to_owned());
        let due: Option<i64> = self
            .store
            .read(move |conn| {
                Ok(conn.query_row(
                    "SELECT min(d.due_at) FROM deliveries AS d
                     JOIN subscriptions AS s ON s.subscription = d.subscription
                     WHERE s.plugin_id = ?1 AND s.name = ?2 AND d.state IN (?3, ?4)
                        AND d.due_at > ?5",
                    params![plugin, name, WAITING, IN_FLIGHT, now],
                    |row| row.get(0),
                )?)
            })
            .await?;
        Ok(due.map(|due| Duration::from_millis(u64::try_from(due - now).unwrap_or(0))))
    }
}

/// Whether a write could hand out or reclaim anything; keeps idle waiters off the writer.
fn has_work(conn: &Connection, subscription: i64, now: i64) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM deliveries
             WHERE subscription = ?1 AND state IN (?2, ?3) AND due_at <= ?4)",
        )?
        .query_row(params![subscription, WAITING, IN_FLIGHT, now], |row| row.get(0))?)
}

/// Deliveries nobody settled in time have failed.
pub(super) fn expire(tx: &Transaction<'_>, subscription: i64, now: i64) -> Result<(), StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT delivery, attempt, spared FROM deliveries
         WHERE subscription = ?1 AND state = ?2 AND due_at <= ?3",
    )?;
    let late = query
        .query_map(params![subscription, IN_FLIGHT, now], |row| {
            Ok(Open { delivery: row.get(0)?, attempt: row.get(1)?, spared: row.get(2)? })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for open in late {
        fail(tx, &open, "timeout", "ack_timeout", None, now)?;
    }
    Ok(())
}

fn take_ready(
    tx: &Transaction<'_>,
    subscription: i64,
    max: i64,
    now: i64,
    admit: &Admit,
) -> Result<(Vec<Taken>, Vec<Withheld>), StoreError> {
    let (limit, out): (i64, i64) = tx.query_row(
        "SELECT max_in_flight, (SELECT count(*) FROM deliveries AS d
            WHERE d.subscription = s.subscription AND d.state = ?2)
         FROM subscriptions AS s WHERE subscription = ?1",
        params![subscription, IN_FLIGHT],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let room = max.min(limit - out).max(0);
    let (mut taken, mut withheld) = (Vec::new(), Vec::new());
    for mut ready in ready(tx, subscription, room, now)? {
        let event = &ready.sealed.event;
        let admission = admit(&event.event_type, &event.data_traits);
        if let Admission::Withheld(rule) = admission {
            remove(tx, ready.delivery, now)?;
            withheld.push(Withheld { sequence: event.sequence, rule });
        } else {
            tx.prepare_cached(
                "UPDATE deliveries SET state = ?2, attempt = ?3, due_at = ?4 WHERE delivery = ?1",
            )?
            .execute(params![
                ready.delivery,
                IN_FLIGHT,
                ready.attempt,
                now + ACK_WAIT_MS
            ])?;
            if let Admission::Masked(mask) = admission {
                ready.mask = Some(mask);
            }
            taken.push(ready);
        }
    }
    Ok((taken, withheld))
}

/// What is due, oldest first; of each partition key only the oldest is ever `WAITING`.
fn ready(
    tx: &Transaction<'_>,
    subscription: i64,
    room: i64,
    now: i64,
) -> Result<Vec<Taken>, StoreError> {
    let mut query = tx.prepare_cached(&format!(
        "SELECT {COLUMNS}, d.delivery, d.attempt
         FROM deliveries AS d JOIN events AS e ON e.sequence = d.sequence
         WHERE d.subscription = ?1 AND d.state = ?2 AND d.due_at <= ?3
         ORDER BY d.sequence LIMIT ?4"
    ))?;
    let rows = query.query_map(params![subscription, WAITING, now, room], |row| {
        Ok(Taken {
            sealed: Sealed::read(row)?,
            delivery: row.get(9)?,
            attempt: row.get::<_, i64>(10)? + 1,
            mask: None,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What [`Sealed::read`] reads of an event `e`.
pub(super) const COLUMNS: &str = "e.event_id, e.source, e.event_type, e.sequence,
    e.published_at, e.partition_key, e.data_traits, e.traceparent, e.payload";

impl Sealed {
    pub fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let event = Event {
            id: row.get(0)?,
            source: row.get(1)?,
            event_type: row.get(2)?,
            sequence: row.get(3)?,
            published_at: row.get(4)?,
            partition_key: row.get(5)?,
            data_traits: words(&row.get::<_, String>(6)?),
            traceparent: row.get(7)?,
            masked: Vec::new(),
            payload: Value::Null,
        };
        Ok(Self { event, payload: row.get(8)? })
    }
}

/// Words of a list that is kept as text with commas.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
