//! People from outside: from the invitation to the end of the session, and every operation for
//! people against everybody who must not reach it.

#[allow(dead_code, reason = "each test crate uses its part of it")]
mod support;

use axum::http::header;
use serde_json::{Value, json};
use support::{ADMIN, Bench, PASSWORD, request};
use totp_rs::{Builder, Secret};
use vivified_contract::OPERATIONS;
use vivified_contract::runtime::{OperationInfo, Segment};

const NEW: &str = "a quiet evening by the lake";

fn path(operation: &OperationInfo) -> String {
    let part = |segment: &Segment| match segment {
        Segment::Literal(text) => *text,
        Segment::Parameter(_) => "alpha",
    };
    operation.segments.iter().map(part).collect()
}

fn takes_people(operation: &OperationInfo) -> bool {
    let mut schemes = operation.security.iter().flat_map(|requirement| requirement.schemes);
    schemes.any(|scheme| scheme.name == "sessionToken")
}

fn code(bench: &Bench, base32: &str) -> String {
    let secret = Secret::try_from_base32(base32).expect("base32");
    let totp = Builder::new().with_secret(secret).build_noncompliant();
    totp.generate(u64::try_from(bench.clock.unix()).expect("after 1970")).to_string()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// A signed-in user of this role, as far as the invitation leads by itself.
async fn invited(bench: &Bench, admin: &str, name: &str, role: &str) -> (String, String) {
    let body = json!({ "username": name, "roles": [role] });
    let made = bench.post("/admin/users", Some(admin), &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let password = text(&made.body["initial_password"]);
    let login = json!({ "username": name, "password": password });
    let signed_in = bench.post("/auth/login", None, &login).await;
    assert_eq!(signed_in.body["next_step"], "change_password", "{}", signed_in.body);
    (text(&signed_in.body["token"]), password)
}

/// The same with a password of its own.
async fn without_factor(bench: &Bench, admin: &str, name: &str, role: &str) -> String {
    let (token, password) = invited(bench, admin, name, role).await;
    let change = json!({ "current_password": password, "new_password": NEW });
    let changed = bench.post("/auth/password", Some(&token), &change).await;
    assert_eq!(changed.status, 204, "{}", changed.body);
    token
}

/// The same with a second factor.
async fn joined(bench: &Bench, admin: &str, name: &str, role: &str) -> String {
    let token = without_factor(bench, admin, name, role).await;
    let enrolled = bench.send(request("POST", "/auth/mfa/enroll", Some(&token), None)).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.body);
    let confirm = json!({ "mfa_code": code(bench, &text(&enrolled.body["mfa_secret"])) });
    let confirmed = bench.post("/auth/mfa/confirm", Some(&token), &confirm).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    assert_eq!(confirmed.body["recovery_codes"].as_array().map(Vec::len), Some(10));
    token
}

#[tokio::test]
async fn every_operation_for_people_refuses_everybody_else() {
    // Every operation is refused many times over within one instant of the clock.
    let bench = Bench::with(|mut config| {
        config.rates.iter_mut().for_each(|(_, rate)| rate.burst = 100_000);
        config
    })
    .await;
    let admin = bench.admin().await;
    let plugin = bench.plugin("alpha", &["storage_user"]).await;
    let (one_time, _) = invited(&bench, &admin, "one_time_admin", "admin").await;
    let weak = without_factor(&bench, &admin, "weak_admin", "admin").await;
    let mut by_role = Vec::new();
    for role in ["admin", "operator", "viewer", "auditor"] {
        let token = joined(&bench, &admin, &format!("the_{role}"), role).await;
        by_role.push((role, token));
    }
    let before_factor = ["get_me", "logout", "change_password", "enroll_mfa", "confirm_mfa"];
    let (mut refused, mut reached) = (0, 0);
    for operation in OPERATIONS.iter().filter(|operation| takes_people(operation)) {
        let ask = async |token: Option<&str>| {
            let request = request(operation.method, &path(operation), token, None);
            let answer = bench.send(request).await;
            (answer.status.as_u16(), answer.code().to_owned())
        };
        let id = operation.id;
        let expect = |seen: (u16, String), status: u16, code: &str| {
            assert_eq!((seen.0, seen.1.as_str()), (status, code), "{id}");
            1
        };
        refused += expect(ask(None).await, 401, "unauthenticated");
        if operation.security.len() == 1 {
            refused += expect(ask(Some(&plugin)).await, 403, "wrong_principal");
        }
        if !before_factor[..3].contains(&id) {
            refused += expect(ask(Some(&one_time)).await, 403, "password_change_required");
        }
        if !before_factor.contains(&id) {
            refused += expect(ask(Some(&weak)).await, 403, "mfa_required");
        }
        if operation.required_traits.is_empty() {
            continue;
        }
        for (role, token) in &by_role {
            if !operation.required_traits.contains(role) {
                refused += expect(ask(Some(token)).await, 403, "trait_missing");
            } else if operation.max_authentication_age.is_none() && operation.method == "GET" {
                let (status, code) = ask(Some(token)).await;
                assert!(!matches!(status, 401 | 403), "{id} as {role}: {status} {code}");
                reached += 1;
            }
        }
    }
    assert!(refused > 100 && reached > 5, "{refused} refused, {reached} reached");

    let dangerous =
        || OPERATIONS.iter().filter(|operation| operation.max_authentication_age.is_some());
    for operation in dangerous() {
        let request = request(operation.method, &path(operation), Some(&by_role[0].1), None);
        let answer = bench.send(request).await;
        assert_ne!(answer.code(), "step_up_required", "{}: this session is fresh", operation.id);
    }
    assert!(dangerous().any(|operation| operation.id == "put_policy"), "the policy is among them");
    bench.clock.advance(std::time::Duration::from_secs(301));
    for operation in dangerous() {
        let request = request(operation.method, &path(operation), Some(&by_role[0].1), None);
        let answer = bench.send(request).await;
        let seen = (answer.status.as_u16(), answer.code());
        assert_eq!(seen, (403, "step_up_required"), "{}", operation.id);
        assert!(answer.body["decision_id"].is_string());
    }
    println!("{} operations ask for a fresh verification", dangerous().count());
    bench.clock.advance(std::time::Duration::from_secs(901));
    for operation in OPERATIONS.iter().filter(|operation| takes_people(operation)) {
        let request = request(operation.method, &path(operation), Some(&by_role[0].1), None);
        let answer = bench.send(request).await;
        let seen = (answer.status.as_u16(), answer.code());
        assert_eq!(seen, (401, "token_expired"), "{} with an ended session", operation.id);
    }
}

#[tokio::test]
async fn a_dangerous_act_asks_for_a_fresh_verification_and_gets_one() {
    let bench = Bench::new().await;
    let token = bench.admin().await;
    let body = json!({ "username": "night_operator", "roles": ["operator"] });
    bench.clock.advance(std::time::Duration::from_secs(301));
    let stale = bench.post("/admin/users", Some(&token), &body).await;
    assert_eq!((stale.status.as_u16(), stale.code()), (403, "step_up_required"));
    let wrong = json!({ "password": PASSWORD });
    let without = bench.post("/auth/step-up", Some(&token), &wrong).await;
    assert_eq!((without.status.as_u16(), without.code()), (401, "login_failed"));
    let proof = json!({ "password": PASSWORD, "mfa_code": bench.mfa_code() });
    let fresh = bench.post("/auth/step-up", Some(&token), &proof).await;
    assert_eq!(fresh.status, 200, "{}", fresh.body);
    let made = bench.post("/admin/users", Some(&text(&fresh.body["token"])), &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let records = bench.audit().await;
    let denial = records.iter().find(|record| record["outcome"] == "step_up_required");
    assert_eq!(denial.expect("a record")["rule"], "caller.step_up");
    assert!(!serde_json::to_string(&records).expect("prints").contains("night_operator"));
}

#[tokio::test]
async fn sessions_are_renewed_listed_and_ended_by_their_owner_only() {
    let bench = Bench::new().await;
    let token = bench.admin().await;
    let other = joined(&bench, &token, "night_operator", "operator").await;
    bench.clock.advance(std::time::Duration::from_secs(890));
    let renewed = bench.send(request("POST", "/auth/refresh", Some(&token), None)).await;
    assert_eq!(renewed.body["expires_in"], 900, "{}", renewed.body);
    let renewed = text(&renewed.body["token"]);
    bench.clock.advance(std::time::Duration::from_secs(100));
    assert_eq!(bench.get("/auth/me", Some(&token)).await.code(), "token_expired");
    let own = bench.get("/auth/sessions", Some(&renewed)).await;
    let [session] = own.body["sessions"].as_array().expect("a list").as_slice() else {
        panic!("one session: {}", own.body)
    };
    assert_eq!(session["current"], true);
    let ended = format!("/auth/sessions/{}", text(&session["session_id"]));
    let foreign = bench.send(request("DELETE", &ended, Some(&other), None)).await;
    assert_eq!(foreign.status, 401, "the other one was idle too long");
    let again = bench.send(request("DELETE", &ended, Some(&renewed), None)).await;
    assert_eq!(again.status, 204);
    assert_eq!(bench.get("/auth/me", Some(&renewed)).await.code(), "token_invalid");
}

#[tokio::test]
async fn the_key_set_says_how_long_it_may_be_kept_and_a_revoked_key_is_gone_from_it() {
    let bench = Bench::new().await;
    let token = bench.admin().await;
    let set = bench.get("/.well-known/jwks.json", None).await;
    assert_eq!(set.headers[header::CACHE_CONTROL], "public, max-age=300");
    assert_eq!(set.body["keys"].as_array().map(Vec::len), Some(2), "the next one is published");
    let kid = text(&set.body["keys"][0]["kid"]);
    let rotated = bench.post("/admin/keys/rotate", Some(&token), &json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    let again = bench.post("/admin/keys/rotate", Some(&token), &json!({})).await;
    assert_eq!((again.status.as_u16(), again.code()), (409, "state_conflict"));
    let retired = format!("/admin/keys/{kid}/retire");
    let reason = json!({ "reason": "the backup was lost" });
    let answer = bench.post(&retired, Some(&token), &reason).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let set = bench.get("/.well-known/jwks.json", None).await;
    assert!(!set.body.to_string().contains(&kid));
    assert_eq!(bench.get("/auth/me", Some(&token)).await.code(), "token_invalid");
}

#[tokio::test]
async fn refused_passwords_name_their_rule_and_never_the_password() {
    let bench = Bench::new().await;
    let token = bench.admin().await;
    for (new, rule) in [
        ("short", "min_length"),
        ("Password123456!", "common"),
        ("it is first_admin here", "context"),
        ("121212121212", "repetition"),
        (PASSWORD, "unchanged"),
    ] {
        let body = json!({ "current_password": PASSWORD, "new_password": new });
        let answer = bench.post("/auth/password", Some(&token), &body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "password_refused"), "{new}");
        let rules = answer.body["violations"].as_array().expect("a list");
        assert!(rules.iter().any(|v| v["rule"] == rule), "{new}: {}", answer.body);
        assert!(rules.iter().all(|v| v["pointer"] == "/body/new_password"));
        assert!(!answer.body.to_string().contains(new));
    }
    let users = bench.get("/admin/users", Some(&token)).await;
    let user = &users.body["users"][0];
    assert_eq!((&user["username"], &user["status"]), (&json!(ADMIN), &json!("active")));
    let disable = format!("/admin/users/{}/disable", text(&user["user_id"]));
    let last = bench.send(request("POST", &disable, Some(&token), None)).await;
    assert_eq!((last.status.as_u16(), last.code()), (409, "state_conflict"));
}
