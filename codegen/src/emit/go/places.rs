//! Where a parameter of the facade goes in the operation behind it, and how a plain value gets there.

use super::models::field_names;
use super::operations::{Method, Source};
use super::types::{Names, Slot, Wrap};
use crate::contract::{ParityParameter, Shape, Type, TypeKind};

/// Where a value goes and what the place looks like.
pub struct Place {
    /// Assigned to; empty for an argument that is passed as it is.
    pub variable: String,
    pub slot: Slot,
    pub plain: String,
    pub plain_nilable: bool,
}

pub fn place(names: &Names<'_>, method: &Method<'_>, parameter: &ParityParameter) -> Option<Place> {
    let (area, key) = match parameter.target.split_once('.') {
        Some((area, key)) => (area, key),
        None => (parameter.target.as_str(), ""),
    };
    match area {
        "path" => method.inputs.iter().find_map(|input| match input.source {
            Source::Path(declared) if declared.wire_name == key => Some(Place {
                variable: String::new(),
                slot: names.slot(&declared.ty, true, declared.data_class.is_some()),
                plain: plain(names, &declared.ty),
                plain_nilable: plain_nilable(names, &declared.ty),
            }),
            _ => None,
        }),
        "query" | "header" | "cookie" => {
            let (declared, field) =
                method.params_fields.iter().find(|(declared, _)| declared.wire_name == key)?;
            Some(Place {
                variable: format!("params.{field}"),
                slot: names.slot(&declared.ty, declared.required, declared.data_class.is_some()),
                plain: plain(names, &declared.ty),
                plain_nilable: plain_nilable(names, &declared.ty),
            })
        }
        _ => body_place(names, method, key),
    }
}

fn body_place(names: &Names<'_>, method: &Method<'_>, key: &str) -> Option<Place> {
    let (input, content) = method.inputs.iter().find_map(|input| match input.source {
        Source::Body(content) => Some((input, content)),
        _ => None,
    })?;
    if key.is_empty() {
        let required = method.operation.body.as_ref().is_some_and(|body| body.required);
        let mut slot = names.slot(&content.ty, true, false);
        slot.classified = names.is_classified(&content.ty);
        if !required && input.ty.starts_with('*') {
            slot.wrap = Wrap::Pointer;
        }
        return Some(Place {
            variable: "body".to_owned(),
            slot,
            plain: plain(names, &content.ty),
            plain_nilable: plain_nilable(names, &content.ty),
        });
    }
    let (declaration, object) = names.object(&content.ty)?;
    let (field, name) =
        field_names(object).into_iter().find(|(field, _)| field.wire_name == key)?;
    let mut slot = names.field(&declaration.name, field);
    slot.classified |= names.is_classified(&field.ty);
    Some(Place {
        variable: format!("body.{name}"),
        slot,
        plain: plain(names, &field.ty),
        plain_nilable: plain_nilable(names, &field.ty),
    })
}

/// The type without its classification: what a caller of the facade writes and reads.
pub fn plain(names: &Names<'_>, ty: &Type) -> String {
    names.base(unclassified(names, ty))
}

fn plain_nilable(names: &Names<'_>, ty: &Type) -> bool {
    names.is_nilable(unclassified(names, ty))
}

fn unclassified<'t>(names: &Names<'t>, ty: &'t Type) -> &'t Type {
    let mut current = ty;
    while names.is_classified(current) {
        let Shape::Named(name) = &current.shape else { break };
        match names.contract.types.get(name).map(|declaration| &declaration.kind) {
            Some(TypeKind::Alias(target)) => current = target,
            _ => break,
        }
    }
    current
}

pub fn wrapped(slot: &Slot, value: &str) -> String {
    let value = if slot.classified { format!("Classify({value})") } else { value.to_owned() };
    match slot.wrap {
        Wrap::None => value,
        Wrap::Pointer => format!("Ptr({value})"),
        Wrap::Optional => format!("Present({value})"),
    }
}

pub fn assignment(place: &Place, value: &str, required: bool) -> Vec<String> {
    let variable = &place.variable;
    if required {
        return vec![format!("{variable} = {}", wrapped(&place.slot, value))];
    }
    let same_pointer = place.slot.wrap == Wrap::Pointer && !place.plain_nilable;
    let same_value = place.slot.wrap == Wrap::None && place.plain_nilable;
    if !place.slot.classified && (same_pointer || same_value) {
        return vec![format!("{variable} = {value}")];
    }
    let inner = if place.plain_nilable { value.to_owned() } else { format!("*{value}") };
    vec![
        format!("if {value} != nil {{"),
        format!("\t{variable} = {}", wrapped(&place.slot, &inner)),
        "}".to_owned(),
    ]
}
