//! Encoder for Rust.
//!
//! Output is ASCII: a letter outside it becomes `\u{...}`, in literals because it must, in
//! comments because bidirectional and invisible characters would hide there.

use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write;

const WIDTH: usize = 96;

/// Everything that some reader takes for the end of a line.
const BREAKS: [char; 7] = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];

/// Strict and reserved words of Rust 2024, and those that are words in some places only.
const RESERVED: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if",
    "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
    "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// An already cased name, with a trailing `_` when reserved.
pub fn identifier(name: &str) -> String {
    if RESERVED.contains(&name) { format!("{name}_") } else { name.to_owned() }
}

/// A string literal in ASCII.
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
            ' '..='~' => literal.push(character),
            other => push_escape(&mut literal, other),
        }
    }
    literal.push('"');
    literal
}

/// A literal that holds the JSON text of a value.
pub fn value(json: &Value) -> String {
    string(&json.to_string())
}

/// Doc comment lines (`///`), each with its indent and a line break; empty for an empty text.
pub fn comment(text: &str, indent: &str) -> String {
    lines(text, indent, "///")
}

/// Doc comment lines of the module itself (`//!`).
pub fn module_comment(text: &str) -> String {
    lines(text, "", "//!")
}

/// Text that another printer will put into a comment: inert ASCII, line by line.
pub fn comment_text(text: &str) -> String {
    let lines = text.trim().lines().map(|line| inert(line.trim()));
    lines.collect::<Vec<_>>().join("\n")
}

fn lines(text: &str, indent: &str, mark: &str) -> String {
    let text = text.trim();
    let mut comment = String::with_capacity(text.len() + text.len() / 8 + 16);
    if text.is_empty() {
        return comment;
    }
    let width = WIDTH - indent.len() - mark.len();
    let mut was_empty = false;
    for line in text.split(BREAKS) {
        wrap(&inert(line.trim()), width, &mut |line| {
            // Two empty lines in a row say no more than one.
            if line.is_empty() && was_empty {
                return;
            }
            was_empty = line.is_empty();
            comment.push_str(indent);
            comment.push_str(mark);
            if !was_empty {
                comment.push(' ');
                comment.push_str(line);
            }
            comment.push('\n');
        });
    }
    comment
}

/// Text that rustdoc shows and never runs: a code fence would be compiled as a test.
fn inert(line: &str) -> Cow<'_, str> {
    let is_plain = line.bytes().all(|octet| matches!(octet, b' '..=b'~'));
    if is_plain && !line.contains("```") && !line.contains("~~~") {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(line.len());
    for character in line.replace("```", "'''").replace("~~~", "---").chars() {
        match character {
            '\t' => text.push(' '),
            ' '..='~' => text.push(character),
            other => push_escape(&mut text, other),
        }
    }
    Cow::Owned(text)
}

fn push_escape(text: &mut String, character: char) {
    let _ = write!(text, "\\u{{{:x}}}", u32::from(character));
}

fn wrap(line: &str, width: usize, push: &mut impl FnMut(&str)) {
    if line.len() <= width {
        push(line);
        return;
    }
    let mut current = String::new();
    for word in line.split(' ').filter(|word| !word.is_empty()) {
        if !current.is_empty() && current.len() + 1 + word.len() > width {
            push(&current);
            current.clear();
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    push(&current);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &[&str] = &[
        "\"; fn injected() {} //",
        "*/ fn injected() {} /*",
        "\nfn injected() {}",
        "\rfn injected() {}",
        "\u{2028}fn injected() {}",
        "```\npanic!()\n```",
        "\\\" ends \\",
        "\u{202e}bidi\u{2066}",
        "\0nul",
        "#![deny(warnings)]",
        "{{ braces }} {% raw %}",
        "r#\"raw\"#",
        "\u{feff}bom",
    ];

    #[test]
    fn literals_parse_back_to_the_same_text() {
        for text in HOSTILE {
            let literal = string(text);
            assert!(literal.is_ascii());
            let parsed: syn::LitStr = syn::parse_str(&literal).unwrap();
            assert_eq!(parsed.value(), *text);
        }
    }

    #[test]
    fn no_text_leaves_its_comment() {
        for text in HOSTILE {
            let source = format!("{}pub struct Only;\n", comment(text, ""));
            assert!(source.is_ascii());
            let file = syn::parse_file(&source).unwrap();
            assert_eq!(file.items.len(), 1, "{source}");
            assert!(!source.contains("```"));
        }
    }

    #[test]
    fn comments_are_wrapped_and_indented() {
        let text = format!("{}\n\n\n\nend", "word ".repeat(30));
        let comment = comment(&text, "    ");
        assert!(comment.lines().all(|line| line.len() <= 100 && line.starts_with("    ///")));
        assert!(comment.ends_with("    ///\n    /// end\n"));
        assert_eq!(super::comment("  \n ", ""), "");
    }

    #[test]
    fn reserved_words_get_a_tail() {
        assert_eq!(identifier("type"), "type_");
        assert_eq!(identifier("self"), "self_");
        assert_eq!(identifier("kind"), "kind");
    }

    #[test]
    fn values_are_json_texts() {
        assert_eq!(value(&serde_json::json!({"a": [1, "b"]})), r#""{\"a\":[1,\"b\"]}""#);
    }
}
