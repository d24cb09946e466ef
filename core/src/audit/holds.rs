//! Legal holds: while one is in force, the records it covers are not pruned, however old.

use rusqlite::{Connection, Row};
use time::OffsetDateTime;

use super::{AuditLog, stamp};
use crate::random;
use crate::store::StoreError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub hold_id: String,
    pub reason: String,
    /// Covers records from this time on; all of them when absent.
    pub since: Option<String>,
    pub placed_at: String,
    /// Pseudonym of who placed it.
    pub placed_by: String,
    pub released_at: Option<String>,
    pub release_reason: Option<String>,
}

const COLUMNS: &str = "hold_id, reason, since, placed_at, placed_by, released_at, release_reason";

impl AuditLog {
    pub async fn place_hold(
        &self,
        reason: String,
        since: Option<OffsetDateTime>,
        placed_by: String,
    ) -> Result<Hold, StoreError> {
        let hold = Hold {
            hold_id: random::id("hold")?,
            reason,
            since: since.map(stamp),
            placed_at: stamp(self.0.clock.now()),
            placed_by,
            released_at: None,
            release_reason: None,
        };
        let placed = hold.clone();
        self.0
            .store
            .write(move |tx| {
                let sql = format!(
                    "INSERT INTO audit_holds ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, NULL, NULL)"
                );
                let Hold { hold_id, reason, since, placed_at, placed_by, .. } = placed;
                tx.execute(&sql, (hold_id, reason, since, placed_at, placed_by))?;
                Ok(())
            })
            .await?;
        Ok(hold)
    }

    /// None when there is no such hold in force.
    pub async fn release_hold(
        &self,
        hold_id: String,
        reason: String,
    ) -> Result<Option<Hold>, StoreError> {
        let now = stamp(self.0.clock.now());
        self.0
            .store
            .write(move |tx| {
                let changed = tx.execute(
                    "UPDATE audit_holds SET released_at = ?2, release_reason = ?3
                     WHERE hold_id = ?1 AND released_at IS NULL",
                    (&hold_id, now, reason),
                )?;
                if changed == 0 {
                    return Ok(None);
                }
                let sql = format!("SELECT {COLUMNS} FROM audit_holds WHERE hold_id = ?1");
                Ok(Some(tx.query_row(&sql, [hold_id], from_row)?))
            })
            .await
    }

    /// All holds, also those that were released, oldest first.
    pub async fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        self.0
            .store
            .read(|conn| {
                let sql = format!("SELECT {COLUMNS} FROM audit_holds ORDER BY placed_at, hold_id");
                let mut statement = conn.prepare(&sql)?;
                let holds = statement.query_map([], from_row)?.collect::<Result<_, _>>()?;
                Ok(holds)
            })
            .await
    }
}

/// The earliest time that a hold in force covers: none without a hold, an empty text when one
/// covers everything.
pub fn earliest(conn: &Connection) -> Result<Option<String>, StoreError> {
    let earliest = "SELECT min(coalesce(since, '')) FROM audit_holds WHERE released_at IS NULL";
    Ok(conn.query_row(earliest, [], |row| row.get(0))?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Hold> {
    Ok(Hold {
        hold_id: row.get(0)?,
        reason: row.get(1)?,
        since: row.get(2)?,
        placed_at: row.get(3)?,
        placed_by: row.get(4)?,
        released_at: row.get(5)?,
        release_reason: row.get(6)?,
    })
}
