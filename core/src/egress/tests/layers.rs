//! What each layer promises, apart from the vectors.

use serde_json::{Value, json};

use super::*;

async fn refused(call: Outgoing) -> &'static str {
    match run(Script::default(), call).await.result {
        Err(Failure::Refused(refusal)) => refusal.rule,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn entries_that_open_too_much_are_refused_when_loaded() {
    let cases: &[(Value, &str)] = &[
        (json!("*"), "wildcard-not-leading"),
        (json!("*."), "not-a-host-name"),
        (json!("*.com"), "public-suffix"),
        (json!("*.co.uk"), "public-suffix"),
        (json!("*.github.io"), "public-suffix"),
        (json!("a.*.example.com"), "wildcard-not-leading"),
        (json!("a*.example.com"), "wildcard-not-leading"),
        (json!("10.0.0.5"), "address-literal"),
        (json!("8.8.8.8"), "address-literal"),
        (json!("[::1]"), "not-a-host-name"),
        (json!("localhost"), "single-label"),
        (json!("printer.local"), "private-name"),
        (json!("metadata.google.internal"), "private-name"),
        (json!("*.vivified.internal"), "private-name"),
        (json!("10.0.0.5.nip.io"), "private-name"),
        (json!("b\u{fc}cher.test"), "not-an-a-label"),
        (json!("xn--a.partner.test"), "not-canonical"),
        (json!("Example.com"), "not-a-host-name"),
        (json!("example.com."), "not-a-host-name"),
        (json!("example.com/path"), "not-a-host-name"),
        (json!({"host": "example.com", "port": 22}), "port-not-allowed"),
        (json!({"host": "example.com", "ports": [443, 0]}), "port-not-allowed"),
        (json!({"host": "example.com", "methods": ["TRACE"]}), "method-not-allowed"),
        (json!({"host": "example.com", "path_prefix": "v1"}), "bad-path"),
        (json!({"port": 443}), "no-host"),
    ];
    for (entry, rule) in cases {
        assert_eq!(AllowRule::parse(entry).err(), Some(*rule), "{entry}");
    }
    for good in ["example.com", "*.example.com", "api.example.co.uk", "*.shop.example.co.uk"] {
        assert_eq!(AllowRule::parse(&json!(good)).expect(good).host(), good);
    }
}

#[tokio::test]
async fn paths_match_whole_segments() {
    let entry = json!({"host": "api.partner.test", "path_prefix": "/v1"});
    let rules = vec![AllowRule::parse(&entry).expect("a good entry")];
    for (path, allowed) in [("/v1", true), ("/v1/x", true), ("/v10", false), ("/", false)] {
        let script = Script { rules: rules.clone(), ..Script::default() };
        let outcome = run(script, get(&format!("https://api.partner.test{path}"))).await;
        assert_eq!(outcome.result.is_ok(), allowed, "{path}");
    }
}

#[tokio::test]
async fn phi_goes_only_to_an_entry_with_a_baa() {
    let call = Outgoing { phi: true, ..get("https://api.partner.test/") };
    assert_eq!(refused(call.clone()).await, "phi-without-baa");
    let entry = json!({"host": "api.partner.test", "baa": true});
    let rules = vec![AllowRule::parse(&entry).expect("a good entry")];
    let script = Script { rules, ..Script::default() };
    assert!(run(script.clone(), call.clone()).await.result.is_ok());
    let ungranted = Outgoing { may_handle_phi: false, ..call };
    let result = run(script, ungranted).await.result;
    let refusal = Refusal { layer: Layer::Forward, rule: "phi-not-granted" };
    assert_eq!(result, Err(Failure::Refused(refusal)));
}

#[tokio::test]
async fn credentials_cookies_and_forwarding_stay_behind() {
    let call = Outgoing {
        method: "POST".to_owned(),
        headers: [
            ("Authorization", "Bearer secret"),
            ("Cookie", "a=b"),
            ("Proxy-Authorization", "x"),
            ("Connection", "keep-alive"),
            ("X-Forwarded-For", "1.2.3.4"),
            ("X-Real-IP", "1.2.3.4"),
            ("Forwarded", "for=1.2.3.4"),
            ("X-HTTP-Method-Override", "DELETE"),
            ("X-Vivified-Deadline", "1"),
            ("Content-Type", "application/json"),
            ("X-Request-Id", "7"),
            ("Host", "api.partner.test"),
            ("Content-Length", "2"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        body: b"{}".to_vec(),
        ..get("https://api.partner.test/v1?q=1")
    };
    let outcome = run(Script::default(), call).await;
    assert!(outcome.result.is_ok());
    let request = outcome.requests.concat();
    let mut lines: Vec<&str> = request.split("\r\n").collect();
    assert_eq!(lines.remove(0), "POST /v1?q=1 HTTP/1.1");
    lines.sort_unstable();
    let user_agent = concat!("user-agent: vivified-core/", env!("CARGO_PKG_VERSION"));
    let mut expected = vec![
        "",
        "connection: close",
        "content-length: 2",
        "content-type: application/json",
        "host: api.partner.test",
        user_agent,
        "x-request-id: 7",
        "{}",
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_call_cannot_write_framing_or_routing() {
    let cases = [
        ("Host", "evil.test", "host-override"),
        ("Transfer-Encoding", "chunked", "framing-header"),
        ("Upgrade", "h2c", "framing-header"),
        ("Expect", "100-continue", "framing-header"),
        ("Content-Length", "9", "length-mismatch"),
        (":authority", "evil.test", "malformed-header"),
        ("X-A\r\nB", "1", "malformed-header"),
        ("X-A", "1\r\nB: 2", "malformed-header"),
        ("X-A", "caf\u{e9}", "malformed-header"),
    ];
    for (name, value, rule) in cases {
        let mut call = get("https://api.partner.test/");
        call.headers = vec![(name.to_owned(), value.to_owned())];
        assert_eq!(refused(call).await, rule, "{name:?}");
    }
}

#[tokio::test]
async fn answers_are_capped_and_cleaned() {
    let reply = |text: &str| Script { response: text.to_owned(), ..Script::default() };
    let url = "https://api.partner.test/";
    let huge = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(10 * 1024 * 1024 + 1));
    let result = run(reply(&huge), get(url)).await.result;
    assert_eq!(result, Err(Failure::BadAnswer("answer-too-large")));
    let result = run(reply("SSH-2.0-OpenSSH_9.6\r\n"), get(url)).await.result;
    assert_eq!(result, Err(Failure::BadAnswer("not-http")));
    let result =
        run(reply("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), get(url)).await.result;
    assert_eq!(result, Err(Failure::BadAnswer("broken-answer")));
    let cookies = "HTTP/1.1 204 No Content\r\nSet-Cookie: a=b\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\
                   X-Kept: 1\r\nX-Kept: 2\r\n\r\n";
    let fetched = run(reply(cookies), get(url)).await.result.expect("an answer");
    assert_eq!(fetched.status, 204);
    assert_eq!(fetched.headers, [("x-kept".to_owned(), "1, 2".to_owned())]);
}

#[tokio::test]
async fn a_refused_address_is_passed_over_without_a_second_look_up() {
    let script = Script {
        dns: vec![Ok(answer(&[REFUSING, "93.184.215.14"])), Ok(answer(&["127.0.0.1"]))],
        ..Script::default()
    };
    let outcome = run(script, get("https://api.partner.test/")).await;
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.queries, 1);
    let dialled: Vec<String> = outcome.dialled.iter().map(ToString::to_string).collect();
    assert_eq!(dialled, ["93.184.215.99:443", "93.184.215.14:443"]);
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_never_answers_is_a_denial() {
    struct Silent;
    impl Resolve for Silent {
        fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer, LookupError>> {
            Box::pin(std::future::pending())
        }
    }
    let tls = Tls::new(None).expect("the public roots load");
    let egress = Egress::new(Arc::new(Silent), Arc::new(connect::TcpDial), tls, Limits::default());
    let call = get("https://api.partner.test/");
    let result = egress.fetch(&rules(), call, &HashSet::new(), 0).await;
    let refusal = Refusal { layer: Layer::Address, rule: "name-timeout" };
    assert_eq!(result, Err(Failure::Refused(refusal)));
}

#[test]
fn a_plugin_has_its_calls_a_minute_and_no_more() {
    let rate = rate::Rate::per_minute(100);
    for call in 0..100 {
        assert_eq!(rate.take("alpha", call * 100), Ok(()));
    }
    assert_eq!(rate.take("alpha", 10_000), Err(50));
    assert_eq!(rate.take("beta", 10_000), Ok(()));
    assert_eq!(rate.take("alpha", 60_000), Ok(()));
    assert_eq!(rate.take("alpha", 60_050), Err(1));
}

#[cfg(feature = "dev")]
#[tokio::test]
async fn a_stub_replaces_only_the_address_and_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    });
    let dns = FixtureDns { answers: vec![], queries: Mutex::default() };
    let tls = Tls::new(None).unwrap();
    let stub = format!("api.partner.test={address}").parse().unwrap();
    let egress = Egress::new(Arc::new(dns), Arc::new(connect::TcpDial), tls, Limits::default())
        .with_stubs(vec![stub]);
    let fetch = |url: &str| {
        let (call, rules, none) = (get(url), rules(), HashSet::new());
        let egress = &egress;
        async move { egress.fetch(&rules, call, &none, 0).await }
    };
    assert_eq!(fetch("https://api.partner.test/").await.unwrap().status, 200);
    for url in ["https://api.partner.test:22/", "http://api.partner.test/", "https://x.test/"] {
        assert!(matches!(fetch(url).await, Err(Failure::Refused(_))), "{url}");
    }
    assert!("api.partner.test=93.184.215.14:80".parse::<stub::EgressStub>().is_err());
}
