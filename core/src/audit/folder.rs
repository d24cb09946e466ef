//! Verifies the log in a database: the one of the running Core, or a copy of its file.

use rusqlite::{Connection, OptionalExtension, Row};

use super::AuditLog;
use super::checkpoint::{Checkpoint, Signed};
use super::key::PublicKey;
use super::prune::Base;
use super::tree::{Tree, sha256};
use super::verify::{Fault, Report, Verifier};
use crate::store::StoreError;

/// What one step of a verification found and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub report: Report,
    /// Number of the checkpoint to go on behind; none at the end.
    pub next: Option<i64>,
}

impl AuditLog {
    /// Verifies everything.
    pub async fn verify(&self, heads: Vec<Checkpoint>) -> Result<Report, StoreError> {
        let key = self.public_key();
        self.0.store.read(move |conn| verify(conn, key, heads)).await
    }

    /// Verifies about `most` records behind a checkpoint (0 for the beginning), so that a long log
    /// is verified in steps that hold up nobody.
    pub async fn verify_step(&self, behind: i64, most: i64) -> Result<Option<Step>, StoreError> {
        let key = self.public_key();
        self.0
            .store
            .read(move |conn| {
                let snapshot = conn.unchecked_transaction()?;
                let Some(mut run) = Run::begin(&snapshot, key, behind)? else { return Ok(None) };
                let result = run.read(&snapshot, Some(most));
                run.step(result).map(Some)
            })
            .await
    }
}

/// Reads the whole log as it stands at one moment.
pub fn verify(
    conn: &Connection,
    key: PublicKey,
    heads: Vec<Checkpoint>,
) -> Result<Report, StoreError> {
    let snapshot = conn.unchecked_transaction()?;
    let Some(mut run) = Run::begin(&snapshot, key, 0)? else {
        let what = "is where the log was pruned, but the audit key did not sign that";
        let fault = Fault { seq: 1, what, at_end: false };
        return Ok(Verifier::new(key).report(Some(fault)));
    };
    run.verifier = run.verifier.with_heads(heads);
    let result = run.read(&snapshot, None);
    run.step(result).map(|step| step.report)
}

struct Run {
    verifier: Verifier,
    more: bool,
}

/// A judgement of the log, or a store that could not be read.
enum Stop {
    Fault(Fault),
    Store(StoreError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Run {
    /// None when the checkpoint to begin behind is not there or not good.
    fn begin(conn: &Connection, key: PublicKey, behind: i64) -> Result<Option<Self>, StoreError> {
        let base = Base::newest(conn)?;
        let number = match &base {
            Some(signed) => match Base::verified(signed, key) {
                Some(base) => base.number.max(behind),
                None => return Ok(None),
            },
            None => behind,
        };
        if number == 0 {
            return Ok(Some(Self { verifier: Verifier::new(key), more: false }));
        }
        let stored = "SELECT text, signature, frontier FROM audit_checkpoints WHERE number = ?1";
        let stored: Option<(Signed, Vec<u8>)> = conn
            .query_row(stored, [number], |row| {
                Ok((Signed { text: row.get(0)?, signature: row.get(1)? }, row.get(2)?))
            })
            .optional()?;
        Ok(stored.and_then(|(signed, frontier)| {
            let checkpoint = signed.verified(key)?;
            let tree = Tree::from_parts(checkpoint.size, &frontier)?;
            let verifier = Verifier::behind(key, &checkpoint, tree)?;
            Some(Self { verifier, more: false })
        }))
    }

    /// Walks records and checkpoints side by side.
    fn read(&mut self, conn: &Connection, most: Option<i64>) -> Result<(), Stop> {
        let start = self.verifier.seq();
        let enough = most.map_or(i64::MAX, |most| start.saturating_add(most));
        let mut records =
            conn.prepare("SELECT seq, record, hash FROM audit_log WHERE seq > ?1 ORDER BY seq")?;
        let mut records = records.query([start])?;
        let mut checkpoints = conn.prepare(
            "SELECT size, text, signature, frontier, summary FROM audit_checkpoints
             LEFT JOIN audit_blocks ON last = size WHERE number > ?1 ORDER BY number",
        )?;
        let mut checkpoints = checkpoints.query([self.verifier.sealed_number()])?;
        let mut checkpoint = checkpoints.next()?;
        loop {
            while let Some(row) = checkpoint {
                let size: i64 = row.get(0)?;
                if size > self.verifier.seq() {
                    break;
                }
                self.checkpoint(row)?;
                checkpoint = checkpoints.next()?;
                if self.verifier.seq() >= enough {
                    self.more = true;
                    return Ok(());
                }
            }
            let Some(row) = records.next()? else { break };
            let text = row.get_ref(1)?.as_bytes().unwrap_or_default();
            let hash = row.get_ref(2)?.as_bytes().unwrap_or_default();
            self.verifier.record(text, Some(row.get(0)?), Some(hash))?;
        }
        // What is left lies behind the last record: the log was cut.
        if let Some(row) = checkpoint {
            self.checkpoint(row)?;
        }
        Ok(self.verifier.finish()?)
    }

    fn checkpoint(&mut self, row: &Row<'_>) -> Result<(), Stop> {
        let signed = Signed { text: row.get(1)?, signature: row.get(2)? };
        let checkpoint = self.verifier.checkpoint(&signed)?;
        let seq = self.verifier.seq();
        let fault = |what| Stop::Fault(Fault { seq, what, at_end: false });
        let summary = row.get_ref(4)?.as_bytes_or_null().unwrap_or_default().map(sha256);
        if summary != checkpoint.summary {
            return Err(fault("ends a block whose summary is not the one that was signed"));
        }
        let frontier = row.get_ref(3)?.as_bytes().unwrap_or_default();
        Tree::from_parts(checkpoint.size, frontier)
            .filter(|tree| tree.root() == checkpoint.root)
            .map(|_| ())
            .ok_or(fault("ends with a checkpoint whose tree is not the one that was signed"))
    }

    fn step(&self, result: Result<(), Stop>) -> Result<Step, StoreError> {
        let fault = match result {
            Ok(()) => None,
            Err(Stop::Fault(fault)) => Some(fault),
            Err(Stop::Store(error)) => return Err(error),
        };
        let next = (self.more && fault.is_none()).then(|| self.verifier.sealed_number());
        Ok(Step { report: self.verifier.report(fault), next })
    }
}
