//! Following the log.

use super::*;

fn admit() -> Admit {
    Arc::new(|_: &str, _: &[String]| Admission::Whole)
}

async fn look(stream: &mut Stream) -> Vec<i64> {
    let followed = stream.next(&admit(), Duration::ZERO).await.unwrap();
    followed.events.iter().map(|event| event.sequence).collect()
}

#[tokio::test]
async fn a_stream_starts_now_goes_on_after_its_place_and_sees_only_its_types() {
    let bench = Bench::new();
    bench.publish(None).await;
    let types = ["Note".to_owned()];
    let mut stream = bench.bus.follow(PLUGIN, &types, None).await.unwrap();
    assert!(look(&mut stream).await.is_empty());
    bench.bus.publish(Draft { event_type: "Other".to_owned(), ..draft(None) }).await.unwrap();
    let third = bench.publish(None).await;
    assert_eq!(look(&mut stream).await, [third]);
    assert!(look(&mut stream).await.is_empty());
    let place = stream.place();
    drop(stream);
    let fourth = bench.publish(None).await;
    let mut stream = bench.bus.follow(PLUGIN, &types, Some(place)).await.unwrap();
    assert_eq!(look(&mut stream).await, [fourth]);
}

#[tokio::test]
async fn a_long_log_comes_in_pieces_without_a_gap() {
    let bench = Bench::new();
    for _ in 0..200 {
        bench.publish(None).await;
    }
    let types = ["Note".to_owned()];
    let mut stream = bench.bus.follow(PLUGIN, &types, Some(0)).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 200 {
        let more = look(&mut stream).await;
        assert!(!more.is_empty());
        seen.extend(more);
    }
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_event_is_judged_and_masked_and_what_is_withheld_is_told() {
    let bench = Bench::new();
    let schema = json!({ "properties": { "text": { "x-data-class": "pii" } } });
    let mask = Mask::new(Arc::new(schema), vec!["pii".to_owned()]).unwrap();
    let admit: Admit = Arc::new(move |_: &str, data: &[String]| match data.len() {
        0 => Admission::Whole,
        1 => Admission::Masked(mask.clone()),
        _ => Admission::Withheld("floor.data".to_owned()),
    });
    let classes: [&[&str]; 3] = [&[], &["pii"], &["phi", "pii"]];
    for classes in classes {
        let data_traits = classes.iter().map(|class| (*class).to_owned()).collect();
        bench.bus.publish(Draft { data_traits, ..draft(None) }).await.unwrap();
    }
    let types = ["Note".to_owned()];
    let mut stream = bench.bus.follow(PLUGIN, &types, Some(0)).await.unwrap();
    let followed = stream.next(&admit, Duration::ZERO).await.unwrap();
    assert_eq!(followed.events[0].payload, draft(None).payload);
    assert_eq!(followed.events[1].payload, json!({ "text": "***" }));
    assert_eq!(followed.events[1].masked, ["pii"]);
    assert_eq!(followed.withheld, [Withheld { sequence: 3, rule: "floor.data".to_owned() }]);
}

#[tokio::test]
async fn a_plugin_has_a_bounded_number_of_streams_and_gets_them_back() {
    let bench = Bench::new();
    let types = ["Note".to_owned()];
    let mut open = Vec::new();
    for _ in 0..MAX_STREAMS {
        open.push(bench.bus.follow(PLUGIN, &types, None).await.unwrap());
    }
    let more = bench.bus.follow(PLUGIN, &types, None).await;
    assert!(matches!(more, Err(BusError::TooManyStreams)));
    assert!(bench.bus.follow("other", &types, None).await.is_ok());
    open.pop();
    assert!(bench.bus.follow(PLUGIN, &types, None).await.is_ok());
}

#[tokio::test]
async fn a_quiet_stream_wakes_with_the_next_event() {
    let bench = Bench::new();
    let types = ["Note".to_owned()];
    let mut stream = bench.bus.follow(PLUGIN, &types, None).await.unwrap();
    let follow = tokio::spawn(async move {
        loop {
            let followed = stream.next(&admit(), Duration::from_secs(60)).await.unwrap();
            if let Some(event) = followed.events.first() {
                return event.sequence;
            }
        }
    });
    tokio::task::yield_now().await;
    assert_eq!(bench.publish(None).await, follow.await.unwrap());
}
