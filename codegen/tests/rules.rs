//! Every rule id that stands in the source has its page, and every page has a use.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use vivified_codegen::problem::Severity;
use vivified_codegen::rules;

/// Text of every source file but the pages themselves and tests.
fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if name != "catalogue" {
                sources(&path, into);
            }
        } else if name != "rules.rs" && name != "tests.rs" {
            let text = fs::read_to_string(&path).unwrap();
            into.push_str(text.split("#[cfg(test)]").next().unwrap());
        }
    }
}

/// The first text behind every `.error(`, `.warning(`, `fault_as(` and `rule:`.
fn reported(source: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for opening in [".error(", ".warning(", "fault_as(", "rule: ", "fault("] {
        for (at, _) in source.match_indices(opening) {
            let rest = &source[at + opening.len()..];
            // The id is the first text among the arguments, before any other call.
            let head = rest.split(';').next().unwrap_or_default();
            let Some(open) = head.find('"') else { continue };
            let id = head[open + 1..].split('"').next().unwrap_or_default();
            let is_id = id.contains('-') || id == "syntax" || id == "vocabulary";
            if is_id
                && id.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-')
                && !id.starts_with("x-")
            {
                ids.insert(id.to_owned());
            }
        }
    }
    ids
}

#[test]
fn every_reported_rule_has_a_page_and_every_page_is_reported() {
    let mut source = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut source);
    let known: BTreeSet<String> = rules::all().map(|rule| rule.id.to_owned()).collect();
    let reported = reported(&source);
    let missing: Vec<_> = reported.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "without a page: {missing:?}; add them to src/lint/catalogue or src/rules.rs"
    );
    let unused: Vec<_> = known.iter().filter(|id| !source.contains(&format!("\"{id}\""))).collect();
    assert!(unused.is_empty(), "never reported: {unused:?}; remove their pages");
}

#[test]
fn pages_are_complete_and_unique() {
    let mut ids = BTreeSet::new();
    for rule in rules::all() {
        assert!(ids.insert(rule.id), "{} has two pages", rule.id);
        assert!(rule.summary.ends_with('.') && !rule.explanation.is_empty(), "{}", rule.id);
        assert_eq!(rule.bad_example.is_empty(), rule.good_example.is_empty(), "{}", rule.id);
        assert!(matches!(rule.severity, Severity::Error | Severity::Warning));
    }
}
