//! What an administrator does with the configuration, the secrets, the key and the way out of a
//! plugin.

use serde_json::{Value, json};

use super::support::{Answer, Bench, request};
use super::{plugin, told};

async fn send(bench: &Bench, admin: &str, method: &str, path: &str, body: Value) -> Answer {
    let body = (!body.is_null()).then_some(body);
    bench.send(request(method, path, Some(admin), body.as_ref())).await
}

#[tokio::test]
async fn both_write_the_configuration_and_the_origin_says_who() {
    let bench = Bench::new().await;
    let schema = json!({ "config_schema": { "type": "object", "properties": {
        "greeting": { "type": "string", "default": "hello" },
    } } });
    let token = plugin(&bench, "alpha", &[], schema).await;
    let admin = bench.admin().await;
    let path = "/admin/plugins/alpha/config/greeting";
    let answer = send(&bench, &admin, "PUT", path, json!({ "value": "welcome" })).await;
    assert_eq!((answer.status.as_u16(), &answer.body["origin"]), (200, &json!("admin")));
    let own = bench.get("/config/greeting", Some(&token)).await;
    assert_eq!((&own.body["value"], &own.body["origin"]), (&json!("welcome"), &json!("admin")));
    let body = json!({ "value": "hi" });
    bench.send(request("PUT", "/config/greeting", Some(&token), Some(&body))).await;
    let answer = send(&bench, &admin, "GET", path, Value::Null).await;
    assert_eq!((&answer.body["value"], &answer.body["origin"]), (&json!("hi"), &json!("plugin")));
    assert_eq!(answer.headers["etag"], "\"2\"");

    let answer = send(&bench, &admin, "PUT", path, json!({ "value": 7 })).await;
    assert_eq!(told(&answer), (400, "invalid_request"));
    let history = send(&bench, &admin, "GET", &format!("{path}/history"), Value::Null).await;
    assert_eq!(history.body["revisions"][1]["value"], "welcome");
    let back = format!("{path}/rollback");
    let answer = send(&bench, &admin, "POST", &back, json!({ "revision": 9 })).await;
    assert_eq!(told(&answer), (404, "unknown_revision"));
    let answer = send(&bench, &admin, "POST", &back, json!({ "revision": 1 })).await;
    assert_eq!((&answer.body["value"], &answer.body["revision"]), (&json!("welcome"), &json!(3)));

    let changes = bench.get("/config-changes?since=2", Some(&token)).await;
    let expected =
        json!([{ "key": "greeting", "revision": 3, "origin": "admin", "removed": false }]);
    assert_eq!(changes.body["changes"], expected);
    let since = format!("/config-changes?since={}", changes.body["cursor"]);
    assert_eq!(bench.get(&since, Some(&token)).await.body["changes"], json!([]));

    let mut stale = request("DELETE", "/config/greeting", Some(&token), None);
    stale.headers_mut().insert("if-match", "2".parse().expect("a value"));
    assert_eq!(told(&bench.send(stale).await), (409, "revision_conflict"));
    let delete = request("DELETE", "/config/greeting", Some(&token), None);
    assert_eq!(bench.send(delete).await.status, 204);
    let own = bench.get("/config/greeting", Some(&token)).await;
    assert_eq!((&own.body["value"], &own.body["origin"]), (&json!("hello"), &json!("default")));
    let answer = send(&bench, &admin, "GET", "/admin/plugins/nobody/config", Value::Null).await;
    assert_eq!(told(&answer), (404, "unknown_plugin"));
}

#[tokio::test]
async fn a_secret_goes_in_and_never_comes_out() {
    const CANARY: &str = "canary-secret-91c2";
    let bench = Bench::new().await;
    let token = plugin(&bench, "alpha", &[], json!({})).await;
    let admin = bench.admin().await;
    let path = "/admin/plugins/alpha/secrets/partner_key";
    let put = send(&bench, &admin, "PUT", path, json!({ "value": CANARY })).await;
    assert_eq!((put.status.as_u16(), &put.body["version"]), (200, &json!(1)));
    for value in ["tiny7", "with\nline break", " space at an end", "caf\u{e9} au lait"] {
        let answer = send(&bench, &admin, "PUT", path, json!({ "value": value })).await;
        assert_eq!(told(&answer), (400, "invalid_request"), "{value:?}");
        assert!(!answer.body.to_string().contains(value));
    }
    let again = send(&bench, &admin, "PUT", path, json!({ "value": CANARY })).await;
    assert_eq!(again.body["version"], 2);
    let listed = send(&bench, &admin, "GET", "/admin/plugins/alpha/secrets", Value::Null).await;
    assert_eq!(listed.body["secrets"][0]["name"], "partner_key");
    let mut seen = vec![put.body, again.body, listed.body];
    for path in ["/config", "/config/partner_key", "/storage", "/storage/partner_key"] {
        seen.push(bench.get(path, Some(&token)).await.body);
    }
    let refused = send(&bench, &token, "PUT", path, json!({ "value": CANARY })).await;
    assert_eq!(told(&refused), (403, "wrong_principal"));
    let gone = send(&bench, &admin, "DELETE", path, Value::Null).await;
    assert_eq!(gone.status, 204);
    let gone = send(&bench, &admin, "DELETE", path, Value::Null).await;
    assert_eq!(told(&gone), (404, "unknown_key"));
    seen.extend(bench.audit().await);
    assert!(!format!("{seen:?}").contains(CANARY));
    let put = bench
        .audit()
        .await
        .into_iter()
        .find(|record| record["action"] == "admin.secrets.put" && record["outcome"] == "ok");
    assert_eq!(put.expect("recorded")["detail"]["secret"], "partner_key");
}

#[tokio::test]
async fn the_key_of_a_plugin_rotates_while_its_values_stay() {
    let bench = Bench::new().await;
    let token = plugin(&bench, "alpha", &[], json!({})).await;
    let admin = bench.admin().await;
    let body = json!({ "value": { "n": 1 } });
    bench.send(request("PUT", "/storage/outbox", Some(&token), Some(&body))).await;
    let rotate = "/admin/plugins/alpha/data-key/rotate";
    let answer = send(&bench, &admin, "POST", rotate, Value::Null).await;
    let expected = json!({ "plugin_id": "alpha", "version": 2, "resealing": true });
    assert_eq!(answer.body, expected);
    for _ in 0..5 {
        bench.core.upkeep().await;
    }
    let state = send(&bench, &admin, "GET", "/admin/plugins/alpha/data-key", Value::Null).await;
    assert_eq!(state.body["resealing"], false);
    let own = bench.get("/storage/outbox", Some(&token)).await;
    assert_eq!(own.body["value"], json!({ "n": 1 }));
}

#[tokio::test]
async fn report_mode_has_an_end_and_the_check_explains() {
    let bench = Bench::new().await;
    let parts = json!({ "allowed_domains": [{
        "host": "api.partner.example", "path_prefix": "/v1", "rate_per_minute": 5,
        "credential": { "header": "x-api-key", "secret": "secret://partner_key" },
    }] });
    let token = plugin(&bench, "alpha", &[], parts).await;
    let admin = bench.admin().await;
    let path = "/admin/plugins/alpha/egress";
    let policy = send(&bench, &admin, "GET", path, Value::Null).await;
    let entry = &policy.body["entries"][0];
    assert_eq!((&policy.body["mode"], &entry["rate_per_minute"]), (&json!("enforce"), &json!(5)));
    assert_eq!(entry["credential"]["ready"], false);

    let check = |url: &str| {
        let body = json!({ "plugin_id": "alpha", "url": url });
        let (bench, admin) = (&bench, &admin);
        async move { send(bench, admin, "POST", "/admin/egress/check", body).await.body }
    };
    let told_of = check("https://api.partner.example/v2").await;
    assert_eq!(
        (&told_of["allowed"], told_of["steps"].as_array().map(Vec::len)),
        (&json!(false), Some(2))
    );
    assert_eq!(told_of["steps"][1]["rule"], "path-not-listed");

    for until in [json!(null), json!("2026-11-22T16:59:59Z"), json!("2027-01-22T17:00:00Z")] {
        let mut body = json!({ "mode": "report", "reason": "roll-out" });
        if !until.is_null() {
            body["until"] = until;
        }
        let answer = send(&bench, &admin, "PUT", path, body).await;
        assert_eq!(told(&answer), (400, "invalid_request"));
    }
    let unknown = json!({ "mode": "enforce", "host": "x.example", "reason": "none" });
    assert_eq!(told(&send(&bench, &admin, "PUT", path, unknown).await), (400, "invalid_request"));
    let body = json!({ "mode": "report", "until": "2026-11-22T17:05:00Z", "reason": "roll-out",
        "host": "api.partner.example" });
    let policy = send(&bench, &admin, "PUT", path, body).await;
    assert_eq!(policy.body["entries"][0]["mode"], "report");

    // The allowlist only speaks; the missing secret still refuses.
    let told_of = check("https://api.partner.example/v2").await;
    assert_eq!(told_of["would_deny"], "path-not-listed");
    let proxied = json!({ "url": "https://api.partner.example/v2" });
    let answer = bench.post("/proxy", Some(&token), &proxied).await;
    let detail = answer.body["detail"].as_str().expect("a detail");
    assert!(detail.starts_with("address: name-"), "it got as far as the name server: {detail}");
    let records = bench.audit().await;
    let reported = records.iter().find(|record| record["detail"]["would_deny"].is_string());
    assert_eq!(reported.expect("recorded")["detail"]["would_deny"], "path-not-listed");

    bench.clock.advance(std::time::Duration::from_secs(300));
    let answer = bench.post("/proxy", Some(&token), &proxied).await;
    assert_eq!(answer.body["detail"], "allowlist: path-not-listed");
    bench.core.upkeep().await;
    let policy = send(&bench, &admin, "GET", path, Value::Null).await;
    assert_eq!(policy.body["entries"][0]["mode"], "enforce");
}
