//! Calls to other plugins and to the world outside.

use serde_json::{Value, json};

use super::support::Bench;
use super::{callee, offering, plugin, told};

#[tokio::test]
async fn a_call_reaches_its_callee_under_a_token_of_its_own() {
    let bench = Bench::new().await;
    let (url, seen) = callee().await;
    let caller = plugin(&bench, "caller", &[], json!({})).await;
    plugin(&bench, "helper", &["handles_phi"], offering(&url)).await;
    let call = |path: &str, body: Value| {
        let (bench, caller, path) = (&bench, &caller, format!("/gateway/{path}"));
        async move { bench.post(&path, Some(caller), &body).await }
    };
    let answer = call("helper/ping", json!({ "n": 1 })).await;
    assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!({ "pong": true })));
    let (headers, body) = seen.lock().expect("locks").remove(0);
    assert_eq!(&body[..], br#"{"n":1}"#);
    let token = headers["authorization"].to_str().expect("text").to_owned();
    assert!(!token.contains(&caller), "the token of the caller went on");
    let claims = bench.core.identity.call_claims("helper", &token["Bearer ".len()..]);
    assert_eq!(claims.expect("a call token").subject, "caller");

    assert_eq!(told(&call("helper/pin", json!({})).await), (404, "unknown_operation"));
    assert_eq!(told(&call("nobody/ping", json!({})).await), (404, "unknown_plugin"));
    let answer = call("helper/chart", json!({})).await;
    assert_eq!(told(&answer), (403, "data_trait_missing"));
    assert_eq!(answer.body["detail"], "missing: handles_phi");
    let answer = call("helper/strict", json!({})).await;
    assert_eq!(told(&answer), (400, "invalid_request"));
    assert_eq!(answer.body["violations"][0]["pointer"], "/body/n");
    assert_eq!(told(&call("caller/ping", json!({})).await), (404, "unknown_operation"));
    assert!(seen.lock().expect("locks").is_empty(), "a refused call reached the callee");

    bench.clock.advance(std::time::Duration::from_secs(1_000));
    let caller = bench.core.identity.plugin_token("caller", 1).expect("issues");
    let answer = bench.post("/gateway/helper/ping", Some(caller.expose()), &json!({})).await;
    assert_eq!(told(&answer), (503, "callee_unavailable"));
    assert_eq!(answer.headers["retry-after"], "10");
}

#[tokio::test]
async fn a_plugin_cannot_call_itself_through_the_gateway() {
    let bench = Bench::new().await;
    let (url, seen) = callee().await;
    let token = plugin(
        &bench,
        "helper",
        &[],
        json!({
            "endpoints": { "base_url": url }, "operations": [{ "name": "ping" }],
        }),
    )
    .await;
    let answer = bench.post("/gateway/helper/ping", Some(&token), &json!({})).await;
    assert_eq!(told(&answer), (403, "call_cycle"));
    assert_eq!(answer.body["detail"], "chain: helper -> helper");
    assert!(seen.lock().expect("locks").is_empty());
    let records = bench.audit().await;
    let denial = records.iter().find(|record| record["outcome"] == "call_cycle");
    assert_eq!(denial.expect("recorded")["rule"], "chain.cycle");
}

#[tokio::test]
async fn nothing_leaves_but_by_an_entry_of_the_approved_manifest() {
    let bench = Bench::new().await;
    let domains = json!({ "allowed_domains": ["api.partner.example"] });
    let token = plugin(&bench, "caller", &["handles_phi"], domains).await;
    let plain = plugin(&bench, "plain", &[], json!({})).await;
    let cases = [
        (json!({ "url": "https://evil.example/" }), "allowlist: host-not-listed"),
        (json!({ "url": "http://api.partner.example/" }), "parse: not-https"),
        (json!({ "url": "https://127.0.0.1/" }), "allowlist: host-not-listed"),
        (json!({ "url": "https://api.partner.example:8443/" }), "allowlist: port-not-listed"),
        (
            json!({ "url": "https://api.partner.example/", "data_traits": ["phi"] }),
            "forward: phi-without-baa",
        ),
        (
            json!({ "url": "https://api.partner.example/", "headers": { "Host": "evil.example" } }),
            "forward: host-override",
        ),
    ];
    for (body, detail) in cases {
        let answer = bench.post("/proxy", Some(&token), &body).await;
        assert_eq!(told(&answer), (403, "egress_denied"), "{body}");
        assert_eq!(answer.body["detail"], detail, "{body}");
        assert!(answer.body["decision_id"].is_string());
    }
    let as_other = json!({ "url": "https://api.partner.example/", "plugin_id": "plain" });
    let answer = bench.post("/proxy", Some(&token), &as_other).await;
    assert_eq!(told(&answer), (403, "identity_mismatch"));
    let phi = json!({ "url": "https://api.partner.example/", "data_traits": ["phi"] });
    let answer = bench.post("/proxy", Some(&plain), &phi).await;
    assert_eq!(told(&answer), (403, "data_trait_missing"));
}
