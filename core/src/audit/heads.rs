//! The second file: every checkpoint, one line each, outside the database.
//!
//! It is only ever appended to, and only with checkpoints that are on the disk already. Copied to
//! another machine it shows what nothing inside the database can: that the log was cut, replaced by
//! an older copy or rewritten by somebody who holds the audit key.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::OptionalExtension;

use super::OpenError;
use super::checkpoint::{Checkpoint, Signed};
use super::key::PublicKey;
use crate::store::{Store, StoreError, files};

/// Checkpoints of one round.
const ROUND: u32 = 1_000;
/// No line is longer.
const LONGEST_LINE: u64 = 4_096;

pub struct Heads {
    path: PathBuf,
    /// Number of the last checkpoint in the file.
    number: i64,
}

impl Heads {
    /// Opens the file and compares its end with the log. A line that was cut off by a crash is
    /// taken away; its checkpoint is written again.
    pub async fn open(path: PathBuf, store: &Store, key: PublicKey) -> Result<Self, OpenError> {
        let last = last_line(&path).map_err(|error| fault(&path, &error))?;
        let Some(line) = last else { return Ok(Self { path, number: 0 }) };
        let kept = Signed::parse_line(&line).and_then(|signed| signed.verified(key));
        let Some(kept) = kept else {
            let reason = "its last line is no checkpoint of this audit key; move the file aside";
            return Err(StoreError::File { path, reason: reason.into() }.into());
        };
        let (text, number) = (kept.text(), kept.number);
        let (known, size) = store
            .read(move |conn| {
                let known: Option<String> = conn
                    .query_row(
                        "SELECT text FROM audit_checkpoints WHERE number = ?1",
                        [number],
                        |row| row.get(0),
                    )
                    .optional()?;
                let size = "SELECT coalesce(max(seq), 0) FROM audit_log";
                Ok((known, conn.query_row(size, [], |row| row.get::<_, i64>(0))?))
            })
            .await?;
        if known.as_deref() != Some(&text) {
            return Err(OpenError::RolledBack { path, size, kept: kept.size });
        }
        Ok(Self { path, number })
    }

    /// Appends the checkpoints up to `newest` that are not there yet.
    pub async fn copy(
        &mut self,
        store: &Store,
        key: PublicKey,
        newest: i64,
    ) -> Result<(), StoreError> {
        while self.number < newest {
            let number = self.number;
            let signed = store
                .read(move |conn| {
                    let mut statement = conn.prepare_cached(
                        "SELECT number, text, signature FROM audit_checkpoints
                         WHERE number > ?1 ORDER BY number LIMIT ?2",
                    )?;
                    let rows = statement.query_map((number, ROUND), |row| {
                        let signed = Signed { text: row.get(1)?, signature: row.get(2)? };
                        Ok((row.get::<_, i64>(0)?, signed))
                    })?;
                    Ok(rows.collect::<Result<Vec<_>, _>>()?)
                })
                .await?;
            let Some((last, _)) = signed.last() else { return Ok(()) };
            let last = *last;
            let key_id = key.id();
            let lines: String =
                signed.iter().map(|(_, signed)| signed.line(&key_id) + "\n").collect();
            let path = self.path.clone();
            let written = tokio::task::spawn_blocking(move || append(&path, &lines)).await;
            written.unwrap_or(Err(StoreError::Unavailable))?;
            self.number = last;
        }
        Ok(())
    }
}

/// Reads a whole file of heads. Every line must be a checkpoint of this key.
pub fn read(path: &Path, key: PublicKey) -> Result<Vec<Checkpoint>, String> {
    let file = File::open(path).map_err(|error| format!("{}: {}", path.display(), error.kind()))?;
    let mut heads = Vec::new();
    for (position, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| format!("{}: {}", path.display(), error.kind()))?;
        let head = Signed::parse_line(&line).and_then(|signed| signed.verified(key));
        heads.push(head.ok_or_else(|| {
            let number = position + 1;
            format!("{}: line {number} is no checkpoint of this key", path.display())
        })?);
    }
    Ok(heads)
}

fn append(path: &Path, lines: &str) -> Result<(), StoreError> {
    let is_new = !path.exists();
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(path);
    file.and_then(|mut file| {
        file.write_all(lines.as_bytes())?;
        file.sync_data()
    })
    .map_err(|error| fault(path, &error))?;
    if is_new { files::sync_parent(path) } else { Ok(()) }
}

/// The last whole line; what stands behind it is cut off.
fn last_line(path: &Path) -> std::io::Result<Option<String>> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let length = file.metadata()?.len();
    let start = length.saturating_sub(2 * LONGEST_LINE);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let Some(end) = tail.iter().rposition(|octet| *octet == b'\n') else {
        file.set_len(if start == 0 { 0 } else { length })?;
        return Ok(None);
    };
    file.set_len(start + end as u64 + 1)?;
    let line = tail[..end].rsplit(|octet| *octet == b'\n').next().unwrap_or_default();
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}

fn fault(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::File { path: path.to_owned(), reason: error.kind().to_string() }
}
