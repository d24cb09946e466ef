//! Schema files beside the OpenAPI document: events and the manifest.

use super::types::TypeDeclaration;
use crate::problem::Location;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

/// One `events/*.schema.json`.
#[derive(Debug, Clone, Serialize)]
pub struct EventDeclaration {
    /// `x-event-type` of the file, what travels as `event_type`; none for a shared model such as `User`.
    pub event_type: Option<String>,
    pub schema: SchemaDocument,
    /// `x-data-traits`: the traits a subscriber needs to see it.
    pub data_traits: Vec<String>,
    pub examples: Vec<Value>,
}

/// A JSON Schema 2020-12 document with the contract types made from it.
#[derive(Debug, Clone, Serialize)]
pub struct SchemaDocument {
    /// Contract name of the root type, a key of `types` (unique across the whole contract, not in `Contract::types`).
    pub name: String,
    pub description: Option<String>,
    /// Path of the file, relative to the configuration file.
    pub file: String,
    /// The schema as written.
    pub schema: Value,
    /// Root type and those of its `$defs`, by contract name. Conditional keywords do not show here.
    pub types: IndexMap<String, TypeDeclaration>,
    pub location: Location,
}
