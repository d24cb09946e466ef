//! The policy from outside: put, refused, explained, tried, and felt on every lane at once.

use super::*;

const ALLOW: &str = "default.granted";

fn versioned(method: &str, path: &str, token: &str, version: i64, body: &Value) -> Request<Body> {
    let mut request = request(method, path, Some(token), Some(body));
    request.headers_mut().insert("if-match", format!("\"{version}\"").parse().expect("a value"));
    request
}

async fn put(bench: &Bench, admin: &str, version: i64, rules: Value) -> Answer {
    let body = json!({ "document": { "rules": rules }, "reason": "tried" });
    bench.send(versioned("PUT", "/admin/policy", admin, version, &body)).await
}

fn phi_needs_purpose() -> Value {
    json!([
        { "id": ALLOW, "effect": "allow" },
        { "id": "care_only", "effect": "deny", "description": "PHI is for care",
          "when": { "data_has": ["phi"], "purposes_not": ["treatment"] } },
    ])
}

fn event(data: &[&str]) -> Value {
    json!({
        "event_type": "EmailQueued",
        "payload": { "message_id": "m1", "recipient_ref": "u1", "template": "t",
                     "queued_at": "2026-11-22T17:00:00Z" },
        "data_traits": data,
    })
}

async fn publish(bench: &Bench, token: &str, data: &[&str], purpose: Option<&str>) -> Answer {
    let mut request = request("POST", "/events/publish", Some(token), Some(&event(data)));
    if let Some(purpose) = purpose {
        request.headers_mut().insert("vivified-purpose", purpose.parse().expect("a value"));
    }
    bench.send(request).await
}

#[tokio::test]
async fn a_document_is_versioned_and_decides_from_the_answer_on() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let token = plugin(&bench, "alpha", &["handles_phi"], json!({})).await;
    let built_in = bench.get("/admin/policy", Some(&admin)).await;
    assert_eq!((built_in.status.as_u16(), &built_in.body["version"]), (200, &json!(0)));
    assert_eq!(told(&publish(&bench, &token, &["phi"], None).await), (202, ""));

    let answer = put(&bench, &admin, 0, phi_needs_purpose()).await;
    assert_eq!((answer.status.as_u16(), &answer.body["version"]), (200, &json!(1)));
    let denied = publish(&bench, &token, &["phi"], None).await;
    assert_eq!(told(&denied), (403, "purpose_required"));
    assert_eq!(told(&publish(&bench, &token, &["phi"], Some("treatment")).await), (202, ""));
    assert_eq!(told(&publish(&bench, &token, &["phi"], Some("research")).await).0, 403);
    assert_eq!(told(&publish(&bench, &token, &["phi"], Some("tretment")).await).0, 403);
    assert_eq!(told(&publish(&bench, &token, &[], None).await), (202, ""));

    let late = put(&bench, &admin, 0, phi_needs_purpose()).await;
    assert_eq!(told(&late), (409, "revision_conflict"));
    let back = put(&bench, &admin, 1, built_in.body["document"]["rules"].clone()).await;
    assert_eq!(back.body["version"], 2);
    assert_eq!(told(&publish(&bench, &token, &["phi"], None).await), (202, ""));
    let versions = bench.get("/admin/policy/versions", Some(&admin)).await;
    let numbers: Vec<&Value> = versions.body["versions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["version"])
        .collect();
    assert_eq!(numbers, [2, 1]);
    let first = bench.get("/admin/policy/versions/1", Some(&admin)).await;
    assert_eq!(first.body["document"]["rules"], phi_needs_purpose());
    let none = bench.get("/admin/policy/versions/9", Some(&admin)).await;
    assert_eq!(told(&none), (404, "unknown_version"));

    let config = support::config(bench.folder.path());
    let folder = bench.folder.path().join("core.db");
    assert!(folder.exists());
    bench.core.close().await;
    let store = vivified_core::Store::open(&config.data_dir.join("core.db"), vivified_core::SCHEMA);
    let again = vivified_core::policy::Policy::open(&store.expect("opens")).await.expect("reads");
    assert_eq!(again.rules().version(), 2, "a restart goes on with the newest version");
}

#[tokio::test]
async fn a_refused_document_changes_nothing_and_tells_every_fault() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let answer = put(
        &bench,
        &admin,
        0,
        json!([
            { "id": "a", "effect": "deny", "when": { "caller_has": ["handles_phy"] } },
            { "id": "caller.trait", "effect": "allow" },
        ]),
    )
    .await;
    assert_eq!(told(&answer), (400, "invalid_policy"));
    let violations = answer.body["violations"].as_array().expect("violations");
    let places: Vec<&str> =
        violations.iter().filter_map(|violation| violation["pointer"].as_str()).collect();
    assert_eq!(places, ["/body/document/rules/0/when/caller_has/0", "/body/document/rules/1/id",]);
    assert_eq!(bench.get("/admin/policy", Some(&admin)).await.body["version"], 0);
    let shut = put(&bench, &admin, 0, json!([])).await;
    assert_eq!(told(&shut), (400, "invalid_policy"));
}

#[tokio::test]
async fn each_denial_is_explained_with_the_smallest_fix() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let token = bench.plugin("alpha", &["event_publisher"]).await;
    let denied = publish(&bench, &token, &["phi"], None).await;
    assert_eq!(told(&denied), (403, "data_trait_missing"));
    let id = denied.body["decision_id"].as_str().expect("an id").to_owned();
    let explained = bench.get(&format!("/admin/policy/decisions/{id}"), Some(&admin)).await;
    assert_eq!(explained.status, 200, "{}", explained.body);
    let body = &explained.body;
    assert_eq!((&body["rule"], &body["origin"]), (&json!("caller.data"), &json!("floor")));
    assert_eq!(body["missing"], json!(["handles_phi"]));
    let step = &body["fix"]["steps"][0];
    assert_eq!((&step["action"], &step["word"]), (&json!("ask_trait"), &json!("handles_phi")));
    assert_eq!((&body["fix"]["safe"], &body["inputs"]["data"]), (&json!(true), &json!(["phi"])));

    let admins_only = bench.get("/admin/policy", Some(&token)).await;
    let id = admins_only.body["decision_id"].as_str().expect("an id");
    let explained = bench.get(&format!("/admin/policy/decisions/{id}"), Some(&admin)).await;
    assert_eq!(explained.body["fix"]["safe"], false);
    assert_eq!(explained.body["fix"]["steps"], json!([]));

    put(&bench, &admin, 0, phi_needs_purpose()).await;
    let token = plugin(&bench, "beta", &["handles_phi"], json!({})).await;
    let denied = publish(&bench, &token, &["phi"], None).await;
    let id = denied.body["decision_id"].as_str().expect("an id");
    let explained = bench.get(&format!("/admin/policy/decisions/{id}"), Some(&admin)).await;
    let body = &explained.body;
    assert_eq!((&body["rule"], &body["policy_version"]), (&json!("care_only"), &json!(1)));
    assert_eq!(body["rule_description"], "PHI is for care");
    assert_eq!(body["fix"]["steps"][0]["action"], "state_purpose");
    let records = bench.audit().await;
    let record = records.iter().find(|record| record["decision_id"] == *id).expect("a record");
    assert_eq!((&record["rule"], &record["detail"]["data"]), (&json!("care_only"), &json!("phi")));
    assert_eq!(record["detail"]["policy_version"], "1");
    let unknown = bench.get("/admin/policy/decisions/dec_none", Some(&admin)).await;
    assert_eq!(told(&unknown), (404, "unknown_decision"));
}

#[tokio::test]
async fn a_candidate_is_tried_on_what_was_decided() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let token = plugin(&bench, "alpha", &["handles_phi"], json!({})).await;
    for _ in 0..3 {
        assert_eq!(told(&publish(&bench, &token, &["phi"], None).await), (202, ""));
    }
    let body = json!({ "document": { "rules": phi_needs_purpose() } });
    let answer = bench.post("/admin/policy/simulate", Some(&admin), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let changed = answer.body["changed"].as_array().expect("a list");
    let [change] = &changed[..] else { panic!("{changed:?}") };
    assert_eq!((&change["operation"], &change["count"]), (&json!("publish_event"), &json!(3)));
    assert_eq!(
        (&change["before"]["effect"], &change["after"]["rule"]),
        (&json!("allow"), &json!("care_only"))
    );
    assert_eq!(
        bench.get("/admin/policy", Some(&admin)).await.body["version"],
        0,
        "nothing is stored"
    );
    let body = json!({ "document": { "rules": [] } });
    let answer = bench.post("/admin/policy/simulate", Some(&admin), &body).await;
    assert!(answer.body["findings"].as_array().is_some_and(|findings| !findings.is_empty()));
}

#[tokio::test]
async fn the_policy_is_for_people_who_say_what_they_replace() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let token = bench.plugin("alpha", &["event_publisher"]).await;
    assert_eq!(told(&put(&bench, &token, 0, phi_needs_purpose()).await).0, 403);
    let without = json!({ "document": { "rules": phi_needs_purpose() }, "reason": "x" });
    let blind = bench.send(request("PUT", "/admin/policy", Some(&admin), Some(&without))).await;
    assert_eq!(told(&blind), (400, "invalid_request"));
    assert_eq!(put(&bench, &admin, 0, phi_needs_purpose()).await.status, 200);
}
