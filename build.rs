//! The gate: the build fails when a spec, a template, a source of the compiler or a generated
//! file is not the one `generated/contract.lock` was written for.
//!
//! It compares digests and nothing else. It does not run the compiler, because a build script
//! that depended on it would build it twice, and it writes nothing.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

const LOCK: &str = "generated/contract.lock";

/// Every file below these stands in the lock, but for the lock itself.
const WATCHED: [&str; 9] = [
    "codegen/Cargo.toml",
    "codegen/src",
    "generated",
    "spec",
    "templates/core",
    "templates/docs",
    "templates/go",
    "templates/node",
    "templates/python",
];

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    for path in WATCHED.iter().filter(|path| Path::new(path).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
    let faults = match fs::read_to_string(LOCK) {
        Ok(lock) => compare(&lock),
        Err(error) => vec![format!("{LOCK} cannot be read: {error}")],
    };
    if faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    for fault in &faults {
        println!("cargo::error={fault}");
    }
    println!("cargo::error=run: cargo codegen generate");
    ExitCode::FAILURE
}

/// One line for each file that is not what the lock says.
fn compare(lock: &str) -> Vec<String> {
    let mut expected: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    for line in lock.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.split('\t');
        if let (Some(digest), Some(kind), Some(path)) = (parts.next(), parts.next(), parts.next()) {
            expected.insert(path.to_owned(), (digest, kind));
        }
    }
    let mut found = BTreeMap::new();
    for path in WATCHED {
        take_digests(Path::new(path), path, &mut found);
    }
    found.remove(LOCK);
    let mut faults = Vec::new();
    for (path, (digest, kind)) in &expected {
        match found.get(path) {
            None => faults.push(format!("missing: {path} ({kind})")),
            Some(actual) if actual != digest => faults.push(format!("stale: {path} ({kind})")),
            Some(_) => {}
        }
    }
    for path in found.keys().filter(|path| !expected.contains_key(*path)) {
        let kind = match path.split('/').next() {
            Some("generated") => "orphaned",
            _ => "new",
        };
        faults.push(format!("{kind}: {path} (not in {LOCK})"));
    }
    faults
}

/// Digest of every file, by its path with `/`. A link or an unreadable file has none that fits.
fn take_digests(path: &Path, name: &str, found: &mut BTreeMap<String, String>) {
    let Ok(metadata) = path.symlink_metadata() else { return };
    if metadata.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let name = format!("{name}/{}", entry.file_name().to_string_lossy());
            take_digests(&entry.path(), &name, found);
        }
        return;
    }
    let digest = match fs::read(path) {
        Ok(text) if metadata.is_file() => sha256(&text),
        _ => "no plain file".to_owned(),
    };
    found.insert(name.to_owned(), digest);
}

fn sha256(text: &[u8]) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
