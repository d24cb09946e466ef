//! Uses of types as TypeScript text.

use super::layout::Text;
use crate::contract::{ContentKind, Shape, Type};
use crate::encode::typescript as encode;
use serde_json::Value;
use std::cell::Cell;
use std::collections::HashMap;

/// Spells types; names of the models get a prefix outside their own file. Remembers what a file
/// has to import.
pub struct Types<'a> {
    names: &'a HashMap<&'a str, String>,
    prefix: &'static str,
    models: Cell<bool>,
    binary: Cell<bool>,
}

impl<'a> Types<'a> {
    pub fn new(names: &'a HashMap<&'a str, String>, prefix: &'static str) -> Self {
        Self { names, prefix, models: Cell::new(false), binary: Cell::new(false) }
    }

    /// Whether a model was spelled.
    pub fn uses_models(&self) -> bool {
        self.models.get()
    }

    /// Whether octets were spelled.
    pub fn uses_binary(&self) -> bool {
        self.binary.get()
    }

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
            Shape::Binary => self.octets(),
            Shape::Array(item) => Text::Array(Box::new(self.text(item))),
            Shape::Map(value) => Text::Map(Box::new(self.text(value))),
            Shape::Named(name) => match self.names.get(name.as_str()) {
                Some(known) => {
                    self.models.set(true);
                    Text::atom(format!("{}{known}", self.prefix))
                }
                None => Text::atom("unknown"),
            },
            Shape::Constant(value) => Text::atom(literal(value)),
        }
    }

    /// The type of a request body.
    pub fn body(&self, kind: ContentKind, ty: &Type) -> Text {
        match kind {
            ContentKind::Json | ContentKind::Form | ContentKind::Multipart => self.text(ty),
            ContentKind::Text => Text::atom("string"),
            ContentKind::Binary | ContentKind::EventStream | ContentKind::JsonLines => {
                self.octets()
            }
        }
    }

    fn octets(&self) -> Text {
        self.binary.set(true);
        Text::atom("Binary")
    }
}

/// The literal type of a constant; what has none is `unknown`.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => "unknown".to_owned(),
        scalar => encode::value(scalar),
    }
}
