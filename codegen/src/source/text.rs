//! Values as JSON text, straight from the tape.

use super::{Kind, Node};
use serde_json::Value;
use std::fmt::Write;

impl Node<'_> {
    /// Compact JSON.
    pub fn write_json(self, out: &mut String) {
        match self.kind() {
            Kind::Null => out.push_str("null"),
            Kind::Boolean => {
                out.push_str(if self.as_bool() == Some(true) { "true" } else { "false" })
            }
            Kind::Number => {
                // Writing to a string cannot fail.
                let _ = write!(out, "{}", self.number());
            }
            Kind::String => write_string(self.as_str().unwrap_or_default(), out),
            Kind::Array => {
                out.push('[');
                for (index, item) in self.items().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write_json(out);
                }
                out.push(']');
            }
            Kind::Object => {
                out.push('{');
                for (index, (key, value)) in self.entries().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_string(key, out);
                    out.push(':');
                    value.write_json(out);
                }
                out.push('}');
            }
        }
    }

    /// JSON with a line for each member of the outer objects, `depth` levels down, as
    /// [`write_layered`] writes it.
    pub fn to_layered_json(self, depth: usize) -> String {
        let mut text = String::new();
        self.write_layers(depth, &mut text);
        text.push('\n');
        text
    }

    fn write_layers(self, depth: usize, out: &mut String) {
        if depth == 0 || !self.is_object() || self.entries().next().is_none() {
            return self.write_json(out);
        }
        out.push('{');
        for (index, (key, value)) in self.entries().enumerate() {
            out.push_str(if index == 0 { "\n" } else { ",\n" });
            write_string(key, out);
            out.push_str(": ");
            value.write_layers(depth - 1, out);
        }
        out.push_str("\n}");
    }
}

/// JSON with line breaks down to a depth: a line for each thing worth a line in a diff.
pub fn write_layered(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(object) if depth > 0 && !object.is_empty() => {
            out.push('{');
            for (index, (key, member)) in object.iter().enumerate() {
                out.push_str(if index == 0 { "\n" } else { ",\n" });
                write_string(key, out);
                out.push_str(": ");
                write_layered(member, depth - 1, out);
            }
            out.push_str("\n}");
        }
        other => {
            // Writing to a string cannot fail.
            let _ = write!(out, "{other}");
        }
    }
}

/// A JSON string.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut from = 0;
    for (at, octet) in text.bytes().enumerate() {
        let escape = match octet {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        out.push_str(escape);
        if escape.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{octet:04x}");
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_serde_json_escapes_them() {
        let text: String =
            (0..0x100u32).filter_map(char::from_u32).chain("\u{2028}\u{1f600}".chars()).collect();
        let mut written = String::new();
        write_string(&text, &mut written);
        assert_eq!(written, Value::from(text).to_string());
    }
}
