//! A schema as typify is shown it.

use crate::encode::rust;
use serde_json::{Map, Value, json};

/// The part of a schema that has a shape: conditionals, negations and counts are dropped, and
/// `$defs` become the `definitions` that typify knows.
pub fn project(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => Value::Object(project_object(object)),
        Value::Array(items) => Value::Array(items.iter().map(project).collect()),
        other => other.clone(),
    }
}

const SHAPELESS: &[&str] = &[
    "maxLength",
    "minLength",
    "$anchor",
    "$comment",
    "$dynamicAnchor",
    "$dynamicRef",
    "contains",
    "default",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "examples",
    "if",
    "maxContains",
    "minContains",
    "not",
    "pattern",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

fn project_object(object: &Map<String, Value>) -> Map<String, Value> {
    let mut projected = Map::new();
    for (key, value) in object {
        match key.as_str() {
            key if SHAPELESS.contains(&key) || key.starts_with("x-") => {}
            // A field, a definition or a pattern may have the name of a keyword.
            "properties" | "$defs" | "definitions" | "patternProperties" => {
                let inner = value.as_object().into_iter().flatten();
                let inner = inner.map(|(name, schema)| (name.clone(), project(schema))).collect();
                projected.insert(key.clone(), Value::Object(inner));
            }
            "const" => {
                projected.insert("enum".to_owned(), json!([value]));
                let kind = if value.is_string() { "string" } else { continue };
                projected.insert("type".to_owned(), Value::from(kind));
            }
            "enum" | "required" | "type" => {
                projected.insert(key.clone(), value.clone());
            }
            "allOf" => {
                let parts: Vec<Value> = value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(project)
                    .filter(|part| part.as_object().is_none_or(|part| !part.is_empty()))
                    .collect();
                if !parts.is_empty() {
                    projected.insert(key.clone(), Value::Array(parts));
                }
            }
            // An array of positions has no shape that typify spells right.
            "prefixItems" => {
                projected.insert("items".to_owned(), Value::Bool(true));
            }
            "items" if object.contains_key("prefixItems") => {}
            "$ref" => {
                let target = value.as_str().unwrap_or_default();
                let target = target.replacen("#/$defs/", "#/definitions/", 1);
                projected.insert(key.clone(), Value::from(target));
            }
            "description" => {
                // Text reaches the output as a comment, so it goes through the encoder's rules.
                let text = value.as_str().unwrap_or_default();
                projected.insert(key.clone(), Value::from(rust::comment_text(text)));
            }
            _ => {
                projected.insert(key.clone(), project(value));
            }
        }
    }
    projected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projection_keeps_shapes_and_drops_conditions() {
        let schema = json!({
            "type": "object", "if": {}, "then": {}, "x-rules": [],
            "properties": {"if": {"const": "a"}, "b": {"$ref": "#/$defs/B", "not": {}}},
            "allOf": [{"if": {}}], "$defs": {"B": {"prefixItems": [{}], "items": false}}
        });
        assert_eq!(
            project(&schema),
            json!({
                "type": "object",
                "properties": {
                    "if": {"enum": ["a"], "type": "string"},
                    "b": {"$ref": "#/definitions/B"}
                },
                "$defs": {"B": {"items": true}}
            })
        );
    }
}
