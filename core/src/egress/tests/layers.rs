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
        (json!({"host": "example.com", "port": 80}), "port-not-allowed"),
        (json!({"host": "example.com", "scheme": "http", "port": 443}), "port-not-allowed"),
        (json!({"host": "example.com", "scheme": "ftp"}), "bad-scheme"),
        (json!({"host": "example.com", "scheme": "http", "baa": true}), "plain-http-is-bare"),
        (
            json!({"host": "example.com", "scheme": "http",
                "credential": {"header": "x-key", "secret": "secret://k"}}),
            "plain-http-is-bare",
        ),
        (json!({"host": "example.com", "rate_per_minute": 1_000_000}), "bad-cap"),
        (json!({"host": "example.com", "max_response_bytes": -1}), "bad-cap"),
        (json!({"host": "example.com", "timeout_ms": "long"}), "bad-cap"),
        (
            json!({"host": "example.com", "credential": {"header": "host", "secret": "secret://k"}}),
            "bad-credential-header",
        ),
        (
            json!({"host": "example.com", "credential": {"header": "x-key", "secret": "k"}}),
            "bad-credential-secret",
        ),
        (json!("*.nhs.uk"), "public-suffix"),
        (json!("*.blob.core.windows.net"), "public-suffix"),
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
    let rules = super::entry(entry);
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
    let rules = super::entry(entry);
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
    let reply = |text: &str| Script { response: text.into(), ..Script::default() };
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
    let script = Script::default();
    let outcome = egress.fetch(script.terms(), get("https://api.partner.test/")).await;
    let refusal = Refusal { layer: Layer::Address, rule: "name-timeout" };
    assert_eq!(outcome.result, Err(Failure::Refused(refusal)));
}

#[test]
fn a_plugin_has_its_calls_a_minute_for_each_entry_and_no_more() {
    let rate = rate::Rate::default();
    let take = |plugin: &str, entry: &str, now: u64| rate.take(plugin, entry, 100, now);
    for call in 0..100 {
        assert_eq!(take("alpha", "a", call * 100), Ok(()));
    }
    assert_eq!(take("alpha", "a", 10_000), Err(50));
    assert_eq!(take("alpha", "b", 10_000), Ok(()));
    assert_eq!(take("beta", "a", 10_000), Ok(()));
    assert_eq!(take("alpha", "a", 60_000), Ok(()));
    assert_eq!(take("alpha", "a", 60_050), Err(1));
}

#[tokio::test]
async fn each_entry_has_caps_of_its_own_and_refused_calls_share_one() {
    let (dns, dial) = (FixtureDns::of(&["10.0.0.1"]), Arc::new(connect::TcpDial));
    let egress = Egress::new(dns, dial, Tls::new(None).unwrap(), Limits::default());
    let mut rules = super::entry(json!({"host": "a.test", "rate_per_minute": 2}));
    rules.extend(super::entry(json!({"host": "b.test", "max_request_bytes": 3})));
    let script = Script { rules, ..Script::default() };
    let mut results = Vec::new();
    for url in ["https://a.test/", "https://a.test/", "https://a.test/", "https://b.test/"] {
        results.push(egress.fetch(script.terms(), get(url)).await.result.unwrap_err());
    }
    let refused = Failure::Refused(Refusal { layer: Layer::Address, rule: "private" });
    assert_eq!(results, [refused, refused, Failure::RateLimited { retry_after: 60 }, refused]);
    let large =
        Outgoing { method: "POST".into(), body: b"1234".to_vec(), ..get("https://b.test/") };
    let result = egress.fetch(script.terms(), large).await.result;
    let too_large = Refusal { layer: Layer::Forward, rule: "request-too-large" };
    assert_eq!(result, Err(Failure::Refused(too_large)));
    let mut refusals = 1;
    while egress.fetch(script.terms(), get("https://c.test/")).await.result
        == Err(Failure::Refused(Refusal { layer: Layer::Allowlist, rule: "host-not-listed" }))
    {
        refusals += 1;
    }
    assert_eq!(refusals, 100);
    let again = egress.fetch(script.terms(), get("https://b.test/")).await.result;
    assert_eq!(again, Err(refused), "the window of an entry is untouched by refusals");
}

#[tokio::test]
async fn an_answer_is_capped_by_its_entry_and_comes_back_compressed_as_it_was() {
    let rules = super::entry(json!({"host": "api.partner.test", "max_response_bytes": 20}));
    let packed = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n";
    let response = [head.as_bytes(), &packed].concat();
    let script = Script { rules: rules.clone(), response, ..Script::default() };
    let fetched = run(script, get("https://api.partner.test/")).await.result.expect("an answer");
    assert_eq!(fetched.body, packed);
    assert!(fetched.headers.contains(&("content-encoding".to_owned(), "gzip".to_owned())));
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n123456789012345678901\r\n0\r\n\r\n",
    ] {
        let script =
            Script { rules: rules.clone(), response: response.into(), ..Script::default() };
        let result = run(script, get("https://api.partner.test/")).await.result;
        assert_eq!(result, Err(Failure::BadAnswer("answer-too-large")), "{response}");
    }
}

#[tokio::test]
async fn plain_http_leaves_only_where_an_entry_asks_for_it() {
    let url = "http://api.partner.test/feed";
    assert_eq!(refused(get(url)).await, "not-https");
    let plain = super::entry(json!({"host": "api.partner.test", "scheme": "http"}));
    let seen = run(Script { rules: plain.clone(), ..Script::default() }, get(url)).await;
    assert_eq!(seen.result.expect("an answer").status, 200);
    assert_eq!(seen.dialled, ["93.184.215.14:80".parse().unwrap()]);
    assert!(seen.requests[0].contains("host: api.partner.test\r\n"), "{:?}", seen.requests);
    let mut both = plain;
    both.extend(super::rules());
    for (url, rule) in [
        ("http://one.cdn.partner.test/", "scheme-not-listed"),
        ("http://api.partner.test:443/", "port-not-listed"),
        ("https://api.partner.test:80/", "port-not-listed"),
        ("http://user@api.partner.test/", "userinfo"),
    ] {
        let script = Script { rules: both.clone(), ..Script::default() };
        match run(script, get(url)).await.result {
            Err(Failure::Refused(refusal)) => assert_eq!(refusal.rule, rule, "{url}"),
            other => panic!("{url}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn nothing_leads_back_to_core_or_to_a_plugin() {
    let own = |name: &str, address: &str| Own {
        addresses: HashSet::from([address.parse().unwrap()]),
        names: HashSet::from([name.to_owned()]),
        networks: Vec::new(),
    };
    for (own, rule) in [
        (own("other.test", "93.184.215.14"), "own-address"),
        (own("api.partner.test", "93.184.215.99"), "own-name"),
    ] {
        let seen = run(Script { own, ..Script::default() }, get("https://api.partner.test/")).await;
        let refusal = Refusal { layer: Layer::Address, rule };
        assert_eq!(seen.result, Err(Failure::Refused(refusal)));
        assert!(seen.dialled.is_empty());
    }
    let networks = vec!["93.184.215.0/28".parse().unwrap()];
    let own_networks = Own { networks, ..Own::default() };
    let seen =
        run(Script { own: own_networks, ..Script::default() }, get("https://api.partner.test/"));
    let refusal = Refusal { layer: Layer::Address, rule: "denied-network" };
    assert_eq!(seen.await.result, Err(Failure::Refused(refusal)));
    let other = own("other.test", "93.184.215.99");
    let seen = run(Script { own: other, ..Script::default() }, get("https://api.partner.test/"));
    assert!(seen.await.result.is_ok(), "the control: other addresses are no obstacle");
}

#[tokio::test]
async fn names_of_plugins_are_looked_up_and_remembered_for_a_minute() {
    let dns = FixtureDns::of(&["93.184.215.30"]);
    let tls = Tls::new(None).unwrap();
    let egress = Egress::new(dns.clone(), Arc::new(connect::TcpDial), tls, Limits::default());
    let host = || vec![url::Host::Domain("plugin.example".to_owned())];
    for now in [0, 59_999, 60_000] {
        let own = egress.own(host(), now).await;
        assert!(own.addresses.contains(&"93.184.215.30".parse().unwrap()));
        assert!(own.names.contains("plugin.example"));
    }
    assert_eq!(dns.queries.lock().unwrap()["plugin.example"], 2);
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
    let dns = FixtureDns::of(&[]);
    let tls = Tls::new(None).unwrap();
    let stub = format!("api.partner.test={address}").parse().unwrap();
    let egress =
        Egress::new(dns, Arc::new(connect::TcpDial), tls, Limits::default()).with_stubs(vec![stub]);
    let fetch = |url: &str| {
        let (call, script) = (get(url), Script::default());
        let egress = &egress;
        async move { egress.fetch(script.terms(), call).await.result }
    };
    assert_eq!(fetch("https://api.partner.test/").await.unwrap().status, 200);
    for url in ["https://api.partner.test:22/", "http://api.partner.test/", "https://x.test/"] {
        assert!(matches!(fetch(url).await, Err(Failure::Refused(_))), "{url}");
    }
    assert!("api.partner.test=93.184.215.14:80".parse::<stub::EgressStub>().is_err());
}
