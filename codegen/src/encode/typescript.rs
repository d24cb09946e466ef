//! Encoder for TypeScript and JavaScript.
//!
//! Everything is ASCII: other characters become `\u` escapes, so neither a line separator nor a
//! bidirectional mark of a spec ever stands in a source file. Template literals are never used.

use serde_json::Value;
use std::fmt::Write;

/// Reserved in strict mode, in modules or in class bodies, and the names that shadow a global
/// every generated file relies on.
const RESERVED: &[&str] = &[
    "abstract",
    "any",
    "arguments",
    "as",
    "async",
    "await",
    "bigint",
    "boolean",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "constructor",
    "continue",
    "debugger",
    "declare",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "from",
    "function",
    "get",
    "if",
    "implements",
    "import",
    "in",
    "infer",
    "instanceof",
    "interface",
    "is",
    "keyof",
    "let",
    "module",
    "namespace",
    "never",
    "new",
    "null",
    "number",
    "object",
    "of",
    "package",
    "private",
    "protected",
    "prototype",
    "public",
    "readonly",
    "require",
    "return",
    "set",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "then",
    "this",
    "throw",
    "true",
    "try",
    "type",
    "typeof",
    "undefined",
    "unique",
    "unknown",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// An already cased name; a trailing `_` when it is reserved.
pub fn identifier(name: &str) -> String {
    if RESERVED.binary_search(&name).is_ok() { format!("{name}_") } else { name.to_owned() }
}

/// A key of an object literal, an interface or a type literal: bare when it is an identifier.
pub fn key(name: &str) -> String {
    if is_plain_key(name) { name.to_owned() } else { string(name) }
}

/// Access to a property: `.name`, or `['a-b']`.
pub fn member(name: &str) -> String {
    if is_plain_key(name) { format!(".{name}") } else { format!("[{}]", string(name)) }
}

/// A literal in ASCII, in single quotes unless double quotes need fewer escapes.
pub fn string(text: &str) -> String {
    let singles = text.matches('\'').count();
    let doubles = text.matches('"').count();
    let quote = if singles > doubles { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character == quote => {
                out.push('\\');
                out.push(quote);
            }
            // Keeps `</script>` and HTML comments from meaning anything to an inlining page.
            '<' => out.push_str("\\u003c"),
            ' '..='~' => out.push(character),
            _ => escape(&mut out, character),
        }
    }
    out.push(quote);
    out
}

/// A literal of a JSON value, on one line.
pub fn value(json: &Value) -> String {
    match json {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => self::number(number),
        Value::String(text) => string(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, field)| format!("{}: {}", value_key(name), value(field)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

/// A literal of a JSON value with every object and array of more than one line's worth exploded
/// the way the formatter does. `indent` is that of the line the value starts on, `before` what
/// stands on that line already.
pub fn value_lines(json: &Value, indent: usize, before: usize, width: usize) -> String {
    let flat = value(json);
    if before + flat.len() <= width {
        return flat;
    }
    let pad = " ".repeat(indent + 2);
    let close = " ".repeat(indent);
    match json {
        Value::Array(items) if !items.is_empty() => {
            let mut out = "[\n".to_owned();
            for item in items {
                let text = value_lines(item, indent + 2, indent + 3, width);
                let _ = writeln!(out, "{pad}{text},");
            }
            out + &close + "]"
        }
        Value::Object(fields) if !fields.is_empty() => {
            let mut out = "{\n".to_owned();
            for (name, field) in fields {
                let key = value_key(name);
                let text = value_lines(field, indent + 2, indent + 5 + key.len(), width);
                let _ = writeln!(out, "{pad}{key}: {text},");
            }
            out + &close + "}"
        }
        _ => flat,
    }
}

/// A number as the formatter leaves it: no needless zero, no plus in an exponent.
pub fn number(number: &serde_json::Number) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").map_or_else(|| text.replace("e+", "e"), str::to_owned)
}

/// A block comment with its lines, indented; empty for empty text.
///
/// `*/` cannot end it, and `@` is escaped the TSDoc way so that no text becomes a tag or a
/// directive such as `@ts-ignore`.
pub fn comment(text: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let mut lines: Vec<String> = Vec::new();
    for line in text.split(['\n', '\r', '\u{2028}', '\u{2029}']) {
        wrap(&comment_line(line), 96 - indent, &mut lines);
    }
    comment_block(&lines, &pad)
}

/// The text of one comment line, escaped.
pub fn comment_line(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut previous = ' ';
    for character in line.trim().chars() {
        match character {
            '/' if previous == '*' => out.push_str("\\/"),
            '@' => out.push_str("\\@"),
            '\t' => out.push(' '),
            ' '..='~' => out.push(character),
            _ => escape(&mut out, character),
        }
        previous = character;
    }
    out
}

/// Lines that are already escaped, as a comment block; blank lines at either end are dropped.
pub fn comment_block(lines: &[String], pad: &str) -> String {
    let first = lines.iter().position(|line| !line.is_empty());
    let last = lines.iter().rposition(|line| !line.is_empty());
    let (Some(first), Some(last)) = (first, last) else { return String::new() };
    let lines = &lines[first..=last];
    if let [line] = lines {
        return format!("{pad}/** {line} */\n");
    }
    let mut out = format!("{pad}/**\n");
    for line in lines {
        let _ = if line.is_empty() {
            writeln!(out, "{pad} *")
        } else {
            writeln!(out, "{pad} * {line}")
        };
    }
    out + pad + " */\n"
}

/// Breaks a line between words; a word longer than the width stays whole.
pub fn wrap(line: &str, width: usize, lines: &mut Vec<String>) {
    let mut current = String::new();
    for word in line.split(' ').filter(|word| !word.is_empty()) {
        if !current.is_empty() && current.len() + 1 + word.len() > width {
            lines.push(std::mem::take(&mut current));
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    lines.push(current);
}

fn is_plain_key(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || "_$".contains(first))
        && characters.all(|next| next.is_ascii_alphanumeric() || "_$".contains(next))
}

/// `__proto__: x` in an object literal would set the prototype; a computed key does not.
fn value_key(name: &str) -> String {
    if name == "__proto__" { "['__proto__']".to_owned() } else { key(name) }
}

fn escape(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_reserved_words_are_sorted() {
        assert!(RESERVED.is_sorted());
        assert_eq!(identifier("delete"), "delete_");
        assert_eq!(identifier("name"), "name");
    }

    #[test]
    fn strings_cannot_leave_their_quotes() {
        assert_eq!(string("it's"), "\"it's\"");
        assert_eq!(string("a'b\"c"), "'a\\'b\"c'");
        assert_eq!(string("\u{2028}\u{202e}\0${x}`\\"), "'\\u2028\\u202e\\u0000${x}`\\\\'");
        assert_eq!(string("</script>"), "'\\u003c/script>'");
        assert_eq!(string("\u{1f600}"), "'\\ud83d\\ude00'");
    }

    #[test]
    fn comments_cannot_end_early_or_carry_tags() {
        let text = comment("ends */ here\r@ts-nocheck\u{2028}//# sourceMappingURL=x", 0);
        assert_eq!(text.matches("*/").count(), 1);
        assert!(text.contains("\\@ts-nocheck"));
        assert!(text.lines().all(|line| line.trim_start().starts_with(['/', '*'])));
        assert_eq!(comment(" \n ", 2), "");
        assert_eq!(comment("**//", 0).matches("*/").count(), 1);
    }

    #[test]
    fn values_keep_odd_keys_harmless() {
        let literal = value(&json!({ "a-b": 1.0, "c": [true, null], "__proto__": { "x": "y" } }));
        assert_eq!(literal, "{ 'a-b': 1, c: [true, null], ['__proto__']: { x: 'y' } }");
    }

    #[test]
    fn long_values_are_exploded() {
        let text = value_lines(&json!({ "name": ["one", "two"] }), 0, 0, 16);
        assert_eq!(text, "{\n  name: [\n    'one',\n    'two',\n  ],\n}");
    }
}
