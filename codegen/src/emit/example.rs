//! Example values for samples, docs and wire tests: those of the spec, else made from the type.
//!
//! A made value is synthetic, the same on every run, and as small as the type allows: required
//! fields, and the first optional ones when nothing is required.

use crate::contract::{
    Constraints, Content, Contract, Field, Parameter, Shape, Type, TypeDeclaration, TypeKind,
};
use serde_json::{Map, Number, Value, json};

/// Optional fields shown when an object requires none.
const OPTIONAL_SHOWN: usize = 3;

/// Values are never nested deeper: what lies below is left out or empty.
const DEPTH: usize = 12;

/// The value of a body or an answer.
pub fn of_content(contract: &Contract, content: &Content) -> Value {
    content.examples.first().cloned().unwrap_or_else(|| of_type(contract, &content.ty))
}

/// The value of a parameter.
pub fn of_parameter(contract: &Contract, parameter: &Parameter) -> Value {
    parameter
        .example
        .clone()
        .or_else(|| parameter.default.clone().filter(|value| !value.is_null()))
        .unwrap_or_else(|| of_type(contract, &parameter.ty))
}

/// The value of any use of a type.
pub fn of_type(contract: &Contract, ty: &Type) -> Value {
    Maker { contract, open: Vec::new() }.make(ty)
}

struct Maker<'a> {
    contract: &'a Contract,
    /// Named types being made, so that a type that holds itself ends.
    open: Vec<&'a str>,
}

impl<'a> Maker<'a> {
    fn make(&mut self, ty: &'a Type) -> Value {
        let constraints = &ty.constraints;
        match &ty.shape {
            Shape::Any => json!({}),
            Shape::Null => Value::Null,
            Shape::Boolean => json!(true),
            Shape::Integer32 | Shape::Integer64 => integer(constraints),
            Shape::Float32 | Shape::Float64 => float(constraints),
            Shape::String => Value::String(text(constraints)),
            Shape::DateTime => json!("2026-01-31T09:30:00Z"),
            Shape::Date => json!("2026-01-31"),
            Shape::Uuid => json!("0192f0c1-7a52-7c3e-9d6b-5e8f2a1b4c3d"),
            Shape::Base64 => json!("ZXhhbXBsZQ=="),
            Shape::Binary => json!("example"),
            Shape::Array(item) => {
                let count = constraints.min_items.unwrap_or(0).clamp(1, 8) as usize;
                if self.is_open(item) {
                    return json!([]);
                }
                let value = self.make(item);
                Value::Array(vec![value; count])
            }
            Shape::Map(value) => {
                if self.is_open(value) {
                    return json!({});
                }
                json!({ "example": self.make(value) })
            }
            Shape::Constant(value) => value.clone(),
            Shape::Named(name) => {
                self.contract.types.get(name).map_or(Value::Null, |found| self.declared(found))
            }
        }
    }

    fn declared(&mut self, declaration: &'a TypeDeclaration) -> Value {
        if let Some(example) = declaration.examples.first() {
            return example.clone();
        }
        if self.open.len() >= DEPTH || self.open.contains(&declaration.name.as_str()) {
            return json!({});
        }
        self.open.push(&declaration.name);
        let value = match &declaration.kind {
            TypeKind::Object(object) => self.object(&object.fields),
            TypeKind::Enumeration(enumeration) => {
                enumeration.values.first().map_or(Value::Null, |value| value.wire.clone())
            }
            TypeKind::Union(union) => {
                let Some(variant) = union.variants.first() else { return Value::Null };
                let mut value = self.make(&variant.ty);
                if let (
                    crate::contract::UnionStrategy::Tag { property },
                    Some(tag),
                    Value::Object(object),
                ) = (&union.strategy, variant.tags.first(), &mut value)
                {
                    object.insert(property.clone(), json!(tag));
                }
                value
            }
            TypeKind::Alias(ty) => self.make(ty),
        };
        self.open.pop();
        value
    }

    fn object(&mut self, fields: &'a [Field]) -> Value {
        let required = fields.iter().any(|field| field.required && !field.read_only);
        let mut optional_left = if required { 0 } else { OPTIONAL_SHOWN };
        let mut object = Map::new();
        for field in fields.iter().filter(|field| !field.read_only) {
            if !field.required {
                if optional_left == 0 || self.is_open(&field.ty) {
                    continue;
                }
                optional_left -= 1;
            }
            let value = match &field.default {
                Some(default) if !default.is_null() => default.clone(),
                _ => self.make(&field.ty),
            };
            object.insert(field.wire_name.clone(), value);
        }
        Value::Object(object)
    }

    fn is_open(&self, ty: &Type) -> bool {
        match &ty.shape {
            Shape::Named(name) => self.open.contains(&name.as_str()),
            Shape::Array(item) | Shape::Map(item) => self.is_open(item),
            _ => false,
        }
    }
}

fn integer(constraints: &Constraints) -> Value {
    let lowest = constraints.minimum.unwrap_or(1.0).ceil();
    let highest = constraints.maximum.unwrap_or(f64::MAX).floor();
    json!(1.0_f64.max(lowest).min(highest) as i64)
}

fn float(constraints: &Constraints) -> Value {
    let lowest = constraints.minimum.unwrap_or(1.5);
    let highest = constraints.maximum.unwrap_or(f64::MAX);
    Number::from_f64(1.5_f64.max(lowest).min(highest)).map_or(json!(1.5), Value::Number)
}

fn text(constraints: &Constraints) -> String {
    let stem = match constraints.format.as_deref() {
        Some("email") => "ada@example.org",
        Some("uri" | "url") => "https://example.org/",
        Some("hostname") => "example.org",
        Some("ipv4") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        Some("time") => "09:30:00Z",
        Some("duration") => "PT1M",
        _ => "example",
    };
    let mut text = stem.to_owned();
    let shortest = constraints.min_length.unwrap_or(0).min(256) as usize;
    while text.len() < shortest {
        text.push('x');
    }
    if let Some(longest) = constraints.max_length {
        text.truncate(longest as usize);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Additional, Object};
    use crate::problem::Location;

    fn node() -> TypeDeclaration {
        let field = |name: &str, ty: Type, required| Field {
            wire_name: name.to_owned(),
            ty,
            required,
            default: None,
            read_only: false,
            write_only: false,
            description: None,
            data_class: None,
            deprecated: false,
            location: Location::default(),
        };
        let children = Type::new(Shape::Array(Box::new(Type::named("Node"))));
        TypeDeclaration {
            name: "Node".to_owned(),
            wire_name: None,
            description: None,
            kind: TypeKind::Object(Object {
                fields: vec![
                    field("name", Type::new(Shape::String), true),
                    field("children", children, true),
                ],
                additional: Additional::Unspecified,
            }),
            data_class: None,
            deprecated: false,
            examples: Vec::new(),
            location: Location::default(),
        }
    }

    #[test]
    fn a_type_that_holds_itself_ends() {
        let mut contract = Contract::default();
        contract.types.insert("Node".to_owned(), node());
        assert_eq!(
            of_type(&contract, &Type::named("Node")),
            json!({ "name": "example", "children": [] })
        );
    }
}
