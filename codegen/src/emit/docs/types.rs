//! Types in words, with links to the page that explains them.

use super::constraints;
use super::view::{ExampleView, ModelView};
use crate::contract::{
    Additional, Contract, Field, Object, Shape, Type, TypeDeclaration, TypeKind, UnionStrategy,
};
use crate::encode::markdown::{anchor, blocks, code, code_block, line, row};
use serde_json::Value;
use std::collections::HashMap;

/// Which page explains a named type, and where on it.
pub struct Links<'a> {
    contract: &'a Contract,
    targets: HashMap<&'a str, String>,
}

/// Where a text stands, which decides how a link to another page is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Page(&'static str),
    Operations,
}

impl<'a> Links<'a> {
    pub fn new(contract: &'a Contract) -> Self {
        let mut targets = HashMap::new();
        let mut add = |name: &'a str, page: &str| {
            targets.insert(name, format!("{page}#{}", anchor(name)));
        };
        contract.types.keys().for_each(|name| add(name, "models.md"));
        for event in &contract.events {
            event.schema.types.keys().for_each(|name| add(name, "events.md"));
        }
        if let Some(manifest) = &contract.manifest {
            manifest.types.keys().for_each(|name| add(name, "manifest.md"));
            targets.insert(&manifest.name, "manifest.md#manifest".to_owned());
        }
        Self { contract, targets }
    }

    /// A type in words, such as `array of [Pet](models.md#pet)`.
    pub fn words(&self, ty: &Type, place: Place) -> String {
        let words = match &ty.shape {
            Shape::Any => "any value".to_owned(),
            Shape::Null => "null".to_owned(),
            Shape::Boolean => "boolean".to_owned(),
            Shape::Integer32 => "integer (32 bit)".to_owned(),
            Shape::Integer64 => "integer".to_owned(),
            Shape::Float32 | Shape::Float64 => "number".to_owned(),
            Shape::String => "string".to_owned(),
            Shape::DateTime => "date and time (RFC 3339)".to_owned(),
            Shape::Date => "date".to_owned(),
            Shape::Uuid => "UUID".to_owned(),
            Shape::Base64 => "base64 text".to_owned(),
            Shape::Binary => "octets".to_owned(),
            Shape::Array(item) => format!("array of {}", self.words(item, place)),
            Shape::Map(value) => format!("map of string to {}", self.words(value, place)),
            Shape::Named(name) => self.named(name, place),
            Shape::Constant(value) => code(&value.to_string()),
        };
        if ty.nullable { format!("{words} or null") } else { words }
    }

    fn named(&self, name: &str, place: Place) -> String {
        let Some(target) = self.targets.get(name) else { return name.to_owned() };
        let target = match place {
            Place::Operations => format!("../{target}"),
            Place::Page(own) => match target.strip_prefix(own) {
                Some(fragment) => fragment.to_owned(),
                None => target.clone(),
            },
        };
        format!("[{name}]({target})")
    }

    /// The object behind a type, through aliases.
    pub fn object(&self, ty: &Type) -> Option<&'a Object> {
        let mut ty = ty;
        for _ in 0..8 {
            let Shape::Named(name) = &ty.shape else { return None };
            match &self.contract.types.get(name)?.kind {
                TypeKind::Object(object) => return Some(object),
                TypeKind::Alias(inner) => ty = inner,
                _ => return None,
            }
        }
        None
    }

    /// Rows of a table: name, type, needed, meaning.
    pub fn fields(&self, fields: &[Field], place: Place) -> Vec<String> {
        fields.iter().map(|field| self.field(field, place)).collect()
    }

    fn field(&self, field: &Field, place: Place) -> String {
        let mut meaning = vec![line(field.description.as_deref().unwrap_or_default())];
        meaning.extend(constraints::sentences(&field.ty.constraints));
        meaning.extend(field.default.as_ref().map(constraints::default));
        meaning.extend(field.read_only.then(|| "Only in answers.".to_owned()));
        meaning.extend(field.write_only.then(|| "Only in requests.".to_owned()));
        meaning.extend(field.data_class.as_deref().map(constraints::data_class));
        meaning.extend(field.deprecated.then(|| "Deprecated.".to_owned()));
        row(&[
            &code(&field.wire_name),
            &self.words(&field.ty, place),
            yes_or_no(field.required),
            &constraints::join(&meaning),
        ])
    }

    /// A named type as a section of a page.
    pub fn model(&self, declaration: &TypeDeclaration, page: &'static str) -> ModelView {
        let place = Place::Page(page);
        let mut view = ModelView {
            heading: declaration.name.clone(),
            deprecated: declaration.deprecated,
            kind: String::new(),
            description: blocks(declaration.description.as_deref().unwrap_or_default()),
            fields: Vec::new(),
            values: Vec::new(),
            variants: Vec::new(),
            examples: declaration.examples.iter().map(|example| json("Example", example)).collect(),
        };
        let mut kind = match &declaration.kind {
            TypeKind::Object(object) => {
                view.fields = self.fields(&object.fields, place);
                self.object_kind(object, place)
            }
            TypeKind::Enumeration(enumeration) => {
                view.values = enumeration.values.iter().map(value_row).collect();
                "One of these values; readers accept others, too.".to_owned()
            }
            TypeKind::Union(union) => {
                let words = |variant: &crate::contract::Variant| {
                    let tags: Vec<String> = variant.tags.iter().map(|tag| code(tag)).collect();
                    let words = self.words(&variant.ty, place);
                    if tags.is_empty() { words } else { format!("{words}: {}", tags.join(", ")) }
                };
                view.variants =
                    union.variants.iter().map(|variant| format!("- {}", words(variant))).collect();
                union_kind(&union.strategy)
            }
            TypeKind::Alias(ty) => {
                let mut parts = vec![format!("{}.", capitalised(&self.words(ty, place)))];
                parts.extend(constraints::sentences(&ty.constraints));
                constraints::join(&parts)
            }
        };
        if let Some(class) = &declaration.data_class {
            kind = constraints::join(&[kind, constraints::data_class(class)]);
        }
        view.kind = kind;
        view
    }

    fn object_kind(&self, object: &Object, place: Place) -> String {
        let mut kind =
            if object.fields.is_empty() { "Object without declared fields." } else { "Object." }
                .to_owned();
        match &object.additional {
            Additional::Unspecified => {}
            Additional::Forbidden => kind.push_str(" No other fields are allowed."),
            Additional::Typed(ty) => {
                kind.push_str(&format!(" Other fields hold {}.", self.words(ty, place)));
            }
        }
        kind
    }
}

fn value_row(value: &crate::contract::EnumerationValue) -> String {
    let wire = match &value.wire {
        Value::String(text) => code(text),
        other => code(&other.to_string()),
    };
    row(&[&wire, &line(value.description.as_deref().unwrap_or_default())])
}

fn union_kind(strategy: &UnionStrategy) -> String {
    match strategy {
        UnionStrategy::Tag { property } => {
            format!("One of these, told apart by {}:", code(property))
        }
        UnionStrategy::JsonType => "One of these, told apart by their JSON type:".to_owned(),
        UnionStrategy::Shape => "One of these, told apart by their fields:".to_owned(),
        UnionStrategy::Ordered => "One of these, the first that fits:".to_owned(),
    }
}

pub fn yes_or_no(required: bool) -> &'static str {
    if required { "yes" } else { "no" }
}

/// A JSON value as a labelled block.
pub fn json(label: &str, value: &Value) -> ExampleView {
    let text = serde_json::to_string_pretty(value).expect("JSON values have string keys");
    ExampleView { label: label.to_owned(), block: code_block("json", &text) }
}

fn capitalised(words: &str) -> String {
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_ascii_uppercase(), characters.as_str())
    })
}
