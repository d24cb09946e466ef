//! Every class of tampering that a chain in one file can show, the two that only a kept head
//! shows, and the control: an untouched log verifies.

use std::time::Duration as StdDuration;

use rusqlite::Connection;

use super::*;

struct Bench {
    folder: tempfile::TempDir,
    clock: Clock,
    log: AuditLog,
    store: Store,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(&folder.path().join("core.db"), &[MIGRATIONS]).expect("opens");
    let clock = Clock::manual(time::macros::datetime!(2026-11-22 17:00 UTC));
    let master = MasterKey::from_bytes(&[3; 32]).expect("a key");
    let log = AuditLog::new(store.clone(), clock.clone(), &master);
    Bench { folder, clock, log, store }
}

async fn filled(records: usize) -> Bench {
    let bench = bench();
    for number in 0..records {
        let action = if number % 2 == 0 { "rpc.call" } else { "event.publish" };
        let entry = Entry::outcome(Actor::plugin("alpha"), action, "ok")
            .about(if number % 3 == 0 { "beta" } else { "gamma" })
            .detail("number", number.to_string());
        bench.log.append(entry).await.expect("appends");
        bench.clock.advance(StdDuration::from_millis(250));
    }
    bench
}

impl Bench {
    async fn verify(&self) -> Report {
        self.log.verify(Vec::new()).await.expect("reads")
    }

    /// What somebody with the file and without Core can do.
    fn tamper(&self, sql: &str) {
        let conn = Connection::open(self.folder.path().join("core.db")).expect("opens");
        conn.execute_batch("DROP TRIGGER audit_log_no_update; DROP TRIGGER audit_log_no_delete;")
            .expect("drops the triggers");
        conn.execute_batch(sql).expect("changes the log");
    }
}

#[tokio::test]
async fn an_untouched_log_verifies_and_grows() {
    let bench = filled(25).await;
    let report = bench.verify().await;
    assert_eq!((report.records, report.fault), (25, None));
    assert_eq!(report.head.len(), 64);
}

#[tokio::test]
async fn core_itself_can_neither_change_nor_delete_a_record() {
    let bench = filled(3).await;
    for sql in ["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log WHERE seq = 2"] {
        let result = bench.store.write(move |tx| Ok(tx.execute(sql, [])?)).await;
        assert!(matches!(result, Err(StoreError::Sqlite(_))), "{sql}");
    }
    assert_eq!(bench.verify().await.fault, None);
}

#[tokio::test]
async fn every_tamper_class_is_found_at_its_record() {
    for (name, sql, seq) in [
        (
            "bit flip",
            "UPDATE audit_log SET record = replace(record, 'beta', 'betb') WHERE seq = 4",
            4,
        ),
        ("hash", "UPDATE audit_log SET hash = replace(hash, 'a', 'b') WHERE seq = 5", 5),
        ("delete in the middle", "DELETE FROM audit_log WHERE seq = 6", 6),
        ("delete the first", "DELETE FROM audit_log WHERE seq = 1", 1),
        (
            "delete and close the gap",
            "DELETE FROM audit_log WHERE seq = 6;
             UPDATE audit_log SET seq = 6 WHERE seq = 7;
             UPDATE audit_log SET seq = 7 WHERE seq = 8;",
            6,
        ),
        (
            "swap",
            "UPDATE audit_log SET seq = 100 WHERE seq = 3;
             UPDATE audit_log SET seq = 3 WHERE seq = 4;
             UPDATE audit_log SET seq = 4 WHERE seq = 100;",
            3,
        ),
        (
            "duplicate",
            "INSERT INTO audit_log SELECT 11, time, action, actor_id, plugin_id, record, hash
             FROM audit_log WHERE seq = 10",
            11,
        ),
        ("other file", "UPDATE audit_log SET action = 'rpc.other' WHERE seq = 7", 7),
        ("other actor", "UPDATE audit_log SET actor_id = 'beta' WHERE seq = 7", 7),
        ("other plugin", "UPDATE audit_log SET plugin_id = NULL WHERE seq = 7", 7),
        ("other time", "UPDATE audit_log SET time = '2020' WHERE seq = 7", 7),
    ] {
        let bench = filled(10).await;
        bench.tamper(sql);
        let report = bench.verify().await;
        assert_eq!(report.fault.map(|fault| fault.seq), Some(seq), "{name}");
    }
}

#[tokio::test]
async fn an_edit_with_its_own_hash_fixed_breaks_the_next_link() {
    let bench = filled(10).await;
    let page = bench.log.search(Filter { limit: 100, ..Filter::default() }).await.expect("reads");
    let mut record = page.records[3].clone();
    record.as_object_mut().expect("an object").remove("hash");
    record["action"] = "rpc.other".into();
    let text = crate::json::canonical(&record);
    let sql = format!(
        "UPDATE audit_log SET record = '{text}', hash = '{}', action = 'rpc.other' WHERE seq = 4",
        hash(&text)
    );
    bench.tamper(&sql);
    assert_eq!(bench.verify().await.fault.map(|fault| fault.seq), Some(5));
}

#[tokio::test]
async fn a_kept_head_shows_a_cut_end_and_a_rewritten_chain() {
    let bench = filled(10).await;
    let head = bench.verify().await.head;
    bench.tamper("DELETE FROM audit_log WHERE seq > 8");
    assert_eq!(bench.verify().await.fault, None, "the chain alone cannot show a cut end");
    let kept = vec![(10, head.clone())];
    let fault = bench.log.verify(kept).await.expect("reads").fault;
    assert_eq!(fault.map(|fault| fault.seq), Some(9));

    let other = filled(10).await;
    assert_eq!(other.log.verify(vec![(10, head)]).await.expect("reads").fault, None);
    let kept = vec![(10, GENESIS.to_owned())];
    let fault = other.log.verify(kept).await.expect("reads").fault;
    assert_eq!(fault.map(|fault| fault.seq), Some(10));
}

#[tokio::test]
async fn a_search_finds_by_action_plugin_and_time_page_by_page() {
    let bench = filled(20).await;
    let count = async |filter: Filter| bench.log.search(filter).await.expect("reads").records.len();
    let all = Filter { limit: 100, ..Filter::default() };
    assert_eq!(count(all.clone()).await, 20);
    assert_eq!(count(Filter { action: Some("rpc.call".into()), ..all.clone() }).await, 10);
    assert_eq!(count(Filter { plugin_id: Some("alpha".into()), ..all.clone() }).await, 20);
    assert_eq!(count(Filter { plugin_id: Some("beta".into()), ..all.clone() }).await, 7);
    assert_eq!(count(Filter { plugin_id: Some("' OR 1=1".into()), ..all.clone() }).await, 0);
    let since = Some(time::macros::datetime!(2026-11-22 17:00:02.5 UTC));
    assert_eq!(count(Filter { since, ..all.clone() }).await, 10);

    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let page = bench.log.search(Filter { limit: 7, after, ..Filter::default() }).await;
        let page = page.expect("reads");
        seen.extend(page.records.iter().map(|record| record["seq"].as_i64().expect("a place")));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=20).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_record_tells_when_the_clock_went_back() {
    let bench = filled(2).await;
    bench.clock.set(time::macros::datetime!(2026-11-21 17:00 UTC));
    bench.log.append(Entry::outcome(Actor::system(), "core.start", "ok")).await.expect("appends");
    let page = bench.log.search(Filter { limit: 10, ..Filter::default() }).await.expect("reads");
    assert_eq!(page.records[2]["detail"]["clock_went_back"], "true");
    assert_eq!(bench.verify().await.fault, None);
}

#[tokio::test]
async fn parallel_appends_make_one_chain() {
    let bench = bench();
    let appends: Vec<_> = (0..200)
        .map(|_| {
            let log = bench.log.clone();
            let entry = Entry::intent(Actor::anonymous(), "identity.login");
            tokio::spawn(async move { log.append(entry).await })
        })
        .collect();
    for append in appends {
        append.await.expect("joins").expect("appends");
    }
    let report = bench.verify().await;
    assert_eq!((report.records, report.fault), (200, None));
}

#[tokio::test]
async fn a_log_that_cannot_be_written_says_so() {
    let bench = filled(1).await;
    bench.store.close().await;
    let entry = Entry::intent(Actor::anonymous(), "identity.login");
    assert_eq!(bench.log.append(entry).await, Err(AuditUnavailable));
}

#[test]
fn pseudonyms_are_stable_keyed_and_separated_by_kind() {
    let bench = bench();
    let one = bench.log.pseudonym("user", "first_admin");
    assert_eq!(one, bench.log.pseudonym("user", "first_admin"));
    assert_ne!(one, bench.log.pseudonym("key", "first_admin"));
    assert_ne!(one, bench.log.pseudonym("user", "first_admin2"));
    assert!(!one.contains("first_admin"));
    let other = MasterKey::from_bytes(&[4; 32]).expect("a key");
    let other = AuditLog::new(bench.store.clone(), bench.clock.clone(), &other);
    assert_ne!(one, other.pseudonym("user", "first_admin"));
}
