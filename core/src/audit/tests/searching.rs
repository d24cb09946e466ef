//! Searches find what is there, with and without blocks to pass over.

use super::*;

fn all() -> Filter {
    Filter { limit: 1_000, ..Filter::default() }
}

async fn places(bench: &Bench, filter: Filter) -> Vec<i64> {
    let mut after = filter.after;
    let mut places = Vec::new();
    loop {
        let page = bench.log.search(Filter { after, ..filter.clone() }).await.expect("reads");
        places.extend(page.records.iter().map(|record| record["seq"].as_i64().expect("a place")));
        after = page.next;
        if after.is_none() {
            return places;
        }
    }
}

#[tokio::test]
async fn a_search_finds_by_action_plugin_and_time_page_by_page() {
    let bench = Bench::filled(20).await;
    let count = async |filter: Filter| bench.search(filter).await.len();
    assert_eq!(count(all()).await, 20);
    assert_eq!(count(Filter { action: Some("rpc.call".into()), ..all() }).await, 10);
    assert_eq!(count(Filter { plugin_id: Some("alpha".into()), ..all() }).await, 20);
    assert_eq!(count(Filter { plugin_id: Some("beta".into()), ..all() }).await, 7);
    assert_eq!(count(Filter { actor: Some("beta".into()), ..all() }).await, 0);
    assert_eq!(count(Filter { outcome: Some("ok".into()), ..all() }).await, 20);
    assert_eq!(count(Filter { plugin_id: Some("' OR 1=1".into()), ..all() }).await, 0);
    let moment = Some(time::macros::datetime!(2026-11-22 17:00:02.5 UTC));
    assert_eq!(count(Filter { since: moment, ..all() }).await, 10);
    assert_eq!(count(Filter { until: moment, ..all() }).await, 10);
    let pages = Filter { limit: 7, ..Filter::default() };
    assert_eq!(places(&bench, pages).await, (1..=20).collect::<Vec<i64>>());
}

#[tokio::test]
async fn blocks_that_are_passed_over_hide_nothing() {
    let bench = Bench::filled(4_200).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut rare = Entry::outcome(Actor::plugin("delta"), "egress.request", "egress_denied");
    rare.trace_id = Some(trace.into());
    bench.log.append(rare.clone()).await.expect("appends");
    bench.fill(2_000).await;
    bench.log.append(rare).await.expect("appends");
    for filter in [
        Filter { action: Some("egress.request".into()), ..all() },
        Filter { actor: Some("delta".into()), ..all() },
        Filter { plugin_id: Some("delta".into()), ..all() },
        Filter { outcome: Some("egress_denied".into()), ..all() },
        Filter { trace_id: Some(trace.into()), ..all() },
    ] {
        assert_eq!(places(&bench, filter.clone()).await, [4_201, 6_202], "{filter:?}");
        let few = bench.log.search_reading(Filter { limit: 1, ..filter }, 1_500).await;
        let few = few.expect("reads");
        assert_eq!((few.records.len(), few.next), (1, Some(6_201)), "reads two spans of seven");
    }
    let since = Some(time::macros::datetime!(2026-11-22 17:00 UTC) + time::Duration::minutes(20));
    assert_eq!(places(&bench, Filter { since, ..all() }).await.first(), Some(&4_802));
    assert_eq!(places(&bench, all()).await.len(), 6_202);
}

#[tokio::test]
async fn a_page_that_would_read_too_much_ends_early_and_goes_on() {
    let bench = Bench::filled(500).await;
    let never = Filter { action: Some("no.such".into()), ..all() };
    let page = bench.log.search_reading(never.clone(), 200).await.expect("reads");
    assert_eq!((page.records.len(), page.next), (0, Some(200)));
    let rest = Filter { after: page.next, ..never };
    assert_eq!(bench.log.search_reading(rest, 1_000).await.expect("reads").next, None);
}

#[tokio::test]
async fn words_that_need_an_escape_are_found() {
    let bench = bench().await;
    let action = "say \"hello\" \\ \n";
    bench.log.append(Entry::outcome(Actor::system(), action, "ok")).await.expect("appends");
    bench.fill(1_500).await;
    let found = bench.search(Filter { action: Some(action.into()), ..all() }).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["action"], action);
}
