//! Drift: where the disk is not what the spec and the templates say, and which input made it so.

use crate::compile::{self, Compiled};
use crate::inputs::Kind;
use crate::lock::Lock;
use crate::project::{Project, named};
use crate::tree::{self, Difference, Found};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Everything that differs. Empty means fresh.
pub struct Drift {
    pub files: Vec<FileDrift>,
    /// Inputs that are not those of the last run.
    pub inputs: Vec<InputDrift>,
    /// The lock differs from what a run would write.
    pub lock: Option<LockDrift>,
    /// What the tree has to say to the disk, for [`tree::write`].
    pub differences: Vec<Difference>,
}

/// One generated file.
pub struct FileDrift {
    pub difference: Difference,
    /// As the lock names it, from the root of the project; none for an orphan nobody wrote.
    pub template: Option<String>,
    /// True when somebody changed, deleted or added the file since the last run; false when
    /// the inputs changed, or when there is no lock to tell.
    pub edited: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputChange {
    Added,
    Changed,
    Removed,
}

/// One input.
pub struct InputDrift {
    pub path: PathBuf,
    pub kind: Kind,
    pub change: InputChange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockDrift {
    Missing,
    Stale,
    /// A symbolic link or a folder is in its place.
    Blocked,
}

impl Drift {
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.lock.is_none()
    }
}

/// Compares what a run would write with what lies there.
pub fn find(project: &Project, compiled: &Compiled) -> io::Result<Drift> {
    let root = project.root(&compiled.config);
    let outputs = compile::outputs(project, &compiled.config);
    let lock_path = project.absolute(&compiled.config.lock);
    let differences = tree::compare(
        &compiled.tree,
        |path| project.absolute(path),
        &outputs,
        std::slice::from_ref(&lock_path),
    )?;
    let (before, lock) = read_lock(&lock_path, compiled)?;
    let files = differences
        .iter()
        .map(|difference| {
            let path = crate::inputs::below(&root, &difference.path);
            let known = before.entries.get(&path);
            let template = compiled.lock.entries.get(&path).or(known);
            let edited = lock != Some(LockDrift::Missing)
                && match (&difference.found, known) {
                    (Found::Stale(text), Some(entry)) => {
                        crate::inputs::sha256(text) != entry.digest
                    }
                    (Found::Missing, known) => known.is_some(),
                    (Found::Orphaned, known) => known.is_none(),
                    _ => false,
                };
            FileDrift {
                difference: difference.clone(),
                template: template.and_then(|entry| entry.template.clone()),
                edited,
            }
        })
        .collect();
    let inputs = if lock == Some(LockDrift::Missing) {
        Vec::new()
    } else {
        changed_inputs(&before, &compiled.lock)
            .into_iter()
            .map(|(path, kind, change)| InputDrift { path: root.join(path), kind, change })
            .collect()
    };
    Ok(Drift { files, inputs, lock, differences })
}

fn read_lock(path: &Path, compiled: &Compiled) -> io::Result<(Lock, Option<LockDrift>)> {
    match path.symlink_metadata() {
        Ok(metadata) if !metadata.is_file() => {
            return Ok((Lock::default(), Some(LockDrift::Blocked)));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((Lock::default(), Some(LockDrift::Missing)));
        }
        Err(error) => return Err(named(path)(error)),
    }
    let text = String::from_utf8_lossy(&fs::read(path).map_err(named(path))?).into_owned();
    let drift = (text != compiled.lock.to_text()).then_some(LockDrift::Stale);
    Ok((Lock::parse(&text), drift))
}

fn changed_inputs<'a>(before: &'a Lock, now: &'a Lock) -> Vec<(&'a str, Kind, InputChange)> {
    let paths: BTreeSet<&String> = before.entries.keys().chain(now.entries.keys()).collect();
    let is_input = |kind: Kind| kind != Kind::Generated;
    paths
        .into_iter()
        .filter_map(|path| {
            let (old, new) = (before.entries.get(path), now.entries.get(path));
            let (kind, change) = match (old, new) {
                (Some(old), Some(new)) if old.digest != new.digest => {
                    (new.kind, InputChange::Changed)
                }
                (None, Some(new)) => (new.kind, InputChange::Added),
                (Some(old), None) => (old.kind, InputChange::Removed),
                _ => return None,
            };
            is_input(kind).then_some((path.as_str(), kind, change))
        })
        .collect()
}
