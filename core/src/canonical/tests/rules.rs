//! Each promise of the bus by itself.

use super::*;

#[tokio::test]
async fn an_event_arrives_as_it_was_stamped() {
    let bench = Bench::subscribed().await;
    let receipt = bench
        .bus
        .publish(Draft {
            id: Some("n-1".to_owned()),
            data_traits: vec!["phi".to_owned(), "pii".to_owned()],
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            ..draft(Some("k"))
        })
        .await
        .unwrap();
    assert!(!receipt.duplicate);
    let deliveries = bench.pull(10).await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].attempt, 1);
    let event = &deliveries[0].event;
    assert_eq!((event.id.as_str(), event.source.as_str()), ("n-1", "writer"));
    assert_eq!((event.sequence, event.published_at), (receipt.sequence, 1_000_000_000));
    assert_eq!(event.data_traits, ["phi", "pii"]);
    assert_eq!(event.payload, draft(None).payload);
    assert!(event.traceparent.is_some());
}

#[tokio::test]
async fn payloads_lie_sealed_on_the_disk() {
    let bench = Bench::subscribed().await;
    bench.publish(None).await;
    let bytes = std::fs::read(bench.folder.path().join("core.db-wal")).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"canary"));
}

#[tokio::test]
async fn the_same_id_of_a_source_is_one_event_for_a_day() {
    let bench = Bench::subscribed().await;
    let draft = Draft { id: Some("n-1".to_owned()), ..draft(None) };
    let publish = |draft: &Draft| {
        let (bus, draft) = (bench.bus.clone(), draft.clone());
        async move { bus.publish(draft).await.unwrap() }
    };
    let first = publish(&draft).await;
    let again = publish(&draft).await;
    assert_eq!((again.sequence, again.duplicate), (first.sequence, true));
    assert!(!publish(&Draft { source: "other".to_owned(), ..draft.clone() }).await.duplicate);
    assert_eq!(bench.pulled().await.len(), 2);
    bench.clock.advance(Duration::from_secs(24 * 60 * 60));
    assert!(!publish(&draft).await.duplicate);
}

#[tokio::test]
async fn of_many_publishers_of_one_id_one_wins() {
    let bench = Bench::subscribed().await;
    let jobs: Vec<_> = (0..50)
        .map(|_| {
            let bus = bench.bus.clone();
            let draft = Draft { id: Some("n-1".to_owned()), ..draft(None) };
            tokio::spawn(async move { bus.publish(draft).await.unwrap() })
        })
        .collect();
    let mut fresh = 0;
    for job in jobs {
        fresh += usize::from(!job.await.unwrap().duplicate);
    }
    assert_eq!((fresh, bench.pulled().await.len()), (1, 1));
}

#[tokio::test]
async fn what_was_answered_survives_the_process() {
    let bench = Bench::subscribed().await;
    let mut published = Vec::new();
    for _ in 0..20 {
        published.push(bench.publish(None).await);
    }
    let out = bench.pull(5).await;
    bench.settle(&out[0], Verdict::Ack).await;
    let reborn = bench.reopened();
    assert_eq!(reborn.pulled().await, published[5..]);
    // What was open stays open for its wait: the plugin may still be at work on it.
    assert_eq!(reborn.settle(&out[1], Verdict::Ack).await.settled, 1);
    reborn.advance(ACK_WAIT_MS);
    reborn.pulled().await;
    reborn.advance(6_000);
    let again = reborn.pull(256).await;
    assert_eq!(again.len(), 18);
    assert!(again.iter().all(|delivery| delivery.attempt == 2));
}

#[tokio::test]
async fn a_delivery_is_failed_when_its_wait_is_over_and_progress_prolongs_it() {
    let bench = Bench::subscribed().await;
    bench.publish(None).await;
    let first = bench.pull(1).await.remove(0);
    bench.advance(ACK_WAIT_MS - 1);
    assert_eq!(bench.settle(&first, Verdict::Progress).await.settled, 1);
    bench.advance(ACK_WAIT_MS - 1);
    assert!(bench.pulled().await.is_empty());
    bench.advance(1);
    assert!(bench.pulled().await.is_empty());
    let late = bench.settle(&first, Verdict::Ack).await;
    assert_eq!(late, Settled { settled: 0, unknown: vec![first.delivery_id.clone()] });
    bench.advance(5_500);
    let second = bench.pull(1).await.remove(0);
    assert_eq!(second.attempt, 2);
    assert_eq!(bench.settle(&first, Verdict::Ack).await.settled, 0);
    assert_eq!(bench.settle(&second, Verdict::Ack).await.settled, 1);
}

#[tokio::test]
async fn delays_grow_and_the_eighth_failure_is_a_dead_letter() {
    let bench = Bench::subscribed().await;
    let sequence = bench.publish(None).await;
    let bases = [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000];
    for base in bases {
        let delivery = bench.pull(1).await.remove(0);
        bench.settle(&delivery, Verdict::Nack { delay_ms: None }).await;
        bench.advance(base * 9 / 10 - 1);
        assert!(bench.pulled().await.is_empty(), "{base}");
        bench.advance(base * 2 / 10 + 1);
    }
    let last = bench.pull(1).await.remove(0);
    assert_eq!(last.attempt, MAX_DELIVERIES);
    bench.settle(&last, Verdict::Nack { delay_ms: Some(0) }).await;
    bench.advance(100_000_000);
    assert!(bench.pulled().await.is_empty());
    assert_eq!(bench.dead().await, [(sequence, 8, "nack".to_owned())]);
    let history: String = bench
        .bus
        .store
        .read(|conn| Ok(conn.query_row("SELECT history FROM dead_letters", [], |row| row.get(0))?))
        .await
        .unwrap();
    let history: Vec<serde_json::Value> = serde_json::from_str(&history).unwrap();
    let attempts: Vec<_> = history.iter().map(|note| note["attempt"].as_i64().unwrap()).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[tokio::test]
async fn term_makes_a_dead_letter_at_once_with_its_reason() {
    let bench = Bench::subscribed().await;
    let sequence = bench.publish(Some("k")).await;
    let next = bench.publish(Some("k")).await;
    let delivery = bench.pull(1).await.remove(0);
    let outcome = Outcome {
        delivery_id: delivery.delivery_id,
        verdict: Verdict::Term,
        reason: Some("smtp_550".to_owned()),
    };
    bench.bus.settle(PLUGIN, NAME, vec![outcome]).await.unwrap();
    assert_eq!(bench.dead().await, [(sequence, 1, "smtp_550".to_owned())]);
    assert_eq!(bench.pulled().await, [next]);
}

#[tokio::test]
async fn a_stuck_key_blocks_only_itself() {
    let bench = Bench::subscribed().await;
    let stuck = bench.publish(Some("a")).await;
    let behind = bench.publish(Some("a")).await;
    let other = bench.publish(Some("b")).await;
    let free = bench.publish(None).await;
    let out = bench.pull(256).await;
    let sequences: Vec<_> = out.iter().map(|delivery| delivery.event.sequence).collect();
    assert_eq!(sequences, [stuck, other, free]);
    bench.settle(&out[0], Verdict::Nack { delay_ms: Some(60_000) }).await;
    let later = bench.publish(Some("b")).await;
    bench.settle(&out[1], Verdict::Ack).await;
    assert_eq!(bench.pulled().await, [later]);
    bench.advance(60_000);
    let again = bench.pull(256).await;
    let stuck_again = again.iter().find(|delivery| delivery.event.sequence == stuck).unwrap();
    bench.settle(stuck_again, Verdict::Ack).await;
    assert_eq!(bench.pulled().await, [behind]);
}

#[tokio::test]
async fn replicas_share_a_subscription_and_others_do_not_see_it() {
    let bench = Bench::subscribed().await;
    for _ in 0..100 {
        bench.publish(None).await;
    }
    let pulls: Vec<_> = (0..10)
        .map(|_| {
            let bus = bench.bus.clone();
            tokio::spawn(async move {
                bus.pull(PLUGIN, NAME, 10, Duration::ZERO, admit_all).await.unwrap()
            })
        })
        .collect();
    let mut seen = Vec::new();
    for pull in pulls {
        let deliveries = pull.await.unwrap().deliveries;
        seen.extend(deliveries.iter().map(|delivery| delivery.event.sequence));
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=100).collect::<Vec<_>>());
    let other = bench.bus.pull("other", NAME, 1, Duration::ZERO, admit_all).await;
    assert!(matches!(other, Err(BusError::UnknownSubscription)));
    let theft = Outcome { delivery_id: "dlv-1-1".to_owned(), verdict: Verdict::Ack, reason: None };
    bench.bus.put_subscription("other", NAME, wish()).await.unwrap();
    let settled = bench.bus.settle("other", NAME, vec![theft]).await.unwrap();
    assert_eq!(settled.unknown, ["dlv-1-1"]);
}

#[tokio::test]
async fn no_more_is_open_than_the_subscription_allows() {
    let bench = Bench::new();
    bench.subscribe(3).await;
    for _ in 0..5 {
        bench.publish(None).await;
    }
    let out = bench.pull(256).await;
    assert_eq!(out.len(), 3);
    assert!(bench.pulled().await.is_empty());
    bench.settle(&out[0], Verdict::Ack).await;
    assert_eq!(bench.pulled().await.len(), 1);
    bench.subscribe(10_000).await;
    let subscription = bench.bus.subscriptions(PLUGIN).await.unwrap().remove(0);
    assert_eq!(subscription.max_in_flight, MAX_IN_FLIGHT);
    assert_eq!((subscription.waiting, subscription.in_flight), (1, 3));
}

#[tokio::test]
async fn the_subscriber_is_judged_at_the_moment_of_delivery() {
    let bench = Bench::subscribed().await;
    let classified = Draft { data_traits: vec!["phi".to_owned()], ..draft(Some("k")) };
    let denied = bench.bus.publish(classified.clone()).await.unwrap().sequence;
    let open = bench.publish(Some("k")).await;
    let ungranted = || async {
        let admit: Admit = Arc::new(|_: &str, data: &[String]| match data.is_empty() {
            true => Admission::Whole,
            false => Admission::Withheld("floor.data".to_owned()),
        });
        Some(admit)
    };
    let pulled = bench.bus.pull(PLUGIN, NAME, 10, Duration::ZERO, ungranted).await.unwrap();
    let withheld = Withheld { sequence: denied, rule: "floor.data".to_owned() };
    assert_eq!((pulled.deliveries.len(), pulled.withheld), (0, vec![withheld]));
    let pulled = bench.bus.pull(PLUGIN, NAME, 10, Duration::ZERO, ungranted).await.unwrap();
    let delivery = &pulled.deliveries[0];
    assert_eq!(delivery.event.sequence, open);
    bench.settle(delivery, Verdict::Ack).await;
    bench.bus.publish(classified).await.unwrap();
    assert_eq!(bench.pulled().await.len(), 1);
}

#[tokio::test]
async fn a_paused_plugin_gets_nothing_and_loses_no_attempt() {
    let bench = Bench::subscribed().await;
    bench.publish(None).await;
    let paused = || async { None };
    for _ in 0..20 {
        let pulled = bench.bus.pull(PLUGIN, NAME, 1, Duration::ZERO, paused).await.unwrap();
        assert!(pulled.deliveries.is_empty());
        bench.advance(ACK_WAIT_MS);
    }
    assert_eq!(bench.pull(1).await[0].attempt, 1);
}

#[tokio::test]
async fn a_waiting_pull_is_woken_by_a_publish() {
    let bench = Bench::subscribed().await;
    let bus = bench.bus.clone();
    let wait = Duration::from_secs(60);
    let pull = tokio::spawn(async move { bus.pull(PLUGIN, NAME, 1, wait, admit_all).await });
    tokio::task::yield_now().await;
    let sequence = bench.publish(None).await;
    let pulled = pull.await.unwrap().unwrap();
    assert_eq!(pulled.deliveries[0].event.sequence, sequence);
}

#[tokio::test]
async fn a_drain_sends_waiting_pulls_home() {
    let bench = Bench::subscribed().await;
    let bus = bench.bus.clone();
    let wait = Duration::from_secs(60);
    let pull = tokio::spawn(async move { bus.pull(PLUGIN, NAME, 1, wait, admit_all).await });
    tokio::task::yield_now().await;
    bench.bus.drain();
    assert!(pull.await.unwrap().unwrap().deliveries.is_empty());
}

#[tokio::test]
async fn only_what_is_published_after_a_subscription_arrives_and_delete_takes_the_rest() {
    let bench = Bench::new();
    bench.publish(None).await;
    bench.subscribe(256).await;
    let second = bench.publish(None).await;
    bench.bus.publish(Draft { event_type: "Other".to_owned(), ..draft(None) }).await.unwrap();
    assert_eq!(bench.pulled().await, [second]);
    bench.publish(None).await;
    bench.bus.delete_subscription(PLUGIN, NAME).await.unwrap();
    let gone = bench.bus.delete_subscription(PLUGIN, NAME).await;
    assert!(matches!(gone, Err(BusError::UnknownSubscription)));
    bench.subscribe(256).await;
    assert!(bench.pulled().await.is_empty());
}

#[tokio::test]
async fn old_events_go_only_when_nobody_needs_them() {
    let bench = Bench::subscribed().await;
    let unsettled = bench.publish(None).await;
    for _ in 0..10 {
        bench.bus.publish(Draft { event_type: "Other".to_owned(), ..draft(None) }).await.unwrap();
    }
    bench.clock.advance(Duration::from_secs(8 * 24 * 60 * 60));
    bench.bus.upkeep(|_| false).await.unwrap();
    let kept: i64 = bench
        .bus
        .store
        .read(|conn| {
            let count = "SELECT count(*) FROM events";
            Ok(conn.query_row(count, [], |row| row.get(0))?)
        })
        .await
        .unwrap();
    assert_eq!(kept, 1);
    // Nobody took it for a week, so it lies where people see it, and its event with it.
    assert!(bench.pulled().await.is_empty());
    assert_eq!(bench.dead().await, [(unsettled, 0, "expired".to_owned())]);
    bench.clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    bench.bus.upkeep(|_| false).await.unwrap();
    assert!(bench.dead().await.is_empty());
}

fn wish() -> Wish {
    Wish { event_types: vec!["Note".to_owned()], max_in_flight: 256 }
}

#[tokio::test]
async fn an_event_does_not_stand_without_what_is_written_of_it() {
    let bench = Bench::subscribed().await;
    let refused = bench.bus.publish_with(draft(None), |_, receipt| {
        assert_eq!(receipt.sequence, 1);
        Err(crate::StoreError::Broken("a record of the test"))
    });
    assert!(matches!(refused.await, Err(BusError::Store(_))));
    assert!(bench.sequences("SELECT sequence FROM events").await.is_empty());
    let written = bench.bus.publish_with(draft(None), |tx, receipt| {
        let seen = "SELECT count(*) FROM deliveries WHERE sequence = ?1";
        assert_eq!(tx.query_row(seen, [receipt.sequence], |row| row.get::<_, i64>(0))?, 1);
        Ok(())
    });
    assert_eq!(written.await.unwrap().sequence, 1);
    assert_eq!(bench.pulled().await, [1]);
}
