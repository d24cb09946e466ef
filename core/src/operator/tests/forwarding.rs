//! What reaches the callee, what comes back, how often it is tried.

use super::*;

const FAIL: Act = Act::Answer(500, "boom");

#[tokio::test]
async fn a_call_carries_its_own_token_and_nothing_of_the_callers() {
    let bench = Bench::new(&[Act::Answer(200, r#"{"pong":true}"#)]).await;
    let answer = bench.gateway.call(bench.call()).await.unwrap();
    assert_eq!(answer, json!({"pong": true}));
    let seen = bench.seen().remove(0);
    assert_eq!((seen.path.as_str(), &seen.body[..]), ("/rpc/ping", &br#"{"n":1}"#[..]));
    let header = |name: &str| seen.headers.get(name).unwrap().to_str().unwrap();
    let token = header("authorization").strip_prefix("Bearer ").unwrap();
    let claims = bench.identity.call_claims("beta", token).unwrap();
    assert_eq!(claims.subject, "alpha");
    assert_eq!(claims.text("op"), Some("ping"));
    let digest = crate::json::hex(&crate::json::sha256(br#"{"n":1}"#));
    assert_eq!(claims.text("body_sha256"), Some(digest.as_str()));
    assert!(bench.identity.call_claims("gamma", token).is_err());
    assert_eq!(header("traceparent"), bench.call().traceparent);
    let left: u64 = header("vivified-deadline-ms").parse().unwrap();
    assert!((9_000..=10_000).contains(&left), "{left}");
    let mut names: Vec<_> = seen.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "traceparent",
        "user-agent",
        "vivified-deadline-ms",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn only_repeatable_calls_are_repeated_and_each_try_has_a_fresh_token() {
    let bench = Bench::new(&[FAIL]).await;
    let failed = bench.gateway.call(bench.call()).await;
    assert!(matches!(failed, Err(CallError::CalleeFailed)));
    assert_eq!(bench.seen().len(), 1);

    let bench = Bench::new(&[FAIL, FAIL]).await;
    bench.gateway.call(bench.idempotent()).await.unwrap();
    let seen = bench.seen();
    let token = |seen: &Seen| seen.headers["authorization"].clone();
    assert_eq!(seen.len(), 3);
    assert_ne!(token(&seen[0]), token(&seen[1]));

    let bench = Bench::new(&[FAIL]).await;
    let keyed = Call { idempotency_key: Some("k-1".to_owned()), ..bench.call() };
    bench.gateway.call(keyed).await.unwrap();
    assert!(bench.seen().iter().all(|seen| seen.headers["idempotency-key"] == "k-1"));

    let bench = Bench::new(&[FAIL, FAIL, FAIL]).await;
    let failed = bench.gateway.call(bench.idempotent()).await;
    assert!(matches!(failed, Err(CallError::CalleeFailed)));
    assert_eq!(bench.seen().len(), 3);
}

#[tokio::test]
async fn retries_stop_when_the_budget_is_spent() {
    let budget = Budget::default();
    let spent = (0..100).filter(|_| budget.spend("beta")).count();
    assert_eq!(spent, 10);
    (0..9).for_each(|_| budget.earn("beta"));
    assert!(!budget.spend("beta"));
    budget.earn("beta");
    assert!(budget.spend("beta"));
    assert!(budget.spend("gamma"));
}

#[tokio::test]
async fn the_breaker_opens_after_five_failures_and_lets_one_probe_through() {
    let bench = Bench::new(&[FAIL, FAIL, FAIL, FAIL, FAIL, FAIL]).await;
    for _ in 0..5 {
        assert!(matches!(bench.gateway.call(bench.call()).await, Err(CallError::CalleeFailed)));
    }
    let open = bench.gateway.call(bench.call()).await;
    assert!(matches!(open, Err(CallError::CircuitOpen { retry_after: 60 })));
    assert_eq!(bench.seen().len(), 5);
    let mut other = bench.call();
    other.offer.name = "other".to_owned();
    assert!(matches!(bench.gateway.call(other).await, Err(CallError::CalleeFailed)));
    let tripped = &bench.gateway.tripped()[0];
    assert_eq!((tripped.plugin_id.as_str(), tripped.operation.as_str()), ("beta", "ping"));
    bench.clock.advance(Duration::from_secs(60));
    bench.gateway.call(bench.call()).await.unwrap();
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

#[tokio::test]
async fn answers_of_the_callee_are_told_apart() {
    let bench = Bench::new(&[
        Act::Answer(204, ""),
        Act::Answer(200, "not json"),
        Act::Answer(200, r#"{"a":1,"a":2}"#),
        Act::Endless,
        Act::Answer(401, ""),
        Act::With(302, "location", "http://127.0.0.1:1/"),
        Act::With(429, "retry-after", "7"),
        Act::Answer(404, ""),
    ])
    .await;
    let call = || bench.gateway.call(bench.call());
    assert_eq!(call().await.unwrap(), Value::Null);
    assert!(matches!(call().await, Err(CallError::CalleeFailed)));
    assert!(matches!(call().await, Err(CallError::CalleeFailed)));
    assert!(matches!(call().await, Err(CallError::TooLarge)));
    assert!(matches!(call().await, Err(CallError::CalleeFailed)));
    bench.clock.advance(Duration::from_secs(60));
    assert!(matches!(call().await, Err(CallError::CalleeFailed)));
    bench.clock.advance(Duration::from_secs(60));
    let refused = call().await;
    assert!(matches!(refused, Err(CallError::Refused { status: 429, retry_after: Some(7) })));
    assert!(matches!(call().await, Err(CallError::Refused { status: 404, .. })));
    assert_eq!(bench.seen().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn one_deadline_covers_every_try_and_the_callers_own_is_kept() {
    let bench = Bench::new(&[Act::Hang, Act::Hang]).await;
    let start = Instant::now();
    let timed_out = bench.gateway.call(bench.idempotent()).await;
    assert!(matches!(timed_out, Err(CallError::TimedOut)));
    assert!(start.elapsed() < Duration::from_millis(10_100));
    let hurried = Call { timeout: Some(Duration::from_millis(500)), ..bench.call() };
    let start = Instant::now();
    assert!(matches!(bench.gateway.call(hurried).await, Err(CallError::TimedOut)));
    assert!(start.elapsed() < Duration::from_millis(600));
}

#[tokio::test]
async fn a_callee_that_is_gone_has_failed() {
    let bench = Bench::new(&[]).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let call = Call { base_url, ..bench.call() };
    assert!(matches!(bench.gateway.call(call).await, Err(CallError::CalleeFailed)));
}

#[test]
fn only_loopback_is_reached_in_the_clear() {
    let target = |base: &str| forward::target(base, "/rpc/ping").map(|url| url.to_string());
    for base in ["http://127.0.0.1:9", "http://[::1]:9", "http://localhost:9/", "https://a.test/x"]
    {
        let expected = format!("{}/rpc/ping", base.trim_end_matches('/'));
        assert_eq!(target(base), Some(expected), "{base}");
    }
    for base in [
        "http://10.0.0.5:9",
        "http://example.com",
        "http://localhost.evil.test",
        "http://169.254.169.254",
        "ftp://127.0.0.1",
        "http://user@127.0.0.1:9",
        "http://127.0.0.1:9/?q=",
        "nonsense",
    ] {
        assert_eq!(target(base), None, "{base}");
    }
    for path in ["/../admin", "//evil.test/", "rpc", "/a/%2e%2e/b"] {
        assert_eq!(forward::target("http://127.0.0.1:9/base", path), None, "{path}");
    }
}
