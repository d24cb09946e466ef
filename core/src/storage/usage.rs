//! What a plugin uses of its quota, and what expiry gives back.
//!
//! The sums are kept beside the values and change in the same transaction, so that a write never
//! counts a whole namespace.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{StorageError, Terms};
use crate::StoreError;

pub const SQL_KEYS: &str = "
    ALTER TABLE storage_usage ADD COLUMN keys INTEGER NOT NULL DEFAULT 0;
    UPDATE storage_usage SET keys = (SELECT count(*) FROM storage_values
        WHERE storage_values.plugin_id = storage_usage.plugin_id AND value IS NOT NULL);
    CREATE INDEX storage_by_end ON storage_values (expires_at) WHERE expires_at IS NOT NULL;
";

pub const SQL_FLOOR: &str = "
    ALTER TABLE storage_usage ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;
    UPDATE storage_usage SET floor = (SELECT coalesce(max(revision), 0) FROM storage_values
        WHERE storage_values.plugin_id = storage_usage.plugin_id AND value IS NULL);
    DELETE FROM storage_values WHERE value IS NULL;
    DROP INDEX storage_by_removal;
    ALTER TABLE storage_values DROP COLUMN removed_at;
";

/// Plugins whose expired values one round of upkeep buries.
const PLUGINS_OF_A_ROUND: i64 = 50;

/// What a write adds; negative for what it frees.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    pub octets: i64,
    pub keys: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub octets: i64,
    pub keys: i64,
    /// No revision up to here is given again.
    pub floor: i64,
}

impl Usage {
    pub fn read(conn: &Connection, plugin_id: &str) -> Result<Self, StoreError> {
        let used = conn
            .query_row(
                "SELECT octets, keys, floor FROM storage_usage WHERE plugin_id = ?1",
                [plugin_id],
                |row| Ok(Self { octets: row.get(0)?, keys: row.get(1)?, floor: row.get(2)? }),
            )
            .optional()?;
        Ok(used.unwrap_or_default())
    }

    /// Whether there is room. What makes things smaller is always let through.
    pub fn admit(self, growth: Growth, terms: Terms) -> Result<(), StorageError> {
        let over = |used: i64, quota: u64| u64::try_from(used).unwrap_or(0) > quota;
        if growth.octets > 0 && over(self.octets + growth.octets, terms.quota) {
            return Err(StorageError::QuotaExceeded { quota: terms.quota });
        }
        if growth.keys > 0 && over(self.keys + growth.keys, terms.quota_keys) {
            return Err(StorageError::TooManyKeys { quota: terms.quota_keys });
        }
        Ok(())
    }
}

pub fn add(tx: &Transaction<'_>, plugin_id: &str, growth: Growth) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO storage_usage (plugin_id, octets, keys) VALUES (?1, ?2, ?3)
         ON CONFLICT (plugin_id) DO UPDATE SET octets = octets + excluded.octets,
            keys = keys + excluded.keys",
        params![plugin_id, growth.octets, growth.keys],
    )?;
    Ok(())
}

/// Remembers that a revision was given to what is gone now.
pub fn raise_floor(tx: &Transaction<'_>, plugin_id: &str, floor: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE storage_usage SET floor = max(floor, ?2) WHERE plugin_id = ?1",
        params![plugin_id, floor],
    )?;
    Ok(())
}

pub fn plugins_with_expired(conn: &Connection, now: i64) -> Result<Vec<String>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT DISTINCT plugin_id FROM storage_values WHERE expires_at <= ?1 LIMIT ?2",
    )?;
    let rows = query.query_map([now, PLUGINS_OF_A_ROUND], |row| row.get(0))?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?)
}

/// Frees the space of what has expired.
pub fn bury_expired(tx: &Transaction<'_>, plugin_id: &str, now: i64) -> Result<(), StoreError> {
    let (octets, floor): (i64, i64) = tx.query_row(
        "SELECT coalesce(sum(size), 0), coalesce(max(revision), 0) FROM storage_values
         WHERE plugin_id = ?1 AND expires_at <= ?2",
        params![plugin_id, now],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if floor == 0 {
        return Ok(());
    }
    let buried = tx.execute(
        "DELETE FROM storage_values WHERE plugin_id = ?1 AND expires_at <= ?2",
        params![plugin_id, now],
    )?;
    let keys = -i64::try_from(buried).unwrap_or(i64::MAX);
    add(tx, plugin_id, Growth { octets: -octets, keys })?;
    raise_floor(tx, plugin_id, floor)
}
