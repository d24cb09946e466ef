//! Every rule a problem can name has a page for `explain`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use vivified_codegen::{inputs, rules};

/// Ids that the sources pass to `error(` or `warning(`.
fn reported_rules() -> BTreeSet<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    for file in inputs::files_below(&sources).unwrap() {
        let text = fs::read_to_string(file).unwrap();
        for call in ["error(", "warning("] {
            for (place, _) in text.match_indices(call) {
                let argument = text[place + call.len()..].trim_start();
                let literal = argument.strip_prefix('"').and_then(|rest| rest.split_once('"'));
                if let Some((id, rest)) = literal
                    && rest.starts_with(',')
                    && id.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
                {
                    found.insert(id.to_owned());
                }
            }
        }
    }
    found
}

#[test]
fn every_reported_rule_is_explained() {
    let reported = reported_rules();
    assert!(reported.contains("output-overlap"), "the scan finds nothing");
    let missing: Vec<&String> = reported.iter().filter(|id| rules::find(id).is_none()).collect();
    assert!(missing.is_empty(), "add these to the catalogue of rules: {missing:?}");
}

#[test]
fn every_rule_has_a_page() {
    for rule in rules::all() {
        assert!(!rule.summary.is_empty() && !rule.explanation.is_empty(), "{}", rule.id);
    }
}
