use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;

use super::*;
use crate::MasterKey;

const TERMS: Terms =
    Terms { quota: 1_000, quota_keys: 1_000, ttl_seconds: None, if_revision: None };

struct Bench {
    storage: Storage,
    clock: Clock,
    folder: tempfile::TempDir,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("core.db"), &[MIGRATIONS]).unwrap();
    let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
    let sealer = Sealer::new(MasterKey::from_bytes(&[7; 32]).unwrap());
    Bench { storage: Storage::new(store, sealer, clock.clone()), clock, folder }
}

#[tokio::test]
async fn each_plugin_reads_its_own_namespace() {
    let bench = bench();
    let storage = &bench.storage;
    let stored = storage.put("alpha", "k", json!({"a": 1}), TERMS).await.unwrap();
    assert_eq!(stored.revision, 1);
    assert_eq!(storage.get("alpha", "k").await.unwrap().value, json!({"a": 1}));
    assert!(matches!(storage.get("beta", "k").await, Err(StorageError::UnknownKey)));
    storage.delete("alpha", "k", None).await.unwrap();
    storage.delete("alpha", "k", None).await.unwrap();
    assert!(matches!(storage.get("alpha", "k").await, Err(StorageError::UnknownKey)));
}

#[tokio::test]
async fn values_lie_sealed_on_the_disk() {
    let bench = bench();
    bench.storage.put("alpha", "k", json!("a canary in the mine"), TERMS).await.unwrap();
    for name in ["core.db", "core.db-wal"] {
        let bytes = std::fs::read(bench.folder.path().join(name)).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"), "{name}");
    }
}

#[tokio::test]
async fn one_of_many_racing_writers_wins() {
    let bench = bench();
    bench.storage.put("alpha", "k", json!(0), TERMS).await.unwrap();
    let writers: Vec<_> = (0..100)
        .map(|number| {
            let storage = bench.storage.clone();
            let terms = Terms { if_revision: Some(1), ..TERMS };
            tokio::spawn(async move { storage.put("alpha", "k", json!(number), terms).await })
        })
        .collect();
    let mut won = 0;
    for writer in writers {
        match writer.await.unwrap() {
            Ok(stored) => {
                assert_eq!(stored.revision, 2);
                won += 1;
            }
            Err(StorageError::RevisionConflict { current }) => assert_eq!(current, 2),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn an_old_revision_never_fits_a_new_value() {
    let bench = bench();
    let storage = &bench.storage;
    let only_new = Terms { if_revision: Some(0), ..TERMS };
    let first = storage.put("alpha", "k", json!(1), only_new).await.unwrap();
    storage.delete("alpha", "k", Some(first.revision)).await.unwrap();
    let second = storage.put("alpha", "k", json!(2), only_new).await.unwrap();
    assert!(second.revision > first.revision);
    let stale = Terms { if_revision: Some(first.revision), ..TERMS };
    let result = storage.put("alpha", "k", json!(3), stale).await;
    assert!(
        matches!(result, Err(StorageError::RevisionConflict { current }) if current == second.revision)
    );
    let result = storage.delete("alpha", "k", Some(first.revision)).await;
    assert!(matches!(result, Err(StorageError::RevisionConflict { .. })));
}

#[tokio::test]
async fn a_value_is_gone_when_its_time_has_passed() {
    let bench = bench();
    let storage = &bench.storage;
    let terms = Terms { ttl_seconds: Some(60), ..TERMS };
    let stored = storage.put("alpha", "k", json!(1), terms).await.unwrap();
    assert_eq!(stored.expires_at, Some(60_000));
    bench.clock.advance(Duration::from_millis(59_999));
    assert!(storage.get("alpha", "k").await.is_ok());
    bench.clock.advance(Duration::from_millis(1));
    assert!(matches!(storage.get("alpha", "k").await, Err(StorageError::UnknownKey)));
    assert!(storage.list("alpha", "", None, 10).await.unwrap().keys.is_empty());
    let only_new = Terms { if_revision: Some(0), ..TERMS };
    assert!(storage.put("alpha", "k", json!(2), only_new).await.unwrap().revision > 1);
}

#[tokio::test]
async fn the_quota_counts_what_lives() {
    let bench = bench();
    let storage = &bench.storage;
    let text = json!("x".repeat(398));
    let terms = Terms { ttl_seconds: Some(60), ..TERMS };
    storage.put("alpha", "a", text.clone(), terms).await.unwrap();
    storage.put("alpha", "b", text.clone(), TERMS).await.unwrap();
    let result = storage.put("alpha", "c", text.clone(), TERMS).await;
    assert!(matches!(result, Err(StorageError::QuotaExceeded { quota: 1_000 })));
    storage.put("beta", "c", text.clone(), TERMS).await.unwrap();
    storage.put("alpha", "b", json!("smaller is always fine"), TERMS).await.unwrap();
    storage.put("alpha", "b", text.clone(), TERMS).await.unwrap();
    bench.clock.advance(Duration::from_secs(60));
    storage.put("alpha", "c", text.clone(), TERMS).await.unwrap();
    storage.delete("alpha", "b", None).await.unwrap();
    storage.put("alpha", "d", text, TERMS).await.unwrap();
}

#[tokio::test]
async fn pages_cover_a_prefix_once_and_in_order() {
    let bench = bench();
    let storage = &bench.storage;
    for number in 0..25 {
        storage.put("alpha", &format!("in:{number:02}"), json!(number), TERMS).await.unwrap();
    }
    storage.put("alpha", "im:0", json!(0), TERMS).await.unwrap();
    storage.put("alpha", "io:0", json!(0), TERMS).await.unwrap();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = storage.list("alpha", "in:", cursor.as_deref(), 10).await.unwrap();
        seen.extend(page.keys.into_iter().map(|listed| listed.key));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..25).map(|number| format!("in:{number:02}")).collect();
    assert_eq!(seen, expected);
    let result = storage.list("alpha", "", Some("%%"), 10).await;
    assert!(matches!(result, Err(StorageError::BadCursor)));
}

#[tokio::test]
async fn upkeep_frees_what_has_expired_and_nothing_is_left_of_it() {
    let bench = bench();
    let storage = &bench.storage;
    let rows = || {
        storage.store.read(|conn| {
            let count = "SELECT count(*) FROM storage_values";
            Ok(conn.query_row(count, [], |row| row.get::<_, i64>(0))?)
        })
    };
    for number in 0..10 {
        let terms = Terms { ttl_seconds: Some(60), ..TERMS };
        storage.put("alpha", &format!("k{number}"), json!(number), terms).await.unwrap();
        storage.put("beta", &format!("k{number}"), json!(number), TERMS).await.unwrap();
    }
    storage.upkeep().await.unwrap();
    assert_eq!(rows().await.unwrap(), 20, "the control: nothing goes before its time");
    bench.clock.advance(Duration::from_secs(60));
    storage.upkeep().await.unwrap();
    assert_eq!(rows().await.unwrap(), 10);
    assert!(storage.put("alpha", "k0", json!(1), TERMS).await.unwrap().revision > 1);
}
