//! What Core does with the log it finds at its start.

use super::*;

async fn reopen(bench: &Bench) -> Result<(Store, AuditLog), OpenError> {
    bench.store.close().await;
    open(bench.folder.path(), &bench.clock).await
}

#[tokio::test]
async fn a_log_goes_on_where_it_ended() {
    for records in [0, 1, 999, 1_000, 1_001, 2_345] {
        let bench = Bench::filled(records).await;
        let (_store, log) = reopen(&bench).await.expect("opens");
        log.append(entry(0)).await.expect("appends");
        log.seal().await.expect("seals");
        let report = log.verify(Vec::new()).await.expect("reads");
        let expected = i64::try_from(records).expect("small") + 1;
        assert_eq!((report.records, report.unsealed, report.fault), (expected, 0, None));
        let found = Filter { action: Some("event.publish".into()), limit: 1, ..Filter::default() };
        let found = log.search(Filter { limit: 1_000, ..found }).await.expect("reads");
        assert_eq!(found.records.len(), (records / 2).min(1_000), "blocks span the restart");
    }
}

#[tokio::test]
async fn a_broken_tail_is_no_start() {
    for (name, sql, seq) in [
        (
            "edit",
            "UPDATE audit_log SET record = replace(record, 'alpha', 'alphb') WHERE seq = 1004",
            1_004,
        ),
        ("hole", "DELETE FROM audit_log WHERE seq = 1005", 1_005),
        (
            "edit under the checkpoint",
            "UPDATE audit_log SET hash = zeroblob(32) WHERE seq = 1000",
            1_000,
        ),
        ("checkpoint cut off", "DELETE FROM audit_log WHERE seq >= 1000", 1_000),
        (
            "checkpoint edited",
            "UPDATE audit_checkpoints SET text = replace(text, '1000', '1001')",
            1_000,
        ),
        (
            "frontier edited",
            "UPDATE audit_checkpoints SET frontier = zeroblob(length(frontier))",
            1_000,
        ),
        ("checkpoints removed", "DELETE FROM audit_checkpoints", 1_000),
    ] {
        let bench = Bench::filled(1_010).await;
        bench.store.close().await;
        bench.tamper(sql);
        let error = reopen(&bench).await.err();
        let Some(OpenError::Broken(broken)) = &error else { panic!("{name}: {error:?}") };
        assert_eq!(broken.seq, seq, "{name}");
        let text = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("audit verify") && text.contains("backup"), "{text}");
    }
}

#[tokio::test]
async fn another_key_is_no_start() {
    let bench = Bench::filled(1_000).await;
    let master = MasterKey::from_bytes(&[3; 32]).expect("a key");
    let key = AuditKey::from_seed(&[8; 32]);
    let (store, clock) = (bench.store.clone(), bench.clock.clone());
    let opened = AuditLog::open(store, clock, &master, key, Settings::default()).await;
    assert!(matches!(opened.err(), Some(OpenError::Broken(_))));
}

#[tokio::test]
async fn an_older_copy_of_the_database_is_no_start_beside_its_heads() {
    let bench = Bench::filled(1_200).await;
    bench.log.seal().await.expect("seals");
    bench.store.close().await;
    let database = bench.folder.path().join("core.db");
    let copy = std::fs::read(&database).expect("reads");
    let (store, log) = reopen(&bench).await.expect("opens: the control");
    log.append(entry(0)).await.expect("appends");
    log.seal().await.expect("seals");
    log.copy_heads().await.expect("copies");
    store.close().await;
    std::fs::write(&database, copy).expect("writes");
    let error = reopen(&bench).await.err();
    assert!(
        matches!(error, Some(OpenError::RolledBack { size: 1_200, kept: 1_201, .. })),
        "{error:?}"
    );
    std::fs::rename(bench.folder.path().join("heads.jsonl"), bench.folder.path().join("kept"))
        .expect("moves");
    reopen(&bench).await.expect("opens once the heads are moved aside");
}

#[tokio::test]
async fn a_head_cut_off_by_a_crash_is_written_again() {
    let bench = Bench::filled(3_000).await;
    bench.log.copy_heads().await.expect("copies");
    let path = bench.folder.path().join("heads.jsonl");
    let whole = std::fs::read(&path).expect("reads");
    for cut in [1, 100, 700] {
        std::fs::write(&path, &whole[..whole.len() - cut]).expect("writes");
        let (store, log) = reopen(&bench).await.expect("opens");
        log.copy_heads().await.expect("copies");
        assert_eq!(std::fs::read(&path).expect("reads"), whole, "{cut}");
        store.close().await;
    }
}

/// The tables of before, with records made as they were made then.
#[tokio::test]
async fn a_log_from_before_there_were_checkpoints_is_verified_and_sealed() {
    let old = Bench::filled(2_100).await;
    let rows = old.search(Filter { limit: 1_000, ..Filter::default() }).await;
    assert_eq!(rows.len(), 1_000);
    old.store.close().await;
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("core.db");
    Store::open(&path, &[&MIGRATIONS[..1]]).expect("opens").close().await;
    let conn = Connection::open(&path).expect("opens");
    conn.execute("ATTACH ?1 AS new", [old.folder.path().join("core.db").to_str()])
        .expect("attaches");
    let copy = "INSERT INTO audit_log (seq, time, action, actor_id, record, hash)
                SELECT seq, 'then', 'x', 'y', record, lower(hex(hash)) FROM new.audit_log";
    assert_eq!(conn.execute(copy, []).expect("copies"), 2_100);
    drop(conn);
    let (store, log) = open(folder.path(), &old.clock).await.expect("opens");
    log.append(entry(0)).await.expect("appends");
    let report = log.verify(Vec::new()).await.expect("reads");
    assert_eq!((report.records, report.checkpoints, report.fault), (2_101, 3, None));
    store.close().await;
    open(folder.path(), &old.clock).await.expect("opens again");
}
