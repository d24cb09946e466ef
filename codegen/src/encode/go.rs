//! Encoder for Go.
//!
//! Output is ASCII. Comments are flowed into paragraphs that gofmt has no reason to touch:
//! never indented, never a list, a heading or a link definition, and never a directive, which
//! would need `//` without a space behind it.

use serde_json::Value;
use std::fmt::Write;

/// Columns of a comment line, marks included.
const WIDTH: usize = 96;

const RESERVED: &[&str] = &[
    "any",
    "append",
    "bool",
    "break",
    "byte",
    "cap",
    "case",
    "chan",
    "clear",
    "close",
    "comparable",
    "complex",
    "complex128",
    "complex64",
    "const",
    "continue",
    "copy",
    "default",
    "defer",
    "delete",
    "else",
    "error",
    "fallthrough",
    "false",
    "float32",
    "float64",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "imag",
    "import",
    "init",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "interface",
    "iota",
    "len",
    "main",
    "make",
    "map",
    "max",
    "min",
    "new",
    "nil",
    "package",
    "panic",
    "print",
    "println",
    "range",
    "real",
    "recover",
    "return",
    "rune",
    "select",
    "string",
    "struct",
    "switch",
    "true",
    "type",
    "uint",
    "uint32",
    "uint64",
    "uint8",
    "var",
];

/// An already cased name, with a trailing `_` when Go or its universe has it.
pub fn identifier(name: &str) -> String {
    if RESERVED.contains(&name) { format!("{name}_") } else { name.to_owned() }
}

/// An interpreted string literal in ASCII.
pub fn string(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for character in text.chars() {
        match character {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            _ => push_ascii(&mut literal, character),
        }
    }
    literal.push('"');
    literal
}

/// A literal of a JSON value as it would stand in `any`.
pub fn value(json: &Value) -> String {
    match json {
        Value::Null => "nil".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => string(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(value).collect();
            format!("[]any{{{}}}", items.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, item)| format!("{}: {}", string(name), value(item)))
                .collect();
            format!("map[string]any{{{}}}", members.join(", "))
        }
    }
}

/// Comment lines for the text, each indented; empty when the text is.
pub fn comment(text: &str, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in paragraphs(text) {
        if !lines.is_empty() {
            lines.push(format!("{indent}//"));
        }
        flow(&paragraph, indent, &mut lines);
    }
    lines
}

/// A struct tag; `raw` is what follows the wire name, such as `,omitzero`.
pub fn tag(wire_name: &str, optional: bool, more: &str) -> String {
    let spelled = !wire_name.is_empty()
        && wire_name != "-"
        && wire_name.chars().all(|character| {
            character.is_ascii_alphanumeric() || "!#$%&()*+-./:;<=>?@[]^_{|}~ ".contains(character)
        });
    let mut text = match (spelled, optional) {
        (true, true) => format!("json:{}", string(&format!("{wire_name},omitzero"))),
        (true, false) => format!("json:{}", string(wire_name)),
        (false, true) => format!("json:\"-\" wire:{} absent:\"omitzero\"", string(wire_name)),
        (false, false) => format!("json:\"-\" wire:{}", string(wire_name)),
    };
    if !more.is_empty() {
        let _ = write!(text, " {more}");
    }
    if text.contains('`') { string(&text) } else { format!("`{text}`") }
}

fn push_ascii(out: &mut String, character: char) {
    if (' '..='~').contains(&character) {
        out.push(character);
    } else if (character as u32) < 0x1_0000 {
        let _ = write!(out, "\\u{:04x}", character as u32);
    } else {
        let _ = write!(out, "\\U{:08x}", character as u32);
    }
}

/// Paragraphs of a Markdown text as flowed ASCII; a list item is a paragraph of its own.
fn paragraphs(text: &str) -> Vec<String> {
    let mut found: Vec<String> = vec![String::new()];
    for line in text.split(['\n', '\r', '\u{2028}', '\u{2029}', '\u{85}', '\u{b}', '\u{c}']) {
        let line = line.trim();
        let item = line.strip_prefix("- ").or_else(|| line.strip_prefix("* "));
        if line.is_empty() || item.is_some() {
            found.push(String::new());
        }
        let Some(paragraph) = found.last_mut() else { continue };
        for word in item.unwrap_or(line).split_whitespace() {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            word.chars().for_each(|character| push_ascii(paragraph, character));
        }
    }
    found.retain(|paragraph| !paragraph.is_empty());
    found.iter_mut().for_each(close);
    found
}

/// A paragraph that ends like a sentence is never taken for a heading, and gofmt would make
/// typographic quotes of doubled ones.
fn close(paragraph: &mut String) {
    if paragraph.contains("''") || paragraph.contains("``") {
        *paragraph = paragraph.replace("''", "'\\u0027").replace("``", "`\\u0060");
    }
    if !paragraph.ends_with(['.', '!', '?', ':', ';']) {
        paragraph.push('.');
    }
}

fn flow(paragraph: &str, indent: &str, lines: &mut Vec<String>) {
    let mut line = String::new();
    for word in paragraph.split(' ') {
        if !line.is_empty() && indent.len() + 3 + line.len() + 1 + word.len() > WIDTH {
            lines.push(format!("{indent}// {}", guarded(&line)));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(format!("{indent}// {}", guarded(&line)));
}

/// Takes the meaning from what Go or gofmt would read at the start of a comment line.
fn guarded(line: &str) -> String {
    match line.chars().next() {
        Some('#' | '[' | '+') => format!("\\{line}"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_string_is_ascii_and_stays_inside_its_quotes() {
        assert_eq!(
            string("a\"b\\\n\u{2028}\u{0}\u{1f600}`"),
            "\"a\\\"b\\\\\\n\\u2028\\u0000\\U0001f600`\""
        );
    }

    #[test]
    fn a_comment_cannot_become_a_directive_or_code() {
        assert_eq!(
            comment("x\n//go:embed y\n\u{2028}func init() {}", ""),
            ["// x //go:embed y.", "//", "// func init() {}."]
        );
        assert_eq!(comment("+build ignore", "\t"), ["\t// \\+build ignore."]);
        assert_eq!(
            comment("# Title\n\n[a]: http://x", ""),
            ["// \\# Title.", "//", "// \\[a]: http://x."]
        );
    }

    #[test]
    fn an_empty_text_is_no_comment() {
        assert!(comment(" \n ", "").is_empty());
    }

    #[test]
    fn a_tag_survives_any_wire_name() {
        assert_eq!(tag("id", false, ""), "`json:\"id\"`");
        assert_eq!(
            tag("id", true, "nullable:\"true\""),
            "`json:\"id,omitzero\" nullable:\"true\"`"
        );
        assert_eq!(tag("a`b", false, ""), "\"json:\\\"-\\\" wire:\\\"a`b\\\"\"");
        assert_eq!(tag("a,b", true, ""), "`json:\"-\" wire:\"a,b\" absent:\"omitzero\"`");
    }

    #[test]
    fn a_value_is_a_go_literal() {
        assert_eq!(
            value(&json!({"a": [1, null, "x"]})),
            "map[string]any{\"a\": []any{1, nil, \"x\"}}"
        );
    }

    #[test]
    fn reserved_names_get_an_underscore() {
        assert_eq!(identifier("type"), "type_");
        assert_eq!(identifier("string"), "string_");
        assert_eq!(identifier("name"), "name");
    }
}
