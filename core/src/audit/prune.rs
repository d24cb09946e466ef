//! Retention: what may be taken away, when, and how the rest still verifies.
//!
//! Documentation of security is kept for six years (45 CFR 164.316(b)(2)(i)); a longer time can be
//! set, a shorter one cannot. What is older may be pruned up to a checkpoint. That checkpoint stays
//! and a signed statement names it as the new beginning, so the chain verifies from there and
//! nobody without the audit key can pretend that a part was pruned.

use rusqlite::{Connection, OptionalExtension};
use time::OffsetDateTime;

use super::checkpoint::{Checkpoint, Signed, from_hex};
use super::key::PublicKey;
use super::text::View;
use super::tree::Hash;
use super::{AuditLog, holds, stamp};
use crate::json::{hex, parse_json};
use crate::store::StoreError;

/// 45 CFR 164.316(b)(2)(i).
pub const RETENTION_FLOOR_YEARS: u16 = 6;
/// Records that one round of the upkeep removes, so that the writer is free again soon.
const ROUND: i64 = 5_000;
const KIND: &str = "vivified.audit.base/1";

/// Where the log begins after it was pruned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Number of the checkpoint behind which the log begins.
    pub number: i64,
    /// Records that were pruned.
    pub size: i64,
    pub root: Hash,
    pub time: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    pub years: u16,
    /// Records before this time may go.
    pub cutoff: String,
    /// Records that were pruned so far.
    pub pruned: i64,
    /// The newest checkpoint that may be pruned up to.
    pub prunable: Option<Checkpoint>,
    pub holds: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    #[error("there is no such checkpoint")]
    Unknown,
    #[error("records of this part are younger than the retention of {0} years")]
    TooYoung(u16),
    #[error("a legal hold covers records of this part")]
    Held,
    #[error("this part was pruned already")]
    Done,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for PruneError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Base {
    pub fn text(&self) -> String {
        let Self { number, size, root, time } = self;
        let root = hex(root);
        format!(
            r#"{{"checkpoint":{number},"kind":"{KIND}","root":"{root}","size":{size},"time":"{time}"}}"#
        )
    }

    pub fn newest(conn: &Connection) -> Result<Option<Signed>, StoreError> {
        let newest = "SELECT text, signature FROM audit_base ORDER BY number DESC LIMIT 1";
        let newest = conn
            .query_row(newest, [], |row| Ok(Signed { text: row.get(0)?, signature: row.get(1)? }));
        Ok(newest.optional()?)
    }

    pub fn verified(signed: &Signed, key: PublicKey) -> Option<Self> {
        let value = parse_json(signed.text.as_bytes()).ok()?;
        let base = Self {
            number: value.get("checkpoint")?.as_i64()?,
            size: value.get("size")?.as_i64()?,
            root: from_hex(value.get("root")?.as_str()?)?,
            time: value.get("time")?.as_str()?.to_owned(),
        };
        let is_good = base.text() == signed.text && key.verifies(&signed.text, &signed.signature);
        is_good.then_some(base)
    }
}

impl AuditLog {
    pub async fn retention(&self) -> Result<Retention, StoreError> {
        let (years, now, key) = (self.0.retention_years, self.0.clock.now(), self.public_key());
        self.0
            .store
            .read(move |conn| {
                let cutoff = cutoff(now, years);
                let base = Base::newest(conn)?.and_then(|base| Base::verified(&base, key));
                let pruned = base.as_ref().map_or(0, |base| base.size);
                let held = holds::earliest(conn)?;
                let in_force = "SELECT count(*) FROM audit_holds WHERE released_at IS NULL";
                Ok(Retention {
                    years,
                    prunable: prunable(conn, key, pruned, &cutoff, held.as_deref())?,
                    cutoff,
                    pruned,
                    holds: conn.query_row(in_force, [], |row| row.get(0))?,
                })
            })
            .await
    }

    /// Makes the log begin behind this checkpoint. The records go in the rounds of the upkeep.
    pub async fn prune(&self, number: i64, reason: String) -> Result<Base, PruneError> {
        let shared = self.0.clone();
        let years = shared.retention_years;
        let now = shared.clock.now();
        let pruned = self
            .0
            .store
            .write(move |tx| {
                let key = shared.key.public();
                let Some(checkpoint) = checkpoint(tx, key, number)? else {
                    return Ok(Err(PruneError::Unknown));
                };
                let base = Base::newest(tx)?.and_then(|base| Base::verified(&base, key));
                if base.is_some_and(|base| base.number >= number) {
                    return Ok(Err(PruneError::Done));
                }
                let Some(time) = newest_time(tx, checkpoint.size)? else {
                    return Ok(Err(PruneError::Unknown));
                };
                if time >= cutoff(now, years) {
                    return Ok(Err(PruneError::TooYoung(years)));
                }
                if holds::earliest(tx)?.is_some_and(|since| since <= time) {
                    return Ok(Err(PruneError::Held));
                }
                let base = Base {
                    number,
                    size: checkpoint.size,
                    root: checkpoint.root,
                    time: stamp(now),
                };
                let text = base.text();
                let signature = shared.key.sign(&text);
                tx.execute(
                    "INSERT INTO audit_base (number, size, text, signature, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
                    (number, base.size, text, signature, reason),
                )?;
                Ok(Ok(base))
            })
            .await?;
        if pruned.is_ok() {
            self.0.has_pruned.store(true, std::sync::atomic::Ordering::Release);
        }
        pruned
    }

    /// Removes a few of the records before the beginning.
    pub(super) async fn remove_pruned(&self) -> Result<(), StoreError> {
        use std::sync::atomic::Ordering;
        if !self.0.has_pruned.load(Ordering::Acquire) {
            return Ok(());
        }
        let removed = self
            .0
            .store
            .write(|tx| {
                let removed = tx.execute(
                    "DELETE FROM audit_log WHERE seq <= (SELECT coalesce(max(size), 0) FROM audit_base)
                     AND seq < (SELECT min(seq) FROM audit_log) + ?1",
                    [ROUND],
                )?;
                tx.execute(
                    "DELETE FROM audit_blocks
                     WHERE last <= (SELECT coalesce(max(size), 0) FROM audit_base)",
                    [],
                )?;
                Ok(removed)
            })
            .await?;
        if removed == 0 {
            self.0.has_pruned.store(false, Ordering::Release);
        }
        Ok(())
    }
}

/// The same day and time so many years ago; the last of February where there is no 29th.
fn cutoff(now: OffsetDateTime, years: u16) -> String {
    let now = now.to_offset(time::UtcOffset::UTC);
    let year = now.year() - i32::from(years);
    let before = now.replace_year(year).or_else(|_| now.replace_day(28)?.replace_year(year));
    before.map_or_else(|_| String::new(), stamp)
}

/// The newest checkpoint all of whose records are older than the cutoff and covered by no hold.
fn prunable(
    conn: &Connection,
    key: PublicKey,
    pruned: i64,
    cutoff: &str,
    held: Option<&str>,
) -> Result<Option<Checkpoint>, StoreError> {
    let may_go = |time: &str| time < cutoff && held.is_none_or(|since| time < since);
    let span = "SELECT coalesce(min(number), 1), coalesce(max(number), 0)
                FROM audit_checkpoints WHERE size > ?1";
    let (first, last): (i64, i64) =
        conn.query_row(span, [pruned], |row| Ok((row.get(0)?, row.get(1)?)))?;
    // Numbers have no gaps and times grow with them, but for clocks that went back: halve.
    let (mut low, mut high) = (first, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let size = conn
            .query_row("SELECT size FROM audit_checkpoints WHERE number = ?1", [middle], |row| {
                row.get(0)
            })
            .optional()?;
        let time = size.map(|size| newest_time(conn, size)).transpose()?.flatten();
        if time.is_some_and(|time| may_go(&time)) { low = middle + 1 } else { high = middle }
    }
    if low == first { Ok(None) } else { checkpoint(conn, key, low - 1) }
}

fn checkpoint(
    conn: &Connection,
    key: PublicKey,
    number: i64,
) -> Result<Option<Checkpoint>, StoreError> {
    let stored = "SELECT text, signature FROM audit_checkpoints WHERE number = ?1";
    let stored = conn.query_row(stored, [number], |row| {
        Ok(Signed { text: row.get(0)?, signature: row.get(1)? })
    });
    Ok(stored.optional()?.and_then(|signed| signed.verified(key)))
}

/// The time of the last of so many records.
fn newest_time(conn: &Connection, size: i64) -> Result<Option<String>, StoreError> {
    let record = conn
        .query_row("SELECT record FROM audit_log WHERE seq = ?1", [size], |row| {
            row.get::<_, String>(0)
        })
        .optional()?;
    Ok(record.and_then(|text| View::parse(text.as_bytes()).map(|view| view.time.to_owned())))
}
