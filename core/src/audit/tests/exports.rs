//! Exports verify without Core, and what was done to them shows.

use super::offline::{Verdict, verify_export};
use super::*;
use crate::audit::command::Verify;

fn key() -> PublicKey {
    AuditKey::from_seed(&SEED).public()
}

async fn export(bench: &Bench, after: i64, to: Option<i64>) -> String {
    let mut export = bench.log.export(after, to).await.expect("begins").expect("something");
    let mut text = String::new();
    while let Some(piece) = export.piece().await.expect("reads") {
        text.push_str(&piece);
    }
    text
}

fn verdict(text: &str, after: i64) -> Verdict {
    verify_export(text.as_bytes(), key(), Vec::new(), after).expect("reads")
}

fn code(text: &str) -> u8 {
    match verdict(text, 0) {
        Verdict::Sound(_) => 0,
        Verdict::Tampered(..) => 1,
        Verdict::Incomplete(..) => 2,
    }
}

#[tokio::test]
async fn an_export_holds_every_record_as_it_is_stored_and_verifies_whole() {
    let bench = Bench::filled(2_345).await;
    let text = export(&bench, 0, None).await;
    let Verdict::Sound(report) = verdict(&text, 0) else { panic!("{:?}", verdict(&text, 0)) };
    assert_eq!((report.records, report.checkpoints, report.unsealed), (2_345, 3, 0));
    let records: Vec<&str> = text.lines().filter(|line| line.starts_with("{\"action\"")).collect();
    assert_eq!(records.len(), 2_345);
    // What any other tool would do: hash each line and look for it in the next one.
    for pair in records.windows(2) {
        let hash = hex(&crate::json::sha256(pair[0].as_bytes()));
        assert!(pair[1].contains(&format!("\"prev\":\"{hash}\"")));
    }
}

#[tokio::test]
async fn parts_follow_each_other_and_say_where_they_begin() {
    let bench = Bench::filled(3_100).await;
    let first = export(&bench, 0, Some(1_500)).await;
    let rest = export(&bench, 2_000, None).await;
    let Verdict::Sound(report) = verdict(&first, 0) else { panic!("sound") };
    assert_eq!(report.last, 2_000, "to the checkpoint that covers what was asked for");
    assert!(matches!(verdict(&rest, 0), Verdict::Incomplete(..)), "not from the beginning");
    let Verdict::Sound(report) = verdict(&rest, 2_000) else { panic!("sound") };
    assert_eq!((report.after, report.last), (2_000, 3_100));
}

#[tokio::test]
async fn the_export_of_a_pruned_log_says_that_it_was_pruned() {
    let bench = Bench::filled(1_000).await;
    bench.clock.advance(StdDuration::from_secs(7 * 366 * 86_400));
    bench.fill(500).await;
    bench.log.prune(1, "the test".into()).await.expect("prunes");
    bench.log.upkeep().await.expect("removes");
    let text = export(&bench, 0, None).await;
    let Verdict::Sound(report) = verdict(&text, 0) else { panic!("{:?}", verdict(&text, 0)) };
    assert_eq!((report.after, report.last), (1_000, 1_500));
}

#[tokio::test]
async fn an_export_that_was_changed_cut_or_mixed_does_not_pass() {
    let bench = Bench::filled(1_010).await;
    let text = export(&bench, 0, None).await;
    assert_eq!(code(&text), 0, "the control");
    let lines: Vec<&str> = text.lines().collect();
    let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().join("\n") + "\n";
    for (name, changed, expected) in [
        ("edited", text.replacen("gamma", "gamme", 1), 1),
        ("a record missing", without(500), 1),
        ("a checkpoint missing", without(1_001), 1),
        ("the end missing", without(lines.len() - 1), 2),
        ("the first line missing", without(0), 1),
        ("more behind the end", format!("{text}{}\n", lines[5]), 1),
        ("cut within a line", text[..text.len() / 2].to_owned(), 2),
        ("the last octet missing", text[..text.len() - 1].to_owned(), 2),
        ("empty", String::new(), 2),
    ] {
        assert_eq!(code(&changed), expected, "{name}: {:?}", verdict(&changed, 0));
    }
    let other = AuditKey::from_seed(&[1; 32]).public();
    let verdict = verify_export(text.as_bytes(), other, Vec::new(), 0).expect("reads");
    assert!(matches!(verdict, Verdict::Tampered(..)), "another key");
}

#[tokio::test]
async fn every_edit_of_one_octet_of_an_export_is_found() {
    let bench = Bench::filled(12).await;
    let text = export(&bench, 0, None).await.into_bytes();
    let mut found = 0;
    for at in 0..text.len() {
        let mut edited = text.clone();
        edited[at] ^= 1 << (at % 8);
        let verdict = verify_export(edited.as_slice(), key(), Vec::new(), 0).expect("reads");
        found += usize::from(!matches!(verdict, Verdict::Sound(_)));
    }
    assert_eq!(found, text.len(), "all of {} octets", text.len());
}

#[tokio::test]
async fn the_command_says_what_it_found_by_its_exit_code() {
    let bench = Bench::filled(1_200).await;
    bench.log.seal().await.expect("seals");
    bench.log.copy_heads().await.expect("copies");
    let folder = bench.folder.path();
    let file = folder.join("export.jsonl");
    std::fs::write(&file, export(&bench, 0, None).await).expect("writes");
    let heads = || Some(folder.join("heads.jsonl"));
    let verify = |export: Option<&std::path::Path>, heads| {
        let export = export.map(std::path::Path::to_owned);
        let key = Some(key().to_string());
        Verify { export, key, heads, after: 0 }.decide(folder)
    };
    for export in [None, Some(file.as_path())] {
        let (line, code) = verify(export, heads());
        assert_eq!(code, 0, "{line}");
        assert!(line.contains("records 1 to 1200") && line.contains("records a second"), "{line}");
    }
    // The log grows and its heads with it: the export is no longer all of it, the folder is.
    bench.log.append(entry(0)).await.expect("appends");
    bench.log.seal().await.expect("seals");
    bench.log.copy_heads().await.expect("copies");
    assert_eq!(verify(Some(&file), heads()).1, 2);
    assert_eq!(verify(None, heads()).1, 0);
    bench.tamper(
        "DELETE FROM audit_log WHERE seq > 1200; DELETE FROM audit_checkpoints WHERE size > 1200",
    );
    let (line, code) = verify(None, heads());
    assert!(code == 1 && line.starts_with("tampered: record 1201 "), "{line}");
    assert_eq!(verify(None, None).1, 0, "without the heads nobody can tell");
    assert_eq!(verify(None, Some(folder.join("no such file"))).1, 2);
    assert_eq!(verify(Some(&folder.join("no such file")), None).1, 2);
}

/// How long the log of the control is.
fn records() -> usize {
    let records = std::env::var("VIVIFIED_AUDIT_RECORDS").ok();
    records.and_then(|records| records.parse().ok()).unwrap_or(50_000)
}

#[tokio::test]
async fn a_long_untouched_log_verifies() {
    let bench = Bench::filled(records()).await;
    bench.log.seal().await.expect("seals");
    let started = std::time::Instant::now();
    let report = bench.verify().await;
    let seconds = started.elapsed().as_secs_f64();
    println!("{} records verified in {seconds:.1} s", report.records);
    assert_eq!(usize::try_from(report.records).expect("small"), records());
    assert_eq!(report.fault, None);
}
