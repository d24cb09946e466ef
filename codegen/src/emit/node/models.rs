//! `models.ts`: an interface for each object, a type and an object of known values for each
//! enumeration, a type for each union and alias.
//!
//! Models are types only: what came over the wire is what the caller holds, so that unknown
//! fields, values and variants survive a round trip.

use super::layout::{self, Text};
use super::plan::Plan;
use super::types::{Types, literal};
use crate::contract::{
    Additional, Enumeration, EnumerationBase, Field, Object, TypeDeclaration, TypeKind, Union,
    UnionStrategy,
};
use crate::encode::typescript as encode;
use crate::names::{self, Scope};
use serde::Serialize;
use std::fmt::Write;

#[derive(Serialize)]
pub struct ModelsView {
    /// Import lines.
    imports: Vec<String>,
    /// Whole declarations.
    declarations: Vec<String>,
}

pub fn view(plan: &Plan<'_>) -> ModelsView {
    let types = Types::new(&plan.types, "");
    let declarations: Vec<String> = plan
        .contract
        .types
        .iter()
        .map(|(name, declaration)| declare(&types, &plan.types[name.as_str()], declaration))
        .collect();
    let import = "import type { Binary } from './runtime/binary.js';".to_owned();
    ModelsView {
        imports: if types.uses_binary() { vec![import] } else { Vec::new() },
        declarations,
    }
}

fn declare(types: &Types<'_>, name: &str, declaration: &TypeDeclaration) -> String {
    let notes = Notes {
        description: declaration.description.as_deref(),
        masked: declaration.data_class.is_some(),
        default: None,
        deprecated: declaration.deprecated,
    };
    let doc = notes.comment(0);
    match &declaration.kind {
        TypeKind::Object(object) => doc + &interface(types, name, object),
        TypeKind::Enumeration(enumeration) => enumerate(&doc, name, enumeration),
        TypeKind::Union(union) => doc + &unite(types, name, union),
        TypeKind::Alias(ty) => {
            doc + &types.text(ty).after(0, &format!("export type {name} ="), ";")
        }
    }
}

fn interface(types: &Types<'_>, name: &str, object: &Object) -> String {
    let head = format!("export type {name} =");
    if object.fields.is_empty() {
        let value = match &object.additional {
            Additional::Forbidden => Text::atom("never"),
            Additional::Unspecified => Text::atom("unknown"),
            Additional::Typed(ty) => types.text(ty),
        };
        return Text::Map(Box::new(value)).after(0, &head, ";");
    }
    let mut out = format!("export interface {name} {{\n");
    for field in &object.fields {
        out.push_str(&declare_field(types, field));
    }
    if matches!(object.additional, Additional::Typed(_)) {
        out.push_str("  [key: string]: unknown;\n");
    }
    out + "}"
}

/// A read-only field is optional, because a request leaves it out.
fn declare_field(types: &Types<'_>, field: &Field) -> String {
    let notes = Notes {
        description: field.description.as_deref(),
        masked: field.data_class.is_some(),
        default: field.default.as_ref().map(encode::value),
        deprecated: field.deprecated,
    };
    let readonly = if field.read_only { "readonly " } else { "" };
    let optional = if field.required && !field.read_only { "" } else { "?" };
    let head = format!("{readonly}{}{optional}:", encode::key(&field.wire_name));
    format!("{}  {}\n", notes.comment(2), types.text(&field.ty).after(2, &head, ";"))
}

/// Open: the known values, and every other of the same JSON type.
fn enumerate(doc: &str, name: &str, enumeration: &Enumeration) -> String {
    let open = match enumeration.base {
        EnumerationBase::String => "(string & {})",
        EnumerationBase::Integer => "(number & {})",
        EnumerationBase::Mixed => "unknown",
    };
    let known = enumeration.values.iter().map(|value| Text::atom(literal(&value.wire)));
    let text = Text::union(known.chain([Text::atom(open)]));
    let mut out = doc.to_owned() + &text.after(0, &format!("export type {name} ="), ";");
    if enumeration.values.is_empty() {
        return out;
    }
    let _ =
        write!(out, "\n\n/** The known values of {{@link {name}}}. */\nexport const {name} = {{\n");
    let mut scope = Scope::default();
    for value in &enumeration.values {
        if let Some(text) = &value.description {
            out.push_str(&encode::comment(text, 2));
        }
        let key = scope.claim(&names::pascal(&value.name));
        let literal = encode::value_lines(&value.wire, 2, key.len() + 5, layout::WIDTH);
        let long = value.wire.is_string() && key.len() + literal.len() + 5 > layout::WIDTH;
        let gap = if long { "\n    " } else { " " };
        let _ = writeln!(out, "  {key}:{gap}{literal},");
    }
    out + "} as const;"
}

/// A tag is part of the type, so that the compiler narrows by it.
fn unite(types: &Types<'_>, name: &str, union: &Union) -> String {
    let members = union.variants.iter().map(|variant| {
        let text = types.text(&variant.ty);
        let UnionStrategy::Tag { property } = &union.strategy else { return text };
        if variant.tags.is_empty() {
            return text;
        }
        let tags: Vec<String> = variant.tags.iter().map(|tag| encode::string(tag)).collect();
        let tag = format!("{{ {}: {} }}", encode::key(property), tags.join(" | "));
        Text::atom(format!("({} & {tag})", text.flat()))
    });
    let text = Text::union(members.collect::<Vec<_>>());
    let text = match text {
        // Parentheses that hold the whole type are not kept by the formatter.
        Text::Atom(only) if only.starts_with('(') && only.ends_with(')') => {
            Text::Atom(only[1..only.len() - 1].to_owned())
        }
        Text::Union(members) if members.is_empty() => Text::atom("unknown"),
        text => text,
    };
    text.after(0, &format!("export type {name} ="), ";")
}

/// What a doc comment says of a thing.
pub struct Notes<'a> {
    pub description: Option<&'a str>,
    pub masked: bool,
    pub default: Option<String>,
    pub deprecated: bool,
}

impl Notes<'_> {
    pub fn comment(&self, indent: usize) -> String {
        let mut lines: Vec<String> = Vec::new();
        for line in self.description.unwrap_or_default().lines() {
            encode::wrap(&encode::comment_line(line), 96 - indent, &mut lines);
        }
        let mut paragraph = |text: &str| {
            if lines.iter().any(|line| !line.is_empty()) {
                lines.push(String::new());
            }
            encode::wrap(text, 96 - indent, &mut lines);
        };
        if let Some(default) = &self.default {
            paragraph(&format!("Default: `{}`.", encode::comment_line(default)));
        }
        if self.masked {
            paragraph("Classified: prints as `***`.");
        }
        if self.deprecated {
            paragraph("@deprecated");
        }
        encode::comment_block(&lines, &" ".repeat(indent))
    }
}
