//! Uses of types as TypeScript text.

use super::layout::Text;
use crate::contract::{ContentKind, Shape, Type};
use crate::encode::typescript as encode;
use serde_json::Value;
use std::collections::HashMap;

/// Spells types; names of the models get a prefix outside their own file.
pub struct Types<'a> {
    pub names: &'a HashMap<&'a str, String>,
    pub prefix: &'static str,
}

impl Types<'_> {
    pub fn text(&self, ty: &Type) -> Text {
        let text = self.shape(&ty.shape);
        if ty.nullable { Text::union([text, Text::atom("null")]) } else { text }
    }

    fn shape(&self, shape: &Shape) -> Text {
        match shape {
            Shape::Any => Text::atom("unknown"),
            Shape::Null => Text::atom("null"),
            Shape::Boolean => Text::atom("boolean"),
            Shape::Integer32 | Shape::Integer64 | Shape::Float32 | Shape::Float64 => {
                Text::atom("number")
            }
            Shape::String | Shape::DateTime | Shape::Date | Shape::Uuid | Shape::Base64 => {
                Text::atom("string")
            }
            Shape::Binary => Text::atom("Binary"),
            Shape::Array(item) => Text::Array(Box::new(self.text(item))),
            Shape::Map(value) => Text::Map(Box::new(self.text(value))),
            Shape::Named(name) => self.names.get(name.as_str()).map_or_else(
                || Text::atom("unknown"),
                |known| Text::atom(format!("{}{known}", self.prefix)),
            ),
            Shape::Constant(value) => Text::atom(literal(value)),
        }
    }

    /// The type of a request body.
    pub fn body(&self, kind: ContentKind, ty: &Type) -> Text {
        match kind {
            ContentKind::Json | ContentKind::Form | ContentKind::Multipart => self.text(ty),
            ContentKind::Text => Text::atom("string"),
            ContentKind::Binary | ContentKind::EventStream | ContentKind::JsonLines => {
                Text::atom("Binary")
            }
        }
    }
}

/// The literal type of a constant; what has none is `unknown`.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => "unknown".to_owned(),
        scalar => encode::value(scalar),
    }
}
