//! The log as those who write to it and those who read it see it.

mod appending;
mod exports;
mod fhir;
mod opening;
mod retention;
mod searching;
mod tampering;

use std::time::Duration as StdDuration;

use rusqlite::Connection;

use super::*;
use crate::store::Migration;

pub struct Bench {
    pub folder: tempfile::TempDir,
    pub clock: Clock,
    pub log: AuditLog,
    pub store: Store,
}

pub const SEED: [u8; 32] = [9; 32];
pub const OTHER_TABLES: &[Migration] = &[Migration {
    module: "test",
    version: 1,
    sql: "CREATE TABLE effect (name TEXT NOT NULL) STRICT",
}];

pub fn settings(folder: &std::path::Path) -> Settings {
    Settings { heads: Some(folder.join("heads.jsonl")), ..Settings::default() }
}

pub async fn open(folder: &std::path::Path, clock: &Clock) -> Result<(Store, AuditLog), OpenError> {
    let store = Store::open(&folder.join("core.db"), &[MIGRATIONS, OTHER_TABLES]).expect("opens");
    let master = MasterKey::from_bytes(&[3; 32]).expect("a key");
    let key = AuditKey::from_seed(&SEED);
    let opened = AuditLog::open(store.clone(), clock.clone(), &master, key, settings(folder)).await;
    match opened {
        Ok(log) => Ok((store, log)),
        Err(error) => {
            store.close().await;
            Err(error)
        }
    }
}

pub async fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("folder");
    let clock = Clock::manual(time::macros::datetime!(2026-11-22 17:00 UTC));
    let (store, log) = open(folder.path(), &clock).await.expect("opens");
    Bench { folder, clock, log, store }
}

pub fn entry(number: usize) -> Entry {
    let action = if number.is_multiple_of(2) { "rpc.call" } else { "event.publish" };
    Entry::outcome(Actor::plugin("alpha"), action, "ok")
        .about(if number.is_multiple_of(3) { "beta" } else { "gamma" })
        .detail("number", number.to_string())
}

impl Bench {
    pub async fn filled(records: usize) -> Self {
        let bench = bench().await;
        bench.fill(records).await;
        bench
    }

    /// Appends records a quarter of a second apart, a thousand of them in one transaction.
    pub async fn fill(&self, records: usize) {
        for start in (0..records).step_by(1_000) {
            let (log, clock) = (self.log.clone(), self.clock.clone());
            let write = self.store.write(move |tx| {
                for number in start..records.min(start + 1_000) {
                    log.append_in(tx, &entry(number))?;
                    clock.advance(StdDuration::from_millis(250));
                }
                Ok(())
            });
            write.await.expect("appends");
        }
    }

    pub async fn verify(&self) -> Report {
        self.log.verify(Vec::new()).await.expect("reads")
    }

    pub fn connection(&self) -> Connection {
        Connection::open(self.folder.path().join("core.db")).expect("opens")
    }

    /// What somebody with the file and without Core can do.
    pub fn tamper(&self, sql: &str) {
        let conn = self.connection();
        drop_triggers(&conn);
        conn.execute_batch(sql).expect("changes the log");
    }

    pub fn heads(&self) -> Vec<Checkpoint> {
        let path = self.folder.path().join("heads.jsonl");
        heads::read(&path, AuditKey::from_seed(&SEED).public()).expect("reads")
    }

    pub async fn search(&self, filter: Filter) -> Vec<serde_json::Value> {
        self.log.search(filter).await.expect("reads").records
    }
}

pub fn drop_triggers(conn: &Connection) {
    for table in ["log", "checkpoints", "blocks", "base"] {
        let sql = format!(
            "DROP TRIGGER IF EXISTS audit_{table}_no_update;
             DROP TRIGGER IF EXISTS audit_{table}_no_delete;"
        );
        conn.execute_batch(&sql).expect("drops the triggers");
    }
}
