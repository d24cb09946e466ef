//! What operators may know of events: everything but their content.

use std::time::Duration;

use rusqlite::{Connection, params};
use tokio::time::Instant;

use super::pull::words;
use super::{Bus, BusError};
use crate::StoreError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub sequence: i64,
    pub event_id: String,
    pub event_type: String,
    pub source: String,
    /// Milliseconds since 1970.
    pub published_at: i64,
    pub partition_key: Option<String>,
    pub data_traits: Vec<String>,
    pub traceparent: Option<String>,
    /// Octets of the sealed payload.
    pub size: i64,
    pub undelivered: i64,
    pub dead_letters: i64,
}

/// Which events: the newest ones first, or those after a sequence, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    pub event_type: Option<String>,
    pub source: Option<String>,
    pub after: Option<i64>,
    pub limit: i64,
}

impl Bus {
    /// Waits up to `wait` for the first event after the given sequence.
    pub async fn tail(&self, tail: Tail, wait: Duration) -> Result<Vec<Facts>, BusError> {
        let end = Instant::now() + wait;
        loop {
            let woken = self.woken.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let look = tail.clone();
            let found = self.store.read(move |conn| read(conn, &look)).await?;
            let waits = tail.after.is_some() && !self.is_draining() && Instant::now() < end;
            if !found.is_empty() || !waits {
                return Ok(found);
            }
            let _ = tokio::time::timeout_at(end, woken).await;
        }
    }
}

fn read(conn: &Connection, tail: &Tail) -> Result<Vec<Facts>, StoreError> {
    let order = if tail.after.is_some() { "ASC" } else { "DESC" };
    let mut query = conn.prepare_cached(&format!(
        "SELECT sequence, event_id, event_type, source, published_at, partition_key, data_traits,
            traceparent, length(payload),
            (SELECT count(*) FROM deliveries AS d WHERE d.sequence = e.sequence),
            (SELECT count(*) FROM dead_letters AS l WHERE l.sequence = e.sequence)
         FROM events AS e
         WHERE sequence > ?1 AND (?2 IS NULL OR event_type = ?2) AND (?3 IS NULL OR source = ?3)
         ORDER BY sequence {order} LIMIT ?4"
    ))?;
    let after = tail.after.unwrap_or(0);
    let rows =
        query.query_map(params![after, tail.event_type, tail.source, tail.limit], |row| {
            Ok(Facts {
                sequence: row.get(0)?,
                event_id: row.get(1)?,
                event_type: row.get(2)?,
                source: row.get(3)?,
                published_at: row.get(4)?,
                partition_key: row.get(5)?,
                data_traits: words(&row.get::<_, String>(6)?),
                traceparent: row.get(7)?,
                size: row.get(8)?,
                undelivered: row.get(9)?,
                dead_letters: row.get(10)?,
            })
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
