//! The files a run reads, with their digests: specs, templates, and the compiler itself where
//! it lives in the same project.

use crate::config::Config;
use crate::project::{Project, named, slashes};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a file is to the compiler. The names stand in the lock.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Spec,
    Template,
    Generator,
    Generated,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Template => "template",
            Self::Generator => "generator",
            Self::Generated => "generated",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Spec, Self::Template, Self::Generator, Self::Generated]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Digest and kind of every input, by its absolute path. `sources` are the files the spec is
/// split into.
pub fn digests(
    project: &Project,
    config: &Config,
    sources: &[String],
) -> io::Result<BTreeMap<PathBuf, (Kind, String)>> {
    let mut found = BTreeMap::new();
    let mut outputs = crate::compile::outputs(project, config);
    outputs.push(project.absolute(&config.lock));
    let mut add = |kind: Kind, path: &Path| -> io::Result<()> {
        for file in files_below(path)? {
            let known = found.contains_key(&file);
            if known || outputs.iter().any(|output| file.starts_with(output)) {
                continue;
            }
            let digest = sha256(&fs::read(&file).map_err(named(&file))?);
            found.insert(file, (kind, digest));
        }
        Ok(())
    };
    for generator in &config.generator {
        add(Kind::Generator, &project.absolute(generator))?;
    }
    if let Some(templates) = &config.templates {
        for target in config.targets.keys() {
            let folder = project.absolute(templates).join(target.as_str());
            if folder.exists() {
                add(Kind::Template, &folder)?;
            }
        }
    }
    // A configuration in a folder of its own makes the whole folder an input; one at the root
    // of a project owns only what it names.
    if project.folder != project.root(config) {
        add(Kind::Spec, &project.folder)?;
    }
    add(Kind::Spec, &project.file)?;
    let named = [Some(&config.spec), config.manifest.as_ref(), config.events.as_ref()];
    for path in named.into_iter().chain([config.parity.as_ref()]).flatten() {
        add(Kind::Spec, &project.absolute(path))?;
    }
    for source in sources {
        add(Kind::Spec, &project.absolute(source))?;
    }
    Ok(found)
}

/// The file itself, or every file below a folder, sorted. Symbolic links are never entered.
pub fn files_below(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.symlink_metadata().map_err(named(path))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(named(path))? {
        entries.push(entry?.path());
    }
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        files.extend(files_below(&entry)?);
    }
    Ok(files)
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Path of the lock: relative to the root, `/` between folders.
pub fn below(root: &Path, path: &Path) -> String {
    slashes(path.strip_prefix(root).unwrap_or(path))
}
