//! The end of the chain, kept in the memory of the one thread that writes.
//!
//! To append needs the place, hash and time of the record before, the Merkle tree over all of them
//! and the block under way. They are kept here instead of being read for every record. When a
//! transaction was taken back after its records were counted here, the place of the last record in
//! the file differs; then all of it is read again from the last checkpoint on.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction};
use time::OffsetDateTime;

use super::blocks::{BLOCK, Block, Noted};
use super::checkpoint::{Checkpoint, Signed};
use super::key::AuditKey;
use super::record::Entry;
use super::stamp::Stamps;
use super::text::{self, Place, View};
use super::tree::{Hash, Tree, leaf, sha256};
use crate::json::hex;
use crate::store::StoreError;

/// The hash before the first record.
pub const NOTHING: Hash = [0; 32];

pub struct Chain {
    key: Arc<AuditKey>,
    seq: i64,
    head: Hash,
    /// The head in hex, as the next record quotes it.
    prev: String,
    time: String,
    log: Hash,
    tree: Tree,
    block: Block,
    sealed: Sealed,
    stamps: Stamps,
    text: String,
}

/// The newest checkpoint.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sealed {
    pub number: i64,
    pub size: i64,
}

/// A record that does not follow from those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} {what}")]
pub struct Broken {
    pub seq: i64,
    pub what: &'static str,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for LoadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Chain {
    /// Reads the end of the log, verifying every record after the last checkpoint.
    pub fn load(conn: &Connection, key: &Arc<AuditKey>) -> Result<Self, LoadError> {
        Self::read(conn, key, |chain| {
            // Every block is sealed together with its last record.
            let what = "ends a block, but its checkpoint is missing";
            let is_end = chain.tree.size() % BLOCK == 0;
            if is_end { Err(Broken { seq: chain.seq, what }.into()) } else { Ok(()) }
        })
    }

    /// Verifies a log that has no checkpoints yet and makes them, up to `size` records.
    pub fn seal_history(
        tx: &Transaction<'_>,
        key: &Arc<AuditKey>,
        size: i64,
        now: OffsetDateTime,
    ) -> Result<(), LoadError> {
        Self::read(tx, key, |chain| {
            let is_due = chain.tree.size() % BLOCK == 0 || chain.seq == size;
            if is_due && chain.seq <= size {
                chain.seal(tx, now)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// `each` sees the chain after every record behind the last checkpoint.
    fn read(
        conn: &Connection,
        key: &Arc<AuditKey>,
        mut each: impl FnMut(&mut Self) -> Result<(), LoadError>,
    ) -> Result<Self, LoadError> {
        let mut chain = Self::at_checkpoint(conn, key)?;
        let records = "SELECT seq, record, hash FROM audit_log WHERE seq > ?1 ORDER BY seq";
        let mut statement = conn.prepare_cached(records)?;
        let mut rows = statement.query([chain.block_start()])?;
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            let text = row.get_ref(1)?.as_bytes().unwrap_or_default();
            let hash = row.get_ref(2)?.as_bytes().unwrap_or_default();
            if seq > chain.seq {
                chain.replay(seq, text, hash)?;
                each(&mut chain)?;
            } else if let Some(view) = View::parse(text) {
                chain.block.note(Noted::from(&view));
            }
        }
        Ok(chain)
    }

    /// The chain before the first record.
    pub fn empty(key: &Arc<AuditKey>) -> Self {
        Self {
            key: key.clone(),
            seq: 0,
            head: NOTHING,
            prev: hex(&NOTHING),
            time: String::new(),
            log: NOTHING,
            tree: Tree::default(),
            block: Block::new(1),
            sealed: Sealed::default(),
            stamps: Stamps::default(),
            text: String::with_capacity(1_024),
        }
    }

    fn at_checkpoint(conn: &Connection, key: &Arc<AuditKey>) -> Result<Self, LoadError> {
        let newest = "SELECT number, size, text, signature, frontier FROM audit_checkpoints
                      ORDER BY number DESC LIMIT 1";
        let newest = conn
            .prepare_cached(newest)?
            .query_row([], |row| {
                let signed = Signed { text: row.get(2)?, signature: row.get(3)? };
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    signed,
                    row.get::<_, Vec<u8>>(4)?,
                ))
            })
            .optional()?;
        let mut chain = Self::empty(key);
        if let Some((number, size, signed, frontier)) = newest {
            let seq = size;
            let broken = |what| Broken { seq, what };
            let checkpoint = signed
                .verified(key.public())
                .filter(|checkpoint| (checkpoint.number, checkpoint.size) == (number, size))
                .ok_or(broken(
                    "ends with a checkpoint that the audit key of this folder did not sign",
                ))?;
            let tree = Tree::from_parts(size, &frontier)
                .filter(|tree| tree.root() == checkpoint.root)
                .ok_or(broken("ends with a checkpoint that contradicts itself"))?;
            chain.seq = seq;
            chain.head = checkpoint.head;
            chain.prev = hex(&checkpoint.head);
            chain.time = checkpoint.time;
            chain.log = checkpoint.log;
            chain.tree = tree;
            chain.sealed = Sealed { number, size };
            chain.block = Block::new(chain.block_start() + 1);
            // The record under the checkpoint must still be the one that it names.
            let kept: Option<Vec<u8>> = conn
                .query_row("SELECT hash FROM audit_log WHERE seq = ?1", [seq], |row| row.get(0))
                .optional()?;
            if kept.as_ref().is_some_and(|hash| *hash != chain.head) {
                return Err(broken("differs from its checkpoint").into());
            }
            if kept.is_none() && !is_pruned(conn, size)? {
                return Err(broken("is missing, though a checkpoint covers it").into());
            }
            // A checkpoint is later than its records, so that its time says nothing of theirs.
            chain.time = last_time(conn, seq)?.unwrap_or_default();
        }
        Ok(chain)
    }

    fn block_start(&self) -> i64 {
        self.seq - self.seq % BLOCK
    }

    fn replay(&mut self, seq: i64, text: &[u8], hash: &[u8]) -> Result<(), Broken> {
        let expected = self.seq + 1;
        let broken = |what| Broken { seq: expected, what };
        if seq != expected {
            return Err(broken("is missing"));
        }
        let own = sha256(text);
        if own != hash {
            return Err(broken("was changed: its hash does not fit its text"));
        }
        let view = View::parse(text).ok_or(broken("has not the form of a record"))?;
        if view.seq != seq {
            return Err(broken("stands at another place than it was written for"));
        }
        if view.prev != self.prev {
            return Err(broken("does not follow the record before it"));
        }
        view.time.clone_into(&mut self.time);
        self.block.note(Noted::from(&view));
        self.count(own);
        Ok(())
    }

    /// Whether the file ends where this chain does.
    pub fn is_current(&self, conn: &Connection) -> Result<bool, StoreError> {
        let last: Option<i64> = conn
            .prepare_cached("SELECT max(seq) FROM audit_log")?
            .query_row([], |row| row.get(0))?;
        // Nothing but pruning leaves a log empty, and it never takes what is not sealed.
        Ok(last.unwrap_or(self.sealed.size) == self.seq)
    }

    /// Adds one record to the file and to the chain.
    pub fn append(
        &mut self,
        tx: &Transaction<'_>,
        entry: &Entry,
        now: OffsetDateTime,
    ) -> Result<i64, StoreError> {
        self.link(entry, now);
        tx.prepare_cached("INSERT INTO audit_log (seq, record, hash) VALUES (?1, ?2, ?3)")?
            .execute((self.seq, self.text.as_str(), self.head.as_slice()))?;
        if self.tree.size() % BLOCK == 0 {
            self.seal(tx, now)?;
        }
        Ok(self.seq)
    }

    /// Writes the text of the next record and counts it. What is here and not in the file is put
    /// right by whoever sees that the file does not end where the chain does.
    pub fn link(&mut self, entry: &Entry, now: OffsetDateTime) {
        let seq = self.seq + 1;
        let Self { stamps, text, time: before, prev, .. } = self;
        let time = stamps.write(now);
        let clock_went_back = before.as_str() > time;
        text.clear();
        text::write(text, entry, Place { seq, time, prev, clock_went_back });
        let hash = sha256(text.as_bytes());
        time.clone_into(before);
        self.block.note(Noted {
            action: &entry.action,
            actor: &entry.actor.id,
            plugin: entry.plugin_id.as_deref(),
            outcome: &entry.outcome,
            trace: entry.trace_id.as_deref(),
            time: before,
        });
        self.count(hash);
    }

    fn count(&mut self, hash: Hash) {
        if self.seq == 0 {
            self.log = hash;
        }
        self.seq += 1;
        self.head = hash;
        write_hex(&mut self.prev, &hash);
        self.tree.push(leaf(&hash));
    }

    /// Signs what stands here, unless the newest checkpoint already does. At the end of a block
    /// its summary is kept beside the checkpoint.
    pub fn seal(
        &mut self,
        tx: &Transaction<'_>,
        now: OffsetDateTime,
    ) -> Result<Sealed, StoreError> {
        let size = self.tree.size();
        if size == self.sealed.size {
            return Ok(self.sealed);
        }
        let summary = if size % BLOCK == 0 {
            let block = std::mem::replace(&mut self.block, Block::new(self.seq + 1));
            let text = block.text(self.seq);
            tx.prepare_cached("INSERT INTO audit_blocks (last, summary) VALUES (?1, ?2)")?
                .execute((self.seq, &text))?;
            Some(sha256(text.as_bytes()))
        } else {
            None
        };
        let checkpoint = Checkpoint {
            number: self.sealed.number + 1,
            size,
            head: self.head,
            root: self.tree.root(),
            log: self.log,
            summary,
            time: self.stamps.write(now).to_owned(),
        };
        let signed = checkpoint.sign(&self.key);
        tx.prepare_cached(
            "INSERT INTO audit_checkpoints (number, size, text, signature, frontier)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            checkpoint.number,
            size,
            signed.text,
            signed.signature,
            self.tree.parts(),
        ))?;
        self.sealed = Sealed { number: checkpoint.number, size };
        Ok(self.sealed)
    }

    pub fn size(&self) -> i64 {
        self.tree.size()
    }

    pub fn sealed(&self) -> Sealed {
        self.sealed
    }
}

fn is_pruned(conn: &Connection, size: i64) -> Result<bool, StoreError> {
    let exists = "SELECT EXISTS (SELECT 1 FROM audit_base WHERE size >= ?1)";
    Ok(conn.query_row(exists, [size], |row| row.get(0))?)
}

fn last_time(conn: &Connection, seq: i64) -> Result<Option<String>, StoreError> {
    let record: Option<String> = conn
        .query_row("SELECT record FROM audit_log WHERE seq = ?1", [seq], |row| row.get(0))
        .optional()?;
    let view = record.as_deref().map(str::as_bytes).and_then(View::parse);
    Ok(view.map(|view| view.time.to_owned()))
}

/// Writes a hash over a text of the same length.
pub fn write_hex(out: &mut String, hash: &Hash) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 64];
    for (pair, octet) in text.as_chunks_mut::<2>().0.iter_mut().zip(hash) {
        *pair = [DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 15)]];
    }
    out.clear();
    out.push_str(std::str::from_utf8(&text).unwrap_or_default());
}
