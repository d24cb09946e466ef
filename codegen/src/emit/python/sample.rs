//! A complete program that calls an operation, for the README and the reference.

use super::facts::sent_content;
use super::layout;
use super::operations::{Method, Resource};
use super::package::Package;
use super::types::Types;
use crate::contract::{ContentKind, Contract, Shape, Type, TypeKind};
use crate::emit::example;
use crate::encode::python as encode;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// Columns in front of the call.
const INDENT: usize = 4;

/// The programs of all operations, by operation id.
pub fn programs(
    contract: &Contract,
    types: &Types<'_>,
    package: &Package,
    resources: &[Resource],
) -> HashMap<String, String> {
    let methods = resources
        .iter()
        .flat_map(|resource| resource.methods.iter().map(move |method| (resource, method)));
    methods
        .filter_map(|(resource, method)| {
            let operation = &contract.operations[method.operation];
            let program = program(contract, types, package, (resource, method))?;
            Some((operation.id.clone(), program))
        })
        .collect()
}

/// A call that says something: the first method of the facade, else the first operation.
pub fn for_readme(
    contract: &Contract,
    types: &Types<'_>,
    package: &Package,
    resources: &[Resource],
) -> String {
    let symbols = contract.parity.iter().flat_map(|parity| &parity.symbols);
    let wanted = symbols.flat_map(|symbol| &symbol.methods).map(|method| &method.operation).next();
    let mut methods = resources
        .iter()
        .flat_map(|resource| resource.methods.iter().map(move |method| (resource, method)));
    methods
        .find(|(_, method)| wanted.is_none_or(|id| contract.operations[method.operation].id == *id))
        .and_then(|found| program(contract, types, package, found))
        .unwrap_or_default()
}

/// A program that type-checks; its values are those of the spec, else made from the types.
fn program(
    contract: &Contract,
    types: &Types<'_>,
    package: &Package,
    (resource, method): (&Resource, &Method),
) -> Option<String> {
    let operation = &contract.operations[method.operation];
    let mut writer = Writer { types, imports: BTreeSet::new(), uses_models: false };
    let mut items = Vec::new();
    for argument in method.arguments.iter().filter(|argument| argument.required) {
        items.push(if argument.location.is_empty() {
            let content = sent_content(&operation.body.as_ref()?.contents)?;
            match content.kind {
                ContentKind::Json | ContentKind::Form | ContentKind::Multipart => {
                    let value = example::of_content(contract, content);
                    writer.expression(&content.ty, &value, INDENT + 4, 0)
                }
                ContentKind::Text => "\"example\"".to_owned(),
                _ => "b\"example\"".to_owned(),
            }
        } else {
            let parameter =
                operation.parameters.iter().find(|known| known.wire_name == argument.wire_name)?;
            let value = example::of_parameter(contract, parameter);
            let text = writer.expression(&parameter.ty, &value, INDENT + 4, 0);
            let named = argument.location != "path";
            if named { format!("{}={text}", argument.name) } else { text }
        });
    }
    let returns_nothing = method.returns.annotation == "None";
    let (head, tail) = match (returns_nothing, method.returns.streamed) {
        (true, _) => ("", ""),
        (false, true) => ("with ", " as answers:"),
        (false, false) => ("answer = ", ""),
    };
    let call = format!("{head}client.{}.{}", resource.attribute, method.name);
    let call = layout::group(INDENT, &call, &items, ["(", ")"], tail);
    let then = match (returns_nothing, method.returns.streamed) {
        (true, _) => "",
        (false, true) => "\n        for answer in answers:\n            print(answer)",
        (false, false) => "\n    print(answer)",
    };
    let Package { module, client, .. } = package;
    let models = if writer.uses_models { ", models" } else { "" };
    let mut imports: String = writer.imports.iter().map(|line| format!("{line}\n")).collect();
    if !imports.is_empty() {
        imports.push('\n');
    }
    Some(format!(
        "{imports}from {module} import {client}{models}\n\nwith {client}() as client:\n    {call}{then}\n"
    ))
}

/// Writes values as expressions of their types, and notes what they need.
struct Writer<'a> {
    types: &'a Types<'a>,
    imports: BTreeSet<&'static str>,
    uses_models: bool,
}

impl Writer<'_> {
    fn expression(&mut self, ty: &Type, value: &Value, indent: usize, depth: u8) -> String {
        match (&ty.shape, value) {
            (Shape::DateTime, Value::String(text)) => {
                self.imports.insert("from datetime import datetime");
                format!("datetime.fromisoformat({})", encode::string(text))
            }
            (Shape::Date, Value::String(text)) => {
                self.imports.insert("from datetime import date");
                format!("date.fromisoformat({})", encode::string(text))
            }
            (Shape::Uuid, Value::String(text)) => {
                self.imports.insert("from uuid import UUID");
                format!("UUID({})", encode::string(text))
            }
            (Shape::Base64 | Shape::Binary, _) => "b\"example\"".to_owned(),
            (Shape::Array(item), Value::Array(values)) => {
                let items: Vec<String> = values
                    .iter()
                    .map(|value| self.expression(item, value, indent + 4, depth))
                    .collect();
                layout::group(indent, "", &items, ["[", "]"], "")
            }
            (Shape::Map(item), Value::Object(fields)) => {
                let items: Vec<String> = fields
                    .iter()
                    .map(|(key, value)| {
                        let value = self.expression(item, value, indent + 4, depth);
                        format!("{}: {value}", encode::string(key))
                    })
                    .collect();
                layout::group(indent, "", &items, ["{", "}"], "")
            }
            (Shape::Named(name), value) if depth < 8 => self.named(name, value, indent, depth),
            _ => layout::literal(indent, "", value, 1),
        }
    }

    fn named(&mut self, name: &str, value: &Value, indent: usize, depth: u8) -> String {
        match self.types.declaration(name).map(|declaration| &declaration.kind) {
            Some(TypeKind::Object(_)) => {
                self.uses_models = true;
                let head = format!("models.{}.from_wire", self.types.class(name));
                let line = format!("{head}({})", encode::value(value));
                if indent + line.len() < encode::WIDTH {
                    return line;
                }
                let map = layout::literal(indent + 4, "", value, 1);
                layout::exploded(indent, &head, &[map], ["(", ")"], "")
            }
            Some(TypeKind::Alias(ty)) => self.expression(ty, value, indent, depth + 1),
            Some(TypeKind::Union(union)) => match union.variants.first() {
                Some(variant) => self.expression(&variant.ty, value, indent, depth + 1),
                None => encode::value(value),
            },
            _ => layout::literal(indent, "", value, 1),
        }
    }
}
