//! What a plugin wants to hear. All replicas of a plugin share its subscriptions.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::tables::IN_FLIGHT;
use super::{Bus, BusError, MAX_IN_FLIGHT};
use crate::StoreError;

/// Subscriptions of one plugin.
pub const MAX_SUBSCRIPTIONS: i64 = 64;

/// What a subscription should be.
#[derive(Clone, Debug)]
pub struct Wish {
    pub event_types: Vec<String>,
    /// At most 256.
    pub max_in_flight: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub name: String,
    pub event_types: Vec<String>,
    pub max_in_flight: i64,
    /// Milliseconds since 1970.
    pub created_at: i64,
    pub waiting: i64,
    pub in_flight: i64,
}

impl Bus {
    /// Makes the subscription or changes it. What already waits in it stays.
    pub async fn put_subscription(
        &self,
        plugin_id: &str,
        name: &str,
        wish: Wish,
    ) -> Result<Subscription, BusError> {
        let now = self.clock.unix_millis();
        let (plugin, name) = (plugin_id.to_owned(), name.to_owned());
        let put = self.store.write(move |tx| {
            let count = "SELECT count(*) FROM subscriptions WHERE plugin_id = ?1";
            let count: i64 = tx.query_row(count, [&plugin], |row| row.get(0))?;
            if find(tx, &plugin, &name)?.is_none() && count >= MAX_SUBSCRIPTIONS {
                return Ok(Err(BusError::TooManySubscriptions));
            }
            let id: i64 = tx.query_row(
                "INSERT INTO subscriptions (plugin_id, name, max_in_flight, created_at)
                 VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (plugin_id, name) DO UPDATE SET
                    max_in_flight = excluded.max_in_flight
                 RETURNING subscription",
                params![plugin, name, wish.max_in_flight.clamp(1, MAX_IN_FLIGHT), now],
                |row| row.get(0),
            )?;
            tx.execute("DELETE FROM subscription_types WHERE subscription = ?1", [id])?;
            for event_type in &wish.event_types {
                tx.execute(
                    "INSERT OR IGNORE INTO subscription_types (event_type, subscription)
                     VALUES (?1, ?2)",
                    params![event_type, id],
                )?;
            }
            Ok(Ok(read(tx, &plugin, Some(&name))?))
        });
        let mut made = put.await??;
        self.wake();
        made.pop().ok_or(BusError::Store(StoreError::Broken("subscriptions lost a row")))
    }

    /// The subscriptions of a plugin by name.
    pub async fn subscriptions(&self, plugin_id: &str) -> Result<Vec<Subscription>, BusError> {
        let plugin = plugin_id.to_owned();
        Ok(self.store.read(move |conn| read(conn, &plugin, None)).await?)
    }

    /// Removes the subscription and what waits in it.
    pub async fn delete_subscription(&self, plugin_id: &str, name: &str) -> Result<(), BusError> {
        let (plugin, name) = (plugin_id.to_owned(), name.to_owned());
        let delete = self.store.write(move |tx| {
            // Not left to the cascade: the backlog is counted while the owner can still be seen.
            tx.execute(
                "DELETE FROM deliveries WHERE subscription IN (
                    SELECT subscription FROM subscriptions WHERE plugin_id = ?1 AND name = ?2)",
                params![plugin, name],
            )?;
            let delete = "DELETE FROM subscriptions WHERE plugin_id = ?1 AND name = ?2";
            Ok(tx.execute(delete, params![plugin, name])?)
        });
        match delete.await? {
            0 => Err(BusError::UnknownSubscription),
            _ => Ok(()),
        }
    }
}

/// The row id of a subscription.
pub(super) fn find(
    conn: &Connection,
    plugin_id: &str,
    name: &str,
) -> Result<Option<i64>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT subscription FROM subscriptions WHERE plugin_id = ?1 AND name = ?2",
        )?
        .query_row(params![plugin_id, name], |row| row.get(0))
        .optional()?)
}

fn read(
    conn: &Connection,
    plugin_id: &str,
    name: Option<&str>,
) -> Result<Vec<Subscription>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT subscription, name, max_in_flight, created_at,
            (SELECT count(*) FROM deliveries AS d
                WHERE d.subscription = s.subscription AND d.state <> ?3),
            (SELECT count(*) FROM deliveries AS d
                WHERE d.subscription = s.subscription AND d.state = ?3)
         FROM subscriptions AS s
         WHERE plugin_id = ?1 AND (?2 IS NULL OR name = ?2) ORDER BY name",
    )?;
    let mut types = conn.prepare_cached(
        "SELECT event_type FROM subscription_types WHERE subscription = ?1 ORDER BY event_type",
    )?;
    let mut found = Vec::new();
    let mut rows = query.query(params![plugin_id, name, IN_FLIGHT])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let event_types = types.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
        found.push(Subscription {
            name: row.get(1)?,
            event_types,
            max_in_flight: row.get(2)?,
            created_at: row.get(3)?,
            waiting: row.get(4)?,
            in_flight: row.get(5)?,
        });
    }
    Ok(found)
}
