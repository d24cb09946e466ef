//! The parity document: each public SDK symbol once, with its form in each language.

use super::types::Type;
use crate::problem::Location;
use serde::Serialize;
use serde_json::Value;

#[derive(Debug, Clone, Default, Serialize)]
pub struct Parity {
    pub symbols: Vec<ParitySymbol>,
    pub errors: Vec<ParityError>,
    pub location: Location,
}

/// A class of the SDKs, such as the client facade.
#[derive(Debug, Clone, Serialize)]
pub struct ParitySymbol {
    pub name: String,
    pub description: String,
    pub methods: Vec<ParityMethod>,
    pub location: Location,
}

#[derive(Debug, Clone, Serialize)]
pub struct ParityMethod {
    /// `snake_case`; every language cases it its own way.
    pub name: String,
    pub description: String,
    /// Id of the operation behind it, always one of `Contract::operations`.
    pub operation: String,
    pub parameters: Vec<ParityParameter>,
    /// What the method gives back: a field of the operation's answer, or all of it when none.
    pub returns_field: Option<String>,
    /// Type of what the method gives back.
    pub returns: Option<Type>,
    /// Names of the errors it can raise, each one of `Parity::errors`.
    pub errors: Vec<String>,
    pub location: Location,
}

#[derive(Debug, Clone, Serialize)]
pub struct ParityParameter {
    pub name: String,
    pub description: String,
    pub ty: Type,
    pub required: bool,
    pub default: Option<Value>,
    /// Where the value goes: `path.NAME`, `query.NAME`, `header.NAME`, `body` or `body.FIELD`.
    pub target: String,
}

/// One class of the error tree.
#[derive(Debug, Clone, Serialize)]
pub struct ParityError {
    pub name: String,
    /// None for the root.
    pub parent: Option<String>,
    pub description: String,
    /// Codes of the catalogue that become this error.
    pub codes: Vec<String>,
    /// Statuses that become this error when the code is unknown.
    pub statuses: Vec<u16>,
}
