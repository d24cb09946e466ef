//! Unions: an enum whose reader chooses the variant as the contract says, and keeps what fits
//! none.

use super::layout::Layout;
use super::models::arm;
use super::types::{JsonType, Types};
use crate::contract::{Shape, TypeDeclaration, Union, UnionStrategy, Variant};
use crate::encode::rust;
use crate::names::Scope;
use serde::Serialize;

#[derive(Serialize)]
pub struct UnionView {
    pub doc: String,
    pub name: String,
    pub derives: &'static str,
    pub masked: bool,
    pub variants: Vec<UnionVariantView>,
    /// Statements that read it from `value`.
    pub read: String,
}

#[derive(Serialize)]
pub struct UnionVariantView {
    pub name: String,
    pub ty: String,
}

pub fn view(
    declaration: &TypeDeclaration,
    union: &Union,
    doc: String,
    name: String,
    types: &Types<'_>,
) -> UnionView {
    let mut scope = Scope::with_reserved(["Unknown", "Self"]);
    let named: Vec<(String, &Variant)> = union
        .variants
        .iter()
        .map(|variant| (rust::identifier(&scope.claim(&variant.name)), variant))
        .collect();
    let variants = named
        .iter()
        .map(|(variant_name, variant)| {
            let inner = types.spell_held(&declaration.name, &variant.ty);
            let nullable =
                variant.ty.nullable && !matches!(variant.ty.shape, Shape::Any | Shape::Null);
            UnionVariantView {
                name: variant_name.clone(),
                ty: if nullable { format!("Option<{inner}>") } else { inner },
            }
        })
        .collect();
    let read = match &union.strategy {
        UnionStrategy::Tag { property } => read_tagged(property, &named),
        UnionStrategy::JsonType => read_by_type(&named, types),
        UnionStrategy::Shape => read_by_shape(&named),
        UnionStrategy::Ordered => read_in_order(&named),
    };
    let masked = declaration.data_class.is_some();
    let derives = if masked { "Clone, PartialEq" } else { "Debug, Clone, PartialEq" };
    UnionView { doc, name, derives, masked, variants, read }
}

fn read_tagged(property: &str, variants: &[(String, &Variant)]) -> String {
    let mut text =
        format!("        match value.get({}).and_then(Value::as_str) {{\n", rust::string(property));
    for (name, variant) in variants.iter().filter(|(_, variant)| !variant.tags.is_empty()) {
        let tags: Vec<String> = variant.tags.iter().map(|tag| rust::string(tag)).collect();
        let pattern = format!("Some({})", tags.join(" | "));
        text.push_str(&arm(12, &pattern, &format!("runtime::variant(value).map(Self::{name})")));
        text.push('\n');
    }
    text.push_str("            _ => Ok(Self::Unknown(value)),\n        }");
    text
}

fn read_by_type(variants: &[(String, &Variant)], types: &Types<'_>) -> String {
    let mut text = "        match value {\n".to_owned();
    let mut seen = Vec::new();
    let mut open = None;
    // An integer is a number too, so it is asked first.
    let mut ordered: Vec<(JsonType, &str)> = variants
        .iter()
        .map(|(name, variant)| (types.json_type(&variant.ty), name.as_str()))
        .collect();
    ordered.sort_by_key(|(json_type, _)| *json_type == JsonType::Number);
    for (json_type, name) in ordered {
        let Some(pattern) = json_type.pattern() else {
            open = open.or(Some(name));
            continue;
        };
        if seen.contains(&json_type) {
            continue;
        }
        seen.push(json_type);
        let pattern = match pattern.split_once("(number) if ") {
            Some((head, condition)) => {
                format!("{head}(ref number) if {condition}")
            }
            None => pattern.to_owned(),
        };
        text.push_str(&arm(12, &pattern, &format!("runtime::variant(value).map(Self::{name})")));
        text.push('\n');
    }
    let rest = match open {
        Some(name) => format!("runtime::variant(value).map(Self::{name})"),
        None => "Ok(Self::Unknown(value))".to_owned(),
    };
    text.push_str(&arm(12, "_", &rest));
    text.push_str("\n        }");
    text
}

fn read_by_shape(variants: &[(String, &Variant)]) -> String {
    let mut text = String::new();
    let mut rest = None;
    for (name, variant) in variants {
        if variant.distinguishing.is_empty() {
            rest = rest.or(Some(name));
            continue;
        }
        let members =
            variant.distinguishing.iter().map(|member| Layout::atom(rust::string(member)));
        let opening = "        if runtime::has_members(&value, ";
        let members = Layout::List("&[", members.collect()).print(8, opening.len(), 3);
        text.push_str(&format!(
            "{opening}{members}) {{\n            return runtime::variant(value).map(Self::{name});\n        }}\n"
        ));
    }
    text.push_str(&match rest {
        Some(name) => format!("        runtime::variant(value).map(Self::{name})"),
        None => "        Ok(Self::Unknown(value))".to_owned(),
    });
    text
}

fn read_in_order(variants: &[(String, &Variant)]) -> String {
    let mut text = String::new();
    for (name, _) in variants {
        text.push_str(&format!(
            "        if let Ok(read) = Deserialize::deserialize(&value) {{\n            return Ok(Self::{name}(read));\n        }}\n"
        ));
    }
    text.push_str("        Ok(Self::Unknown(value))");
    text
}
