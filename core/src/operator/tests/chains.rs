//! Calls that cause calls.

use super::*;
use crate::operator::chain::extend;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_chain_never_returns_and_ends_after_eight_hops() {
    assert_eq!(extend(&[], "a", "b"), Ok(names(&["a", "b"])));
    assert_eq!(extend(&[], "a", "a"), Err(ChainFault::Cycle(names(&["a", "a"]))));
    let before = names(&["a", "b"]);
    assert_eq!(extend(&before, "c", "a"), Err(ChainFault::Cycle(names(&["a", "b", "c", "a"]))));
    let seven = names(&["1", "2", "3", "4", "5", "6", "7"]);
    assert!(extend(&seven, "8", "9").is_ok());
    let eight = names(&["1", "2", "3", "4", "5", "6", "7", "8"]);
    assert_eq!(extend(&eight, "9", "10"), Err(ChainFault::TooLong));
}

#[tokio::test]
async fn a_callee_that_calls_back_is_shown_the_cycle_and_keeps_the_deadline() {
    let bench = Bench::new(&[Act::Hang]).await;
    let (gateway, call) = (bench.gateway.clone(), bench.call());
    let outer = tokio::spawn(async move { gateway.call(&call).await.map(drop) });
    while bench.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    let back = Call { caller: "beta".to_owned(), callee: "alpha".to_owned(), ..bench.call() };
    let refused = bench.json(&back).await;
    let Err(CallError::Chain(ChainFault::Cycle(path))) = refused else { panic!("{refused:?}") };
    assert_eq!(path, ["alpha", "beta", "alpha"]);

    let onward = Call { callee: "gamma".to_owned(), ..back.clone() };
    bench.json(&onward).await.unwrap();
    let token = bench.seen()[1].headers["authorization"].to_str().unwrap()[7..].to_owned();
    let claims = bench.identity.call_claims("gamma", &token).unwrap();
    assert_eq!(claims.chain(), ["alpha", "beta"]);

    // Another trace is another chain, and so is this one once the outer call has ended.
    let elsewhere = Call { trace_id: "0".repeat(32), ..back.clone() };
    bench.json(&elsewhere).await.unwrap();
    outer.abort();
    let _ = outer.await;
    bench.json(&back).await.unwrap();
}

#[tokio::test]
async fn a_shown_chain_counts_without_any_trace() {
    let bench = Bench::new(&[]).await;
    let call = Call { shown_chain: Some(names(&["beta", "gamma"])), ..bench.call() };
    let refused = bench.json(&call).await;
    assert!(matches!(refused, Err(CallError::Chain(ChainFault::Cycle(_)))));
    assert!(bench.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_inner_call_ends_with_the_outer_deadline() {
    let bench = Bench::new(&[Act::Hang, Act::Hang]).await;
    let (gateway, mut call) = (bench.gateway.clone(), bench.call());
    call.timeout = Some(Duration::from_millis(300));
    let chains = gateway.chains.clone();
    let start = Instant::now();
    let _outer =
        chains.enter(&call.trace_id, names(&["alpha", "beta"]), start + Duration::from_millis(300));
    let inner =
        Call { caller: "beta".to_owned(), callee: "gamma".to_owned(), timeout: None, ..call };
    assert!(matches!(gateway.call(&inner).await, Err(CallError::TimedOut)));
    assert!(start.elapsed() < Duration::from_millis(400));
}
