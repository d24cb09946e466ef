//! Lines as `ruff format` and `black` lay them out: on one line where it fits, else exploded
//! with trailing commas.

use crate::encode::python::{self as encode, WIDTH};
use serde_json::Value;

/// `head` + `items` between brackets + `tail`, at an indentation; what follows the first line
/// carries its own indentation.
pub fn group(
    indent: usize,
    head: &str,
    items: &[String],
    brackets: [&str; 2],
    tail: &str,
) -> String {
    let [open, close] = brackets;
    let line = format!("{head}{open}{}{close}{tail}", items.join(", "));
    if indent + line.len() <= WIDTH && !line.contains('\n') {
        return line;
    }
    exploded(indent, head, items, brackets, tail)
}

/// The same, never on one line.
pub fn exploded(
    indent: usize,
    head: &str,
    items: &[String],
    [open, close]: [&str; 2],
    tail: &str,
) -> String {
    let pad = " ".repeat(indent);
    let mut text = format!("{head}{open}\n");
    for item in items {
        text.push_str(&format!("{pad}    {item},\n"));
    }
    text.push_str(&format!("{pad}{close}{tail}"));
    text
}

/// A literal of a JSON value behind `head`, with `after` characters behind it on its last line.
pub fn literal(indent: usize, head: &str, json: &Value, after: usize) -> String {
    let line = format!("{head}{}", encode::value(json));
    if indent + line.len() + after <= WIDTH {
        return line;
    }
    match json {
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<String> =
                items.iter().map(|item| literal(indent + 4, "", item, 1)).collect();
            exploded(indent, head, &items, ["[", "]"], "")
        }
        Value::Object(fields) if !fields.is_empty() => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, item)| {
                    literal(indent + 4, &format!("{}: ", encode::string(key)), item, 1)
                })
                .collect();
            exploded(indent, head, &fields, ["{", "}"], "")
        }
        _ => line,
    }
}

/// `from MODULE import NAMES`, sorted as isort does: constants, classes, the rest.
pub fn import_from<'a>(module: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort_by_key(|name| (rank(name), name.clone()));
    names.dedup();
    let line = format!("from {module} import {}", names.join(", "));
    if line.len() <= WIDTH {
        return line;
    }
    exploded(0, &format!("from {module} import "), &names, ["(", ")"], "")
}

/// An import four columns in.
pub fn indented_import(module: &str, names: &[String]) -> String {
    let block = import_from(module, names.iter().map(String::as_str));
    if block.len() + 4 > WIDTH && !block.contains('\n') {
        let (head, names) = block.split_once(" import ").unwrap_or_default();
        let names: Vec<String> = names.split(", ").map(str::to_owned).collect();
        return exploded(4, &format!("{head} import "), &names, ["(", ")"], "");
    }
    block.replace('\n', "\n    ")
}

/// isort's order of one import: `CONSTANT`, `Class`, `function`.
fn rank(name: &str) -> u8 {
    let constant = name.len() > 1 && !name.chars().any(|letter| letter.is_ascii_lowercase());
    match name.chars().next() {
        _ if constant => 0,
        Some(first) if first.is_ascii_uppercase() => 1,
        _ => 2,
    }
}
