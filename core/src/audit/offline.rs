//! Verifies an export or a copy of a data folder with nothing but a public key.

use std::io::BufRead;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::checkpoint::{Checkpoint, Signed};
use super::export::{Start, parse_end};
use super::folder;
use super::key::{AuditKey, PublicKey};
use super::prune::Base;
use super::tree::Tree;
use super::verify::{Fault, Report, Verifier};

/// The longest line that is read; a record is far shorter.
const LONGEST_LINE: usize = 1024 * 1024;

/// What can be said of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every record fits, up to the end.
    Sound(Report),
    /// A record does not fit.
    Tampered(Report, Fault),
    /// What is there fits, but it is not all; the text says what is missing.
    Incomplete(Report, String),
}

/// Verifies the log of a data folder, with the public half of the key that lies in it.
pub fn verify_folder(data_dir: &Path) -> anyhow::Result<Report> {
    let key = AuditKey::read(&data_dir.join("audit.key"))?.public();
    match verify_database(&data_dir.join("core.db"), key, Vec::new())? {
        Verdict::Sound(report) | Verdict::Incomplete(report, _) => Ok(report),
        Verdict::Tampered(report, fault) => Ok(Report { fault: Some(fault), ..report }),
    }
}

/// Verifies the log in a database file.
pub fn verify_database(
    path: &Path,
    key: PublicKey,
    heads: Vec<Checkpoint>,
) -> anyhow::Result<Verdict> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let report = folder::verify(&conn, key, heads)?;
    Ok(match report.fault.clone() {
        None => Verdict::Sound(report),
        Some(fault) => Verdict::Tampered(report, fault),
    })
}

/// Verifies an export. `after` is where it must begin, unless the log itself begins later.
pub fn verify_export(
    mut lines: impl BufRead,
    key: PublicKey,
    heads: Vec<Checkpoint>,
    after: i64,
) -> std::io::Result<Verdict> {
    let mut line = Vec::with_capacity(4_096);
    let nothing = || Verifier::new(key).report(None);
    if !read_line(&mut lines, &mut line)? {
        return Ok(Verdict::Incomplete(nothing(), "the file has no first line".into()));
    }
    let Some(begun) = begin(&line, key, after) else {
        let what = "is where the export begins, but its first line does not fit the key";
        let fault = Fault { seq: after + 1, what, at_end: false };
        return Ok(Verdict::Tampered(nothing(), fault));
    };
    let verifier = match begun {
        Ok(verifier) => verifier.with_heads(heads),
        Err(what) => return Ok(Verdict::Incomplete(nothing(), what)),
    };
    Reading { verifier, key_id: key.id() }.run(lines, line)
}

/// None when the first line is not good; a text when it is good but not where it should begin.
fn begin(line: &[u8], key: PublicKey, after: i64) -> Option<Result<Verifier, String>> {
    let start = Start::parse(std::str::from_utf8(line).ok()?, &key.id())?;
    let Some((signed, frontier)) = &start.checkpoint else {
        return (start.after == 0).then(|| Ok(Verifier::new(key)));
    };
    let checkpoint = signed.verified(key)?;
    let tree = Tree::from_parts(checkpoint.size, frontier)?;
    let verifier = Verifier::behind(key, &checkpoint, tree)?;
    let base = match &start.base {
        Some(signed) => Some(Base::verified(signed, key)?),
        None => None,
    };
    let is_base = base.is_some_and(|base| base.size == checkpoint.size);
    if start.after != checkpoint.size {
        return None;
    }
    Some(if is_base || checkpoint.size == after {
        Ok(verifier)
    } else {
        let size = checkpoint.size;
        Err(format!("the export begins behind record {size}; say --after {size} if it should"))
    })
}

struct Reading {
    verifier: Verifier,
    key_id: String,
}

impl Reading {
    fn run(mut self, mut lines: impl BufRead, mut line: Vec<u8>) -> std::io::Result<Verdict> {
        while read_line(&mut lines, &mut line)? {
            if line.starts_with(b"{\"end\":") {
                return self.end(&line, lines.fill_buf()?.is_empty());
            }
            let taken = if line.starts_with(b"{\"checkpoint\":") {
                self.checkpoint(&line)
            } else {
                self.verifier.record(&line, None, None)
            };
            if let Err(fault) = taken {
                return Ok(self.tampered(fault));
            }
        }
        let what =
            format!("the file ends behind record {} without its last line", self.verifier.seq());
        Ok(Verdict::Incomplete(self.verifier.report(None), what))
    }

    fn checkpoint(&mut self, line: &[u8]) -> Result<(), Fault> {
        let text = std::str::from_utf8(line).ok();
        let signed = text.and_then(Signed::parse_line);
        let signed = signed.filter(|signed| text == Some(&signed.line(&self.key_id)));
        let seq = self.verifier.seq().max(1);
        let what = "ends with a line that is no checkpoint of this key";
        let signed = signed.ok_or(Fault { seq, what, at_end: false })?;
        self.verifier.checkpoint(&signed).map(drop)
    }

    fn end(&self, line: &[u8], is_last: bool) -> std::io::Result<Verdict> {
        let seq = self.verifier.seq();
        let fault = |what| Fault { seq: seq.max(1), what, at_end: false };
        let end = std::str::from_utf8(line).ok().and_then(parse_end);
        let report = self.verifier.report(None);
        let Some((head, size)) = end else {
            return Ok(self.tampered(fault("stands before a last line that is none")));
        };
        if !is_last {
            return Ok(self.tampered(fault("stands before a last line that is not the last")));
        }
        if (head.as_str(), size) != (report.head.as_str(), seq) {
            return Ok(self.tampered(fault("is not the record that the last line names")));
        }
        Ok(match self.verifier.finish() {
            Ok(()) => Verdict::Sound(report),
            // An export may be older than a head; then it is not all of the log.
            Err(fault) if fault.at_end => {
                let what = format!("the export ends behind record {seq}, a kept head lies further");
                Verdict::Incomplete(report, what)
            }
            Err(fault) => self.tampered(fault),
        })
    }

    fn tampered(&self, fault: Fault) -> Verdict {
        Verdict::Tampered(self.verifier.report(Some(fault.clone())), fault)
    }
}

/// Reads a whole line without its end. False at the end of the file and for a line cut off.
fn read_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    std::io::Read::take(&mut *lines, LONGEST_LINE as u64).read_until(b'\n', line)?;
    Ok(line.pop_if(|octet| *octet == b'\n').is_some())
}
