//! The audit log by its operations: records of plugins, verification, exports, holds, pruning.

use std::time::Duration;

use axum::http::header;
use serde_json::json;
use tower::ServiceExt;
use vivified_core::audit::offline::{Verdict, verify_export};

use crate::support::{Bench, request};

#[tokio::test]
async fn a_plugin_adds_records_under_its_own_name_and_without_ids() {
    let bench = Bench::new().await;
    let token = bench.plugin("alpha", &[]).await;
    let other = bench.plugin("beta", &[]).await;
    let canary = "MRN-canary-0042";
    let body = json!({
        "action": "chart.viewed", "outcome": "ok", "purpose": "treatment", "count": 3,
        "subject": { "kind": "patient", "id": canary },
    });
    let first = bench.post("/audit/records", Some(&token), &body).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let again = bench.post("/audit/records", Some(&token), &body).await;
    assert_eq!(first.body["subject"], again.body["subject"], "stable");
    let theirs = bench.post("/audit/records", Some(&other), &body).await;
    assert_ne!(first.body["subject"], theirs.body["subject"], "kept apart by plugin");

    let records = bench.audit().await;
    let seq = &first.body["seq"];
    let record = records.iter().find(|record| record["seq"] == *seq).expect("the record");
    assert_eq!(record["action"], "app.chart.viewed");
    assert_eq!(record["actor"], json!({ "kind": "plugin", "id": "alpha" }));
    assert_eq!(record["detail"]["subject"], first.body["subject"]);
    assert!(!format!("{records:?}").contains(canary));

    for wrong in [
        json!({ "action": "chart.viewed", "outcome": "ok", "payload": { "note": "x" } }),
        json!({ "action": "Chart viewed", "outcome": "ok" }),
        json!({ "action": "chart.viewed", "outcome": "fine" }),
        json!({ "action": "chart.viewed", "outcome": "ok", "resource": { "kind": "A b", "id": "x" } }),
    ] {
        let answer = bench.post("/audit/records", Some(&token), &wrong).await;
        assert_eq!(answer.code(), "invalid_request", "{wrong}");
    }
}

#[tokio::test]
async fn the_log_is_searched_verified_sealed_and_exported_by_an_auditor() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    let token = bench.plugin("alpha", &[]).await;
    bench.get("/storage", Some(&token)).await;

    let found = bench.get("/admin/audit?outcome=trait_missing&actor=alpha", Some(&admin)).await;
    assert_eq!(found.body["records"].as_array().map(Vec::len), Some(1), "{}", found.body);
    assert_eq!(found.body["records"][0]["time"], "2026-11-22T17:00:00.000Z", "all its digits");

    let before = bench.get("/admin/audit/checkpoints/latest", Some(&admin)).await;
    assert_eq!(before.code(), "unknown_checkpoint");
    let seal = request("POST", "/admin/audit/checkpoints", Some(&admin), None);
    let sealed = bench.send(seal).await;
    assert_eq!(
        (sealed.status.as_u16(), &sealed.body["number"]),
        (200, &json!(1)),
        "{}",
        sealed.body
    );
    let listed = bench.get("/admin/audit/checkpoints", Some(&admin)).await;
    assert_eq!(listed.body["checkpoints"][0], sealed.body);
    assert_eq!(listed.body["cursor"], json!(null));
    let public =
        vivified_core::audit::PublicKey::parse(listed.body["public_key"].as_str().expect("a key"))
            .expect("a key");
    let text = sealed.body["text"].as_str().expect("a text");
    assert!(public.verifies(text, sealed.body["signature"].as_str().expect("a signature")));

    let verified = bench.get("/admin/audit/verification", Some(&admin)).await;
    assert_eq!(verified.body["ok"], true, "{}", verified.body);
    assert_eq!(verified.body["cursor"], json!(null));
    let answer = bench.get("/admin/audit/verification?cursor=99", Some(&admin)).await;
    assert_eq!(answer.code(), "unknown_checkpoint");

    let export = request("GET", "/admin/audit/export", Some(&admin), None);
    let export = bench.router.clone().oneshot(export).await.expect("answers");
    assert_eq!(export.headers()[header::CONTENT_TYPE], "application/x-ndjson");
    let octets = axum::body::to_bytes(export.into_body(), 1 << 24).await.expect("reads");
    let verdict = verify_export(&octets[..], public, Vec::new(), 0).expect("reads");
    assert!(matches!(verdict, Verdict::Sound(_)), "{verdict:?}");

    let events = request("GET", "/admin/audit/export/fhir", Some(&admin), None);
    let events = bench.router.clone().oneshot(events).await.expect("answers");
    assert_eq!(events.headers()[header::CONTENT_TYPE], "application/fhir+ndjson");
    let octets = axum::body::to_bytes(events.into_body(), 1 << 24).await.expect("reads");
    let lines = String::from_utf8(octets.to_vec()).expect("text");
    assert!(lines.lines().count() > 5);
    assert!(lines.lines().all(|line| line.contains(r#""resourceType":"AuditEvent""#)));

    let plugin = bench.get("/admin/audit/export", Some(&token)).await;
    assert_eq!(plugin.code(), "wrong_principal");
    bench.clock.advance(Duration::from_secs(301));
    let stale = bench.get("/admin/audit/export", Some(&admin)).await;
    assert_eq!(stale.code(), "step_up_required");
    assert_eq!(bench.get("/admin/audit/retention", Some(&admin)).await.status, 200, "no step-up");
}

#[tokio::test]
async fn holds_and_the_retention_stand_before_pruning() {
    let bench = Bench::new().await;
    let admin = bench.admin().await;
    bench.send(request("POST", "/admin/audit/checkpoints", Some(&admin), None)).await;
    let retention = bench.get("/admin/audit/retention", Some(&admin)).await;
    assert_eq!((&retention.body["years"], &retention.body["pruned"]), (&json!(6), &json!(0)));
    assert_eq!(retention.body["cutoff"], "2020-11-22T17:00:00.000Z");
    let prune = json!({ "checkpoint": 1, "reason": "too early" });
    let answer = bench.post("/admin/audit/prune", Some(&admin), &prune).await;
    assert_eq!(answer.code(), "state_conflict");

    let hold = json!({ "reason": "canary-case-71" });
    let hold = bench.post("/admin/audit/holds", Some(&admin), &hold).await;
    assert_eq!(hold.status, 201, "{}", hold.body);
    bench.clock.advance(Duration::from_secs(7 * 366 * 86_400));
    let admin = bench.admin().await;
    let answer = bench.post("/admin/audit/prune", Some(&admin), &prune).await;
    assert_eq!(answer.code(), "state_conflict");
    assert!(answer.body["detail"].as_str().is_some_and(|detail| detail.contains("hold")));
    let path =
        format!("/admin/audit/holds/{}/release", hold.body["hold_id"].as_str().expect("an id"));
    let closed = json!({ "reason": "closed" });
    let released = bench.post(&path, Some(&admin), &closed).await;
    assert!(released.body["released_at"].is_string(), "{}", released.body);
    assert_eq!(bench.post(&path, Some(&admin), &closed).await.code(), "unknown_hold");
    let pruned = bench.post("/admin/audit/prune", Some(&admin), &prune).await;
    assert_eq!(pruned.status, 200, "{}", pruned.body);
    bench.core.upkeep().await;
    assert_eq!(bench.core.audit.verify(Vec::new()).await.expect("reads").fault, None);
    let listed = bench.get("/admin/audit/holds", Some(&admin)).await;
    assert_eq!(listed.body["holds"].as_array().map(Vec::len), Some(1));
    let log = format!("{:?}", bench.audit().await);
    assert!(log.contains("admin.audit_prune") && !log.contains("canary-case-71"));
}
