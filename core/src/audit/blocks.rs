//! What a block of a thousand records holds, so that a search can pass over it.
//!
//! The log has no index beside its place: an index would cost more than the record. A block says
//! which actions, actors, plugins and outcomes occur in it, from when to when it goes, and by a
//! filter of bits which traces may. It can say too much but never too little, and the checkpoint
//! at its end signs its digest, so a block cannot be made to hide a record.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::text::View;

/// Records of a block; each ends with a checkpoint.
pub const BLOCK: i64 = 1_000;
/// A set with more members says nothing: everything may occur.
const MOST: usize = 256;
const TRACE_BITS: usize = 16_384;

/// A block under way.
#[derive(Debug, Clone)]
pub struct Block {
    first: i64,
    actions: Words,
    actors: Words,
    plugins: Words,
    outcomes: Words,
    traces: Vec<u8>,
    since: String,
    until: String,
}

/// A block as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summary {
    pub first: i64,
    pub last: i64,
    pub since: String,
    pub until: String,
    actions: Option<Vec<String>>,
    actors: Option<Vec<String>>,
    plugins: Option<Vec<String>>,
    outcomes: Option<Vec<String>>,
    traces: String,
}

/// What one record adds to its block.
#[derive(Debug, Clone, Copy)]
pub struct Noted<'a> {
    pub action: &'a str,
    pub actor: &'a str,
    pub plugin: Option<&'a str>,
    pub outcome: &'a str,
    pub trace: Option<&'a str>,
    pub time: &'a str,
}

impl<'a> From<&View<'a>> for Noted<'a> {
    fn from(view: &View<'a>) -> Self {
        Self {
            action: view.action,
            actor: view.actor_id,
            plugin: view.plugin_id,
            outcome: view.outcome,
            trace: view.trace_id,
            time: view.time,
        }
    }
}

impl Block {
    pub fn new(first: i64) -> Self {
        Self {
            first,
            actions: Words::default(),
            actors: Words::default(),
            plugins: Words::default(),
            outcomes: Words::default(),
            traces: vec![0; TRACE_BITS / 8],
            since: String::new(),
            until: String::new(),
        }
    }

    pub fn note(&mut self, words: Noted<'_>) {
        self.actions.note(words.action);
        self.actors.note(words.actor);
        words.plugin.into_iter().for_each(|plugin| self.plugins.note(plugin));
        self.outcomes.note(words.outcome);
        for bit in words.trace.into_iter().flat_map(bits) {
            self.traces[bit / 8] |= 1 << (bit % 8);
        }
        if self.since.is_empty() || words.time < self.since.as_str() {
            self.since = words.time.to_owned();
        }
        if words.time > self.until.as_str() {
            words.time.clone_into(&mut self.until);
        }
    }

    /// The text that is kept.
    pub fn text(&self, last: i64) -> String {
        let summary = Summary {
            first: self.first,
            last,
            since: self.since.clone(),
            until: self.until.clone(),
            actions: self.actions.sorted(),
            actors: self.actors.sorted(),
            plugins: self.plugins.sorted(),
            outcomes: self.outcomes.sorted(),
            traces: STANDARD.encode(&self.traces),
        };
        serde_json::to_string(&summary).expect("a summary is plain text")
    }
}

impl Summary {
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub fn may_hold_action(&self, action: &str) -> bool {
        may_hold(&self.actions, action)
    }

    pub fn may_hold_actor(&self, actor: &str) -> bool {
        may_hold(&self.actors, actor)
    }

    pub fn may_hold_plugin(&self, plugin: &str) -> bool {
        may_hold(&self.plugins, plugin)
    }

    pub fn may_hold_outcome(&self, outcome: &str) -> bool {
        may_hold(&self.outcomes, outcome)
    }

    pub fn may_hold_trace(&self, trace: &str) -> bool {
        let kept = STANDARD.decode(&self.traces).unwrap_or_default();
        bits(trace)
            .iter()
            .all(|bit| kept.get(bit / 8).is_none_or(|octet| octet & (1 << (bit % 8)) != 0))
    }
}

fn may_hold(words: &Option<Vec<String>>, word: &str) -> bool {
    words
        .as_ref()
        .is_none_or(|words| words.binary_search_by(|known| known.as_str().cmp(word)).is_ok())
}

/// Three places in the filter. Trace ids are random, so their own digits serve as the hash; one
/// that is chosen can only make a block look fuller than it is.
fn bits(trace: &str) -> [usize; 3] {
    let value = trace.bytes().fold(0_u64, |value, octet| {
        value.rotate_left(5) ^ u64::from(octet).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    [0, 21, 42].map(|shift| (value >> shift) as usize % TRACE_BITS)
}

/// The distinct words of a block; none once they are too many.
#[derive(Debug, Clone)]
struct Words(Option<HashSet<String>>);

impl Default for Words {
    fn default() -> Self {
        Self(Some(HashSet::new()))
    }
}

impl Words {
    fn note(&mut self, word: &str) {
        let Some(words) = &mut self.0 else { return };
        if words.contains(word) {
            return;
        }
        if words.len() < MOST {
            words.insert(word.to_owned());
        } else {
            self.0 = None;
        }
    }

    fn sorted(&self) -> Option<Vec<String>> {
        let mut words: Vec<String> = self.0.as_ref()?.iter().cloned().collect();
        words.sort_unstable();
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<'a>(actor: &'a str, trace: &'a str) -> Noted<'a> {
        let (action, outcome, time) = ("rpc.call", "ok", "2026-11-22T17:00:00.000Z");
        Noted { action, actor, plugin: Some("beta"), outcome, trace: Some(trace), time }
    }

    #[test]
    fn a_summary_never_denies_what_is_there_and_mostly_denies_what_is_not() {
        let mut block = Block::new(1);
        let trace = |number: u64| {
            format!(
                "{:032x}",
                u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            )
        };
        for number in 0..500 {
            block.note(words("alpha", &trace(number)));
        }
        let summary = Summary::parse(&block.text(1_000)).expect("reads back");
        assert!(summary.may_hold_actor("alpha") && summary.may_hold_plugin("beta"));
        assert!(!summary.may_hold_actor("beta") && !summary.may_hold_action("rpc.cal"));
        assert!((0..500).all(|number| summary.may_hold_trace(&trace(number))));
        let wrong = (500..1_500).filter(|number| summary.may_hold_trace(&trace(*number))).count();
        assert!(wrong < 50, "{wrong}");
    }

    #[test]
    fn too_many_words_may_be_any_word() {
        let mut block = Block::new(1);
        for number in 0..=MOST {
            block.note(words(&format!("plugin{number}"), "00"));
        }
        let summary = Summary::parse(&block.text(1_000)).expect("reads back");
        assert!(summary.may_hold_actor("never seen"));
        assert!(!summary.may_hold_outcome("never seen"));
    }
}
