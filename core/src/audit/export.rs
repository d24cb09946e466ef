//! An export: the stored text of records, one a line, that verifies without Core.
//!
//! The first line says where it begins, the last one where it ends, and checkpoints stand behind
//! the last record that they cover. The hash of a record is the SHA-256 of its line, so that any
//! tool can follow the chain. It is made piece by piece from short reads, and holds up nobody.

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value, json};

use super::checkpoint::{Checkpoint, Signed};
use super::prune::Base;
use super::{AuditLog, PublicKey};
use crate::json::{canonical, hex};
use crate::store::{Store, StoreError};

pub const FORMAT: &str = "vivified.audit.export/1";
/// Records of one piece.
const PIECE: i64 = 1_000;

/// What is left to be sent.
pub struct Export {
    store: Store,
    key: PublicKey,
    header: Option<String>,
    /// The last record sent.
    seq: i64,
    checkpoints: VecDeque<(i64, Signed)>,
    /// Number of the last checkpoint that was read.
    number: i64,
    last: Checkpoint,
    is_done: bool,
}

/// Where an export begins, as its first line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub after: i64,
    /// The checkpoint behind which it begins, and its tree.
    pub checkpoint: Option<(Signed, Vec<u8>)>,
    /// That the log itself begins there, because it was pruned.
    pub base: Option<Signed>,
}

impl Start {
    pub fn line(&self, key_id: &str) -> String {
        let mut export = json!({ "after": self.after, "format": FORMAT });
        if let Some((_, frontier)) = &self.checkpoint {
            export["frontier"] = URL_SAFE_NO_PAD.encode(frontier).into();
        }
        if let Some(Signed { text, signature }) = &self.base {
            export["base"] = json!({ "signature": signature, "statement": text });
        }
        let mut line = canonical(&json!({ "export": export }));
        if let Some((signed, _)) = &self.checkpoint {
            line.truncate(line.len() - 1);
            line.push_str(",\"start\":");
            line.push_str(&signed.line(key_id));
            line.push('}');
        }
        line
    }

    /// None when the line is not the one that its values have.
    pub fn parse(line: &str, key_id: &str) -> Option<Self> {
        let value = crate::json::parse_json(line.as_bytes()).ok()?;
        let export = value.get("export")?;
        let checkpoint = match value.get("start") {
            None => None,
            Some(start) => {
                let frontier = URL_SAFE_NO_PAD.decode(export.get("frontier")?.as_str()?).ok()?;
                Some((Signed::parse_line(&canonical(start))?, frontier))
            }
        };
        let base = match export.get("base") {
            None => None,
            Some(base) => Some(Signed {
                text: base.get("statement")?.as_str()?.to_owned(),
                signature: base.get("signature")?.as_str()?.to_owned(),
            }),
        };
        let start = Self { after: export.get("after")?.as_i64()?, checkpoint, base };
        (start.line(key_id) == line).then_some(start)
    }
}

/// The last line.
pub fn end_line(checkpoint: &Checkpoint) -> String {
    let (head, size) = (hex(&checkpoint.head), checkpoint.size);
    format!(r#"{{"end":{{"head":"{head}","size":{size}}}}}"#)
}

impl AuditLog {
    /// Begins an export behind the newest checkpoint at or before `after`, up to the first that
    /// covers `to`. None when nothing was recorded.
    pub async fn export(&self, after: i64, to: Option<i64>) -> Result<Option<Export>, StoreError> {
        self.seal().await?;
        let (store, key) = (self.0.store.clone(), self.public_key());
        let planned =
            self.0.store.read(move |conn| plan(conn, key, after, to.unwrap_or(i64::MAX))).await?;
        Ok(planned.map(|(start, number, last)| Export {
            store,
            key,
            seq: start.after,
            header: Some(start.line(&key.id())),
            checkpoints: VecDeque::new(),
            number,
            last,
            is_done: false,
        }))
    }
}

/// Where to begin, the number of the checkpoint there, and the checkpoint to end with.
fn plan(
    conn: &Connection,
    key: PublicKey,
    after: i64,
    to: i64,
) -> Result<Option<(Start, i64, Checkpoint)>, StoreError> {
    let signed_base = Base::newest(conn)?;
    let base = signed_base.as_ref().and_then(|signed| Base::verified(signed, key));
    let after = after.max(base.as_ref().map_or(0, |base| base.size));
    let row = |sql: &str, size: i64| {
        conn.query_row(sql, [size], |row| {
            let signed = Signed { text: row.get(1)?, signature: row.get(2)? };
            Ok((row.get::<_, i64>(0)?, signed, row.get::<_, Vec<u8>>(3)?))
        })
        .optional()
    };
    let before = "SELECT number, text, signature, frontier FROM audit_checkpoints
                  WHERE size <= ?1 ORDER BY number DESC LIMIT 1";
    let behind = "SELECT number, text, signature, frontier FROM audit_checkpoints
                  WHERE size >= ?1 ORDER BY number LIMIT 1";
    let newest = "SELECT number, text, signature, frontier FROM audit_checkpoints
                  WHERE size >= ?1 ORDER BY number DESC LIMIT 1";
    let first = row(before, after)?;
    let last = match row(behind, to.max(after))? {
        Some(last) => Some(last),
        None => row(newest, 0)?,
    };
    let broken = StoreError::Broken("audit_checkpoints");
    let Some((_, last, _)) = last else { return Ok(None) };
    let last = last.verified(key).ok_or(broken)?;
    let Some((number, signed, frontier)) = first else {
        return Ok(Some((Start { after: 0, checkpoint: None, base: None }, 0, last)));
    };
    let size = Checkpoint::parse(&signed.text).map_or(0, |checkpoint| checkpoint.size);
    let base = signed_base.filter(|_| base.is_some_and(|base| base.size == size));
    let start = Start { after: size, checkpoint: Some((signed, frontier)), base };
    Ok(Some((start, number, last)))
}

impl Export {
    /// The next lines; none at the end.
    pub async fn piece(&mut self) -> Result<Option<String>, StoreError> {
        if let Some(header) = self.header.take() {
            return Ok(Some(header + "\n"));
        }
        if self.is_done {
            return Ok(None);
        }
        if self.seq >= self.last.size {
            self.is_done = true;
            return Ok(Some(end_line(&self.last) + "\n"));
        }
        let (seq, number) = (self.seq, self.number);
        let last = self.last.size.min(seq + PIECE);
        let (records, checkpoints) =
            self.store.read(move |conn| read(conn, seq, last, number)).await?;
        let mut text = String::with_capacity(records.iter().map(|record| record.len() + 1).sum());
        self.number = checkpoints.last().map_or(self.number, |(number, ..)| *number);
        self.checkpoints.extend(checkpoints.into_iter().map(|(_, size, signed)| (size, signed)));
        let key_id = self.key.id();
        for record in records {
            text.push_str(&record);
            text.push('\n');
            self.seq += 1;
            while self.checkpoints.front().is_some_and(|(size, _)| *size <= self.seq) {
                let signed = self.checkpoints.pop_front();
                text.extend(signed.map(|(_, signed)| signed.line(&key_id) + "\n"));
            }
        }
        // Pruned while it was read: what follows would not follow.
        if self.seq < last { Err(StoreError::Broken("audit_log")) } else { Ok(Some(text)) }
    }
}

type Read = (Vec<String>, Vec<(i64, i64, Signed)>);

fn read(conn: &Connection, after: i64, last: i64, number: i64) -> Result<Read, StoreError> {
    let mut records = conn
        .prepare_cached("SELECT record FROM audit_log WHERE seq > ?1 AND seq <= ?2 ORDER BY seq")?;
    let records = records.query_map((after, last), |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut checkpoints = conn.prepare_cached(
        "SELECT number, size, text, signature FROM audit_checkpoints
         WHERE number > ?1 AND size <= ?2 ORDER BY number",
    )?;
    let checkpoints = checkpoints.query_map((number, last), |row| {
        Ok((row.get(0)?, row.get(1)?, Signed { text: row.get(2)?, signature: row.get(3)? }))
    })?;
    Ok((records, checkpoints.collect::<Result<_, _>>()?))
}

/// The end as a line says it.
pub fn parse_end(line: &str) -> Option<(String, i64)> {
    let value: Value = crate::json::parse_json(line.as_bytes()).ok()?;
    let end = value.get("end")?;
    let (head, size) = (end.get("head")?.as_str()?.to_owned(), end.get("size")?.as_i64()?);
    (canonical(&value) == line).then_some((head, size))
}
