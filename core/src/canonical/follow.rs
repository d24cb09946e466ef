//! Following the log live.
//!
//! A stream holds no state in the store: its place is a sequence that the follower keeps. Nothing
//! is settled, nothing comes again, and what the follower may have is decided for each event at
//! the moment it is read, as at a pull.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, params};
use serde_json::json;

use super::pull::{Admission, Admit, COLUMNS, Event, Sealed, Withheld};
use super::{Bus, BusError};
use crate::StoreError;

/// Open streams of one plugin, over all its replicas.
pub const MAX_STREAMS: usize = 8;
/// Events read at a time.
const BATCH: i64 = 64;

pub(super) type Streams = Arc<Mutex<HashMap<String, usize>>>;

/// A place in the log. While it lives it counts against the streams of its plugin.
pub struct Stream {
    bus: Bus,
    plugin_id: String,
    types: String,
    place: i64,
}

/// What one look found.
#[derive(Debug, Default)]
pub struct Followed {
    pub events: Vec<Event>,
    pub withheld: Vec<Withheld>,
}

impl Bus {
    /// Follows events of these types after the sequence, or from now on.
    pub async fn follow(
        &self,
        plugin_id: &str,
        types: &[String],
        after: Option<i64>,
    ) -> Result<Stream, BusError> {
        let newest = self.store.read(newest);
        let place = match after {
            Some(sequence) => sequence,
            None => newest.await?,
        };
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let open = streams.entry(plugin_id.to_owned()).or_default();
        if *open >= MAX_STREAMS {
            return Err(BusError::TooManyStreams);
        }
        *open += 1;
        let types = json!(types).to_string();
        Ok(Stream { bus: self.clone(), plugin_id: plugin_id.to_owned(), types, place })
    }
}

impl Stream {
    /// The sequence after which the next look goes on.
    pub fn place(&self) -> i64 {
        self.place
    }

    /// What has come since the last look; waits up to `wait` when there is nothing.
    pub async fn next(&mut self, admit: &Admit, wait: Duration) -> Result<Followed, BusError> {
        let woken = self.bus.woken.clone();
        let woken = woken.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        let followed = self.look(admit).await?;
        if followed.events.is_empty() && followed.withheld.is_empty() {
            let _ = tokio::time::timeout(wait, woken).await;
        }
        Ok(followed)
    }

    async fn look(&mut self, admit: &Admit) -> Result<Followed, BusError> {
        let (types, place) = (self.types.clone(), self.place);
        let (found, place) = self.bus.store.read(move |conn| read(conn, &types, place)).await?;
        let mut followed = Followed::default();
        for sealed in found {
            let event = &sealed.event;
            match admit(&event.event_type, &event.data_traits) {
                Admission::Withheld(rule) => {
                    followed.withheld.push(Withheld { sequence: event.sequence, rule });
                }
                Admission::Whole => followed.events.push(self.bus.unseal(sealed, None)?),
                Admission::Masked(mask) => {
                    followed.events.push(self.bus.unseal(sealed, Some(&mask))?);
                }
            }
        }
        self.place = place;
        Ok(followed)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut streams = self.bus.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = streams.get_mut(&self.plugin_id) {
            *open -= 1;
            if *open == 0 {
                streams.remove(&self.plugin_id);
            }
        }
    }
}

/// The next events of these types, and the place up to which everything has been seen.
fn read(conn: &Connection, types: &str, place: i64) -> Result<(Vec<Sealed>, i64), StoreError> {
    let newest = newest(conn)?;
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM events AS e
         WHERE e.sequence > ?1 AND e.sequence <= ?2
            AND e.event_type IN (SELECT value FROM json_each(?3))
         ORDER BY e.sequence LIMIT ?4"
    ))?;
    let rows = query.query_map(params![place, newest, types, BATCH], Sealed::read)?;
    let found = rows.collect::<Result<Vec<_>, _>>()?;
    let full = found.len() as i64 == BATCH;
    let seen = found.last().map(|last| last.event.sequence).filter(|_| full).unwrap_or(newest);
    Ok((found, seen.max(place)))
}

fn newest(conn: &Connection) -> Result<i64, StoreError> {
    let newest = "SELECT coalesce(max(sequence), 0) FROM events";
    Ok(conn.prepare_cached(newest)?.query_row([], |row| row.get(0))?)
}
