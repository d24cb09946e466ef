//! `manifest.rs` and `events.rs`: types of the schema files, made by typify from a projection,
//! beside the full schemas that validate.
//!
//! typify panics on conditionals and anchors, refuses `contains` and mistypes `prefixItems`, so
//! it is shown only the part of a schema that has a shape. What it leaves out is still checked.

use super::layout::Layout;
use super::masking::mask;
use super::projection::project;
use super::schemas::layered;
use crate::contract::{Contract, EventDeclaration, SchemaDocument};
use crate::encode::rust;
use crate::names::{self, Scope};
use crate::problem::Problems;
use serde::Serialize;
use serde_json::{Map, Value, json};
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
    let documents: Vec<&SchemaDocument> = documents.collect();
    let masked = documents.iter().any(|document| holds_classified(&document.schema));
    let mut all = Map::new();
    documents.iter().for_each(|document| add_document(document, &mut all));
    if let Ok(source) = generate(&settings, &all, masked) {
        return source;
    }
    // Something in one of them has no shape: find out which, and leave it out.
    let (mut accepted, mut text) = (Map::new(), String::new());
    for document in documents {
        let mut candidate = accepted.clone();
        add_document(document, &mut candidate);
        match generate(&settings, &candidate, masked) {
            Ok(source) => (text, accepted) = (source, candidate),
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
