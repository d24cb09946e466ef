//! What the store promises: answers only after the commit, one job's failure is its own, sealed
//! values stay in their place, and key files that others can read stop the start.

use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;

use super::*;

const TABLE: &[Migration] = &[Migration {
    module: "test",
    version: 1,
    sql: "CREATE TABLE entry (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
}];

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("core.db"), &[TABLE]).expect("the store opens")
}

async fn insert(store: &Store, name: String) -> Result<(), StoreError> {
    store
        .write(move |tx| {
            tx.execute("INSERT INTO entry (name) VALUES (?1)", [name])?;
            Ok(())
        })
        .await
}

async fn count(store: &Store) -> i64 {
    store
        .read(|conn| Ok(conn.query_row("SELECT count(*) FROM entry", [], |row| row.get(0))?))
        .await
        .expect("counts")
}

#[tokio::test]
async fn parallel_writes_are_answered_and_visible() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    let jobs: Vec<_> = (0..500)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { insert(&store, format!("name-{number}")).await })
        })
        .collect();
    for job in jobs {
        job.await.expect("joins").expect("writes");
    }
    assert_eq!(count(&store).await, 500);
}

#[tokio::test]
async fn a_failing_job_takes_back_only_its_own_statements() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    let good = insert(&store, "one".into());
    let bad = store.write(|tx| {
        tx.execute("INSERT INTO entry (name) VALUES ('two')", [])?;
        tx.execute("INSERT INTO entry (name) VALUES ('two')", [])?;
        Ok(())
    });
    let panics = store.write(|tx| -> Result<(), StoreError> {
        tx.execute("INSERT INTO entry (name) VALUES ('three')", [])?;
        panic!("a job of the test");
    });
    let (good, bad, panics) = tokio::join!(good, bad, panics);
    assert!(good.is_ok());
    assert!(matches!(bad, Err(StoreError::Sqlite(_))));
    assert!(matches!(panics, Err(StoreError::Unavailable)));
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn answered_writes_survive_without_a_clean_close() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    for number in 0..20 {
        insert(&store, format!("name-{number}")).await.expect("writes");
    }
    // A copy of the files as a killed process leaves them: no checkpoint, no close.
    let copy = tempfile::tempdir().expect("folder");
    for name in ["core.db", "core.db-wal"] {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).expect("copies");
    }
    assert_eq!(count(&open(copy.path())).await, 20);
}

#[tokio::test]
async fn readers_cannot_write_and_a_closed_store_refuses() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    let read =
        store.read(|conn| Ok(conn.execute("INSERT INTO entry (name) VALUES ('x')", [])?)).await;
    assert!(read.is_err());
    store.close().await;
    assert!(matches!(insert(&store, "late".into()).await, Err(StoreError::Unavailable)));
}

#[tokio::test]
async fn a_disk_failure_answers_nobody_and_calls_the_handler() {
    let folder = tempfile::tempdir().expect("folder");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let store = Store::open_with(
        &folder.path().join("core.db"),
        &[TABLE],
        Arc::new(move |what| log.lock().expect("locks").push(what.to_owned())),
    )
    .expect("opens");
    let failure = rusqlite::ffi::Error {
        code: rusqlite::ErrorCode::SystemIoFailure,
        extended_code: rusqlite::ffi::SQLITE_IOERR_FSYNC,
    };
    let answer = store
        .write(move |tx| -> Result<(), StoreError> {
            tx.execute("INSERT INTO entry (name) VALUES ('x')", [])?;
            Err(rusqlite::Error::SqliteFailure(failure, None).into())
        })
        .await;
    assert!(matches!(answer, Err(StoreError::Unavailable)));
    assert!(matches!(insert(&store, "after".into()).await, Err(StoreError::Unavailable)));
    assert_eq!(seen.lock().expect("locks").len(), 1);
}

#[tokio::test]
async fn what_is_queued_first_is_never_later_on_the_disk() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    for number in 0..200 {
        let record = store.enqueue(move |tx| {
            tx.execute("INSERT INTO entry (name) VALUES (?1)", [format!("record-{number}")])?;
            Ok(())
        });
        // The effect sees its record, and dropping the handle does not take the record back.
        let seen = store.write(move |tx| {
            let seen = "SELECT count(*) FROM entry WHERE name = ?1";
            Ok(tx.query_row(seen, [format!("record-{number}")], |row| row.get::<_, i64>(0))?)
        });
        let record = record.expect("queues");
        assert_eq!(seen.await.expect("writes"), 1);
        if number % 2 == 0 {
            record.durable().await.expect("is on the disk");
        }
    }
    assert_eq!(count(&store).await, 200);
}

#[tokio::test]
async fn a_queued_write_that_fails_stops_the_store_before_what_follows() {
    let folder = tempfile::tempdir().expect("folder");
    let seen = Arc::new(Mutex::new(0));
    let count = seen.clone();
    let path = folder.path().join("core.db");
    let failed = Arc::new(move |_: &str| *count.lock().expect("locks") += 1);
    let store = Store::open_with(&path, &[TABLE], failed).expect("opens");
    let record = store.enqueue(|_| Err::<(), _>(StoreError::Broken("a record of the test")));
    let effect = insert(&store, "effect".into());
    assert!(record.expect("queues").durable().await.is_err());
    assert!(matches!(effect.await, Err(StoreError::Unavailable)));
    assert_eq!(*seen.lock().expect("locks"), 1);
    let stored = Connection::open(&path).expect("opens");
    let stored: i64 =
        stored.query_row("SELECT count(*) FROM entry", [], |row| row.get(0)).expect("counts");
    assert_eq!(stored, 0);
}

#[tokio::test]
async fn a_full_disk_loses_no_record_that_an_effect_relies_upon() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    let pages = "SELECT max(1, page_count) FROM pragma_page_count()";
    store
        .write(move |tx| {
            let pages: i64 = tx.query_row(pages, [], |row| row.get(0))?;
            Ok(tx.pragma_update(None, "max_page_count", pages)?)
        })
        .await
        .expect("limits the file");
    let long = "x".repeat(100_000);
    let small = insert(&store, long.clone()).await;
    assert!(small.is_err(), "the control: the disk is full");
    assert!(insert(&store, "still served".into()).await.is_ok());
    let record =
        store.enqueue(move |tx| Ok(tx.execute("INSERT INTO entry (name) VALUES (?1)", [long])?));
    assert!(record.expect("queues").durable().await.is_err());
    assert!(insert(&store, "effect".into()).await.is_err());
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn a_journal_that_has_been_moved_once_is_not_moved_after_every_write() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    for number in 0..24 {
        insert(&store, format!("{number}{}", "x".repeat(1_000_000))).await.expect("writes");
    }
    let modified = || {
        let meta = std::fs::metadata(folder.path().join("core.db")).expect("exists");
        meta.modified().expect("a time")
    };
    // At most one checkpoint may fall due among a few small writes.
    let mut moved = 0;
    let mut before = modified();
    for number in 0..50 {
        insert(&store, format!("small-{number}")).await.expect("writes");
        moved += usize::from(std::mem::replace(&mut before, modified()) != before);
    }
    assert!(moved <= 1, "{moved} checkpoints in 50 small writes");
}

#[tokio::test]
async fn migrations_run_once() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(folder.path());
    insert(&store, "kept".into()).await.expect("writes");
    store.close().await;
    assert_eq!(count(&open(folder.path())).await, 1);
}

#[test]
fn sealed_values_open_only_for_their_plugin_in_their_place() {
    let sealer = Sealer::new(MasterKey::from_bytes(&[7; 32]).expect("a key"));
    let sealed = sealer.seal("alpha", b"storage/one", b"value").expect("seals");
    assert_eq!(sealer.open("alpha", b"storage/one", &sealed).expect("opens").as_slice(), b"value");
    assert!(sealer.open("beta", b"storage/one", &sealed).is_err());
    assert!(sealer.open("alpha", b"storage/two", &sealed).is_err());
    assert_ne!(sealed, sealer.seal("alpha", b"storage/one", b"value").expect("seals"));
    for position in 0..sealed.len() {
        let mut broken = sealed.clone();
        broken[position] ^= 1;
        assert!(sealer.open("alpha", b"storage/one", &broken).is_err(), "byte {position}");
        assert!(sealer.open("alpha", b"storage/one", &sealed[..position]).is_err());
    }
}

#[test]
fn key_files_are_private_and_stable() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("master.key");
    let first = MasterKey::open(&path).expect("makes a key");
    let again = MasterKey::open(&path).expect("reads it");
    assert_eq!(*first.derive("a", "b"), *again.derive("a", "b"));
    assert_ne!(*first.derive("a", "b"), *first.derive("ab", ""));
    let mode = std::fs::metadata(&path).expect("exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o620] {
        let open = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, open).expect("sets the mode");
        assert!(matches!(MasterKey::open(&path), Err(StoreError::File { .. })), "{mode:o}");
    }
}

#[test]
fn one_data_folder_serves_one_core() {
    let folder = tempfile::tempdir().expect("folder");
    let first = files::lock_folder(folder.path()).expect("locks");
    assert!(files::lock_folder(folder.path()).is_err());
    drop(first);
    assert!(files::lock_folder(folder.path()).is_ok());
}
