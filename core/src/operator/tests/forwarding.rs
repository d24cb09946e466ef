//! What reaches the callee, what comes back, how often it is tried.

use super::*;
use crate::operator::address::Address;

const FAIL: Act = Act::Answer(500, "boom");

#[tokio::test]
async fn a_call_carries_its_own_token_and_nothing_of_the_callers() {
    let bench = Bench::new(&[Act::Answer(200, r#"{"pong":true}"#)]).await;
    let answer = bench.json(&bench.call()).await.unwrap();
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
    let failed = bench.json(&bench.call()).await;
    assert!(matches!(failed, Err(CallError::CalleeFailed)));
    assert_eq!(bench.seen().len(), 1);

    let bench = Bench::new(&[FAIL, FAIL]).await;
    bench.json(&bench.idempotent()).await.unwrap();
    let seen = bench.seen();
    let token = |seen: &Seen| seen.headers["authorization"].clone();
    assert_eq!(seen.len(), 3);
    assert_ne!(token(&seen[0]), token(&seen[1]));

    let bench = Bench::new(&[FAIL]).await;
    let keyed = Call { idempotency_key: Some("k-1".to_owned()), ..bench.call() };
    bench.json(&keyed).await.unwrap();
    assert!(bench.seen().iter().all(|seen| seen.headers["idempotency-key"] == "k-1"));

    let bench = Bench::new(&[FAIL, FAIL, FAIL]).await;
    let failed = bench.json(&bench.idempotent()).await;
    assert!(matches!(failed, Err(CallError::CalleeFailed)));
    assert_eq!(bench.seen().len(), 3);
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
    let call = async || bench.json(&bench.call()).await;
    assert_eq!(call().await.unwrap(), Value::Null);
    assert!(matches!(call().await, Err(CallError::InvalidResponse(_))));
    assert!(matches!(call().await, Err(CallError::InvalidResponse(_))));
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
    let timed_out = bench.json(&bench.idempotent()).await;
    assert!(matches!(timed_out, Err(CallError::TimedOut)));
    assert!(start.elapsed() < Duration::from_millis(10_100));
    let hurried = Call { timeout: Some(Duration::from_millis(500)), ..bench.call() };
    let start = Instant::now();
    assert!(matches!(bench.json(&hurried).await, Err(CallError::TimedOut)));
    assert!(start.elapsed() < Duration::from_millis(600));
}

#[tokio::test]
async fn a_callee_that_is_gone_has_failed() {
    let bench = Bench::new(&[]).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let call = Call { base_url, ..bench.call() };
    assert!(matches!(bench.json(&call).await, Err(CallError::CalleeFailed)));
}

#[test]
fn only_loopback_is_reached_in_the_clear() {
    let target = |base: &str| {
        let address = Address::parse(base)?;
        Some((address.tls_name.clone(), address.authority.clone(), address.target("/rpc/ping")?))
    };
    for (base, tls, authority, path) in [
        ("http://127.0.0.1:9", None, "127.0.0.1:9", "/rpc/ping"),
        ("http://[::1]:9", None, "[::1]:9", "/rpc/ping"),
        ("http://localhost:9/", None, "localhost:9", "/rpc/ping"),
        ("https://a.test/x/", Some("a.test"), "a.test", "/x/rpc/ping"),
        ("https://10.0.0.5:8443", Some("10.0.0.5"), "10.0.0.5:8443", "/rpc/ping"),
    ] {
        let expected = (tls.map(str::to_owned), authority.to_owned(), path.to_owned());
        assert_eq!(target(base), Some(expected), "{base}");
    }
    for base in [
        "http://10.0.0.5:9",
        "http://example.com",
        "http://localhost.evil.test",
        "http://169.254.169.254",
        "http://0.0.0.0:9",
        "ftp://127.0.0.1",
        "http://user@127.0.0.1:9",
        "http://127.0.0.1:9/?q=",
        "nonsense",
    ] {
        assert_eq!(target(base), None, "{base}");
    }
    let address = Address::parse("http://127.0.0.1:9/base").unwrap();
    assert_eq!(address.target("/a").as_deref(), Some("/base/a"));
    for path in ["/../admin", "//evil.test/", "rpc", "/a/%2e%2e/b", "/a b", "/a?b", "/a/./b"] {
        assert_eq!(address.target(path), None, "{path}");
    }
}
