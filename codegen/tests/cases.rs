//! Small documents beside what the loader makes of them.
//!
//! A case is a folder with `spec.yaml` (or `spec.json`), perhaps a `codegen.toml`, and what is
//! expected: `problems.json` and, when it compiles, `contract.json`. `UPDATE=1 cargo test` writes
//! what is found; read the difference before you commit it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use vivified_codegen::config::{self, Config};
use vivified_codegen::contract::Contract;
use vivified_codegen::load;
use vivified_codegen::problem::{Problem, Severity};

/// Compares one case with what is expected of it.
fn check(case: &str) {
    let folder = folder(case);
    let (contract, problems) = compile(&folder);
    compare(&folder.join("problems.json"), (!problems.is_empty()).then(|| json!(problems)));
    let has_errors = problems.iter().any(|problem| problem.severity == Severity::Error);
    assert_eq!(
        contract.is_none(),
        has_errors,
        "{case}: a contract comes exactly when nothing is an error"
    );
    // The obstacle course is there to be compiled; its contract would be too long to read.
    if case != "obstacle" {
        compare(
            &folder.join("contract.json"),
            contract.map(|contract| readable(&contract, &folder)),
        );
    }
}

fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(case)
}

fn compile(folder: &Path) -> (Option<Contract>, Vec<Problem>) {
    let file = folder.join("codegen.toml");
    let config = if file.is_file() {
        let (config, problems) = config::read(&file);
        let Some(config) = config else { return (None, problems.into_sorted()) };
        config
    } else {
        let spec = if folder.join("spec.json").is_file() { "spec.json" } else { "spec.yaml" };
        simple_config(spec)
    };
    let (contract, problems) = load::load(&config, folder);
    (contract, problems.into_sorted())
}

fn simple_config(spec: &str) -> Config {
    toml::from_str(&format!("spec = {spec:?}\n[targets]\n")).unwrap()
}

/// The contract with each location in one line, and the document only where it was bundled.
fn readable(contract: &Contract, folder: &Path) -> Value {
    let mut value = json!(contract);
    shorten_locations(&mut value);
    for schema in value["schemas"].as_object_mut().unwrap().values_mut() {
        *schema = serde_json::from_str(text(schema)).unwrap();
    }
    value["document"] = serde_json::from_str(&contract.document).unwrap();
    let files = fs::read_dir(folder).unwrap().count();
    if files <= 3 {
        value.as_object_mut().unwrap().shift_remove("document");
    }
    value
}

fn shorten_locations(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(shorten_locations),
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                if key == "location" && inner.get("line").is_some() {
                    let short = format!(
                        "{}:{}:{} {}",
                        text(&inner["file"]),
                        inner["line"],
                        inner["column"],
                        text(&inner["pointer"])
                    );
                    *inner = json!(short);
                } else {
                    shorten_locations(inner);
                }
            }
        }
        _ => {}
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn compare(file: &Path, found: Option<Value>) {
    let found = found.map(|value| format!("{value:#}\n"));
    if std::env::var_os("UPDATE").is_some() {
        match &found {
            Some(text) => fs::write(file, text).unwrap(),
            None if file.exists() => fs::remove_file(file).unwrap(),
            None => {}
        }
        return;
    }
    let expected = fs::read_to_string(file).ok();
    if expected != found {
        let diff = similar::TextDiff::from_lines(
            expected.as_deref().unwrap_or(""),
            found.as_deref().unwrap_or(""),
        )
        .unified_diff()
        .header("expected", "found")
        .to_string();
        panic!(
            "{}\n{diff}\nrun: UPDATE=1 cargo test -p vivified-codegen --test cases",
            file.display()
        );
    }
}

macro_rules! cases {
    ($($name:ident = $case:literal,)*) => {
        $(#[test] fn $name() { check($case); })*

        #[test]
        fn every_case_folder_is_checked() {
            let mut named = vec![$($case),*];
            named.sort_unstable();
            let folders = fs::read_dir(folder("")).unwrap();
            let mut found: Vec<String> =
                folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            found.sort_unstable();
            assert_eq!(found, named, "add the case to the list in {}", file!());
        }
    };
}

cases! {
    obstacle = "obstacle",
    shapes_of_3_0 = "shapes-3.0",
    shapes_of_3_1 = "shapes-3.1",
    compositions = "compositions",
    contents_and_parameters = "contents-and-parameters",
    data_classes = "data-classes",
    names = "names",
    several_files = "several-files",
    a_whole_project = "whole-project",
    allowed_warnings = "allowed-warnings",
    alias_bomb = "alias-bomb",
    alias_cycle = "alias-cycle",
    body_without_content = "body-without-content",
    broken_json = "broken-json",
    broken_yaml = "broken-yaml",
    composition_cycle = "composition-cycle",
    config_with_slips = "config-with-slips",
    dangling_references = "dangling-references",
    deep_nesting = "deep-nesting",
    discriminators = "discriminators",
    duplicate_keys = "duplicate-keys",
    enumerations = "enumerations",
    example_mismatch = "example-mismatch",
    extensions = "extensions",
    huge_number = "huge-number",
    incomplete_operations = "incomplete-operations",
    info_missing = "info-missing",
    media_types = "media-types",
    merge_keys = "merge-keys",
    no_document = "no-document",
    no_paths = "no-paths",
    no_version = "no-version",
    operation_ids = "operation-ids",
    parameters = "parameters",
    parity_slips = "parity-slips",
    path_parameters = "path-parameters",
    paths = "paths",
    patterns = "patterns",
    problem_catalogue = "problem-catalogue",
    reference_cycle = "reference-cycle",
    references_outside = "references-outside",
    remote_references = "remote-references",
    responses = "responses",
    schemas = "schemas",
    security = "security",
    second_document = "second-document",
    swagger_2 = "swagger-2",
    undecidable_unions = "undecidable-unions",
    unknown_fields = "unknown-fields",
    version_3_2 = "version-3.2",
    wrong_types = "wrong-types",
}
