//! The page of the manifest: its fields, and the rules that stand inside its schema.

use super::types::Links;
use super::view::ManifestView;
use crate::contract::SchemaDocument;
use crate::encode::markdown::{code, line, row};
use serde_json::Value;

const PAGE: &str = "manifest.md";

pub fn view(manifest: &SchemaDocument, links: &Links<'_>) -> ManifestView {
    let rules = manifest.schema.get("x-rules").and_then(Value::as_array);
    let (root, types): (Vec<_>, Vec<_>) =
        manifest.types.values().partition(|found| found.name == manifest.name);
    ManifestView {
        model: root.first().map(|found| links.model(found, PAGE)),
        rules: rules.into_iter().flatten().map(rule).collect(),
        types: types.into_iter().map(|found| links.model(found, PAGE)).collect(),
    }
}

fn rule(rule: &Value) -> String {
    let text = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or_default();
    let path = text("path");
    row(&[
        &code(text("id")),
        &line(text("level")),
        &if path.is_empty() { "whole manifest".to_owned() } else { code(path) },
        &line(text("message")),
        &line(text("hint")),
    ])
}
