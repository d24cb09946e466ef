//! Generated.
pub mod problems;
pub mod runtime;
/// JSON Schemas of the types and requests.
pub const SCHEMAS: &str = include_str!("schemas.json");
