//! Retries under a budget, and the breaker.

use super::*;

const FAIL: Act = Act::Answer(500, "boom");

#[test]
fn a_fifth_of_the_calls_of_ten_seconds_may_be_tried_again_and_three_always() {
    let clock = Clock::manual(time::OffsetDateTime::UNIX_EPOCH);
    let budget = Budget::new(clock.clone());
    let spend = || (0..100).filter(|_| budget.spend("beta")).count();
    assert_eq!(spend(), 3);
    (0..50).for_each(|_| budget.earn("beta"));
    assert_eq!(spend(), 7);
    clock.advance(Duration::from_secs(5));
    assert_eq!(spend(), 0);
    (0..10).for_each(|_| budget.earn("beta"));
    assert_eq!(spend(), 2);
    // The first fifty calls and their ten retries leave the window together.
    clock.advance(Duration::from_secs(5));
    assert_eq!(spend(), 1);
    clock.advance(Duration::from_secs(600));
    assert_eq!(spend(), 3);
    assert!(budget.spend("gamma"));
}

#[tokio::test]
async fn a_callee_that_always_fails_is_tried_little_more_than_it_is_called() {
    let bench = Bench::new(&vec![FAIL; 200]).await;
    let calls = 40;
    for number in 0..calls {
        // Each call another operation, so that no breaker hides the retries.
        let call = bench.offering(|offer| {
            offer.idempotent = true;
            offer.name = format!("ping_{number}");
        });
        assert!(matches!(bench.json(&call).await, Err(CallError::CalleeFailed)));
    }
    let retries = bench.seen().len() - calls;
    assert!((3..=8).contains(&retries), "{retries} retries of {calls} calls");
}

#[tokio::test]
async fn the_breaker_opens_after_five_failures_and_lets_one_probe_through() {
    let bench = Bench::new(&[FAIL, FAIL, FAIL, FAIL, FAIL, FAIL]).await;
    for _ in 0..5 {
        assert!(matches!(bench.json(&bench.call()).await, Err(CallError::CalleeFailed)));
    }
    let open = bench.json(&bench.call()).await;
    assert!(matches!(open, Err(CallError::CircuitOpen { retry_after: 60 })));
    assert_eq!(bench.seen().len(), 5);
    let other = bench.offering(|offer| offer.name = "other".to_owned());
    assert!(matches!(bench.json(&other).await, Err(CallError::CalleeFailed)));
    let tripped = &bench.gateway.tripped()[0];
    assert_eq!((tripped.plugin_id.as_str(), tripped.operation.as_str()), ("beta", "ping"));
    assert_eq!((tripped.probing, tripped.retry_after), (false, 60));
    bench.clock.advance(Duration::from_secs(60));
    bench.json(&bench.call()).await.unwrap();
    assert!(bench.gateway.tripped().is_empty());
}

#[tokio::test]
async fn a_failed_probe_opens_again_and_a_dropped_one_lets_the_next_probe() {
    let clock = Clock::manual(time::OffsetDateTime::UNIX_EPOCH);
    let breakers = Breakers::new(clock.clone());
    for _ in 0..5 {
        breakers.admit("beta", "ping").unwrap().failed();
    }
    clock.advance(Duration::from_secs(60));
    let probe = breakers.admit("beta", "ping").unwrap();
    assert!(breakers.tripped()[0].probing);
    assert!(breakers.admit("beta", "ping").is_err());
    drop(probe);
    breakers.admit("beta", "ping").unwrap().failed();
    assert_eq!(breakers.admit("beta", "ping").err(), Some(60));
    clock.advance(Duration::from_secs(60));
    breakers.admit("beta", "ping").unwrap().succeeded();
    for _ in 0..4 {
        breakers.admit("beta", "ping").unwrap().failed();
    }
    breakers.admit("beta", "ping").unwrap().succeeded();
    breakers.admit("beta", "ping").unwrap().failed();
    assert!(breakers.admit("beta", "ping").is_ok());
}
