//! Guesses are counted per account before they are checked, also for accounts that do not exist.
//!
//! Counting first bounds parallel guesses: the fifth attempt closes the account whatever the
//! others are still doing. Every operation that checks a secret of an account counts here, so that
//! there is no second door to guess at. A success takes the count back. Names are kept as keyed hashes, since
//! people type passwords into the wrong field.

use rusqlite::{OptionalExtension, Transaction};

use crate::store::StoreError;

const FREE_ATTEMPTS: i64 = 5;
const FIRST_LOCK: i64 = 60;
const LONGEST_LOCK: i64 = 3_600;
/// Attempts older than this are forgotten.
const MEMORY: i64 = 86_400;

pub(super) const SQL: &str = "CREATE TABLE login_attempts (
        account BLOB PRIMARY KEY,
        failures INTEGER NOT NULL,
        locked_until INTEGER NOT NULL,
        at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX login_attempts_at ON login_attempts (at);";

/// Takes one attempt, or answers for how many seconds there is none.
pub(super) fn take_attempt(
    tx: &Transaction<'_>,
    account: &[u8],
    now: i64,
) -> Result<Result<(), i64>, StoreError> {
    tx.execute("DELETE FROM login_attempts WHERE at < ?1", [now - MEMORY])?;
    let known: Option<(i64, i64)> = tx
        .query_row(
            "SELECT failures, locked_until FROM login_attempts WHERE account = ?1",
            [account],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let (failures, locked_until) = known.unwrap_or((0, 0));
    if locked_until > now {
        return Ok(Err(locked_until - now));
    }
    let failures = failures + 1;
    let locked_until = if failures < FREE_ATTEMPTS { 0 } else { now + lock(failures) };
    tx.execute(
        "INSERT INTO login_attempts (account, failures, locked_until, at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (account) DO UPDATE SET failures = ?2, locked_until = ?3, at = ?4",
        (account, failures, locked_until, now),
    )?;
    Ok(Ok(()))
}

pub(super) fn forget(tx: &Transaction<'_>, account: &[u8]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM login_attempts WHERE account = ?1", [account])?;
    Ok(())
}

/// One minute after the fifth failure, twice as long after each further one.
fn lock(failures: i64) -> i64 {
    let doublings = u32::try_from((failures - FREE_ATTEMPTS).clamp(0, 30)).unwrap_or(0);
    FIRST_LOCK.saturating_mul(1 << doublings).min(LONGEST_LOCK)
}
