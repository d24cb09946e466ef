//! What differs between a tree and the disk.

use super::Tree;
use crate::project::named;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// One file that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Absolute path.
    pub path: PathBuf,
    /// Key in the tree; none for an orphan.
    pub key: Option<String>,
    pub found: Found,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The tree has it, the disk has not.
    Missing,
    /// Both have it, with different text; this is what the disk holds.
    Stale(Vec<u8>),
    /// The disk has it, the tree has not.
    Orphaned,
    /// A symbolic link (or a folder) where a file or a folder of the tree belongs.
    Blocked,
}

/// Compares the tree with the disk. `absolute` makes paths of the tree absolute, `outputs` are
/// the folders whose every file must be in the tree, but for the files in `spared`.
pub fn compare(
    tree: &Tree,
    absolute: impl Fn(&str) -> PathBuf,
    outputs: &[PathBuf],
    spared: &[PathBuf],
) -> io::Result<Vec<Difference>> {
    let mut differences = Vec::new();
    let mut expected: BTreeSet<PathBuf> = spared.iter().cloned().collect();
    for (key, file) in &tree.files {
        let path = absolute(key);
        let output = outputs.iter().find(|output| path.starts_with(output));
        let found = read(&path, output.map(PathBuf::as_path))?;
        let found = match found {
            Read::Text(text) if text == file.text.as_bytes() => None,
            Read::Text(text) => Some(Found::Stale(text)),
            Read::Nothing => Some(Found::Missing),
            Read::Blocked => Some(Found::Blocked),
        };
        if let Some(found) = found {
            differences.push(Difference { path: path.clone(), key: Some(key.clone()), found });
        }
        expected.insert(path);
    }
    let mut orphans = BTreeSet::new();
    for output in outputs {
        find_orphans(output, &expected, &mut orphans)?;
    }
    differences.extend(orphans.into_iter().map(|path| Difference {
        path,
        key: None,
        found: Found::Orphaned,
    }));
    differences.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(differences)
}

enum Read {
    Text(Vec<u8>),
    Nothing,
    Blocked,
}

/// Reads a file unless a symbolic link stands at it or above it, up to the output folder.
fn read(path: &Path, output: Option<&Path>) -> io::Result<Read> {
    let top = output.unwrap_or(path);
    for part in path.ancestors().take_while(|part| part.starts_with(top)) {
        match part.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => return Ok(Read::Blocked),
            Ok(metadata) if metadata.is_dir() == (part == path) => return Ok(Read::Blocked),
            Ok(_) => {}
            Err(error) if is_absence(&error) => {}
            Err(error) => return Err(named(part)(error)),
        }
    }
    match fs::read(path) {
        Ok(text) => Ok(Read::Text(text)),
        Err(error) if is_absence(&error) => Ok(Read::Nothing),
        Err(error) => Err(named(path)(error)),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn find_orphans(
    folder: &Path,
    expected: &BTreeSet<PathBuf>,
    orphans: &mut BTreeSet<PathBuf>,
) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) if !folder.is_symlink() => entries,
        Ok(_) => return Ok(()),
        Err(error) if is_absence(&error) => return Ok(()),
        Err(error) => return Err(named(folder)(error)),
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            find_orphans(&path, expected, orphans)?;
        } else if !expected.contains(&path) {
            orphans.insert(path);
        }
    }
    Ok(())
}
