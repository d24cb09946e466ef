//! The bus on a real store with a clock that tests move.

mod machine;
mod operators;
mod rules;
mod streams;

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;

use super::*;
use crate::MasterKey;

pub const PLUGIN: &str = "mailer";
pub const NAME: &str = "mail";

pub struct Bench {
    pub bus: Bus,
    pub clock: Clock,
    pub folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
        let bus = open(folder.path(), &clock);
        Self { bus, clock, folder }
    }

    pub async fn subscribed() -> Self {
        let bench = Self::new();
        bench.subscribe(256).await;
        bench
    }

    pub async fn subscribe(&self, max_in_flight: i64) {
        let wish = Wish { event_types: vec!["Note".to_owned()], max_in_flight };
        self.bus.put_subscription(PLUGIN, NAME, wish).await.unwrap();
    }

    pub async fn publish(&self, key: Option<&str>) -> i64 {
        self.bus.publish(draft(key)).await.unwrap().sequence
    }

    /// What can be had right now.
    pub async fn pull(&self, max: i64) -> Vec<Delivery> {
        let pulled = self.bus.pull(PLUGIN, NAME, max, Duration::ZERO, admit_all).await;
        pulled.unwrap().deliveries
    }

    pub async fn pulled(&self) -> Vec<i64> {
        self.pull(256).await.iter().map(|delivery| delivery.event.sequence).collect()
    }

    pub async fn settle(&self, delivery: &Delivery, verdict: Verdict) -> Settled {
        let outcome = Outcome { delivery_id: delivery.delivery_id.clone(), verdict, reason: None };
        self.bus.settle(PLUGIN, NAME, vec![outcome]).await.unwrap()
    }

    pub fn advance(&self, millis: i64) {
        self.clock.advance(Duration::from_millis(u64::try_from(millis).unwrap()));
    }

    /// A new process over the files as they lie there, without a clean close of the old one.
    pub fn reopened(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["core.db", "core.db-wal"] {
            let _ = std::fs::copy(self.folder.path().join(name), folder.path().join(name));
        }
        let bus = open(folder.path(), &self.clock);
        Self { bus, clock: self.clock.clone(), folder }
    }

    pub async fn sequences(&self, sql: &'static str) -> Vec<i64> {
        let read = self.bus.store.read(move |conn| {
            let mut query = conn.prepare(sql)?;
            let rows = query.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        read.await.unwrap()
    }

    /// Sequence, attempts and reason of every dead letter.
    pub async fn dead(&self) -> Vec<(i64, i64, String)> {
        let read = self.bus.store.read(|conn| {
            let mut query = conn.prepare(
                "SELECT sequence, attempts, reason FROM dead_letters ORDER BY dead_letter",
            )?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        read.await.unwrap()
    }
}

fn open(folder: &Path, clock: &Clock) -> Bus {
    let store = Store::open(&folder.join("core.db"), &[MIGRATIONS]).unwrap();
    let sealer = Sealer::new(MasterKey::from_bytes(&[7; 32]).unwrap());
    Bus::new(store, sealer, clock.clone())
}

pub fn draft(key: Option<&str>) -> Draft {
    Draft {
        source: "writer".to_owned(),
        id: None,
        event_type: "Note".to_owned(),
        payload: json!({"text": "a canary in the mine"}),
        data_traits: Vec::new(),
        partition_key: key.map(str::to_owned),
        traceparent: None,
    }
}

pub async fn admit_all() -> Option<Admit> {
    Some(Arc::new(|_: &str, _: &[String]| Admission::Whole))
}
