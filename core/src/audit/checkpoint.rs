//! A checkpoint: a signed statement of how long the log was and what it held at a moment.
//!
//! Whoever keeps one elsewhere can tell later whether the log up to there is still the same. Its
//! text is canonical JSON and the signature is over exactly that text; `kind` keeps it apart from
//! every other statement of the same key.

use std::fmt::Write;

use serde_json::Value;

use super::key::{AuditKey, PublicKey};
use super::tree::Hash;
use crate::json::{canonical, hex, parse_json};

const KIND: &str = "vivified.audit.checkpoint/1";

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Counts checkpoints from 1, so that one that is missing or repeated shows.
    pub number: i64,
    /// Records of the log.
    pub size: i64,
    /// Hash of the last of them.
    pub head: Hash,
    /// Merkle root over all of them.
    pub root: Hash,
    /// Hash of the first record, which no two logs share.
    pub log: Hash,
    /// Digest of the summary that closes a block of records here.
    pub summary: Option<Hash>,
    pub time: String,
}

/// A checkpoint and the signature over its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    pub text: String,
    pub signature: String,
}

impl Checkpoint {
    pub fn text(&self) -> String {
        let (head, log, root) = (hex(&self.head), hex(&self.log), hex(&self.root));
        let mut text = format!(r#"{{"head":"{head}","kind":"{KIND}","log":"{log}","#);
        let (number, size, time) = (self.number, self.size, &self.time);
        let _ = write!(text, r#""number":{number},"root":"{root}","size":{size},"#);
        if let Some(summary) = &self.summary {
            let _ = write!(text, r#""summary":"{}","#, hex(summary));
        }
        let _ = write!(text, r#""time":"{time}"}}"#);
        text
    }

    pub fn sign(&self, key: &AuditKey) -> Signed {
        let text = self.text();
        let signature = key.sign(&text);
        Signed { text, signature }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let value = parse_json(text.as_bytes()).ok()?;
        let hash = |name: &str| from_hex(value.get(name)?.as_str()?);
        let number = |name: &str| value.get(name)?.as_i64();
        let checkpoint = Self {
            number: number("number")?,
            size: number("size")?,
            head: hash("head")?,
            root: hash("root")?,
            log: hash("log")?,
            summary: match value.get("summary") {
                Some(_) => Some(hash("summary")?),
                None => None,
            },
            time: value.get("time")?.as_str()?.to_owned(),
        };
        // What was signed is the text, so the text must be the one that these values have.
        (checkpoint.text() == text).then_some(checkpoint)
    }
}

impl Signed {
    /// What it says, when this key said it.
    pub fn verified(&self, key: PublicKey) -> Option<Checkpoint> {
        if key.verifies(&self.text, &self.signature) { Checkpoint::parse(&self.text) } else { None }
    }

    /// One line of a file of heads or of an export.
    pub fn line(&self, key_id: &str) -> String {
        let Self { text, signature } = self;
        format!(r#"{{"checkpoint":{text},"key":"{key_id}","signature":"{signature}"}}"#)
    }

    pub fn parse_line(line: &str) -> Option<Self> {
        let value = parse_json(line.as_bytes()).ok()?;
        let signature = value.get("signature")?.as_str()?.to_owned();
        Some(Self {
            text: canonical(value.get("checkpoint").filter(|value| value.is_object())?),
            signature,
        })
    }
}

pub fn from_hex(text: &str) -> Option<Hash> {
    let octets = text.as_bytes();
    let digit = |octet: u8| match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        _ => None,
    };
    let mut hash = [0; 32];
    if octets.len() != 64 {
        return None;
    }
    for (octet, pair) in hash.iter_mut().zip(octets.as_chunks::<2>().0) {
        *octet = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}

/// A statement as a JSON value, for answers.
pub fn value(text: &str) -> Option<Value> {
    parse_json(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Checkpoint {
        Checkpoint {
            number: 3,
            size: 2_000,
            head: [1; 32],
            root: [2; 32],
            log: [3; 32],
            summary: Some([4; 32]),
            time: "2026-11-22T17:00:00.000Z".into(),
        }
    }

    #[test]
    fn the_text_is_canonical_and_reads_back() {
        for summary in [None, Some([4; 32])] {
            let checkpoint = Checkpoint { summary, ..example() };
            let text = checkpoint.text();
            assert_eq!(canonical(&value(&text).unwrap()), text);
            assert_eq!(Checkpoint::parse(&text), Some(checkpoint));
        }
        let text = example().text();
        for other in [text.replace(",\"log\"", ", \"log\""), text.replace("checkpoint/1", "base/1")]
        {
            assert_eq!(Checkpoint::parse(&other), None);
        }
    }

    #[test]
    fn a_line_keeps_what_was_signed_and_only_its_key_verifies_it() {
        let key = AuditKey::from_seed(&[5; 32]);
        let signed = example().sign(&key);
        let line = signed.line(&key.public().id());
        assert_eq!(Signed::parse_line(&line), Some(signed.clone()));
        assert_eq!(signed.verified(key.public()), Some(example()));
        assert_eq!(signed.verified(AuditKey::from_seed(&[6; 32]).public()), None);
        let longer = Signed { text: signed.text.replace("2000", "2001"), ..signed };
        assert_eq!(longer.verified(key.public()), None);
    }

    #[test]
    fn hex_reads_back() {
        assert_eq!(from_hex(&hex(&[0xa5; 32])), Some([0xa5; 32]));
        assert_eq!(from_hex(&hex(&[0xa5; 31])), None);
        assert_eq!(from_hex(&"A".repeat(64)), None);
    }
}
