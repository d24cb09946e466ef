//! What is old enough may go, and nothing else.

use super::*;

const YEARS: u64 = 365 * 24 * 3_600;

/// Three blocks, each a year after the one before.
async fn old() -> Bench {
    let bench = Bench::filled(1_000).await;
    for _ in 0..2 {
        bench.clock.advance(StdDuration::from_secs(YEARS));
        bench.fill(1_000).await;
    }
    bench
}

async fn rows(bench: &Bench) -> i64 {
    let count = |conn: &Connection| {
        Ok(conn.query_row("SELECT count(*) FROM audit_log", [], |row| row.get(0))?)
    };
    bench.store.read(count).await.expect("reads")
}

#[tokio::test]
async fn nothing_younger_than_six_years_goes() {
    let bench = old().await;
    for number in [1, 2, 3] {
        let refused = bench.log.prune(number, "the test".into()).await;
        assert!(matches!(refused, Err(PruneError::TooYoung(6))), "{refused:?}");
    }
    assert!(matches!(bench.log.prune(4, "the test".into()).await, Err(PruneError::Unknown)));
    assert_eq!(bench.log.retention().await.expect("reads").prunable, None);
    bench.log.upkeep().await.expect("removes nothing");
    assert_eq!(rows(&bench).await, 3_000);
}

#[tokio::test]
async fn what_is_older_goes_up_to_a_checkpoint_and_the_rest_still_verifies() {
    let bench = old().await;
    bench.clock.advance(StdDuration::from_secs(YEARS * 5 + 3 * 86_400));
    let retention = bench.log.retention().await.expect("reads");
    assert_eq!(retention.prunable.map(|checkpoint| checkpoint.size), Some(2_000));
    assert!(matches!(bench.log.prune(3, "the test".into()).await, Err(PruneError::TooYoung(6))));
    let base = bench.log.prune(2, "the test".into()).await.expect("prunes");
    assert_eq!(base.size, 2_000);
    bench.log.upkeep().await.expect("removes");
    assert_eq!(rows(&bench).await, 1_000);
    assert!(matches!(bench.log.prune(1, "the test".into()).await, Err(PruneError::Done)));
    bench.log.append(entry(0)).await.expect("appends");
    let report = bench.verify().await;
    assert_eq!((report.after, report.last, report.fault), (2_000, 3_001, None));
    let found = bench.search(Filter { limit: 1, ..Filter::default() }).await;
    assert_eq!(found[0]["seq"], 2_001);
    bench.store.close().await;
    let (_, log) = open(bench.folder.path(), &bench.clock).await.expect("opens");
    assert_eq!(log.verify(Vec::new()).await.expect("reads").fault, None);
}

#[tokio::test]
async fn nobody_without_the_key_can_pretend_that_a_part_was_pruned() {
    let bench = old().await;
    let base = Base { number: 1, size: 1_000, root: [0; 32], time: "x".into() };
    let signed = AuditKey::from_seed(&[1; 32]).sign(&base.text());
    bench.tamper(&format!(
        "INSERT INTO audit_base VALUES (1, 1000, '{}', '{signed}', 'x');
         DELETE FROM audit_log WHERE seq <= 1000",
        base.text()
    ));
    assert_eq!(bench.verify().await.fault.map(|fault| fault.seq), Some(1));
}

#[tokio::test]
async fn a_hold_keeps_what_it_covers_until_it_is_released() {
    let bench = old().await;
    bench.clock.advance(StdDuration::from_secs(YEARS * 9));
    let since = time::macros::datetime!(2027-06-01 00:00 UTC);
    let place = |since| bench.log.place_hold("case 1".into(), since, "user_1".into());
    let part = place(Some(since)).await.expect("places");
    assert!(matches!(bench.log.prune(2, "the test".into()).await, Err(PruneError::Held)));
    let retention = bench.log.retention().await.expect("reads");
    assert_eq!(retention.prunable.map(|checkpoint| checkpoint.number), Some(1));
    let whole = place(None).await.expect("places");
    assert!(matches!(bench.log.prune(1, "the test".into()).await, Err(PruneError::Held)));
    let release = |hold: &Hold| bench.log.release_hold(hold.hold_id.clone(), "closed".into());
    assert!(release(&whole).await.expect("releases").is_some());
    assert!(release(&whole).await.expect("answers").is_none(), "only once");
    bench.log.prune(1, "the test".into()).await.expect("prunes what the other hold does not cover");
    release(&part).await.expect("releases");
    bench.log.prune(3, "the test".into()).await.expect("prunes");
    let holds = bench.log.holds().await.expect("reads");
    assert!(holds.len() == 2 && holds.iter().all(|hold| hold.released_at.is_some()));
}
