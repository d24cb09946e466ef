//! `models.rs`: the wire types, with serde by hand where a derive would lose something:
//! enumerations stay open and unions keep variants that nobody knows yet.

use super::api::{debug_body, gap};
use super::types::{Types, keeps_unknown};
use super::unions::{self, UnionView};
use super::view::mentions;
use crate::contract::{
    Additional, Contract, Enumeration, EnumerationBase, Field, Object, Shape, TypeDeclaration,
    TypeKind,
};
use crate::encode::rust;
use crate::names::{self, Scope};
use serde::Serialize;
use serde_json::Value;

const WIDTH: usize = 100;

#[derive(Serialize)]
pub struct ModelsView {
    pub imports: Vec<String>,
    pub models: Vec<ModelView>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelView {
    Structure(StructureView),
    Enumeration(EnumerationView),
    Union(UnionView),
    Alias(AliasView),
}

#[derive(Serialize)]
pub struct StructureView {
    pub doc: String,
    pub name: String,
    pub derives: String,
    pub fields: Vec<FieldView>,
    /// Body of a hand-made `Debug`, when something is classified.
    pub debug: Option<String>,
}

#[derive(Serialize)]
pub struct FieldView {
    pub doc: String,
    pub attributes: Vec<String>,
    pub name: String,
    pub gap: &'static str,
    pub ty: String,
}

#[derive(Serialize)]
pub struct EnumerationView {
    pub doc: String,
    pub name: String,
    pub derives: &'static str,
    pub masked: bool,
    pub base: EnumerationBase,
    pub variants: Vec<EnumerationVariantView>,
    /// `[Self::A, Self::B]`, for values of mixed types.
    pub known: String,
}

#[derive(Serialize)]
pub struct EnumerationVariantView {
    pub doc: String,
    pub name: String,
    /// Arm of the match that writes it.
    pub write: String,
    /// Arm of the match that reads it.
    pub read: String,
}

#[derive(Serialize)]
pub struct AliasView {
    pub doc: String,
    pub name: String,
    pub target: String,
    /// A type of its own instead of another name.
    pub newtype: bool,
    pub derives: String,
    pub masked: bool,
}

pub fn view(contract: &Contract, types: &Types<'_>) -> ModelsView {
    let models: Vec<ModelView> =
        contract.types.values().map(|declaration| model(declaration, types)).collect();
    ModelsView { imports: imports(&models), models }
}

fn model(declaration: &TypeDeclaration, types: &Types<'_>) -> ModelView {
    let doc = rust::comment(declaration.description.as_deref().unwrap_or_default(), "");
    let name = types.name(&declaration.name).to_owned();
    let masked = declaration.data_class.is_some();
    match &declaration.kind {
        TypeKind::Object(object) => {
            ModelView::Structure(structure(declaration, object, doc, name, types))
        }
        TypeKind::Enumeration(enumeration) => {
            ModelView::Enumeration(enumeration_view(enumeration, doc, name, masked))
        }
        TypeKind::Union(union) => {
            ModelView::Union(unions::view(declaration, union, doc, name, types))
        }
        TypeKind::Alias(ty) => {
            let newtype = types.is_newtype(&declaration.name);
            let inner = types.spell_held(&declaration.name, ty);
            let target = if ty.nullable && !matches!(ty.shape, Shape::Any | Shape::Null) {
                format!("Option<{inner}>")
            } else {
                inner
            };
            let derives = derives(masked, types.has_default(&declaration.name));
            ModelView::Alias(AliasView { doc, name, target, newtype, derives, masked })
        }
    }
}

fn derives(masked: bool, has_default: bool) -> String {
    let mut derives = Vec::with_capacity(6);
    if !masked {
        derives.push("Debug");
    }
    derives.push("Clone");
    if has_default {
        derives.push("Default");
    }
    derives.extend(["PartialEq", "Serialize", "Deserialize"]);
    derives.join(", ")
}

fn structure(
    declaration: &TypeDeclaration,
    object: &Object,
    doc: String,
    name: String,
    types: &Types<'_>,
) -> StructureView {
    let mut scope = Scope::default();
    let mut fields = Vec::with_capacity(object.fields.len() + 1);
    let mut masks = Vec::with_capacity(object.fields.len() + 1);
    let all_masked = declaration.data_class.is_some();
    for field in &object.fields {
        let field_name = rust::identifier(&scope.claim(&names::snake(&field.wire_name)));
        masks.push((field_name.clone(), all_masked || field.data_class.is_some()));
        fields.push(field_view(&declaration.name, field, field_name, types));
    }
    if keeps_unknown(&object.additional) {
        let other = scope.claim("other");
        let ty = match &object.additional {
            Additional::Typed(ty) if !matches!(ty.shape, Shape::Any) => {
                format!("BTreeMap<String, {}>", types.spell(ty, ""))
            }
            _ => "runtime::Fields".to_owned(),
        };
        let classified = masks.iter().any(|(_, masked)| *masked);
        masks.push((other.clone(), classified && ty != "runtime::Fields"));
        fields.push(FieldView {
            doc: rust::comment("Fields beside those that the contract names.", "    "),
            attributes: vec!["#[serde(flatten)]".to_owned()],
            gap: gap(&other, &ty),
            name: other,
            ty,
        });
    }
    let debug = if all_masked {
        Some(format!("        out.write_str({})", rust::string(&format!("{name}(***)"))))
    } else if masks.iter().any(|(_, masked)| *masked) {
        let masks: Vec<(&str, bool)> =
            masks.iter().map(|(name, masked)| (name.as_str(), *masked)).collect();
        Some(debug_body(&name, &masks))
    } else {
        None
    };
    let derives = derives(debug.is_some(), types.has_default(&declaration.name));
    StructureView { doc, name, derives, fields, debug }
}

fn field_view(holder: &str, field: &Field, name: String, types: &Types<'_>) -> FieldView {
    let inner = types.spell_held(holder, &field.ty);
    let nullable = field.ty.nullable && !matches!(field.ty.shape, Shape::Any | Shape::Null);
    // What only one direction requires may be absent in the other.
    let required = field.required && !field.read_only && !field.write_only;
    let mut ty = if nullable { format!("Option<{inner}>") } else { inner };
    let mut attributes = Vec::new();
    if name != field.wire_name {
        let rename = format!("rename = {}", rust::string(&field.wire_name));
        let flat = format!("#[serde({rename})]");
        attributes.push(if flat.len() + 4 <= WIDTH {
            flat
        } else {
            format!("#[serde(\n        {rename}\n    )]")
        });
    }
    if !required {
        ty = format!("Option<{ty}>");
        attributes.push("#[serde(default, skip_serializing_if = \"Option::is_none\")]".to_owned());
        if types.reads_null(&field.ty) {
            attributes.push("#[serde(deserialize_with = \"runtime::present\")]".to_owned());
        }
    }
    let doc = rust::comment(field.description.as_deref().unwrap_or_default(), "    ");
    FieldView { doc, attributes, gap: gap(&name, &ty), name, ty }
}

fn enumeration_view(
    enumeration: &Enumeration,
    doc: String,
    name: String,
    masked: bool,
) -> EnumerationView {
    let mut scope = Scope::with_reserved(["Other", "Self"]);
    let variants: Vec<EnumerationVariantView> = enumeration
        .values
        .iter()
        .map(|value| {
            let variant = rust::identifier(&scope.claim(&names::pascal(&value.name)));
            let literal = literal(&value.wire);
            let write = match enumeration.base {
                EnumerationBase::Mixed => format!("Value::from({literal})"),
                _ => literal.clone(),
            };
            EnumerationVariantView {
                doc: rust::comment(value.description.as_deref().unwrap_or_default(), "    "),
                write: arm(12, &format!("Self::{variant}"), &write),
                read: arm(12, &literal, &format!("Self::{variant}")),
                name: variant,
            }
        })
        .collect();
    let derives = match (enumeration.base, masked) {
        (EnumerationBase::Mixed, false) => "Debug, Clone, PartialEq",
        (EnumerationBase::Mixed, true) => "Clone, PartialEq",
        (_, false) => "Debug, Clone, PartialEq, Eq, Hash",
        (_, true) => "Clone, PartialEq, Eq, Hash",
    };
    let known = variants
        .iter()
        .map(|variant| super::layout::Layout::atom(format!("Self::{}", variant.name)));
    let known = super::layout::Layout::List("[", known.collect()).print(8, 21, 2);
    EnumerationView { doc, name, derives, masked, base: enumeration.base, variants, known }
}

/// A literal of an enumeration value; only scalars stand in enumerations.
fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => rust::string(text),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        other => rust::value(other),
    }
}

/// An arm of a match as rustfmt breaks it.
pub fn arm(indent: usize, pattern: &str, body: &str) -> String {
    let pad = " ".repeat(indent);
    let flat = format!("{pad}{pattern} => {body},");
    if flat.len() <= WIDTH {
        flat
    } else {
        format!("{pad}{pattern} => {{\n{pad}    {body}\n{pad}}}")
    }
}

fn imports(models: &[ModelView]) -> Vec<String> {
    let has = |test: &dyn Fn(&ModelView) -> bool| models.iter().any(test);
    let derives_serde = has(&|model| {
        matches!(model, ModelView::Structure(_))
            || matches!(model, ModelView::Alias(alias) if alias.newtype)
    });
    let by_hand = has(&|model| matches!(model, ModelView::Enumeration(_) | ModelView::Union(_)));
    let spelled: Vec<&String> = models.iter().flat_map(spelled).collect();
    let uses = |word: &str| mentions(spelled.iter().copied(), word);
    let mixed = has(&|model| match model {
        ModelView::Union(_) => true,
        ModelView::Enumeration(one) => one.base == EnumerationBase::Mixed,
        _ => false,
    });
    let prints = has(&|model| match model {
        ModelView::Structure(one) => one.debug.is_some(),
        ModelView::Enumeration(one) => one.masked || one.base == EnumerationBase::String,
        ModelView::Union(one) => one.masked,
        ModelView::Alias(one) => one.newtype && one.masked,
    });
    let runtime = uses("runtime::")
        || has(&|model| match model {
            ModelView::Structure(one) => {
                one.debug.as_ref().is_some_and(|debug| debug.contains("runtime::"))
                    || one
                        .fields
                        .iter()
                        .flat_map(|field| &field.attributes)
                        .any(|a| a.contains("runtime::"))
            }
            ModelView::Union(one) => one.read.contains("runtime::"),
            _ => false,
        });
    let mut imports = Vec::new();
    let mut add = |wanted: bool, line: &str| {
        if wanted {
            imports.push(line.to_owned());
        }
    };
    add(runtime, "use crate::runtime;");
    add(by_hand, "use serde::{Deserialize, Deserializer, Serialize, Serializer};");
    add(!by_hand && derives_serde, "use serde::{Deserialize, Serialize};");
    add(mixed || uses("Value"), "use serde_json::Value;");
    add(uses("BTreeMap"), "use std::collections::BTreeMap;");
    add(prints, "use std::fmt;");
    add(
        has(&|model| matches!(model, ModelView::Alias(alias) if alias.newtype)),
        "use std::ops::{Deref, DerefMut};",
    );
    add(uses("Uuid"), "use uuid::Uuid;");
    imports
}

/// Every type that a model mentions.
fn spelled(model: &ModelView) -> Vec<&String> {
    match model {
        ModelView::Structure(one) => one.fields.iter().map(|field| &field.ty).collect(),
        ModelView::Union(one) => one.variants.iter().map(|variant| &variant.ty).collect(),
        ModelView::Alias(one) => vec![&one.target],
        ModelView::Enumeration(_) => Vec::new(),
    }
}
