//! The classes of tampering: each found at its record, and the controls that show what the chain
//! alone, and what the file alone, cannot find.

use super::*;
use crate::audit::checkpoint::from_hex;
use crate::audit::tree::{Tree, leaf, sha256};
use crate::json::{canonical, parse_json};

const RECORDS: usize = 2_010;
/// The log ends with a checkpoint over all of it, of which a head was kept outside.
const SIZE: i64 = 2_010;

async fn sealed() -> Bench {
    let bench = Bench::filled(RECORDS).await;
    bench.log.seal().await.expect("seals");
    bench.log.copy_heads().await.expect("copies");
    bench
}

fn key() -> AuditKey {
    AuditKey::from_seed(&SEED)
}

/// Rewrites the chain from a record on, as somebody would who knows how it is made.
fn rechain(conn: &Connection, from: i64) {
    let mut prev: String = conn
        .query_row("SELECT lower(hex(hash)) FROM audit_log WHERE seq = ?1 - 1", [from], |row| {
            row.get(0)
        })
        .unwrap_or_else(|_| "0".repeat(64));
    let last: i64 =
        conn.query_row("SELECT max(seq) FROM audit_log", [], |row| row.get(0)).expect("a log");
    for seq in from..=last {
        let text: String = conn
            .query_row("SELECT record FROM audit_log WHERE seq = ?1", [seq], |row| row.get(0))
            .expect("a record");
        let mut record = parse_json(text.as_bytes()).expect("is JSON");
        record["prev"] = prev.into();
        record["seq"] = seq.into();
        let text = canonical(&record);
        let hash = sha256(text.as_bytes());
        conn.execute(
            "UPDATE audit_log SET record = ?2, hash = ?3 WHERE seq = ?1",
            (seq, &text, hash),
        )
        .expect("updates");
        prev = hex(&hash);
    }
}

/// Signs the log as it stands, with any key.
fn resign(conn: &Connection, key: &AuditKey) {
    let hashes = conn
        .prepare("SELECT hash FROM audit_log ORDER BY seq")
        .expect("prepares")
        .query_map([], |row| row.get::<_, Vec<u8>>(0))
        .expect("reads")
        .map(|hash| hash.expect("a hash").try_into().expect("32 octets"))
        .collect::<Vec<[u8; 32]>>();
    let signed: Vec<(i64, String)> = conn
        .prepare("SELECT number, text FROM audit_checkpoints ORDER BY number")
        .expect("prepares")
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("reads")
        .collect::<Result<_, _>>()
        .expect("reads");
    for (number, text) in signed {
        let mut checkpoint = Checkpoint::parse(&text).expect("a checkpoint");
        let size = usize::try_from(checkpoint.size).expect("small");
        let mut tree = Tree::default();
        hashes[..size].iter().for_each(|hash| tree.push(leaf(hash)));
        (checkpoint.head, checkpoint.log) = (hashes[size - 1], hashes[0]);
        checkpoint.root = tree.root();
        let signed = checkpoint.sign(key);
        conn.execute(
            "UPDATE audit_checkpoints SET text = ?2, signature = ?3, frontier = ?4 WHERE number = ?1",
            (number, signed.text, signed.signature, tree.parts()),
        )
        .expect("updates");
    }
}

/// A copy of the file that nobody guards.
fn copy(folder: &std::path::Path, database: &[u8]) -> Connection {
    let path = folder.join("core.db");
    std::fs::write(&path, database).expect("writes");
    let conn = Connection::open(&path).expect("opens");
    drop_triggers(&conn);
    conn
}

/// Where the verifier of the running log finds the fault, without and with the heads kept outside.
async fn found(bench: &Bench) -> (Option<i64>, Option<i64>) {
    let seq = |report: Report| report.fault.map(|fault| fault.seq);
    let with = bench.log.verify(bench.heads()).await.expect("reads");
    (seq(bench.verify().await), seq(with))
}

type Act = Box<dyn Fn(&Connection)>;

fn sql(text: &'static str) -> Act {
    Box::new(move |conn| conn.execute_batch(text).expect("changes"))
}

const EDIT: &str =
    "UPDATE audit_log SET record = replace(record, '\"alpha\"', '\"alphb\"') WHERE seq = 500";
const CLOSE_GAP: &str = "UPDATE audit_log SET seq = -(seq - 1) WHERE seq > 500;
    UPDATE audit_log SET seq = -seq WHERE seq < 0;";

/// Name, act, the record at which it is found without heads (none when only a head shows it), and
/// with them.
fn classes() -> Vec<(&'static str, Act, Option<i64>, i64)> {
    vec![
        ("1 bit flip", sql("UPDATE audit_log SET record = replace(record, 'gamma', 'gamme') WHERE seq = 500"), Some(500), 500),
        ("1 bit flip in a hash", sql("UPDATE audit_log SET hash = zeroblob(32) WHERE seq = 500"), Some(500), 500),
        (
            "2 edit with its own hash fixed",
            Box::new(|conn| {
                conn.execute_batch(EDIT).expect("edits");
                let text: String = conn
                    .query_row("SELECT record FROM audit_log WHERE seq = 500", [], |row| row.get(0))
                    .expect("reads");
                let hash = sha256(text.as_bytes());
                conn.execute("UPDATE audit_log SET hash = ?1 WHERE seq = 500", [hash]).expect("fixes");
            }),
            Some(501),
            501,
        ),
        (
            "3 edit with the whole chain hashed again",
            Box::new(|conn| {
                conn.execute_batch(EDIT).expect("edits");
                rechain(conn, 500);
            }),
            Some(1_000),
            1_000,
        ),
        ("4 delete in the middle", sql("DELETE FROM audit_log WHERE seq = 500"), Some(500), 500),
        (
            "4 delete in the middle and close the gap",
            Box::new(|conn| {
                conn.execute_batch("DELETE FROM audit_log WHERE seq = 500").expect("deletes");
                conn.execute_batch(CLOSE_GAP).expect("closes");
                rechain(conn, 500);
            }),
            Some(1_000),
            1_000,
        ),
        ("4 delete the first", sql("DELETE FROM audit_log WHERE seq = 1"), Some(1), 1),
        ("5 delete the tail after a checkpoint", sql("DELETE FROM audit_log WHERE seq > 2005"), Some(2_006), 2_006),
        (
            "6 delete the tail and its checkpoint",
            sql("DELETE FROM audit_log WHERE seq > 2000; DELETE FROM audit_checkpoints WHERE size > 2000"),
            None,
            2_001,
        ),
        (
            "7 insert",
            Box::new(|conn| {
                conn.execute_batch(
                    "UPDATE audit_log SET seq = -(seq + 1) WHERE seq >= 500;
                     UPDATE audit_log SET seq = -seq WHERE seq < 0;
                     INSERT INTO audit_log SELECT 500, record, hash FROM audit_log WHERE seq = 499",
                )
                .expect("inserts");
                rechain(conn, 500);
            }),
            Some(1_000),
            1_000,
        ),
        (
            "8 duplicate",
            sql("INSERT INTO audit_log SELECT 2011, record, hash FROM audit_log WHERE seq = 2010"),
            Some(2_011),
            2_011,
        ),
        (
            "9 swap",
            sql("UPDATE audit_log SET seq = 9999 WHERE seq = 500;
                 UPDATE audit_log SET seq = 500 WHERE seq = 501;
                 UPDATE audit_log SET seq = 501 WHERE seq = 9999;"),
            Some(500),
            500,
        ),
        (
            "10 merge of two logs",
            Box::new(|conn| {
                // Another log under the same key: its own first half, our second half.
                conn.execute_batch("UPDATE audit_log SET record = replace(record, 'gamma', 'delta') WHERE seq <= 1000").expect("edits");
                rechain(conn, 1);
            }),
            Some(1_000),
            1_000,
        ),
        (
            "11 checkpoint signed by another key",
            Box::new(|conn| {
                conn.execute_batch(EDIT).expect("edits");
                rechain(conn, 500);
                resign(conn, &AuditKey::from_seed(&[1; 32]));
            }),
            Some(1_000),
            1_000,
        ),
        (
            "12 checkpoint replayed",
            sql("UPDATE audit_checkpoints SET (text, signature) =
                 (SELECT text, signature FROM audit_checkpoints WHERE number = 1) WHERE number = 2"),
            Some(2_000),
            2_000,
        ),
        (
            "13 clock moved back",
            Box::new(|conn| {
                conn.execute_batch(
                    "DELETE FROM audit_log WHERE seq > 2005; DELETE FROM audit_checkpoints WHERE size > 2000;
                     UPDATE audit_log SET record = replace(record, '2026-11', '2025-11') WHERE seq = 2005",
                )
                .expect("edits");
                rechain(conn, 2_005);
            }),
            Some(2_005),
            2_005,
        ),
        (
            "14 an older copy",
            sql("DELETE FROM audit_log WHERE seq > 1000; DELETE FROM audit_checkpoints WHERE size > 1000;
                 DELETE FROM audit_blocks WHERE last > 1000"),
            None,
            1_001,
        ),
        (
            "all signed again by who stole the key",
            Box::new(|conn| {
                conn.execute_batch(EDIT).expect("edits");
                rechain(conn, 500);
                resign(conn, &key());
            }),
            None,
            1_000,
        ),
        (
            "a block that hides its records",
            sql("UPDATE audit_blocks SET summary = replace(summary, 'rpc.call', 'rpc.cell') WHERE last = 1000"),
            Some(1_000),
            1_000,
        ),
        ("a block removed", sql("DELETE FROM audit_blocks WHERE last = 1000"), Some(1_000), 1_000),
        ("a checkpoint removed", sql("DELETE FROM audit_checkpoints WHERE number = 1"), Some(1_000), 1_000),
        ("all checkpoints removed", sql("DELETE FROM audit_checkpoints"), Some(1_000), 1_000),
    ]
}

#[tokio::test]
async fn every_class_of_tampering_is_found_at_its_record() {
    let bench = sealed().await;
    assert_eq!(found(&bench).await, (None, None), "the control: nothing was touched");
    assert_eq!(bench.verify().await.last, SIZE);
    bench.store.close().await;
    let database = bench.folder.path().join("core.db");
    let untouched = std::fs::read(&database).expect("reads");
    for (name, act, alone, with_heads) in classes() {
        let folder = tempfile::tempdir().expect("folder");
        let conn = copy(folder.path(), &untouched);
        act(&conn);
        let seq = |heads| {
            let report = folder::verify(&conn, key().public(), heads).expect("reads");
            report.fault.map(|fault| fault.seq)
        };
        assert_eq!(seq(Vec::new()), alone, "{name}, without heads");
        assert_eq!(seq(bench.heads()), Some(with_heads), "{name}, with heads");
    }
}

/// Each record as it is stored, and a verifier that looks at hashes alone.
fn rows(conn: &Connection) -> Vec<(i64, Vec<u8>, Vec<u8>)> {
    let mut rows = conn
        .prepare("SELECT seq, CAST(record AS BLOB), hash FROM audit_log ORDER BY seq")
        .expect("prepares");
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.expect("reads").collect::<Result<_, _>>().expect("reads")
}

#[tokio::test]
async fn a_verifier_that_does_not_follow_the_chain_misses_most_classes() {
    let bench = sealed().await;
    bench.store.close().await;
    let database = bench.folder.path().join("core.db");
    let untouched = std::fs::read(&database).expect("reads");
    let mut missed = Vec::new();
    for (name, act, ..) in classes() {
        let folder = tempfile::tempdir().expect("folder");
        let conn = copy(folder.path(), &untouched);
        act(&conn);
        if rows(&conn).iter().all(|(_, text, hash)| sha256(text).as_slice() == hash) {
            missed.push(name);
        }
    }
    assert!(missed.len() >= 14, "{missed:?}");
    assert!(missed.iter().any(|name| name.starts_with("9 ")), "{missed:?}");
}

/// How many edits are tried; each is found.
fn edits() -> usize {
    std::env::var("VIVIFIED_AUDIT_EDITS")
        .ok()
        .and_then(|edits| edits.parse().ok())
        .unwrap_or(10_000)
}

#[tokio::test]
async fn every_edit_of_one_octet_is_found_where_it_is() {
    let bench = Bench::filled(60).await;
    bench.log.seal().await.expect("seals");
    let rows = rows(&bench.connection());
    // The verifier as it stands before each record, having taken all before it.
    let mut verified = verify::Verifier::new(key().public());
    let mut before = Vec::new();
    for (seq, text, hash) in &rows {
        before.push(verified.clone());
        verified.record(text, Some(*seq), Some(hash)).expect("the control: untouched");
    }
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).expect("small")
    };
    let mut found = 0;
    for round in 0..edits() {
        let at = round % rows.len();
        let (seq, mut text, mut hash) = rows[at].clone();
        let octets = if next(8) == 0 { &mut hash } else { &mut text };
        let place = next(octets.len());
        octets[place] ^= u8::try_from(1 + next(255)).expect("an octet");
        let fault = before[at].clone().record(&text, Some(seq), Some(&hash)).err();
        found += usize::from(fault.is_some_and(|fault| fault.seq == seq));
    }
    assert_eq!(found, edits());
}

#[tokio::test]
async fn a_long_log_is_verified_in_steps() {
    let bench = sealed().await;
    let mut behind = 0;
    let mut ends = Vec::new();
    loop {
        let step = bench.log.verify_step(behind, 900).await.expect("reads").expect("a checkpoint");
        assert_eq!(step.report.fault, None);
        ends.push(step.report.last);
        let Some(next) = step.next else { break };
        behind = next;
    }
    assert_eq!(ends, [1_000, 2_000, 2_010]);
    assert_eq!(bench.log.verify_step(7, 900).await.expect("reads"), None);
    bench.tamper(EDIT);
    let step = bench.log.verify_step(0, 900).await.expect("reads").expect("begins");
    assert_eq!((step.report.fault.map(|fault| fault.seq), step.next), (Some(500), None));
    let step = bench.log.verify_step(1, 900).await.expect("reads").expect("begins");
    assert_eq!(step.report.fault, None, "the fault lies before this step");
    assert!(from_hex(&step.report.head).is_some());
}
