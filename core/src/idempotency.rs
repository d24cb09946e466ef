//! The promise of `Idempotency-Key`: the same key and request get the same answer for 24 hours.
//!
//! Only answers that succeeded are kept; a failure may be tried again. What runs is known in
//! memory and released when the work ends, is dropped or the process dies, so that no key can
//! stay locked. Answers are sealed under the key of the caller, with the fingerprint of their
//! request inside, because a bare hash of a small body can be guessed. A key is text of the
//! caller, which may name a person: it stands everywhere as a keyed HMAC.
//!
//! The answers of one caller have a bound in octets. Beyond it the oldest go first: refusing new
//! keys would stop a busy plugin, and an event published again is still known by its id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ring::hmac;
use rusqlite::{OptionalExtension as _, Transaction, params};
use serde_json::Value;

use crate::json::{canonical_digest, hex};
use crate::{Clock, MasterKey, Migration, Sealer, Store, StoreError};

pub const MIGRATIONS: &[Migration] = &[FIRST, BOUND];

const FIRST: Migration = Migration {
    module: "idempotency",
    version: 1,
    sql: "
        CREATE TABLE idempotency (
            caller TEXT NOT NULL,
            key TEXT NOT NULL,
            answer BLOB NOT NULL,
            answered_at INTEGER NOT NULL,
            PRIMARY KEY (caller, key)
        ) STRICT;
        CREATE INDEX idempotency_by_age ON idempotency (answered_at);
    ",
};

const BOUND: Migration = Migration {
    module: "idempotency",
    version: 2,
    sql: "
        CREATE INDEX idempotency_by_caller ON idempotency (caller, answered_at);
        CREATE TABLE idempotency_kept (
            caller TEXT PRIMARY KEY, bytes INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO idempotency_kept
            SELECT caller, sum(length(answer)) FROM idempotency GROUP BY caller;
        CREATE TRIGGER idempotency_grows AFTER INSERT ON idempotency BEGIN
            INSERT INTO idempotency_kept VALUES (NEW.caller, length(NEW.answer))
                ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
        END;
        CREATE TRIGGER idempotency_changes AFTER UPDATE OF answer ON idempotency BEGIN
            UPDATE idempotency_kept
                SET bytes = bytes + length(NEW.answer) - length(OLD.answer)
                WHERE caller = NEW.caller;
        END;
        CREATE TRIGGER idempotency_shrinks AFTER DELETE ON idempotency BEGIN
            UPDATE idempotency_kept SET bytes = bytes - length(OLD.answer)
                WHERE caller = OLD.caller;
        END;
    ",
};

/// Octets of answers kept for one caller.
const MOST_KEPT: i64 = 64 << 20;
/// Answers that go at a time when there are more.
const MAKE_ROOM: i64 = 64;

const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;
const FINGERPRINT: usize = 32;

/// What identifies a request beside its key.
pub type Fingerprint = [u8; FINGERPRINT];

/// The fingerprint of an operation with everything it was asked.
pub fn fingerprint(operation: &str, parts: &[&str], body: &Value) -> Fingerprint {
    canonical_digest(&serde_json::json!([operation, parts, body]))
}

/// What a key means right now.
pub enum Turn {
    /// Nobody has asked this yet: do it, then [`Ticket::keep`] the answer.
    Fresh(Ticket),
    /// Done before; this was the answer.
    Replay(Value),
    Running,
    Mismatch,
}

type Running = Arc<Mutex<HashMap<(String, String), Fingerprint>>>;

#[derive(Clone)]
pub struct Idempotency {
    store: Store,
    sealer: Sealer,
    clock: Clock,
    running: Running,
    names: Arc<hmac::Key>,
    most_kept: i64,
}

/// The right to do the work of a key; dropping it without an answer frees the key.
pub struct Ticket {
    owner: Idempotency,
    slot: (String, String),
    fingerprint: Fingerprint,
}

impl Idempotency {
    pub fn new(store: Store, sealer: Sealer, clock: Clock, master: &MasterKey) -> Self {
        let names = master.derive("idempotency keys", "");
        let names = Arc::new(hmac::Key::new(hmac::HMAC_SHA256, names.as_slice()));
        let running = Running::default();
        Self { store, sealer, clock, running, names, most_kept: MOST_KEPT }
    }

    pub async fn begin(
        &self,
        caller: &str,
        key: &str,
        fingerprint: Fingerprint,
    ) -> Result<Turn, StoreError> {
        let key = &hex(hmac::sign(&self.names, key.as_bytes()).as_ref());
        let slot = (caller.to_owned(), key.to_owned());
        // The slot is taken before the store is asked, so two first requests cannot both pass.
        let ticket = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            match running.get(&slot) {
                Some(other) if *other == fingerprint => return Ok(Turn::Running),
                Some(_) => return Ok(Turn::Mismatch),
                None => running.insert(slot.clone(), fingerprint),
            };
            Ticket { owner: self.clone(), slot, fingerprint }
        };
        match self.answer(caller, key).await? {
            None => Ok(Turn::Fresh(ticket)),
            Some((known, answer)) if known == fingerprint => Ok(Turn::Replay(answer)),
            Some(_) => Ok(Turn::Mismatch),
        }
    }

    /// Forgets the answers whose day is over. Nothing is written when there are none.
    pub async fn upkeep(&self) -> Result<(), StoreError> {
        let since = self.clock.unix_millis() - KEPT_MS;
        let find = "SELECT EXISTS (SELECT 1 FROM idempotency WHERE answered_at <= ?1)";
        let due = self
            .store
            .read(move |conn| Ok(conn.query_row(find, [since], |row| row.get::<_, bool>(0))?))
            .await?;
        if !due {
            return Ok(());
        }
        let forget = "DELETE FROM idempotency WHERE answered_at <= ?1";
        self.store.write(move |tx| Ok(tx.execute(forget, [since]).map(drop)?)).await
    }

    async fn answer(
        &self,
        caller: &str,
        key: &str,
    ) -> Result<Option<(Fingerprint, Value)>, StoreError> {
        let since = self.clock.unix_millis() - KEPT_MS;
        let slot = (caller.to_owned(), key.to_owned());
        let sealed: Option<Vec<u8>> = self
            .store
            .read(move |conn| {
                Ok(conn
                    .prepare_cached(
                        "SELECT answer FROM idempotency
                         WHERE caller = ?1 AND key = ?2 AND answered_at > ?3",
                    )?
                    .query_row(params![slot.0, slot.1, since], |row| row.get(0))
                    .optional()?)
            })
            .await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let broken = || StoreError::Broken("idempotency holds no answer");
        let record = self.sealer.open(caller, &place(key), &sealed)?;
        let (known, answer) = record.split_at_checked(FINGERPRINT).ok_or_else(broken)?;
        let known = known.try_into().map_err(|_| broken())?;
        Ok(Some((known, serde_json::from_slice(answer).map_err(|_| broken())?)))
    }
}

impl Ticket {
    /// Keeps the answer for those who ask again.
    pub async fn keep(self, answer: &Value) -> Result<(), StoreError> {
        let (keeper, answer) = (self.keeper(), answer.clone());
        self.owner.store.write(move |tx| keeper.keep(tx, &answer)).await
    }

    /// Keeps the answer within a transaction. The ticket itself is held until that is on the disk,
    /// so that nobody else begins the same work meanwhile.
    pub fn keeper(&self) -> Keeper {
        Keeper {
            sealer: self.owner.sealer.clone(),
            slot: self.slot.clone(),
            fingerprint: self.fingerprint,
            now: self.owner.clock.unix_millis(),
            most_kept: self.owner.most_kept,
        }
    }
}

/// What it takes to keep the answer of a ticket.
pub struct Keeper {
    sealer: Sealer,
    slot: (String, String),
    fingerprint: Fingerprint,
    now: i64,
    most_kept: i64,
}

impl Keeper {
    pub fn keep(self, tx: &Transaction<'_>, answer: &Value) -> Result<(), StoreError> {
        let (caller, key) = self.slot;
        let mut record = self.fingerprint.to_vec();
        record.extend_from_slice(answer.to_string().as_bytes());
        let sealed = self.sealer.seal(&caller, &place(&key), &record)?;
        tx.prepare_cached(
            "INSERT INTO idempotency (caller, key, answer, answered_at)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (caller, key) DO UPDATE SET answer = excluded.answer,
                answered_at = excluded.answered_at",
        )?
        .execute(params![caller, key, sealed, self.now])?;
        make_room(tx, &caller, &key, self.most_kept)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut running = self.owner.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.slot);
    }
}

/// Forgets the oldest answers of the caller, but not the one just kept, until the rest fits.
fn make_room(
    tx: &Transaction<'_>,
    caller: &str,
    key: &str,
    most_kept: i64,
) -> Result<(), StoreError> {
    let kept = "SELECT bytes FROM idempotency_kept WHERE caller = ?1";
    while tx.prepare_cached(kept)?.query_row([caller], |row| row.get::<_, i64>(0))? > most_kept {
        let forgotten = tx
            .prepare_cached(
                "DELETE FROM idempotency WHERE rowid IN (
                    SELECT rowid FROM idempotency WHERE caller = ?1 AND key <> ?2
                    ORDER BY answered_at LIMIT ?3)",
            )?
            .execute(params![caller, key, MAKE_ROOM])?;
        if forgotten == 0 {
            break;
        }
    }
    Ok(())
}

fn place(key: &str) -> Vec<u8> {
    format!("idempotency/{key}").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;

    const ONE: Fingerprint = [1; 32];
    const TWO: Fingerprint = [2; 32];

    fn bench() -> (Idempotency, Clock, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("core.db"), &[MIGRATIONS]).unwrap();
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
        let master = MasterKey::from_bytes(&[7; 32]).unwrap();
        let sealer = Sealer::new(master.clone());
        (Idempotency::new(store, sealer, clock.clone(), &master), clock, folder)
    }

    async fn ticket(keys: &Idempotency, caller: &str) -> Ticket {
        match keys.begin(caller, "k", ONE).await.unwrap() {
            Turn::Fresh(ticket) => ticket,
            _ => panic!("the key is taken"),
        }
    }

    #[tokio::test]
    async fn the_same_request_gets_the_same_answer_for_a_day() {
        let (keys, clock, _folder) = bench();
        ticket(&keys, "alpha").await.keep(&json!({"n": 1})).await.unwrap();
        let turn = keys.begin("alpha", "k", ONE).await.unwrap();
        assert!(matches!(turn, Turn::Replay(answer) if answer == json!({"n": 1})));
        assert!(matches!(keys.begin("alpha", "k", TWO).await.unwrap(), Turn::Mismatch));
        drop(ticket(&keys, "beta").await);
        clock.advance(Duration::from_secs(24 * 60 * 60));
        ticket(&keys, "alpha").await;
    }

    #[tokio::test]
    async fn upkeep_forgets_the_answers_of_yesterday_and_keeps_those_of_today() {
        let (keys, clock, _folder) = bench();
        ticket(&keys, "alpha").await.keep(&json!({"n": 1})).await.unwrap();
        clock.advance(Duration::from_secs(23 * 60 * 60));
        ticket(&keys, "beta").await.keep(&json!({"n": 2})).await.unwrap();
        clock.advance(Duration::from_secs(60 * 60));
        keys.upkeep().await.unwrap();
        let count = "SELECT caller FROM idempotency";
        let left = keys
            .store
            .read(move |conn| Ok(conn.query_row(count, [], |row| row.get::<_, String>(0))?));
        assert_eq!(left.await.unwrap(), "beta".to_owned());
    }

    #[tokio::test]
    async fn the_oldest_answers_make_room_and_only_those_of_the_same_caller() {
        let (keys, clock, _folder) = bench();
        let keys = Idempotency { most_kept: 20_000, ..keys };
        let long = json!("x".repeat(100));
        ticket(&keys, "beta").await.keep(&long).await.unwrap();
        let keep = |number: u32| {
            let (keys, long) = (keys.clone(), long.clone());
            async move {
                let turn = keys.begin("alpha", &format!("k{number}"), ONE).await.unwrap();
                let Turn::Fresh(ticket) = turn else { panic!("the key is taken") };
                ticket.keep(&long).await.unwrap();
            }
        };
        for number in 0..300 {
            clock.advance(Duration::from_millis(1));
            keep(number).await;
        }
        let count = "SELECT count(*), sum(length(answer)) FROM idempotency WHERE caller = 'alpha'";
        let read = keys
            .store
            .read(move |conn| Ok(conn.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?)))?));
        let (count, bytes): (i64, i64) = read.await.unwrap();
        assert!(count > 50 && bytes <= 20_000, "{count} {bytes}");
        let newest = keys.begin("alpha", "k299", ONE).await.unwrap();
        assert!(matches!(newest, Turn::Replay(_)));
        assert!(matches!(keys.begin("alpha", "k0", ONE).await.unwrap(), Turn::Fresh(_)));
        assert!(matches!(keys.begin("beta", "k", ONE).await.unwrap(), Turn::Replay(_)));
    }

    #[tokio::test]
    async fn a_running_key_is_told_and_freed_when_the_work_is_dropped() {
        let (keys, _clock, _folder) = bench();
        let first = ticket(&keys, "alpha").await;
        assert!(matches!(keys.begin("alpha", "k", ONE).await.unwrap(), Turn::Running));
        assert!(matches!(keys.begin("alpha", "k", TWO).await.unwrap(), Turn::Mismatch));
        drop(first);
        ticket(&keys, "alpha").await;
    }

    #[tokio::test]
    async fn of_many_first_requests_one_runs() {
        let (keys, _clock, _folder) = bench();
        let asks: Vec<_> = (0..50)
            .map(|_| {
                let keys = keys.clone();
                tokio::spawn(async move { keys.begin("alpha", "k", ONE).await.unwrap() })
            })
            .collect();
        let mut turns = Vec::new();
        for ask in asks {
            turns.push(ask.await.unwrap());
        }
        assert_eq!(turns.iter().filter(|turn| matches!(turn, Turn::Fresh(_))).count(), 1);
    }

    #[test]
    fn fingerprints_differ_by_operation_path_and_body() {
        let body = json!({"a": 1});
        let base = fingerprint("call", &["a", "bc"], &body);
        assert_eq!(base, fingerprint("call", &["a", "bc"], &body));
        assert_ne!(base, fingerprint("call", &["ab", "c"], &body));
        assert_ne!(base, fingerprint("other", &["a", "bc"], &body));
        assert_ne!(base, fingerprint("call", &["a", "bc"], &json!({"a": 2})));
    }
}
