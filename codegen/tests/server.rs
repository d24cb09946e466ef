//! The emitted server beside what is expected of it. `UPDATE=1 cargo test` writes what is found;
//! read the difference before you commit it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use vivified_codegen::compile::compile;
use vivified_codegen::project::Project;
use vivified_codegen::tree::Tree;

/// What depends on the spec; the rest is runtime or the same for every contract.
const GOLDEN: &[&str] =
    &["api.rs", "handlers.rs", "models.rs", "operations.rs", "problems.rs", "schemas.json"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server")
}

fn emit() -> Tree {
    let project = Project::find(Some(&folder().join("codegen.toml"))).unwrap().unwrap();
    let (compiled, problems) = compile(&project, &|_| ()).unwrap();
    let problems = problems.into_sorted();
    compiled.unwrap_or_else(|| panic!("{problems:#?}")).tree
}

#[test]
fn the_server_is_as_expected() {
    let tree = emit();
    let update = std::env::var_os("UPDATE").is_some();
    for name in GOLDEN {
        let found = &tree.files[&format!("out/{name}")].text;
        let path = folder().join("expected").join(name);
        if update {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            expected == *found,
            "{name} is not as expected; run: UPDATE=1 cargo test -p vivified-codegen --test server"
        );
    }
}

#[test]
fn emitting_twice_gives_the_same_bytes() {
    assert_eq!(emit().files, emit().files);
}

#[test]
fn sources_are_ascii_and_parse() {
    for (path, file) in emit().files.iter().filter(|(path, _)| path.ends_with(".rs")) {
        if !path.contains("/runtime/") {
            assert!(file.text.is_ascii(), "{path}");
        }
        assert!(!file.text.contains(" \n"), "{path} has a space at the end of a line");
        syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

#[test]
fn rustfmt_finds_nothing_to_change() {
    let probe = Command::new("rustfmt").arg("--version").stdout(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no rustfmt on this machine");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    for (path, file) in &emit().files {
        let path = scratch.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.text).unwrap();
    }
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rustfmt.toml");
    let check = Command::new("rustfmt")
        .args(["--check", "--edition", "2024", "--config-path"])
        .arg(rules)
        .arg(scratch.path().join("out/lib.rs"))
        .output()
        .unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}
