//! Reads the whole chain and names the first record that does not fit.
//!
//! Needs nothing but a connection, so it also runs on a copy of the file. A chain that was
//! rewritten whole, or cut at its end, is sound in itself: only a head kept elsewhere shows that,
//! so a caller can hand in heads it has kept.

use rusqlite::Connection;
use serde_json::Value;

use super::record::{Record, hash};
use super::{AuditLog, GENESIS};
use crate::json::parse_json;
use crate::store::StoreError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub records: i64,
    /// Hash of the last record: keep it elsewhere and the log up to here can never change unseen.
    pub head: String,
    /// The first record that does not fit.
    pub fault: Option<Fault>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub seq: i64,
    pub what: &'static str,
}

struct Row {
    seq: i64,
    time: String,
    action: String,
    actor_id: String,
    plugin_id: Option<String>,
    text: String,
    hash: String,
}

impl AuditLog {
    pub async fn verify(&self, heads: Vec<(i64, String)>) -> Result<Report, StoreError> {
        self.store.read(move |conn| verify(conn, &heads)).await
    }
}

/// `heads` are places with the hash that stood there when they were kept.
pub fn verify(conn: &Connection, heads: &[(i64, String)]) -> Result<Report, StoreError> {
    let mut report = Report { records: 0, head: GENESIS.to_owned(), fault: None };
    let mut statement = conn.prepare(
        "SELECT seq, time, action, actor_id, plugin_id, record, hash FROM audit_log ORDER BY seq",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Row {
            seq: row.get(0)?,
            time: row.get(1)?,
            action: row.get(2)?,
            actor_id: row.get(3)?,
            plugin_id: row.get(4)?,
            text: row.get(5)?,
            hash: row.get(6)?,
        })
    })?;
    for row in rows {
        let row = row?;
        let expected = report.records + 1;
        let what = check(&row, expected, &report.head).or_else(|| {
            let kept = heads.iter().find(|(seq, _)| *seq == row.seq);
            kept.filter(|(_, head)| *head != row.hash).map(|_| "differs from the head kept of it")
        });
        if let Some(what) = what {
            report.fault = Some(Fault { seq: expected.min(row.seq), what });
            return Ok(report);
        }
        report.records = row.seq;
        report.head = row.hash;
    }
    let cut = heads.iter().map(|(seq, _)| *seq).filter(|seq| *seq > report.records).min();
    report.fault = cut.map(|_| Fault { seq: report.records + 1, what: "is missing at the end" });
    Ok(report)
}

fn check(row: &Row, seq: i64, prev: &str) -> Option<&'static str> {
    if row.seq != seq {
        return Some("is missing");
    }
    if hash(&row.text) != row.hash {
        return Some("was changed: its hash does not fit its text");
    }
    let Ok(Value::Object(fields)) = parse_json(row.text.as_bytes()) else {
        return Some("is no JSON object");
    };
    let record = Record { fields };
    if record.text() != row.text {
        return Some("is not in canonical form");
    }
    if record.fields.get("seq").and_then(Value::as_i64) != Some(seq) {
        return Some("stands at another place than it was written for");
    }
    if record.string("prev") != Some(prev) {
        return Some("does not follow the record before it");
    }
    // Searches use the columns, so they must say what the record says.
    let columns = record.string("time") == Some(&row.time)
        && record.string("action") == Some(&row.action)
        && record.actor_id() == Some(&row.actor_id)
        && record.string("plugin_id") == row.plugin_id.as_deref();
    (!columns).then_some("is filed under something else than it says")
}
