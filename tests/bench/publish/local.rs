//! What runs in this process: the bus, bare SQLite with the same group commit, a bare file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use rusqlite::{Connection, TransactionBehavior, params};
use serde_json::json;
use tokio::sync::oneshot;
use vivified_core::canonical::{Bus, Draft, MIGRATIONS, Wish};
use vivified_core::{Clock, MasterKey, Sealer, Store};

use super::{Lane, text};

/// As many as the store of Core takes into one transaction.
const BATCH: usize = 256;

pub struct OnBus {
    bus: Bus,
    draft: Draft,
}

/// The bus with sealing, deduplication and fan-out; `delivered` adds a subscription.
pub async fn bus(folder: &Path, publishers: usize, delivered: bool) -> Vec<OnBus> {
    let store = Store::open(&folder.join("bus.db"), &[MIGRATIONS]).expect("opens");
    let sealer = Sealer::new(MasterKey::from_bytes(&[7; 32]).expect("a key"));
    let bus = Bus::new(store, sealer, Clock::system());
    if delivered {
        let wish = Wish { event_types: vec!["Note".to_owned()], max_in_flight: 256 };
        bus.put_subscription("reader", "notes", wish).await.expect("subscribes");
    }
    let lane = |number| OnBus {
        bus: bus.clone(),
        draft: Draft {
            source: format!("writer{number}"),
            id: None,
            event_type: "Note".to_owned(),
            payload: json!({ "text": text() }),
            data_traits: Vec::new(),
            partition_key: None,
            traceparent: None,
        },
    };
    (0..publishers).map(lane).collect()
}

impl Lane for OnBus {
    async fn publish(&mut self) {
        self.bus.publish(self.draft.clone()).await.expect("publishes");
    }
}

type Job = (Arc<str>, oneshot::Sender<i64>);

pub struct OnSqlite {
    queue: SyncSender<Job>,
    text: Arc<str>,
}

/// One table and one prepared insert; what has queued up shares one transaction and one sync.
pub fn sqlite(folder: &Path, publishers: usize) -> Vec<OnSqlite> {
    let mut connection = Connection::open(folder.join("bare.db")).expect("opens");
    for (name, value) in [("journal_mode", "WAL"), ("synchronous", "FULL")] {
        connection.pragma_update(None, name, value).expect("a setting");
    }
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, text TEXT)")
        .expect("a table");
    let (queue, jobs) = sync_channel::<Job>(4_096);
    std::thread::spawn(move || {
        while let Ok(first) = jobs.recv() {
            let mut done = Vec::new();
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .expect("a transaction");
            let mut next = Some(first);
            while let Some((text, answer)) = next.take() {
                let insert = "INSERT INTO log (text) VALUES (?1)";
                let mut insert = transaction.prepare_cached(insert).expect("prepares");
                insert.execute(params![&*text]).expect("inserts");
                done.push((answer, transaction.last_insert_rowid()));
                if done.len() < BATCH {
                    next = jobs.try_recv().ok();
                }
            }
            transaction.commit().expect("commits");
            for (answer, sequence) in done {
                let _ = answer.send(sequence);
            }
        }
    });
    let text: Arc<str> = text().into();
    (0..publishers).map(|_| OnSqlite { queue: queue.clone(), text: text.clone() }).collect()
}

impl Lane for OnSqlite {
    async fn publish(&mut self) {
        let (answer, sequence) = oneshot::channel();
        self.queue.send((self.text.clone(), answer)).expect("queues");
        sequence.await.expect("commits");
    }
}

pub struct OnFile {
    queue: SyncSender<Job>,
    text: Arc<str>,
}

/// Append and `fdatasync`, shared by what has queued up: the floor of this disk.
pub fn files(folder: &Path, publishers: usize) -> Vec<OnFile> {
    let path = folder.join("floor.log");
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("opens");
    let (queue, jobs) = sync_channel::<Job>(4_096);
    std::thread::spawn(move || {
        while let Ok((text, answer)) = jobs.recv() {
            let mut octets = text.as_bytes().to_vec();
            let mut done = vec![answer];
            while let Ok((text, answer)) = jobs.try_recv() {
                octets.extend_from_slice(text.as_bytes());
                done.push(answer);
                if done.len() == BATCH {
                    break;
                }
            }
            file.write_all(&octets).expect("writes");
            file.sync_data().expect("syncs");
            for answer in done {
                let _ = answer.send(0);
            }
        }
    });
    let text: Arc<str> = text().into();
    (0..publishers).map(|_| OnFile { queue: queue.clone(), text: text.clone() }).collect()
}

impl Lane for OnFile {
    async fn publish(&mut self) {
        let (answer, sequence) = oneshot::channel();
        self.queue.send((self.text.clone(), answer)).expect("queues");
        sequence.await.expect("commits");
    }
}
