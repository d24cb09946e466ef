//! Python spelling: identifiers, literals, docstrings and comments.
//!
//! Everything is ASCII, and no text can leave its place: quotes at the edges and in runs become
//! escapes, control characters vanish, everything else beyond ASCII becomes `\u` escapes.
//! The forms are those `ruff format` and `black` leave as they are.

use serde_json::Value;
use std::fmt::Write;

/// Width of a line, as both formatters are set.
pub const WIDTH: usize = 88;

const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// An already cased name, with a trailing `_` when Python reserves it.
pub fn identifier(name: &str) -> String {
    if KEYWORDS.contains(&name) { format!("{name}_") } else { name.to_owned() }
}

/// A string literal in the quotes that need fewer escapes, double ones on a tie.
pub fn string(text: &str) -> String {
    let doubles = text.matches('"').count();
    let quote = if doubles > text.matches('\'').count() { '\'' } else { '"' };
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push(quote);
    for character in text.chars() {
        match character {
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            ' '..='~' => {
                if character == quote {
                    literal.push('\\');
                }
                literal.push(character);
            }
            other => push_escape(&mut literal, other),
        }
    }
    literal.push(quote);
    literal
}

/// A literal of a JSON value, on one line.
pub fn value(json: &Value) -> String {
    match json {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => string(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let pairs: Vec<_> = fields
                .iter()
                .map(|(key, item)| format!("{}: {}", string(key), value(item)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

/// A docstring with its quotes; the lines after the first one are indented by `indent`.
pub fn docstring(text: &str, indent: usize) -> String {
    docstring_with(text, &[], indent)
}

/// The same with titled lists behind the text, such as the arguments of a function.
pub fn docstring_with(text: &str, lists: &[(&str, Vec<String>)], indent: usize) -> String {
    let width = WIDTH.saturating_sub(indent + 3).max(40);
    let mut lines = wrap(text, width);
    for (title, entries) in lists.iter().filter(|(_, entries)| !entries.is_empty()) {
        lines.push(String::new());
        lines.push(format!("{title}:"));
        for entry in entries {
            let wrapped = wrap(entry, width.saturating_sub(8).max(40));
            let wrapped = wrapped.iter().filter(|line| !line.is_empty()).enumerate();
            lines.extend(wrapped.map(|(number, line)| {
                format!("{}{line}", " ".repeat(if number == 0 { 4 } else { 8 }))
            }));
        }
    }
    if lines.len() == 1 {
        // The quotes of a single line close on it.
        lines = wrap(text, width - 3);
    }
    let body: Vec<String> = escape_lines(&lines);
    match body.as_slice() {
        [] => r#""""Nothing is said about this.""""#.to_owned(),
        [line] => format!(r#""""{line}""""#),
        lines => {
            let pad = " ".repeat(indent);
            let mut literal = format!("\"\"\"{}", lines[0]);
            for line in &lines[1..] {
                literal.push('\n');
                if !line.is_empty() {
                    literal.push_str(&pad);
                    literal.push_str(line);
                }
            }
            let _ = write!(literal, "\n{pad}\"\"\"");
            literal
        }
    }
}

/// `#` lines, each indented by `indent` but the first; no text gives no line.
pub fn comment(text: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    wrap(text, WIDTH.saturating_sub(indent + 2).max(40))
        .iter()
        .map(|line| if line.is_empty() { "#".to_owned() } else { format!("# {}", ascii(line)) })
        .collect::<Vec<_>>()
        .join(&format!("\n{pad}"))
}

/// Lines of at most `width` characters: line breaks stay, blank lines come one at a time,
/// indentation goes.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let text = text.replace("\r\n", "\n");
    for raw in text.split(['\n', '\r', '\u{2028}', '\u{2029}', '\u{85}', '\u{b}', '\u{c}']) {
        let mut line = String::new();
        for word in raw.split([' ', '\t']).filter(|word| !word.is_empty()) {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        let blank_twice = line.is_empty() && lines.last().is_none_or(String::is_empty);
        if !blank_twice {
            lines.push(line);
        }
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Escapes docstring lines. A quote at an edge or beside another one is written `\x22`, so that
/// it can neither close the literal nor make a formatter add a space.
fn escape_lines(lines: &[String]) -> Vec<String> {
    let last = lines.len().saturating_sub(1);
    lines
        .iter()
        .enumerate()
        .map(|(number, line)| {
            let characters: Vec<char> = line.chars().collect();
            let mut escaped = String::with_capacity(line.len());
            for (index, &character) in characters.iter().enumerate() {
                let at_edge = (number == 0 && index == 0)
                    || (number == last && index + 1 == characters.len());
                let beside = characters.get(index + 1) == Some(&'"')
                    || (index > 0 && characters[index - 1] == '"');
                match character {
                    '"' if at_edge || beside => escaped.push_str("\\x22"),
                    '\\' => escaped.push_str("\\\\"),
                    ' '..='~' => escaped.push(character),
                    other => push_escape(&mut escaped, other),
                }
            }
            escaped
        })
        .collect()
}

fn ascii(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    for character in line.chars() {
        match character {
            ' '..='~' => escaped.push(character),
            other => push_escape(&mut escaped, other),
        }
    }
    escaped
}

fn push_escape(text: &mut String, character: char) {
    let code = u32::from(character);
    let _ = match code {
        0..=0xff => write!(text, "\\x{code:02x}"),
        0x100..=0xffff => write!(text, "\\u{code:04x}"),
        _ => write!(text, "\\U{code:08x}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn strings_stay_in_their_quotes() {
        assert_eq!(string("plain"), r#""plain""#);
        assert_eq!(string(r#"say "hi""#), r#"'say "hi"'"#);
        assert_eq!(string("it's \"both\""), r#"'it\'s "both"'"#);
        assert_eq!(string("\\"), r#""\\""#);
        assert_eq!(string("\u{2028}\0\u{202e}"), r#""\u2028\x00\u202e""#);
        assert_eq!(string("{{ x }} ${x} %s"), r#""{{ x }} ${x} %s""#);
    }

    #[test]
    fn values_are_python() {
        assert_eq!(value(&json!({"a": [null, true, 1.5]})), r#"{"a": [None, True, 1.5]}"#);
    }

    #[test]
    fn docstrings_cannot_be_closed_from_inside() {
        assert_eq!(docstring("A \"\"\" b", 4), r#""""A \x22\x22\x22 b""""#);
        assert_eq!(docstring("\"quoted\"", 4), r#""""\x22quoted\x22""""#);
        assert_eq!(docstring("ends with \\", 4), r#""""ends with \\""""#);
        assert_eq!(docstring("one\n\n\n  two", 4), "\"\"\"one\n\n    two\n    \"\"\"");
        assert_eq!(docstring(" \n ", 4), r#""""Nothing is said about this.""""#);
    }

    #[test]
    fn comments_stay_comments() {
        assert_eq!(comment("a\u{2028}import os\r\nb", 0), "# a\n# import os\n# b");
    }

    #[test]
    fn reserved_words_get_an_underscore() {
        assert_eq!(identifier("class"), "class_");
        assert_eq!(identifier("name"), "name");
    }
}
