//! The guard from outside: every operation of the contract against every kind of caller, and the
//! promise that what cannot be audited does not happen.

mod support;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;
use support::{ADMIN, Bench, manifest, request};
use vivified_contract::OPERATIONS;
use vivified_contract::runtime::{OperationInfo, Segment};
use vivified_core::identity::CallGrant;

/// A path of the operation with a value for each parameter that its grammar accepts.
fn path(operation: &OperationInfo) -> String {
    operation
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => text,
            Segment::Parameter(_) => "alpha",
        })
        .collect()
}

fn schemes(operation: &OperationInfo) -> Vec<&'static str> {
    let all = operation.security.iter().flat_map(|requirement| requirement.schemes);
    all.map(|scheme| scheme.name).collect()
}

#[tokio::test]
async fn without_a_token_everything_but_the_anonymous_operations_is_401() {
    let bench = Bench::new().await;
    let mut anonymous = Vec::new();
    for operation in OPERATIONS {
        let answer = bench.send(request(operation.method, &path(operation), None, None)).await;
        if operation.is_anonymous() {
            anonymous.push(operation.id);
            assert_ne!(answer.status, 401, "{}", operation.id);
        } else {
            assert_eq!((answer.status.as_u16(), answer.code()), (401, "unauthenticated"));
            assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer", "{}", operation.id);
        }
    }
    let expected = ["get_health", "get_ready", "get_jwks", "get_openapi", "setup", "login"];
    assert_eq!(anonymous, expected);
}

#[tokio::test]
async fn a_token_of_another_kind_is_refused_on_every_operation() {
    let bench = Bench::new().await;
    let everything = [
        "event_publisher",
        "event_subscriber",
        "rpc_caller",
        "rpc_provider",
        "config_reader",
        "config_writer",
        "storage_user",
    ];
    let tokens = [
        ("sessionToken", bench.admin().await),
        ("pluginToken", bench.plugin("alpha", &everything).await),
        ("enrollmentToken", bench.enrollment("beta").await),
    ];
    let grant =
        CallGrant { caller: "alpha", callee: "core", operation: "ping", body: b"", chain: &[] };
    let call_token = bench.core.identity.call_token(&grant).expect("issues");
    let mut refused = 0;
    for operation in OPERATIONS.iter().filter(|operation| !operation.is_anonymous()) {
        for (scheme, token) in &tokens {
            if schemes(operation).contains(scheme) {
                continue;
            }
            let request = request(operation.method, &path(operation), Some(token), None);
            let answer = bench.send(request).await;
            let seen = (answer.status.as_u16(), answer.code());
            assert_eq!(seen, (403, "wrong_principal"), "{} with {scheme}", operation.id);
            assert!(answer.body["decision_id"].is_string());
            refused += 1;
        }
        let token = Some(call_token.expose());
        let answer = bench.send(request(operation.method, &path(operation), token, None)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "token_invalid"));
    }
    assert!(refused > 50, "{refused}");
}

#[tokio::test]
async fn a_token_travels_in_one_well_formed_header_only() {
    let bench = Bench::new().await;
    let token = bench.admin().await;
    let me = |value: &str| {
        Request::get("/auth/me").header(header::AUTHORIZATION, value).body(Body::empty())
    };
    assert_eq!(bench.get("/auth/me", Some(&token)).await.status, 200, "control");
    for value in ["", "B", "Bearer", "Bearer ", "Basic YTpi", "Token x", "Bearer a b"] {
        let answer = bench.send(me(value).expect("a request")).await;
        assert_eq!(answer.status, 401, "{value:?}");
    }
    let twice = Request::get("/auth/me")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty())
        .expect("a request");
    assert_eq!(bench.send(twice).await.status, 400);
    for path in [format!("/auth/me?token={token}"), format!("/auth/me?access_token={token}")] {
        assert_eq!(bench.get(&path, None).await.status, 401);
    }
}

#[tokio::test]
async fn a_plugin_without_the_trait_or_the_approval_is_refused() {
    let bench = Bench::new().await;
    let token = bench.plugin("alpha", &["event_publisher"]).await;
    let answer = bench.get("/storage", Some(&token)).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "trait_missing"));
    assert_eq!(answer.body["detail"], "missing: storage_user");

    let more = manifest("alpha", &["event_publisher", "storage_user"]);
    let answer = bench.post("/plugins/register", Some(&token), &more).await;
    assert_eq!(answer.body["status"], "pending");
    let token = answer.body["token"].as_str().expect("a token").to_owned();
    let answer = bench.get("/storage", Some(&token)).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "plugin_inactive"));
    let beat = json!({ "status": "healthy" });
    let answer = bench.post("/plugins/heartbeat", Some(&token), &beat).await;
    assert_eq!((answer.status.as_u16(), answer.body["status"].as_str()), (200, Some("pending")));

    let admin = bench.admin().await;
    let answer = bench.post("/admin/plugins/alpha/approve", Some(&admin), &json!({})).await;
    assert_eq!(answer.body["status"], "active", "{}", answer.body);
    let record = bench.core.registry.get("alpha").expect("known");
    assert!(record.granted_traits().has(vivified_core::policy::Trait::StorageUser));
}

#[tokio::test]
async fn a_manifest_for_another_plugin_or_with_faults_is_refused() {
    let bench = Bench::new().await;
    let token = bench.enrollment("alpha").await;
    let other = bench.post("/plugins/register", Some(&token), &manifest("beta", &[])).await;
    assert_eq!((other.status.as_u16(), other.code()), (403, "identity_mismatch"));
    let faulty =
        bench.post("/plugins/register", Some(&token), &manifest("alpha", &["admin"])).await;
    assert_eq!((faulty.status.as_u16(), faulty.code()), (400, "invalid_manifest"));
    assert_eq!(faulty.body["violations"][0]["pointer"], "/body/traits/0", "{}", faulty.body);
    let good = bench.post("/plugins/register", Some(&token), &manifest("alpha", &[])).await;
    assert_eq!(good.status, 200, "faults did not spend the token");
}

#[tokio::test]
async fn revoked_and_departed_plugins_are_strangers_at_once() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let token = bench.plugin("alpha", &["storage_user"]).await;
    let reason = json!({ "reason": "no longer needed" });
    let answer = bench.post("/admin/plugins/alpha/revoke", Some(&admin), &reason).await;
    assert_eq!(answer.body["status"], "revoked");
    let answer = bench.get("/plugins", Some(&token)).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "token_invalid"));

    let token = bench.plugin("beta", &[]).await;
    let left = bench.send(request("POST", "/plugins/deregister", Some(&token), None)).await;
    assert_eq!(left.status, 204);
    assert_eq!(bench.get("/plugins", Some(&token)).await.status, 401);
}

#[tokio::test]
async fn sessions_end_at_sign_out_and_when_idle() {
    let bench = Bench::new().await;
    let token = bench.admin().await;
    let out = bench.send(request("POST", "/auth/logout", Some(&token), None)).await;
    assert_eq!(out.status, 204);
    assert_eq!(bench.get("/auth/me", Some(&token)).await.code(), "token_invalid");

    bench.clock.advance(std::time::Duration::from_secs(30));
    let token = bench.admin().await;
    bench.clock.advance(std::time::Duration::from_secs(15 * 60 + 1));
    assert_eq!(bench.get("/auth/me", Some(&token)).await.code(), "token_expired");
}

#[tokio::test]
async fn every_call_leaves_an_intent_and_an_outcome_and_a_denial_its_rule() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let token = bench.plugin("alpha", &[]).await;
    let denied = bench.get("/storage", Some(&token)).await;
    let records = bench.audit().await;
    let record = records.last().expect("a record");
    assert_eq!(record["decision"], "deny");
    assert_eq!(record["rule"], "caller.trait");
    assert_eq!(record["outcome"], "trait_missing");
    assert_eq!(record["decision_id"], denied.body["decision_id"]);
    assert_eq!(record["trace_id"], denied.body["trace_id"]);
    assert_eq!(record["actor"], json!({ "kind": "plugin", "id": "alpha" }));

    let body = json!({ "plugin_id": "gamma" });
    bench.post("/admin/enrollments", Some(&admin), &body).await;
    let records = bench.audit().await;
    let [intent, outcome] = &records[records.len() - 2..] else { panic!("two records") };
    assert_eq!((&intent["phase"], &intent["outcome"]), (&json!("intent"), &json!("open")));
    assert_eq!((&outcome["phase"], &outcome["outcome"]), (&json!("outcome"), &json!("ok")));
    assert_eq!(outcome["plugin_id"], "gamma");
    assert_eq!(intent["trace_id"], outcome["trace_id"]);
    assert_eq!(bench.core.audit.verify(Vec::new()).await.expect("reads").fault, None);
    assert_eq!(bench.get("/admin/audit?action=admin.enroll", Some(&admin)).await.status, 200);
}

#[tokio::test]
async fn neither_secrets_nor_names_of_people_reach_the_log() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let canaries = ["canary-password-71", "canary_user_72", "canary-setup-73"];
    let login = json!({ "username": canaries[1], "password": canaries[0], "mfa_code": "123456" });
    assert_eq!(bench.post("/auth/login", None, &login).await.status, 401);
    let setup = json!({
        "setup_code": canaries[2], "username": "canary_user_72", "password": "canary-password-71"
    });
    assert_eq!(bench.post("/auth/setup", None, &setup).await.status, 409);
    bench.get("/auth/me", Some("canary-password-71")).await;
    let log = serde_json::to_string(&bench.audit().await).expect("prints");
    assert!(log.contains("identity.login"), "control: the scan reads the log");
    for canary in canaries.into_iter().chain([ADMIN, admin.as_str()]) {
        assert!(!log.contains(canary), "{canary}");
    }
    bench.core.store.close().await;
    let file = std::fs::read(bench.folder.path().join("core.db")).expect("reads");
    let holds = |text: &str| file.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds(ADMIN), "control: the scan reads the file");
    assert!(canaries.into_iter().all(|canary| !holds(canary)));
    assert!(!holds(&admin));
}

#[tokio::test]
async fn what_cannot_be_audited_does_not_happen() {
    let bench = Bench::new().await;
    let token = bench.plugin("alpha", &["event_publisher", "storage_user"]).await;
    assert_eq!(bench.get("/ready", None).await.status, 200, "control");
    bench.core.store.close().await;
    for operation in OPERATIONS {
        if operation.audit_action == Some("none") || !schemes(operation).contains(&"pluginToken") {
            continue;
        }
        let request = request(operation.method, &path(operation), Some(&token), None);
        let answer = bench.send(request).await;
        assert_eq!(answer.status, 503, "{}: {}", operation.id, answer.body);
        assert_eq!(answer.code(), "audit_unavailable", "{}", operation.id);
    }
    let login = json!({ "username": ADMIN, "password": "x", "mfa_code": "123456" });
    assert_eq!(bench.post("/auth/login", None, &login).await.code(), "audit_unavailable");
    assert_eq!(bench.get("/health", None).await.status, 200);
    assert_eq!(bench.get("/ready", None).await.code(), "not_ready");
}

#[tokio::test]
async fn a_flood_of_sign_ins_is_slowed_down_whatever_headers_it_wears() {
    let bench = Bench::new().await;
    // Most of the burst is spent here, because a sign-in that is checked takes its time.
    for _ in 0..25 {
        bench.core.limits.address(None, "login", true).expect("within the burst");
    }
    let mut limited = 0;
    for number in 0..35 {
        let body =
            json!({ "username": format!("user_{number}"), "password": "x", "mfa_code": "123456" });
        let mut attempt = request("POST", "/auth/login", None, Some(&body));
        for name in ["x-forwarded-for", "forwarded", "x-real-ip", "client-ip"] {
            let value = format!("198.51.100.{number}").parse().expect("a value");
            attempt.headers_mut().insert(name, value);
        }
        let answer = bench.send(attempt).await;
        if answer.status == 429 {
            limited += 1;
            assert!(answer.headers.contains_key(header::RETRY_AFTER));
            assert_eq!(answer.body["retryable"], true);
        }
    }
    assert!(limited >= 20, "{limited}");
    let records = bench.audit().await;
    let written = records.iter().filter(|record| record["outcome"] == "rate_limited").count();
    assert_eq!(written, 1, "a flood does not fill the log");
}

#[tokio::test]
async fn a_flood_of_bad_tokens_is_slowed_down_and_does_not_fill_the_log() {
    let bench = Bench::new().await;
    let before = bench.audit().await.len();
    let mut codes = std::collections::BTreeMap::new();
    for number in 0..300 {
        let answer = bench.get("/auth/me", Some(&format!("token{number}"))).await;
        *codes.entry(answer.code().to_owned()).or_insert(0) += 1;
    }
    assert!(codes["rate_limited"] > 20, "{codes:?}");
    let written = bench.audit().await.len() - before;
    assert_eq!(written, codes["token_invalid"] + 1, "{codes:?}");
}

#[cfg(feature = "dev")]
#[tokio::test]
async fn every_answer_of_development_mode_says_so() {
    use tower::ServiceExt;
    let bench = Bench::new().await;
    for (development, expected) in [(true, Some("true")), (false, None)] {
        let router = vivified_core::server::router(bench.core.clone(), development);
        for path in ["/health", "/auth/me", "/no/such/path"] {
            let request = request("GET", path, None, None);
            let answer = router.clone().oneshot(request).await.expect("answers");
            let seen = answer.headers().get("vivified-dev-mode");
            assert_eq!(seen.map(|value| value.to_str().expect("text")), expected, "{path}");
        }
    }
}
