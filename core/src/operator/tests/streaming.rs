//! Answers against the manifest, answers that are streams, and callees that go in between.

use axum::body::HttpBody as _;
use http_body_util::BodyExt as _;

use super::*;

async fn stream(bench: &Bench) -> (String, axum::body::Body) {
    match bench.gateway.call(&bench.call()).await.unwrap() {
        Answer::Stream { media_type, body } => (media_type, body),
        Answer::Json(_) => panic!("the answer is JSON"),
    }
}

#[tokio::test]
async fn an_answer_must_be_what_the_manifest_says() {
    let bench = Bench::new(&[
        Act::Answer(200, r#"{"pong":true}"#),
        Act::Answer(200, r#"{"pong":"canary","canary":1}"#),
        Act::Typed("text/plain", "canary"),
        Act::Answer(204, ""),
    ])
    .await;
    let call = bench.offering(|offer| {
        offer.output_schema = Some(json!({
            "type": "object", "required": ["pong"], "additionalProperties": false,
            "properties": {"pong": {"type": "boolean"}}
        }));
    });
    assert_eq!(bench.json(&call).await.unwrap(), json!({"pong": true}));
    for rules in [&["type", "additionalProperties"][..], &["media_type"], &["type"]] {
        let refused = bench.json(&call).await;
        let Err(CallError::InvalidResponse(faults)) = refused else { panic!("{refused:?}") };
        assert!(!format!("{faults:?}").contains("canary"), "{faults:?}");
        let mut found: Vec<_> = faults.iter().map(|fault| fault.rule.as_str()).collect();
        found.sort_by_key(|rule| rules.iter().position(|known| known == rule));
        assert_eq!(found, rules);
    }
    // An answer of the wrong shape says nothing of the health of the callee.
    assert!(bench.gateway.tripped().is_empty());
}

#[test]
fn a_schema_that_cannot_be_used_lets_nothing_pass() {
    let mut offer = ping();
    offer.input_schema = Some(json!({"$ref": "https://example.com/schema"}));
    let operation = Operation::new(offer);
    assert_eq!(operation.input_faults(&json!({}))[0].rule, "schema");
    assert!(operation.output_faults(&json!({})).is_empty());
}

#[tokio::test]
async fn what_is_not_json_is_handed_on_while_it_comes() {
    let bench = Bench::new(&[Act::Typed("text/csv; charset=utf-8", "a,b\n1,2\n")]).await;
    let (media_type, body) = stream(&bench).await;
    assert_eq!(media_type, "text/csv; charset=utf-8");
    assert!(body.size_hint().exact().is_none());
    assert_eq!(body.collect().await.unwrap().to_bytes(), "a,b\n1,2\n");
}

#[tokio::test]
async fn a_stream_comes_piece_by_piece() {
    let bench = Bench::new(&[Act::Pieces]).await;
    let (_, mut body) = stream(&bench).await;
    // The second piece is never sent, so the first cannot have waited for the whole.
    let piece = body.frame().await.unwrap().unwrap();
    assert_eq!(piece.into_data().unwrap(), "first");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_deadline_of_its_call() {
    let bench = Bench::new(&[Act::Pieces]).await;
    let start = Instant::now();
    let (_, body) = stream(&bench).await;
    assert!(body.collect().await.is_err());
    assert!((Duration::from_secs(9)..Duration::from_secs(11)).contains(&start.elapsed()));
}

#[tokio::test]
async fn a_callee_that_loses_its_place_loses_its_calls_and_streams() {
    let bench = Bench::new(&[Act::Hang, Act::Pieces]).await;
    let (gateway, call) = (bench.gateway.clone(), bench.call());
    let running = tokio::spawn(async move { gateway.call(&call).await.map(drop) });
    while bench.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    let (_, body) = stream(&bench).await;
    // The control: those who stay keep what runs.
    bench.gateway.pool.keep(|_, _| true);
    tokio::task::yield_now().await;
    assert!(!running.is_finished());
    bench.gateway.pool.keep(|plugin_id, _| plugin_id != "beta");
    assert!(matches!(running.await.unwrap(), Err(CallError::CalleeGone)));
    assert!(body.collect().await.is_err());
    // A callee that comes back is called over a new connection.
    assert_eq!(bench.json(&bench.call()).await.unwrap(), json!({}));
}

#[tokio::test]
async fn a_callee_that_moved_is_called_at_its_new_address_only() {
    let (old, new) = (Bench::new(&[]).await, Bench::new(&[]).await);
    old.json(&old.call()).await.unwrap();
    let moved = Call { base_url: new.base_url.clone(), ..old.call() };
    old.json(&moved).await.unwrap();
    assert_eq!((old.seen().len(), new.seen().len()), (1, 1));
}
