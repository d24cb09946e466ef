//! `manifest.rs` and `events.rs`: types of the schema files, made by typify from a projection,
//! beside the full schemas that validate.
//!
//! typify panics on conditionals and anchors, refuses `contains` and mistypes `prefixItems`, so
//! it is shown only the part of a schema that has a shape. What it leaves out is still checked.

use super::layout::Layout;
use super::schemas::layered;
use crate::contract::{Contract, EventDeclaration, SchemaDocument};
use crate::encode::rust;
use crate::names::{self, Scope};
use crate::problem::Problems;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use typify::{TypeSpace, TypeSpaceSettings};

#[derive(Serialize)]
pub struct ManifestView {
    pub doc: String,
    /// Items that typify made, formatted.
    pub types: String,
}

#[derive(Serialize)]
pub struct EventsView {
    pub table: String,
    pub types: String,
}

/// A JSON file that stands beside the generated sources.
pub struct SchemaFile {
    pub path: String,
    pub text: String,
}

pub fn manifest(document: &SchemaDocument, problems: &mut Problems) -> (ManifestView, SchemaFile) {
    let view = ManifestView {
        doc: rust::module_comment(document.description.as_deref().unwrap_or_default()),
        types: types(std::iter::once(document), problems),
    };
    let text = layered(&document.schema, 2);
    (view, SchemaFile { path: "manifest.schema.json".to_owned(), text })
}

pub fn events(contract: &Contract, problems: &mut Problems) -> (EventsView, Vec<SchemaFile>) {
    let mut scope = Scope::default();
    let mut files = Vec::new();
    let mut rows = Vec::new();
    for event in &contract.events {
        let Some(event_type) = &event.event_type else { continue };
        let stem = scope.claim(&names::snake(event_type));
        let path = format!("events/{stem}.schema.json");
        rows.push(row(event, event_type, &path));
        files.push(SchemaFile { path, text: layered(&event.schema.schema, 2) });
    }
    let opening = "pub static EVENT_SCHEMAS: &[EventSchema] = ";
    let table = Layout::List("&[", rows).print(0, opening.len(), 1);
    let types = types(contract.events.iter().map(|event| &event.schema), problems);
    (EventsView { table, types }, files)
}

fn row(event: &EventDeclaration, event_type: &str, path: &str) -> Layout {
    let traits = event.data_traits.iter().map(|name| Layout::atom(rust::string(name)));
    let fields = [
        ("event_type", Layout::atom(rust::string(event_type))),
        ("data_traits", Layout::List("&[", traits.collect())),
        ("schema", Layout::atom(format!("include_str!({})", rust::string(path)))),
    ];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Layout::Struct("EventSchema".to_owned(), fields)
}

/// Rust items for schema documents. A document that typify cannot type is a warning: its schema
/// still validates.
fn types<'a>(
    documents: impl Iterator<Item = &'a SchemaDocument>,
    problems: &mut Problems,
) -> String {
    let mut settings = TypeSpaceSettings::default();
    settings.with_conversion(
        json_schema(json!({"type": "string", "format": "date-time"})),
        "crate::runtime::DateTime",
        std::iter::empty(),
    );
    settings.with_conversion(
        json_schema(json!({"type": "string", "format": "uuid"})),
        "uuid::Uuid",
        std::iter::empty(),
    );
    let mut masked = false;
    let mut accepted: Map<String, Value> = Map::new();
    let mut text = String::new();
    for document in documents {
        masked |= holds_classified(&document.schema);
        let mut candidate = accepted.clone();
        add_document(document, &mut candidate);
        match generate(&settings, &candidate, masked) {
            Ok(source) => {
                text = source;
                accepted = candidate;
            }
            Err(reason) => problems.warning(
                "target-unsupported",
                &document.location,
                format!("no Rust types for this schema: {reason}"),
                "the schema still validates; simplify it to have types as well",
            ),
        }
    }
    text
}

fn json_schema(schema: Value) -> schemars08::schema::SchemaObject {
    serde_json::from_value(schema).expect("the schemas of conversions are well-formed")
}

/// Puts the root and the `$defs` of a document into one set of definitions. Definitions of the
/// same name in two documents are one.
fn add_document(document: &SchemaDocument, definitions: &mut Map<String, Value>) {
    let mut root = project(&document.schema);
    if let Some(object) = root.as_object_mut() {
        object.remove("$schema");
        object.remove("$id");
        object.insert("title".to_owned(), Value::from(document.name.as_str()));
        if let Some(Value::Object(inner)) = object.remove("$defs") {
            for (name, schema) in inner {
                definitions.entry(name).or_insert(schema);
            }
        }
    }
    definitions.insert(document.name.clone(), root);
}

fn generate(
    settings: &TypeSpaceSettings,
    definitions: &Map<String, Value>,
    masked: bool,
) -> Result<String, String> {
    let attempt = || -> Result<String, String> {
        let definitions: Vec<(String, schemars08::schema::Schema)> = definitions
            .iter()
            .map(|(name, schema)| {
                let schema = serde_json::from_value(schema.clone());
                schema.map(|schema| (name.clone(), schema)).map_err(|error| error.to_string())
            })
            .collect::<Result<_, _>>()?;
        let mut space = TypeSpace::new(settings);
        space.add_ref_types(definitions).map_err(|error| error.to_string())?;
        let mut file = syn::parse2(space.to_stream()).map_err(|error| error.to_string())?;
        if masked {
            mask(&mut file);
        }
        Ok(spaced(&prettyplease::unparse(&file)))
    };
    quietly(attempt).unwrap_or_else(|| Err("it uses a keyword that has no shape".to_owned()))
}

fn holds_classified(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => {
            object.contains_key("x-data-class") || object.values().any(holds_classified)
        }
        Value::Array(items) => items.iter().any(holds_classified),
        _ => false,
    }
}

/// Where one schema is classified, no type of the file prints what it holds: typify tells no
/// field of an inline object from another.
fn mask(file: &mut syn::File) {
    let mut impls = Vec::new();
    let mut names = HashSet::new();
    for item in &mut file.items {
        let (name, attributes) = match item {
            syn::Item::Struct(item) => (&item.ident, &mut item.attrs),
            syn::Item::Enum(item)
                if item.variants.iter().any(|variant| !variant.fields.is_empty()) =>
            {
                (&item.ident, &mut item.attrs)
            }
            _ => continue,
        };
        if without_debug(attributes) {
            let text = format!(
                "impl ::std::fmt::Debug for {name} {{
                    fn fmt(&self, out: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {{
                        out.write_str(\"{name}(***)\")
                    }}
                }}"
            );
            impls.extend(syn::parse_str::<syn::Item>(&text));
            names.insert(name.to_string());
        }
    }
    file.items.retain(|item| !displays(item, &names));
    file.items.extend(impls);
}

/// True for an `impl Display` of one of these types.
fn displays(item: &syn::Item, names: &HashSet<String>) -> bool {
    let syn::Item::Impl(item) = item else { return false };
    let Some((path, _)) = &item.trait_ else { return false };
    let syn::Type::Path(ty) = &*item.self_ty else { return false };
    path.segments.last().is_some_and(|last| last.ident == "Display")
        && ty.path.segments.last().is_some_and(|last| names.contains(&last.ident.to_string()))
}

/// Takes `Debug` out of the derives; false when it was not there.
fn without_debug(attributes: &mut [syn::Attribute]) -> bool {
    let mut found = false;
    for attribute in attributes.iter_mut().filter(|one| one.path().is_ident("derive")) {
        let syn::Meta::List(list) = &mut attribute.meta else { continue };
        let text = list.tokens.to_string();
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        let kept: Vec<&str> = names.iter().copied().filter(|name| *name != "Debug").collect();
        if let (true, Ok(tokens)) = (kept.len() < names.len(), kept.join(", ").parse()) {
            list.tokens = tokens;
            found = true;
        }
    }
    found
}

/// A space behind `///`, as people write it.
fn spaced(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    for line in source.lines() {
        let body = line.trim_start();
        match body.strip_prefix("///") {
            Some(rest) if !rest.is_empty() && !rest.starts_with([' ', '/']) => {
                text.push_str(&line[..line.len() - rest.len()]);
                text.push(' ');
                text.push_str(rest);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// Runs what may panic without the default hook writing to the terminal.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The part of a schema that has a shape: conditionals, negations and counts are dropped, and
/// `$defs` become the `definitions` that typify knows.
fn project(schema: &Value) -> Value {
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
