//! A type as JSON Schema 2020-12, for validators of values that no named schema describes, such
//! as parameters and bodies that are lists.

use super::types::{Additional, Constraints, Shape, Type, TypeDeclaration, TypeKind};
use serde_json::{Map, Value, json};

impl Type {
    /// References are `#/$defs/NAME`, as in `Contract::schemas`.
    pub fn json_schema(&self) -> Value {
        let mut schema = match &self.shape {
            Shape::Any | Shape::Binary => json!({}),
            Shape::Null => json!({ "type": "null" }),
            Shape::Boolean => json!({ "type": "boolean" }),
            Shape::Integer32 => {
                json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX })
            }
            Shape::Integer64 => json!({ "type": "integer" }),
            Shape::Float32 | Shape::Float64 => json!({ "type": "number" }),
            Shape::String => json!({ "type": "string" }),
            Shape::DateTime => json!({ "type": "string", "format": "date-time" }),
            Shape::Date => json!({ "type": "string", "format": "date" }),
            Shape::Uuid => json!({ "type": "string", "format": "uuid" }),
            Shape::Base64 => json!({ "type": "string", "contentEncoding": "base64" }),
            Shape::Array(item) => json!({ "type": "array", "items": item.json_schema() }),
            Shape::Map(value) => {
                json!({ "type": "object", "additionalProperties": value.json_schema() })
            }
            Shape::Named(name) => json!({ "$ref": format!("#/$defs/{name}") }),
            Shape::Constant(value) => json!({ "const": value }),
        };
        if let Value::Object(map) = &mut schema {
            self.constraints.write_into(map);
        }
        if self.nullable && self.shape != Shape::Any {
            schema = json!({ "anyOf": [schema, { "type": "null" }] });
        }
        schema
    }
}

impl Constraints {
    fn write_into(&self, schema: &mut Map<String, Value>) {
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                schema.insert(key.to_owned(), value);
            }
        };
        put("minimum", self.minimum.map(number));
        put("maximum", self.maximum.map(number));
        put("exclusiveMinimum", self.exclusive_minimum.map(number));
        put("exclusiveMaximum", self.exclusive_maximum.map(number));
        put("multipleOf", self.multiple_of.map(number));
        put("minLength", self.min_length.map(Value::from));
        put("maxLength", self.max_length.map(Value::from));
        put("pattern", self.pattern.clone().map(Value::from));
        put("minItems", self.min_items.map(Value::from));
        put("maxItems", self.max_items.map(Value::from));
        put("uniqueItems", self.unique_items.then_some(Value::Bool(true)));
        put("format", self.format.clone().map(Value::from));
    }
}

impl TypeDeclaration {
    /// What the type itself says; conditional keywords of the spec do not show in it.
    pub fn json_schema(&self) -> Value {
        match &self.kind {
            TypeKind::Alias(ty) => ty.json_schema(),
            TypeKind::Enumeration(listed) => {
                let values: Vec<&Value> = listed.values.iter().map(|value| &value.wire).collect();
                json!({ "enum": values })
            }
            TypeKind::Union(union) => {
                let variants: Vec<Value> =
                    union.variants.iter().map(|variant| variant.ty.json_schema()).collect();
                json!({ "anyOf": variants })
            }
            TypeKind::Object(object) => {
                let properties: Map<String, Value> = object
                    .fields
                    .iter()
                    .map(|field| (field.wire_name.clone(), field.ty.json_schema()))
                    .collect();
                let required: Vec<&str> = object
                    .fields
                    .iter()
                    .filter(|field| field.required && !field.read_only)
                    .map(|field| field.wire_name.as_str())
                    .collect();
                let mut schema =
                    json!({ "type": "object", "properties": properties, "required": required });
                match &object.additional {
                    Additional::Unspecified => {}
                    Additional::Forbidden => schema["additionalProperties"] = Value::Bool(false),
                    Additional::Typed(ty) => schema["additionalProperties"] = ty.json_schema(),
                }
                schema
            }
        }
    }
}

/// Whole numbers without a fraction.
fn number(real: f64) -> Value {
    if real.fract() == 0.0 && real.abs() < 9e15 {
        Value::from(real as i64)
    } else {
        Value::from(real)
    }
}
