//! Records in order, whatever fails beside them.

use super::*;

#[tokio::test]
async fn an_untouched_log_verifies_and_grows() {
    let bench = Bench::filled(25).await;
    let report = bench.verify().await;
    assert_eq!((report.records, report.unsealed, report.fault), (25, 25, None));
    assert_eq!(report.head.len(), 64);
    bench.log.append(entry(0)).await.expect("appends");
    assert_eq!(bench.log.seal().await.expect("seals"), 26);
    let report = bench.verify().await;
    assert_eq!((report.records, report.unsealed, report.checkpoints), (26, 0, 1));
}

#[tokio::test]
async fn core_itself_can_neither_change_nor_delete_a_record() {
    let bench = Bench::filled(1_003).await;
    for sql in [
        "UPDATE audit_log SET record = 'x'",
        "DELETE FROM audit_log WHERE seq = 2",
        "DELETE FROM audit_checkpoints",
        "UPDATE audit_checkpoints SET size = 1",
        "DELETE FROM audit_blocks",
    ] {
        let result = bench.store.write(move |tx| Ok(tx.execute(sql, [])?)).await;
        assert!(matches!(result, Err(StoreError::Sqlite(_))), "{sql}");
    }
    assert_eq!(bench.verify().await.fault, None);
}

#[tokio::test]
async fn a_record_tells_when_the_clock_went_back() {
    let bench = Bench::filled(2).await;
    bench.clock.set(time::macros::datetime!(2026-11-21 17:00 UTC));
    bench.log.append(Entry::outcome(Actor::system(), "core.start", "ok")).await.expect("appends");
    let records = bench.search(Filter { limit: 10, ..Filter::default() }).await;
    assert_eq!(records[2]["detail"]["clock_went_back"], "true");
    let report = bench.verify().await;
    assert_eq!((report.fault, report.clock_jumps), (None, 1));
}

#[tokio::test]
async fn parallel_appends_make_one_chain() {
    let bench = bench().await;
    let appends: Vec<_> = (0..1_200)
        .map(|number| {
            let log = bench.log.clone();
            let entry = Entry::intent(Actor::anonymous(), "identity.login");
            tokio::spawn(async move {
                if number % 4 == 0 {
                    log.announce(entry).map(|()| 0)
                } else {
                    log.append(entry).await
                }
            })
        })
        .collect();
    let mut places = Vec::new();
    for append in appends {
        places.push(append.await.expect("joins").expect("appends"));
    }
    places.retain(|place| *place > 0);
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 900, "every record has a place of its own");
    bench.log.append(entry(0)).await.expect("appends behind all of them");
    let report = bench.verify().await;
    assert_eq!((report.records, report.checkpoints, report.fault), (1_201, 1, None));
}

#[tokio::test]
async fn what_was_announced_is_there_no_later_than_what_is_written_afterwards() {
    let bench = bench().await;
    for number in 0..100_i64 {
        bench.log.announce(entry(0)).expect("queues");
        let effect = bench.store.write(|tx| {
            tx.execute("INSERT INTO effect (name) VALUES ('x')", [])?;
            Ok(tx.query_row("SELECT count(*) FROM audit_log", [], |row| row.get::<_, i64>(0))?)
        });
        assert_eq!(effect.await.expect("writes"), number + 1);
    }
}

#[tokio::test]
async fn a_record_and_its_effect_stand_or_fall_together_and_the_chain_goes_on() {
    let bench = Bench::filled(3).await;
    for round in 0..5 {
        let log = bench.log.clone();
        let failed: Result<(), _> = bench
            .store
            .write(move |tx| {
                tx.execute("INSERT INTO effect (name) VALUES ('x')", [])?;
                for number in 0..=round {
                    log.append_in(tx, &entry(number))?;
                }
                Err(StoreError::Broken("the test"))
            })
            .await;
        assert!(failed.is_err());
        let place = bench.log.append(entry(0)).await.expect("appends");
        assert_eq!(place, 4 + i64::try_from(round).expect("small"));
    }
    assert_eq!(bench.verify().await.fault, None);
    let effects = bench.store.read(|conn| {
        Ok(conn.query_row("SELECT count(*) FROM effect", [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(effects.await.expect("reads"), 0);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_says_so() {
    let bench = Bench::filled(1).await;
    bench.store.close().await;
    for _ in 0..3 {
        assert_eq!(bench.log.append(entry(0)).await, Err(AuditUnavailable));
        assert_eq!(bench.log.announce(entry(0)), Err(AuditUnavailable));
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_stalls_counts_as_one_that_cannot_be_written() {
    let bench = Bench::filled(1).await;
    let (release, stalled) = std::sync::mpsc::channel::<()>();
    let stall = bench.store.enqueue(move |_| {
        let _ = stalled.recv();
        Ok(())
    });
    let stall = stall.expect("queues");
    let started = tokio::time::Instant::now();
    assert_eq!(bench.log.append(entry(0)).await, Err(AuditUnavailable));
    assert_eq!(started.elapsed(), STALL);
    tokio::time::resume();
    release.send(()).expect("goes on");
    stall.durable().await.expect("writes");
    bench.log.append(entry(0)).await.expect("appends again");
    assert_eq!(bench.verify().await.fault, None);
}

#[tokio::test]
async fn every_thousand_records_and_every_minute_end_with_a_checkpoint() {
    let bench = bench().await;
    bench.log.upkeep().await.expect("nothing to do");
    assert!(!bench.folder.path().join("heads.jsonl").exists());
    bench.fill(2_000).await;
    bench.log.append(entry(0)).await.expect("appends");
    bench.clock.advance(SEAL_AFTER - StdDuration::from_secs(1));
    bench.log.upkeep().await.expect("copies");
    let sizes = |heads: Vec<Checkpoint>| heads.iter().map(|head| head.size).collect::<Vec<_>>();
    assert_eq!(sizes(bench.heads()), [1_000, 2_000]);
    bench.clock.advance(StdDuration::from_secs(1));
    bench.log.upkeep().await.expect("seals");
    assert_eq!(sizes(bench.heads()), [1_000, 2_000, 2_001]);
    bench.clock.advance(SEAL_AFTER);
    bench.log.upkeep().await.expect("nothing to do");
    assert_eq!(sizes(bench.heads()), [1_000, 2_000, 2_001], "nothing was recorded since");
    let report = bench.log.verify(bench.heads()).await.expect("reads");
    assert_eq!((report.checkpoints, report.unsealed, report.fault), (3, 0, None));
}

#[tokio::test]
async fn pseudonyms_are_stable_keyed_and_separated_by_kind() {
    let bench = bench().await;
    let one = bench.log.pseudonym("user", "first_admin");
    assert_eq!(one, bench.log.pseudonym("user", "first_admin"));
    assert_ne!(one, bench.log.pseudonym("key", "first_admin"));
    assert_ne!(one, bench.log.pseudonym("user", "first_admin2"));
    assert!(!one.contains("first_admin"));
    let other = MasterKey::from_bytes(&[4; 32]).expect("a key");
    let key = AuditKey::from_seed(&SEED);
    let (store, clock) = (bench.store.clone(), bench.clock.clone());
    let other = AuditLog::open(store, clock, &other, key, Settings::default()).await;
    assert_ne!(one, other.expect("opens").pseudonym("user", "first_admin"));
}

#[tokio::test]
async fn a_record_nobody_waits_for_any_more_is_still_written() {
    let bench = Bench::filled(1).await;
    tokio::select! {
        biased;
        _ = bench.log.append(entry(7)) => panic!("the record waits for a turn first"),
        () = std::future::ready(()) => {}
    }
    // Queued behind it, so on the disk behind it.
    bench.store.write(|_| Ok(())).await.expect("writes");
    assert_eq!(bench.verify().await.records, 2);
}
