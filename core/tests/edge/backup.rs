//! Publish, back up while Core runs, lose everything, restore, and find it all again.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use vivified_core::{Core, server};

use crate::harness::run;
use crate::support::{Bench, config, request};

const SUBSCRIPTION: &str = "/events/subscriptions/in";

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

async fn publish(bench: &Bench, token: &str, number: u32) {
    let payload = json!({ "message_id": format!("msg-{number}"), "recipient_ref": "usr-0001",
        "template": "welcome", "queued_at": "2026-11-22T17:00:00Z" });
    let body = json!({ "event_type": "EmailQueued", "payload": payload });
    let answer = bench.post("/events/publish", Some(token), &body).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_backed_up_is_there_again() {
    let mut bench = Bench::new().await;
    let token = bench.plugin("mailer", &["event_publisher", "event_subscriber"]).await;
    let body = json!({ "event_types": ["EmailQueued"] });
    let answer = bench.send(request("PUT", SUBSCRIPTION, Some(&token), Some(&body))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for number in 0..3 {
        publish(&bench, &token, number).await;
    }
    let place = tempfile::tempdir().expect("folder");
    let (copy, restored) = (place.path().join("copy"), place.path().join("restored"));
    let data = bench.folder.path().to_owned();
    let backup = ["backup", "--data-dir", text(&data), "--output", text(&copy)];
    let (code, _, stderr) = run(&backup);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(run(&backup).0, 1, "a backup is never overwritten");
    for entry in std::fs::read_dir(&copy).expect("reads") {
        let entry = entry.expect("reads");
        let mode = entry.metadata().expect("reads").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} is open to others", entry.file_name());
    }
    // What comes after the backup is lost with the machine.
    publish(&bench, &token, 3).await;
    bench.core.close().await;

    let restore = ["restore", "--input", text(&copy), "--data-dir", text(&restored)];
    let (code, _, stderr) = run(&restore);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(run(&restore).0, 1, "a folder that holds something is left alone");
    let (code, stdout, stderr) = run(&["audit", "verify", "--data-dir", text(&restored)]);
    assert_eq!(code, 0, "{stdout}{stderr}");

    let core = Core::open(&config(&restored), bench.clock.clone()).await.expect("opens");
    bench.core = Arc::new(core);
    bench.router = server::router(bench.core.clone(), false);
    let path = format!("{SUBSCRIPTION}/pull");
    let answer = bench.post(&path, Some(&token), &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let found: Vec<&Value> = answer.body["deliveries"]
        .as_array()
        .expect("deliveries")
        .iter()
        .map(|delivery| &delivery["event"]["data"]["message_id"])
        .collect();
    assert_eq!(found, ["msg-0", "msg-1", "msg-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_changed_is_not_put_back() {
    let bench = Bench::new().await;
    let place = tempfile::tempdir().expect("folder");
    let (copy, restored) = (place.path().join("copy"), place.path().join("restored"));
    let data = text(bench.folder.path());
    assert_eq!(run(&["backup", "--data-dir", data, "--output", text(&copy)]).0, 0);
    let store = copy.join("core.db");
    let mut octets = std::fs::read(&store).expect("reads");
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    std::fs::write(&store, octets).expect("writes");
    let (code, _, stderr) =
        run(&["restore", "--input", text(&copy), "--data-dir", text(&restored)]);
    assert_eq!(code, 1);
    assert!(stderr.contains("core.db is not the file that was backed up"), "{stderr}");
    assert!(!restored.exists(), "nothing was put there");
    let none = place.path().join("none");
    assert_eq!(run(&["backup", "--data-dir", text(&none), "--output", text(&restored)]).0, 1);
}
