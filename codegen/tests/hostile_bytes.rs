//! Whatever stands in a file, the loader comes back: with a contract or with problems.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use std::fs;
use std::path::Path;
use vivified_codegen::config::{self, Config};
use vivified_codegen::load;

const SEEDS: [&str; 5] =
    ["shapes-3.0", "shapes-3.1", "compositions", "contents-and-parameters", "names"];

/// One change to a text.
#[derive(Debug, Clone)]
enum Edit {
    Replace(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
    Insert(usize, &'static str),
}

fn edit() -> impl Strategy<Value = Edit> {
    let snippets = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        "- ",
        "\n",
        "  ",
        "&a ",
        "*a",
        "$ref: ",
        "'#/components/schemas/Self'",
        "'#'",
        "null",
        "true",
        "1e400",
        "-0",
        "!!str ",
        "? ",
        "|\n",
        ">-\n",
        "\"",
        "'",
        "\t",
        "\u{0}",
        "\u{feff}",
        "\u{2028}",
        "allOf: [{}]",
        "nullable: true",
        "<<: *a",
        "%YAML 1.2\n---\n",
        "...",
        "../",
        "#",
        "~1",
        "oneOf",
        "enum: []",
        "type: [",
    ]);
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, octet)| Edit::Replace(at, octet)),
        (any::<usize>(), 1..40usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<usize>(), 1..80usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
        (any::<usize>(), snippets).prop_map(|(at, text)| Edit::Insert(at, text)),
    ]
}

fn apply(octets: &mut Vec<u8>, edit: &Edit) {
    let place = |at: usize, length: usize| at % (length + 1);
    match edit {
        Edit::Replace(at, octet) if !octets.is_empty() => {
            let at = at % octets.len();
            octets[at] = *octet;
        }
        Edit::Replace(..) => {}
        Edit::Remove(at, length) => {
            let from = place(*at, octets.len());
            let to = (from + length).min(octets.len());
            octets.drain(from..to);
        }
        Edit::Repeat(at, length) => {
            let from = place(*at, octets.len());
            let to = (from + length).min(octets.len());
            let piece = octets[from..to].to_vec();
            octets.splice(to..to, piece);
        }
        Edit::Insert(at, text) => {
            let at = place(*at, octets.len());
            octets.splice(at..at, text.bytes());
        }
    }
}

fn load(octets: &[u8], name: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), octets).unwrap();
    let config: Config = toml::from_str(&format!("spec = {name:?}\n[targets]\n")).unwrap();
    let (contract, problems) = load::load(&config, folder.path());
    assert_eq!(contract.is_none(), problems.has_errors());
    for problem in problems.into_sorted() {
        assert!(problem.location.line > 0 && problem.location.column > 0, "{problem}");
    }
}

fn seed(case: &str) -> Vec<u8> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    fs::read(cases.join(case).join("spec.yaml")).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn edited_yaml_never_panics(
        case in prop::sample::select(SEEDS.to_vec()),
        edits in prop::collection::vec(edit(), 1..6),
    ) {
        let mut octets = seed(case);
        edits.iter().for_each(|edit| apply(&mut octets, edit));
        load(&octets, "spec.yaml");
    }

    #[test]
    fn edited_json_never_panics(edits in prop::collection::vec(edit(), 1..6)) {
        let mut octets = serde_json::to_vec(&serde_json::json!({
            "openapi": "3.0.3", "info": { "title": "x\u{e9}\n\"", "version": "1" }, "paths": {},
            "components": { "schemas": { "A": { "type": "object", "properties": { "a": { "$ref": "#/components/schemas/A" }, "n": { "type": "number", "maximum": 1.5e3 } } } } }
        })).unwrap();
        edits.iter().for_each(|edit| apply(&mut octets, edit));
        load(&octets, "spec.json");
    }

    #[test]
    fn edited_configurations_never_panic(edits in prop::collection::vec(edit(), 1..6)) {
        let mut octets = b"spec = \"a.yaml\"\nlock = 'x'\n[lint]\nrequire = [\"summary\"]\nvocabulary = { x-a = [\"b\"] }\n[targets.python]\noutput = \"out\"\n".to_vec();
        edits.iter().for_each(|edit| apply(&mut octets, edit));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("codegen.toml");
        fs::write(&file, octets).unwrap();
        let (config, problems) = config::read(&file);
        assert_eq!(config.is_none(), problems.has_errors());
    }
}

#[test]
fn ten_thousand_references_in_a_row_are_refused() {
    let mut text =
        "openapi: 3.0.3\ninfo: { title: x, version: '1' }\npaths: {}\ncomponents:\n  schemas:\n"
            .to_owned();
    for index in 0..10_000 {
        text.push_str(&format!(
            "    S{index}: {{ $ref: '#/components/schemas/S{}' }}\n",
            index + 1
        ));
    }
    text.push_str("    S10000: { type: string }\n");
    load(text.as_bytes(), "spec.yaml");
}

#[test]
fn ten_thousand_extensions_in_a_row_come_back() {
    let mut text =
        "openapi: 3.0.3\ninfo: { title: x, version: '1' }\npaths: {}\ncomponents:\n  schemas:\n"
            .to_owned();
    for index in 0..10_000 {
        let next = index + 1;
        text.push_str(&format!("    S{index}: {{ allOf: [{{ $ref: '#/components/schemas/S{next}' }}, {{ type: object, properties: {{ p{index}: {{}} }} }}] }}\n"));
    }
    text.push_str("    S10000: { type: object }\n");
    load(text.as_bytes(), "spec.yaml");
}

#[test]
fn a_ring_of_compositions_comes_back() {
    let mut text =
        "openapi: 3.0.3\ninfo: { title: x, version: '1' }\npaths: {}\ncomponents:\n  schemas:\n"
            .to_owned();
    for index in 0..1_000 {
        let next = (index + 1) % 1_000;
        text.push_str(&format!(
            "    S{index}: {{ type: object, properties: {{ x: {{ allOf: [{{ $ref: '#/components/schemas/S{next}' }}, {{ properties: {{ y: {{}} }} }}] }} }} }}\n"
        ));
    }
    load(text.as_bytes(), "spec.yaml");
}

#[test]
fn a_hundred_thousand_brackets_come_back() {
    load("[".repeat(100_000).as_bytes(), "spec.json");
    load("[".repeat(100_000).as_bytes(), "spec.yaml");
    load("{\"a\":".repeat(100_000).as_bytes(), "spec.json");
    load("- ".repeat(100_000).as_bytes(), "spec.yaml");
}
