//! Copies of a data folder that can be put back.
//!
//! The store is copied by SQLite itself, in one snapshot, so Core may go on writing meanwhile.
//! The keys go with it, because without them the store cannot be read: whoever holds a backup
//! holds everything, and its files are closed to everybody but their owner. A list with digests
//! lies beside them; a backup that does not match its list is not put back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use ring::digest::{Context as Hasher, SHA256};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use crate::json::hex;
use crate::store::files;

const STORE: &str = "core.db";
const LIST: &str = "backup.json";
/// Belong to a running process and mean nothing elsewhere.
const LEFT_OUT: [&str; 4] = [STORE, "core.db-wal", "core.db-shm", "core.lock"];
/// While another process holds a lock on the store.
const PATIENCE: u32 = 200;

/// What a backup consists of.
#[derive(Debug, Serialize, Deserialize)]
struct List {
    version: String,
    files: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    sha256: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    pub files: usize,
}

/// Makes `output`, which must not exist, from a data folder, also of a running Core.
pub fn back_up(data_dir: &Path, output: &Path) -> anyhow::Result<Made> {
    let store = data_dir.join(STORE);
    ensure!(store.is_file(), "{} is no data folder of Core", data_dir.display());
    ensure!(!output.exists(), "{} exists; name a new folder", output.display());
    files::create_folder(output)?;
    // The store comes last: checkpoints that left it must never be newer than the copy of it.
    let mut names = other_files(data_dir)?;
    for name in &names {
        copy_file(&data_dir.join(name), &output.join(name))?;
    }
    copy_store(&store, &output.join(STORE)).context("cannot copy the store")?;
    for key in names.iter().filter(|name| name.extension().is_some_and(|end| end == "key")) {
        let same = digest(&data_dir.join(key))? == digest(&output.join(key))?;
        ensure!(same, "a key changed meanwhile; make another backup");
    }
    names.push(PathBuf::from(STORE));
    let entry = |name: &PathBuf| -> anyhow::Result<Entry> {
        let sha256 = digest(&output.join(name))?;
        Ok(Entry { name: name.to_string_lossy().into_owned(), sha256 })
    };
    let list = List {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        files: names.iter().map(entry).collect::<Result<_, _>>()?,
    };
    files::create(&output.join(LIST), &serde_json::to_vec_pretty(&list)?)?;
    Ok(Made { files: names.len() })
}

/// Puts a backup in place of a data folder that is absent or empty.
pub fn restore(input: &Path, data_dir: &Path) -> anyhow::Result<Made> {
    let text = fs::read(input.join(LIST))
        .with_context(|| format!("{} holds no {LIST}", input.display()))?;
    let list: List = serde_json::from_slice(&text).context("the list of the backup is broken")?;
    ensure!(list.files.iter().any(|entry| entry.name == STORE), "the backup holds no store");
    for entry in &list.files {
        let name = Path::new(&entry.name);
        let plain = name.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        ensure!(plain, "the list of the backup names a file outside of it");
        let found = digest(&input.join(name))?;
        ensure!(found == entry.sha256, "{} is not the file that was backed up", entry.name);
    }
    files::create_folder(data_dir)?;
    ensure!(
        fs::read_dir(data_dir)?.next().is_none(),
        "{} is not empty; move it away first",
        data_dir.display()
    );
    for entry in &list.files {
        copy_file(&input.join(&entry.name), &data_dir.join(&entry.name))?;
    }
    check_store(&data_dir.join(STORE))?;
    Ok(Made { files: list.files.len() })
}

/// One step takes all pages under one read lock, so the copy is the store of one moment.
fn copy_store(from: &Path, to: &Path) -> anyhow::Result<()> {
    files::touch_private(to)?;
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    source.busy_timeout(Duration::from_secs(5))?;
    let mut target = Connection::open(to)?;
    let backup = Backup::new(&source, &mut target)?;
    for _ in 0..PATIENCE {
        match backup.step(-1)? {
            StepResult::Done => {
                drop(backup);
                target.execute_batch("PRAGMA journal_mode = DELETE")?;
                drop(target);
                fs::File::open(to)?.sync_all()?;
                return check_store(to);
            }
            _ => std::thread::sleep(Duration::from_millis(25)),
        }
    }
    bail!("the store is locked by another process")
}

fn check_store(path: &Path) -> anyhow::Result<()> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let found: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(found == "ok", "the copy of the store is not sound");
    Ok(())
}

/// Names of everything else, from the folder on.
fn other_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        for entry in fs::read_dir(folder.join(&inner))? {
            let entry = entry?;
            let name = inner.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                open.push(name);
            } else if kind.is_file() && !LEFT_OUT.iter().any(|out| name == Path::new(out)) {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    if let Some(folder) = to.parent() {
        files::create_folder(folder)?;
    }
    let mut source =
        fs::File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    files::touch_private(to)?;
    let mut target = fs::OpenOptions::new().write(true).truncate(true).open(to)?;
    std::io::copy(&mut source, &mut target)?;
    target.sync_all()?;
    files::sync_parent(to)?;
    Ok(())
}

fn digest(path: &Path) -> anyhow::Result<String> {
    let mut file =
        fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hasher = Hasher::new(&SHA256);
    std::io::copy(&mut file, &mut Writer(&mut hasher))?;
    Ok(hex(hasher.finish().as_ref()))
}

struct Writer<'h>(&'h mut Hasher);

impl std::io::Write for Writer<'_> {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.update(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
