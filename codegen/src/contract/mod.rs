//! The language-neutral meaning of a spec: operations, types, errors, events, manifest, parity.
//!
//! Data only. The loader fills it, the emitters read it, and neither knows the other.
//! OAS 3.0 and 3.1 have become one shape here, every reference is resolved, every inline
//! schema has a name, and every composition is classified. Nothing here is spelled for a
//! language: casing, reserved words and escaping belong to `names` and `encode`.

pub mod events;
mod json_schema;
pub mod operation;
pub mod parity;
pub mod types;

pub use events::{EventDeclaration, SchemaDocument};
pub use operation::{
    Body, Content, ContentKind, Declared, Header, HttpMethod, Idempotency, Operation, Parameter,
    ParameterLocation, ParameterStyle, PathSegment, Policy, Response, SecurityRequirement,
    SecurityScheme, SecuritySchemeKind, StatusRange,
};
pub use parity::{Parity, ParityError, ParityMethod, ParityParameter, ParitySymbol};
pub use types::{
    Additional, Constraints, Enumeration, EnumerationBase, EnumerationValue, Field, Object, Shape,
    Type, TypeDeclaration, TypeKind, Union, UnionStrategy, Variant,
};

use indexmap::IndexMap;
use serde::Serialize;

/// A whole spec, understood.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Contract {
    /// Files the OpenAPI document was read from, relative to the configuration file.
    pub sources: Vec<String>,
    pub info: Info,
    pub servers: Vec<Server>,
    /// In the order of the spec; a tag that only operations name is appended.
    pub tags: Vec<Tag>,
    /// Every named type by its contract name (unique PascalCase ASCII), in the order of the spec.
    pub types: IndexMap<String, TypeDeclaration>,
    /// In the order of the spec.
    pub operations: Vec<Operation>,
    /// By the name in `components.securitySchemes`.
    pub security_schemes: IndexMap<String, SecurityScheme>,
    /// The error catalogue (`x-problem-catalogue` at the root); empty when the spec has none.
    pub problem_codes: Vec<ProblemCode>,
    /// Schemas of events, one for each file under `events` of the configuration.
    pub events: Vec<EventDeclaration>,
    /// The manifest schema, when the configuration names one.
    pub manifest: Option<SchemaDocument>,
    /// The SDK parity document, when the configuration names one.
    pub parity: Option<Parity>,
    /// JSON Schema 2020-12 for every type of `types`, by its name, as JSON text; references are
    /// `#/$defs/NAME`. Servers validate with it.
    pub schemas: IndexMap<String, String>,
    /// The OpenAPI document as JSON text (files bundled), for serving it: a line for each
    /// operation and component, and a line break at the end.
    pub document: String,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Info {
    pub title: String,
    pub version: String,
    pub description: Option<String>,
    pub license: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Server {
    /// With variables replaced by their defaults.
    pub url: String,
    pub description: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Tag {
    pub name: String,
    pub description: Option<String>,
}

/// One entry of the error catalogue: an RFC 9457 problem with a stable code.
#[derive(Debug, Clone, Serialize)]
pub struct ProblemCode {
    /// Stable machine name, `snake_case`.
    pub code: String,
    pub status: u16,
    pub title: String,
    pub hint: Option<String>,
    pub retryable: bool,
}
