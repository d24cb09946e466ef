//! What operators do with events: look, redrive, drop, replay; and what quotas and time do.

use super::*;

/// Gives up the delivery of the sequence.
async fn kill(bench: &Bench, sequence: i64, reason: &str) {
    let out = bench.pull(256).await;
    for delivery in out {
        let verdict = match delivery.event.sequence == sequence {
            true => Verdict::Term,
            false => Verdict::Nack { delay_ms: Some(0) },
        };
        let reason = Some(reason.to_owned());
        let outcome = Outcome { delivery_id: delivery.delivery_id, verdict, reason };
        bench.bus.settle(PLUGIN, NAME, vec![outcome]).await.unwrap();
    }
}

fn because(reason: &str) -> Which {
    Which { reason: Some(reason.to_owned()), ..Which::default() }
}

async fn numbers(bench: &Bench, which: Which) -> Vec<i64> {
    let letters = bench.bus.dead_letters(which, None, 100).await.unwrap();
    letters.iter().map(|letter| letter.dead_letter).collect()
}

#[tokio::test]
async fn a_dead_letter_shows_its_history_and_comes_back_in_front_of_its_key() {
    let bench = Bench::subscribed().await;
    let first = bench.publish(Some("k")).await;
    let second = bench.publish(Some("k")).await;
    let third = bench.publish(Some("k")).await;
    kill(&bench, first, "smtp_550").await;
    let letter = bench.bus.dead_letters(Which::default(), None, 10).await.unwrap().remove(0);
    assert_eq!((letter.sequence, letter.attempts, letter.reason.as_str()), (first, 1, "smtp_550"));
    assert_eq!(letter.history[0]["outcome"], "term");
    // The next of its key is out already: order holds for what is not yet delivered.
    let out = bench.pull(256).await.remove(0);
    assert_eq!(out.event.sequence, second);
    bench.bus.redrive(letter.dead_letter).await.unwrap();
    assert!(bench.pulled().await.is_empty());
    bench.settle(&out, Verdict::Nack { delay_ms: Some(0) }).await;
    for expected in [first, second, third] {
        let delivery = bench.pull(256).await.remove(0);
        assert_eq!(delivery.event.sequence, expected);
        bench.settle(&delivery, Verdict::Ack).await;
    }
    assert!(bench.dead().await.is_empty());
    let again = bench.bus.redrive(letter.dead_letter).await;
    assert!(matches!(again, Err(BusError::UnknownDeadLetter)));
}

#[tokio::test]
async fn a_redriven_event_has_all_its_attempts_and_keeps_its_history() {
    let bench = Bench::subscribed().await;
    let sequence = bench.publish(None).await;
    kill(&bench, sequence, "one").await;
    let number = numbers(&bench, Which::default()).await[0];
    bench.bus.redrive(number).await.unwrap();
    for attempt in 1..=MAX_DELIVERIES {
        let delivery = bench.pull(1).await.remove(0);
        assert_eq!(delivery.attempt, attempt);
        bench.settle(&delivery, Verdict::Nack { delay_ms: Some(0) }).await;
    }
    let letter = bench.bus.dead_letters(Which::default(), None, 1).await.unwrap().remove(0);
    let outcomes: Vec<_> = letter.history.iter().map(|note| note["outcome"].clone()).collect();
    assert_eq!((&outcomes[0], &outcomes[1]), (&json!("term"), &json!("redrive")));
    assert_eq!(outcomes.len(), 10);
}

#[tokio::test]
async fn redrive_by_filter_takes_what_matches_and_drop_takes_one_for_good() {
    let bench = Bench::subscribed().await;
    for reason in ["a", "b", "a"] {
        let sequence = bench.publish(None).await;
        kill(&bench, sequence, reason).await;
    }
    assert_eq!(numbers(&bench, because("a")).await, [3, 1]);
    assert_eq!(numbers(&bench, because("c")).await, Vec::<i64>::new());
    let done = bench.bus.redrive_all(because("a")).await.unwrap();
    assert_eq!(done, Redriven { redriven: 2, skipped: 0, remaining: 0 });
    assert_eq!(numbers(&bench, Which::default()).await, [2]);
    bench.bus.drop_dead_letter(2).await.unwrap();
    assert!(matches!(bench.bus.dead_letter(2).await, Err(BusError::UnknownDeadLetter)));
    assert_eq!(bench.pulled().await, [1, 3]);
}

#[tokio::test]
async fn without_its_subscription_a_dead_letter_stays() {
    let bench = Bench::subscribed().await;
    let sequence = bench.publish(None).await;
    kill(&bench, sequence, "a").await;
    bench.bus.delete_subscription(PLUGIN, NAME).await.unwrap();
    assert!(matches!(bench.bus.redrive(1).await, Err(BusError::SubscriptionGone)));
    let done = bench.bus.redrive_all(Which::default()).await.unwrap();
    assert_eq!(done, Redriven { redriven: 0, skipped: 1, remaining: 0 });
    assert_eq!(bench.dead().await.len(), 1);
}

fn replay(start: Start) -> Replay {
    Replay { plugin_id: PLUGIN.to_owned(), subscription: NAME.to_owned(), start, until: None }
}

#[tokio::test]
async fn a_replay_delivers_kept_events_again_in_order_and_none_twice() {
    let bench = Bench::new();
    let before = bench.publish(Some("k")).await;
    bench.bus.publish(Draft { event_type: "Other".to_owned(), ..draft(None) }).await.unwrap();
    bench.subscribe(256).await;
    bench.advance(1_000);
    let noon = bench.clock.unix_millis();
    let done = bench.publish(Some("k")).await;
    let delivery = bench.pull(256).await.remove(0);
    bench.settle(&delivery, Verdict::Ack).await;
    let waiting = bench.publish(Some("k")).await;
    let made = bench.bus.replay(replay(Start::Sequence(1))).await.unwrap();
    assert_eq!(made, Replayed { replayed: 2, next: None });
    for expected in [before, done, waiting] {
        let delivery = bench.pull(256).await.remove(0);
        assert_eq!(delivery.event.sequence, expected);
        bench.settle(&delivery, Verdict::Ack).await;
    }
    let made = bench.bus.replay(replay(Start::Time(noon))).await.unwrap();
    assert_eq!(made.replayed, 2);
    let until = Replay { until: Some(before), ..replay(Start::Sequence(1)) };
    assert_eq!(bench.bus.replay(until).await.unwrap().replayed, 1);
    let unknown = Replay { subscription: "other".to_owned(), ..replay(Start::Sequence(1)) };
    assert!(matches!(bench.bus.replay(unknown).await, Err(BusError::UnknownSubscription)));
}

#[tokio::test]
async fn what_was_withheld_comes_after_a_grant_only_by_replay() {
    let bench = Bench::subscribed().await;
    bench.publish(None).await;
    let denied = || async {
        Some(Arc::new(|_: &str, _: &[String]| Admission::Withheld("floor.data".into())) as Admit)
    };
    let pulled = bench.bus.pull(PLUGIN, NAME, 10, Duration::ZERO, denied).await.unwrap();
    assert_eq!(pulled.withheld.len(), 1);
    assert!(bench.pulled().await.is_empty());
    bench.bus.replay(replay(Start::Sequence(1))).await.unwrap();
    assert_eq!(bench.pulled().await, [1]);
}

#[tokio::test]
async fn a_full_backlog_makes_dead_letters_and_holds_up_nobody_else() {
    let bench = Bench::new();
    let bus = bench.bus.clone().with_quotas(Quotas { published: 1 << 20, awaited: 100 });
    let bench = Bench { bus, ..bench };
    bench.subscribe(256).await;
    let wish = Wish { event_types: vec!["Note".to_owned()], max_in_flight: 256 };
    bench.bus.put_subscription("quick", NAME, wish).await.unwrap();
    let quick = |max| bench.bus.pull("quick", NAME, max, Duration::ZERO, admit_all);
    for _ in 0..5 {
        bench.publish(None).await;
        let delivery = quick(1).await.unwrap().deliveries.remove(0);
        let delivery_id = delivery.delivery_id;
        let outcome = Outcome { delivery_id, verdict: Verdict::Ack, reason: None };
        bench.bus.settle("quick", NAME, vec![outcome]).await.unwrap();
    }
    let dead = bench.dead().await;
    assert!(!dead.is_empty() && dead.len() < 5, "{dead:?}");
    assert!(
        dead.iter()
            .all(|(_, attempts, reason)| (*attempts, reason.as_str()) == (0, "backlog_full"))
    );
    // Room again: what was set aside can be redriven.
    for delivery in bench.pull(256).await {
        bench.settle(&delivery, Verdict::Ack).await;
    }
    bench.bus.redrive_all(Which::default()).await.unwrap();
    assert_eq!(bench.pulled().await.len(), dead.len());
}

#[tokio::test]
async fn a_publisher_whose_events_nobody_takes_is_refused_until_they_are_taken() {
    let bench = Bench::new();
    let bus = bench.bus.clone().with_quotas(Quotas { published: 150, awaited: 1 << 20 });
    let bench = Bench { bus, ..bench };
    bench.subscribe(256).await;
    let mut taken = 0;
    let refused = loop {
        match bench.bus.publish(draft(None)).await {
            Ok(_) if taken < 10 => taken += 1,
            other => break other,
        }
    };
    assert!(matches!(refused, Err(BusError::PublishedQuota)));
    assert!(bench.bus.publish(Draft { source: "other".to_owned(), ..draft(None) }).await.is_ok());
    for delivery in bench.pull(256).await {
        bench.settle(&delivery, Verdict::Ack).await;
    }
    assert!(bench.bus.publish(draft(None)).await.is_ok());
    bench.bus.delete_subscription(PLUGIN, NAME).await.unwrap();
    let sum = "SELECT coalesce(sum(bytes), 0) FROM backlog WHERE side = 0";
    let left = bench.bus.store.read(move |conn| Ok(conn.query_row(sum, [], |row| row.get(0))?));
    let left: i64 = left.await.unwrap();
    assert_eq!(left, 0, "nothing that is gone still counts");
}

#[tokio::test]
async fn a_pause_spares_the_attempts_of_what_was_out() {
    let bench = Bench::subscribed().await;
    bench.publish(None).await;
    for _ in 0..20 {
        let delivery = bench.pull(1).await.remove(0);
        bench.bus.upkeep(|plugin_id| plugin_id == PLUGIN).await.unwrap();
        assert_eq!(bench.settle(&delivery, Verdict::Ack).await.settled, 0);
    }
    assert!(bench.dead().await.is_empty());
    // The control: the same without a pause is a failed attempt each time.
    for _ in 0..MAX_DELIVERIES {
        bench.pull(1).await.remove(0);
        bench.advance(ACK_WAIT_MS);
        bench.bus.upkeep(|_| false).await.unwrap();
        bench.advance(40_000_000);
    }
    assert_eq!(bench.dead().await, [(1, MAX_DELIVERIES, "ack_timeout".to_owned())]);
}

#[tokio::test]
async fn the_tail_tells_facts_and_waits_for_news() {
    let bench = Bench::subscribed().await;
    bench.publish(Some("k")).await;
    bench.bus.publish(Draft { event_type: "Other".to_owned(), ..draft(None) }).await.unwrap();
    let newest = Tail { limit: 10, ..Tail::default() };
    let facts = bench.bus.tail(newest, Duration::ZERO).await.unwrap();
    assert_eq!(facts.iter().map(|facts| facts.sequence).collect::<Vec<_>>(), [2, 1]);
    assert_eq!((facts[0].undelivered, facts[1].undelivered), (0, 1));
    assert!(facts[1].size > 0);
    let after = Tail { after: Some(2), event_type: Some("Note".into()), limit: 10, source: None };
    let bus = bench.bus.clone();
    let tail = tokio::spawn(async move { bus.tail(after, Duration::from_secs(60)).await });
    tokio::task::yield_now().await;
    bench.publish(None).await;
    assert_eq!(tail.await.unwrap().unwrap()[0].sequence, 3);
}
