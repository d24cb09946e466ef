//! The verifier: fed with records and checkpoints in their order, it names the first that does not
//! fit.
//!
//! It knows neither files nor databases, so the same judgement serves the running log, a data
//! folder and an export. A chain that was rewritten whole is sound in itself: the signed
//! checkpoints show that. A log that was cut behind its last checkpoint, or put back to an older
//! copy, is sound together with its checkpoints: only a head that was kept elsewhere shows that.

use super::blocks::BLOCK;
use super::chain::{NOTHING, write_hex};
use super::checkpoint::{Checkpoint, Signed};
use super::key::PublicKey;
use super::text::View;
use super::tree::{Hash, Tree, leaf, sha256};
use crate::json::hex;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The place before the first record that was read.
    pub after: i64,
    /// The last record that was found good.
    pub last: i64,
    /// How many were read.
    pub records: i64,
    pub checkpoints: i64,
    /// Records behind the last checkpoint: chained, but not yet signed for.
    pub unsealed: i64,
    /// Records that say that the clock of the machine went back before them.
    pub clock_jumps: i64,
    /// Hash of the last record.
    pub head: String,
    /// The first record that does not fit.
    pub fault: Option<Fault>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub seq: i64,
    pub what: &'static str,
    /// The records that were read are sound, but there must be more of them.
    pub at_end: bool,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "record {} {}", self.seq, self.what)
    }
}

#[derive(Clone)]
pub struct Verifier {
    key: PublicKey,
    /// What was kept elsewhere, the shortest first.
    heads: Vec<Checkpoint>,
    next_head: usize,
    after: i64,
    seq: i64,
    head: Hash,
    prev: String,
    time: String,
    log: Option<Hash>,
    tree: Tree,
    number: i64,
    sealed: i64,
    checkpoints: i64,
    clock_jumps: i64,
}

impl Verifier {
    pub fn new(key: PublicKey) -> Self {
        Self {
            key,
            heads: Vec::new(),
            next_head: 0,
            after: 0,
            seq: 0,
            head: NOTHING,
            prev: hex(&NOTHING),
            time: String::new(),
            log: None,
            tree: Tree::default(),
            number: 0,
            sealed: 0,
            checkpoints: 0,
            clock_jumps: 0,
        }
    }

    /// Begins behind a checkpoint instead of at the first record. None when the tree is not the
    /// one that it signs.
    pub fn behind(key: PublicKey, checkpoint: &Checkpoint, tree: Tree) -> Option<Self> {
        let seq = checkpoint.size;
        if tree.size() != checkpoint.size || tree.root() != checkpoint.root {
            return None;
        }
        Some(Self {
            after: seq,
            seq,
            head: checkpoint.head,
            prev: hex(&checkpoint.head),
            log: Some(checkpoint.log),
            tree,
            number: checkpoint.number,
            sealed: seq,
            ..Self::new(key)
        })
    }

    /// Heads that were kept elsewhere; their signatures have been verified.
    #[must_use]
    pub fn with_heads(mut self, mut heads: Vec<Checkpoint>) -> Self {
        heads.sort_by_key(|head| head.size);
        heads.retain(|head| head.size > self.tree.size());
        self.heads = heads;
        self
    }

    /// Takes the next record. `place` and `hash` are what stands beside it where it is stored.
    pub fn record(
        &mut self,
        text: &[u8],
        place: Option<i64>,
        hash: Option<&[u8]>,
    ) -> Result<(), Fault> {
        self.end_of_block()?;
        let seq = self.seq + 1;
        let fault = |what| Err(Fault { seq, what, at_end: false });
        if place.is_some_and(|place| place != seq) {
            return fault("is missing or stands elsewhere");
        }
        let own = sha256(text);
        if hash.is_some_and(|hash| hash != own) {
            return fault("was changed: its hash does not fit its text");
        }
        let Some(view) = View::parse(text) else { return fault("has not the form of a record") };
        if view.seq != seq {
            return fault("stands at another place than it was written for");
        }
        if view.prev != self.prev {
            return fault("does not follow the record before it");
        }
        if view.time < self.time.as_str() {
            if !view.clock_went_back() {
                return fault("is older than the record before it and does not say why");
            }
            self.clock_jumps += 1;
        }
        view.time.clone_into(&mut self.time);
        self.seq = seq;
        self.head = own;
        self.log.get_or_insert(own);
        write_hex(&mut self.prev, &own);
        self.tree.push(leaf(&own));
        self.compare_heads()
    }

    /// Takes the checkpoint that stands behind the records taken so far.
    pub fn checkpoint(&mut self, signed: &Signed) -> Result<Checkpoint, Fault> {
        let seq = self.seq.max(1);
        let fault = |what| Err(Fault { seq, what, at_end: false });
        let Some(checkpoint) = signed.verified(self.key) else {
            return fault("ends with a checkpoint that the audit key did not sign");
        };
        if checkpoint.number != self.number + 1 {
            return fault(
                "ends with a checkpoint that is repeated or does not follow the one before",
            );
        }
        if self.log.is_some_and(|log| log != checkpoint.log) {
            return fault("ends with a checkpoint of another log");
        }
        if checkpoint.size > self.tree.size() {
            let what = "is missing, though a checkpoint covers it";
            return Err(Fault { seq: self.seq + 1, what, at_end: true });
        }
        if checkpoint.size < self.tree.size() {
            return fault("ends with a checkpoint of another place");
        }
        if checkpoint.head != self.head || checkpoint.root != self.tree.root() {
            return fault("ends with a checkpoint that signs other records");
        }
        self.number = checkpoint.number;
        self.sealed = self.seq;
        self.checkpoints += 1;
        Ok(checkpoint)
    }

    /// Every block ends with a checkpoint, so that those cannot be left out together.
    fn end_of_block(&self) -> Result<(), Fault> {
        let is_end = self.tree.size() % BLOCK == 0 && self.seq > self.after;
        if is_end && self.sealed != self.seq {
            let what = "ends a block, but its checkpoint is missing";
            return Err(Fault { seq: self.seq, what, at_end: false });
        }
        Ok(())
    }

    fn compare_heads(&mut self) -> Result<(), Fault> {
        while let Some(head) = self.heads.get(self.next_head) {
            if head.size > self.tree.size() {
                break;
            }
            if head.head != self.head || head.root != self.tree.root() {
                let what = "or one before it differs from the head that was kept";
                return Err(Fault { seq: self.seq, what, at_end: false });
            }
            self.next_head += 1;
        }
        Ok(())
    }

    /// Looks at the end: nothing that was signed for or kept may lie behind it.
    pub fn finish(&self) -> Result<(), Fault> {
        self.end_of_block()?;
        if self.next_head < self.heads.len() {
            let what = "is missing at the end, though a head that was kept covers it";
            return Err(Fault { seq: self.seq + 1, what, at_end: true });
        }
        Ok(())
    }

    pub fn seq(&self) -> i64 {
        self.seq
    }

    pub fn sealed_number(&self) -> i64 {
        self.number
    }

    pub fn report(&self, fault: Option<Fault>) -> Report {
        Report {
            after: self.after,
            last: self.seq,
            records: self.seq - self.after,
            checkpoints: self.checkpoints,
            unsealed: self.seq - self.sealed,
            clock_jumps: self.clock_jumps,
            head: self.prev.clone(),
            fault,
        }
    }
}
