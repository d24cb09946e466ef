//! `schemas.json`: JSON Schema of every type, and of every request as one object with its
//! places (`path`, `query`, `header`, `cookie`, `body`) as fields, so that one validation finds
//! everything and its pointers read as the caller thinks.

use super::view::{BodyKind, Bound, is_present};
use crate::contract::{Contract, Parameter, ParameterLocation, Shape, Type};
use crate::source::{write_layered, write_string};
use serde_json::{Map, Value, json};

pub fn schemas(contract: &Contract, bound: &[Bound<'_>]) -> String {
    let mut text = "{\n\"$defs\": {".to_owned();
    for (index, (name, schema)) in contract.schemas.iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        write_string(name, &mut text);
        text.push_str(": ");
        text.push_str(schema);
    }
    text.push_str(if contract.schemas.is_empty() { "},\n" } else { "\n},\n" });
    let operations: Map<String, Value> =
        bound.iter().map(|one| (one.operation.id.clone(), request(one))).collect();
    text.push_str("\"operations\": ");
    write_layered(&Value::Object(operations), 1, &mut text);
    text.push_str("\n}\n");
    text
}

fn request(bound: &Bound<'_>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let all = || bound.path.iter().chain(&bound.params).map(|(_, parameter)| *parameter);
    for (place, location) in [
        ("path", ParameterLocation::Path),
        ("query", ParameterLocation::Query),
        ("header", ParameterLocation::Header),
        ("cookie", ParameterLocation::Cookie),
    ] {
        let here: Vec<&Parameter> =
            all().filter(|parameter| parameter.location_in == location).collect();
        if !here.is_empty() {
            properties.insert(place.to_owned(), parameters(&here));
            required.push(place);
        }
    }
    if let Some(body) = bound.body.as_ref().filter(|body| body.kind != BodyKind::Raw) {
        properties.insert("body".to_owned(), schema(body.ty));
        if body.required {
            required.push("body");
        }
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

fn parameters(parameters: &[&Parameter]) -> Value {
    let properties: Map<String, Value> = parameters
        .iter()
        .map(|parameter| (parameter.wire_name.clone(), schema(&parameter.ty)))
        .collect();
    let required: Vec<&str> = parameters
        .iter()
        .filter(|parameter| is_present(parameter))
        .map(|parameter| parameter.wire_name.as_str())
        .collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The schema of the use of a type.
fn schema(ty: &Type) -> Value {
    let mut schema = Map::new();
    let mut put = |key: &str, value: Value| {
        schema.insert(key.to_owned(), value);
    };
    match &ty.shape {
        Shape::Any => {}
        Shape::Null => put("type", json!("null")),
        Shape::Boolean => put("type", json!("boolean")),
        Shape::Integer32 => {
            put("type", json!("integer"));
            put("minimum", json!(i32::MIN));
            put("maximum", json!(i32::MAX));
        }
        Shape::Integer64 => put("type", json!("integer")),
        Shape::Float32 | Shape::Float64 => put("type", json!("number")),
        Shape::String | Shape::Binary => put("type", json!("string")),
        Shape::DateTime => put_format(&mut put, "date-time"),
        Shape::Date => put_format(&mut put, "date"),
        Shape::Uuid => put_format(&mut put, "uuid"),
        Shape::Base64 => {
            put("type", json!("string"));
            put("contentEncoding", json!("base64"));
        }
        Shape::Array(item) => {
            put("type", json!("array"));
            put("items", self::schema(item));
        }
        Shape::Map(item) => {
            put("type", json!("object"));
            put("additionalProperties", self::schema(item));
        }
        Shape::Named(name) => put("$ref", json!(format!("#/$defs/{name}"))),
        Shape::Constant(value) => put("const", value.clone()),
    }
    constrain(ty, &mut schema);
    nullable(ty, schema)
}

fn put_format(put: &mut impl FnMut(&str, Value), format: &str) {
    put("type", json!("string"));
    put("format", json!(format));
}

fn constrain(ty: &Type, schema: &mut Map<String, Value>) {
    let constraints = &ty.constraints;
    let list = [
        ("minimum", constraints.minimum.map(number)),
        ("maximum", constraints.maximum.map(number)),
        ("minLength", constraints.min_length.map(Value::from)),
        ("maxLength", constraints.max_length.map(Value::from)),
        ("pattern", constraints.pattern.clone().map(Value::from)),
        ("minItems", constraints.min_items.map(Value::from)),
        ("maxItems", constraints.max_items.map(Value::from)),
        ("format", constraints.format.clone().map(Value::from)),
    ];
    for (keyword, value) in list {
        if let Some(value) = value {
            schema.insert(keyword.to_owned(), value);
        }
    }
}

/// `5.0` reads as `5` where it means the same.
fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "integral and within 2^53")]
        let integer = value as i64;
        Value::from(integer)
    } else {
        Value::from(value)
    }
}

fn nullable(ty: &Type, mut schema: Map<String, Value>) -> Value {
    if !ty.nullable || matches!(ty.shape, Shape::Any | Shape::Null) {
        return Value::Object(schema);
    }
    match schema.get_mut("type") {
        Some(kind) => {
            *kind = json!([kind.clone(), "null"]);
            Value::Object(schema)
        }
        None => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

/// JSON with line breaks down to a depth: a line for each thing worth a line in a diff.
pub fn layered(value: &Value, depth: usize) -> String {
    let mut text = String::new();
    write_layered(value, depth, &mut text);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nullable_types_take_null() {
        let ty = Type::new(Shape::Integer64).nullable();
        assert_eq!(schema(&ty), json!({"type": ["integer", "null"]}));
        let ty = Type::named("Pet").nullable();
        assert_eq!(schema(&ty), json!({"anyOf": [{"$ref": "#/$defs/Pet"}, {"type": "null"}]}));
    }

    #[test]
    fn a_line_for_each_entry() {
        let value = json!({"a": {"b": [1], "c": {}}});
        assert_eq!(layered(&value, 2), "{\n\"a\": {\n\"b\": [1],\n\"c\": {}\n}\n}\n");
    }
}
