//! What lies at rest: nobody reads it without the key, nobody moves or changes it unseen, and a
//! new key takes over without a pause.

use std::path::Path;

use proptest::prelude::*;
use serde_json::json;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::*;
use crate::settings::secrets::Secrets;
use crate::settings::{Origin, Settings};
use crate::storage::Storage;
use crate::{MasterKey, SCHEMA};

const FREE: storage::Terms =
    storage::Terms { quota: u64::MAX, quota_keys: u64::MAX, ttl_seconds: None, if_revision: None };
const OWN: settings::Terms = settings::Terms { origin: Origin::Plugin, if_revision: None };

struct Bench {
    store: Store,
    sealer: Sealer,
    keyring: Keyring,
    settings: Settings,
    secrets: Secrets,
    storage: Storage,
}

async fn bench(folder: &Path) -> Bench {
    let store = Store::open(&folder.join("core.db"), SCHEMA).unwrap();
    let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
    let sealer = Sealer::new(MasterKey::from_bytes(&[7; 32]).unwrap());
    let all = || (store.clone(), sealer.clone(), clock.clone());
    let (keys, settings, secrets, storage) = (all(), all(), all(), all());
    Bench {
        keyring: Keyring::open(keys.0, keys.1, keys.2).await.unwrap(),
        settings: Settings::new(settings.0, settings.1, settings.2),
        secrets: Secrets::new(secrets.0, secrets.1, secrets.2),
        storage: Storage::new(storage.0, storage.1, storage.2),
        store,
        sealer,
    }
}

impl Bench {
    async fn fill(&self, plugin_id: &str, rows: usize) {
        for number in 0..rows {
            let (key, value) = (format!("key-{number}"), json!({ "n": number }));
            self.storage.put(plugin_id, &key, value.clone(), FREE).await.unwrap();
            self.settings.set(plugin_id, &key, value, OWN, None).await.unwrap();
        }
        let secret = Zeroizing::new("secret of a partner".to_owned());
        self.secrets.put(plugin_id, "partner", secret).await.unwrap();
    }

    async fn check(&self, plugin_id: &str, rows: usize) {
        for number in 0..rows {
            let (key, value) = (format!("key-{number}"), json!({ "n": number }));
            assert_eq!(self.storage.get(plugin_id, &key).await.unwrap().value, value);
            assert_eq!(self.settings.get(plugin_id, &key, None).await.unwrap().value, value);
        }
        let secret = self.secrets.reveal(plugin_id, "partner").await.unwrap();
        assert_eq!(secret.as_str(), "secret of a partner");
    }

    /// How many values of the plugin an older key closed.
    async fn stale(&self, plugin_id: &str) -> usize {
        let (sealer, plugin) = (self.sealer.clone(), plugin_id.to_owned());
        let counted = self.store.read(move |conn| {
            let mut query = conn.prepare(
                "SELECT value FROM settings WHERE plugin_id = ?1
                 UNION ALL SELECT value FROM storage_values WHERE plugin_id = ?1
                 UNION ALL SELECT value FROM plugin_secrets WHERE plugin_id = ?1",
            )?;
            let values = query.query_map([&plugin], |row| row.get::<_, Vec<u8>>(0))?;
            let values = values.collect::<Result<Vec<_>, _>>()?;
            Ok(values.iter().filter(|value| sealer.is_stale(&plugin, value)).count())
        });
        counted.await.unwrap()
    }

    async fn run(&self, sql: &'static str) {
        self.store.write(move |tx| Ok(tx.execute_batch(sql)?)).await.unwrap();
    }
}

#[tokio::test]
async fn a_new_key_takes_over_step_by_step_and_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let bench_one = bench(folder.path()).await;
    bench_one.fill("alpha", 250).await;
    bench_one.fill("beta", 3).await;
    assert_eq!(bench_one.stale("alpha").await, 0, "the control: nothing is stale before");
    let state = bench_one.keyring.rotate("alpha").await.unwrap();
    assert_eq!(state, KeyState { version: 2, resealing: true });
    assert_eq!(bench_one.stale("alpha").await, 501);
    bench_one.check("alpha", 250).await;
    bench_one.keyring.upkeep().await.unwrap();
    assert_eq!(bench_one.stale("alpha").await, 301);
    bench_one.store.close().await;

    let bench = bench(folder.path()).await;
    assert_eq!(bench.keyring.state("alpha"), KeyState { version: 2, resealing: true });
    bench.check("alpha", 250).await;
    while bench.keyring.state("alpha").resealing {
        bench.keyring.upkeep().await.unwrap();
    }
    assert_eq!(bench.stale("alpha").await, 0);
    bench.check("alpha", 250).await;
    bench.check("beta", 3).await;
    assert_eq!(bench.keyring.state("beta"), KeyState { version: 1, resealing: false });
    assert_eq!(bench.keyring.rotate("alpha").await.unwrap().version, 3);
    bench.check("alpha", 250).await;
}

#[tokio::test]
async fn a_key_without_its_salt_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bench_one = bench(folder.path()).await;
    bench_one.keyring.rotate("alpha").await.unwrap();
    bench_one.fill("alpha", 1).await;
    bench_one.run("UPDATE plugin_keys SET salt = zeroblob(32)").await;
    bench_one.store.close().await;
    let bench = bench(folder.path()).await;
    assert!(bench.storage.get("alpha", "key-0").await.is_err());
}

#[tokio::test]
async fn swapped_rows_are_not_served() {
    let swaps = [
        // Between keys, between revisions, between plugins, between tables; a longer life.
        "UPDATE storage_values SET value = (SELECT value FROM storage_values
            WHERE plugin_id = 'alpha' AND key = 'key-1')
         WHERE plugin_id = 'alpha' AND key = 'key-0'",
        "UPDATE storage_values SET revision = revision + 1 WHERE key = 'key-0'",
        "UPDATE storage_values SET value = (SELECT value FROM storage_values
            WHERE plugin_id = 'beta' AND key = 'key-0')
         WHERE plugin_id = 'alpha' AND key = 'key-0'",
        "UPDATE storage_values SET value = (SELECT value FROM settings
            WHERE plugin_id = 'alpha' AND key = 'key-0')
         WHERE plugin_id = 'alpha' AND key = 'key-0'",
        "UPDATE storage_values SET expires_at = 9000000000000
         WHERE plugin_id = 'alpha' AND key = 'key-0'",
    ];
    for swap in swaps {
        let folder = tempfile::tempdir().unwrap();
        let bench = bench(folder.path()).await;
        bench.fill("alpha", 2).await;
        bench.fill("beta", 2).await;
        bench.check("alpha", 2).await;
        bench.run(swap).await;
        let served = bench.storage.get("alpha", "key-0").await;
        assert!(matches!(served, Err(storage::StorageError::Store(StoreError::Seal))), "{swap}");
    }
}

#[tokio::test]
async fn a_flipped_byte_is_never_served() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path()).await;
    bench.fill("alpha", 1).await;
    let read = "SELECT value FROM storage_values";
    let sealed: Vec<u8> =
        bench.store.read(|conn| Ok(conn.query_row(read, [], |row| row.get(0))?)).await.unwrap();
    let place = b"storage/key-0/1/never";
    let mut served = 0;
    let mut generator = proptest::test_runner::TestRng::deterministic_rng(
        proptest::test_runner::RngAlgorithm::ChaCha,
    );
    for _ in 0..10_000 {
        let at = generator.random_range(0..sealed.len());
        let mut flipped = sealed.clone();
        flipped[at] ^= generator.random_range(1..=255u8);
        served += usize::from(bench.sealer.open("alpha", place, &flipped).is_ok());
    }
    assert_eq!(served, 0);
    assert!(bench.sealer.open("alpha", place, &sealed).is_ok(), "the control: unflipped it opens");
    // The same through the store, for every octet.
    for at in 0..sealed.len() {
        let mut flipped = sealed.clone();
        flipped[at] ^= 1;
        let write = "UPDATE storage_values SET value = ?1";
        bench.store.write(move |tx| Ok(tx.execute(write, [flipped])?)).await.unwrap();
        assert!(bench.storage.get("alpha", "key-0").await.is_err(), "octet {at}");
    }
}

#[tokio::test]
async fn what_plugins_keep_is_not_on_the_disk_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path()).await;
    let canary = "canary-5b1e";
    bench.storage.put("alpha", "k", json!({ "note": canary }), FREE).await.unwrap();
    bench.settings.set("alpha", "k", json!([canary]), OWN, None).await.unwrap();
    let secret = Zeroizing::new(canary.to_owned());
    bench.secrets.put("alpha", "partner", secret).await.unwrap();
    bench.keyring.rotate("alpha").await.unwrap();
    bench.keyring.upkeep().await.unwrap();
    assert_eq!(found(folder.path(), canary), 0);
    // The control: an unsealed value is found.
    bench.run("CREATE TABLE plain (text TEXT); INSERT INTO plain VALUES ('canary-5b1e')").await;
    assert!(found(folder.path(), canary) > 0);
}

fn found(folder: &Path, text: &str) -> usize {
    let files = ["core.db", "core.db-wal"].map(|name| std::fs::read(folder.join(name)).unwrap());
    let octets = files.concat();
    octets.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}
