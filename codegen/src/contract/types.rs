//! Types of the contract. A [`Type`] is a use, a [`TypeDeclaration`] is a named thing.

use crate::problem::Location;
use serde::Serialize;
use serde_json::Value;

/// A named type. Objects, enumerations and unions are always named, also when the spec wrote
/// them inline (then named from their place).
#[derive(Debug, Clone, Serialize)]
pub struct TypeDeclaration {
    /// Unique name in PascalCase ASCII, unique also when compared without case.
    pub name: String,
    /// The name in `components.schemas`; none for an inline schema.
    pub wire_name: Option<String>,
    pub description: Option<String>,
    pub kind: TypeKind,
    /// `x-data-class`: printing, logging and debugging forms are masked when present.
    pub data_class: Option<String>,
    pub deprecated: bool,
    pub examples: Vec<Value>,
    pub location: Location,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeKind {
    Object(Object),
    Enumeration(Enumeration),
    Union(Union),
    /// Another name for a type, with its own description and constraints.
    Alias(Type),
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Object {
    /// In the order of the spec, `allOf` parts merged.
    pub fields: Vec<Field>,
    pub additional: Additional,
}

/// What may stand beside the declared fields.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "most objects have no `Typed`, and few types exist")]
pub enum Additional {
    /// Silent in the spec: readers keep what they meet, writers offer nothing.
    #[default]
    Unspecified,
    /// `additionalProperties: false`.
    Forbidden,
    /// `additionalProperties: true` or a schema.
    Typed(Type),
}

/// Absent, null and present are three different things:
/// absent is allowed when not `required`; null is allowed when `ty.nullable`.
#[derive(Debug, Clone, Serialize)]
pub struct Field {
    pub wire_name: String,
    pub ty: Type,
    pub required: bool,
    pub default: Option<Value>,
    pub read_only: bool,
    pub write_only: bool,
    pub description: Option<String>,
    /// `x-data-class` of the field, else of its type: mask when printing.
    pub data_class: Option<String>,
    pub deprecated: bool,
    pub location: Location,
}

/// The use of a type at one place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Type {
    pub shape: Shape,
    pub nullable: bool,
    pub constraints: Constraints,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Any JSON value (`{}`, or a composition nobody can tell apart).
    Any,
    /// Only `null`.
    Null,
    Boolean,
    /// `format: int32`.
    Integer32,
    /// Every other integer.
    Integer64,
    Float32,
    /// Every other number.
    Float64,
    String,
    /// `format: date-time`, RFC 3339.
    DateTime,
    /// `format: date`.
    Date,
    Uuid,
    /// `format: byte` or `contentEncoding: base64`: base64 text in JSON.
    Base64,
    /// `format: binary`: raw octets; only bodies and multipart parts.
    Binary,
    Array(Box<Type>),
    /// String keys.
    Map(Box<Type>),
    /// A key of `Contract::types`.
    Named(String),
    /// A constant of the wire (`const`, or an enumeration with one value).
    Constant(Value),
}

/// What the schema asks of a value beyond its type. Servers check it with the JSON Schema;
/// docs and SDK docstrings print it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Constraints {
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub exclusive_minimum: Option<f64>,
    pub exclusive_maximum: Option<f64>,
    pub multiple_of: Option<f64>,
    pub min_length: Option<u64>,
    pub max_length: Option<u64>,
    pub pattern: Option<String>,
    pub min_items: Option<u64>,
    pub max_items: Option<u64>,
    pub unique_items: bool,
    /// A format that has no shape of its own (`email`, `uri`...).
    pub format: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Enumeration {
    pub base: EnumerationBase,
    /// In the order of the spec, no repeats, never `null` (the use is nullable instead).
    pub values: Vec<EnumerationValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnumerationBase {
    String,
    Integer,
    /// Values of more than one JSON type.
    Mixed,
}

#[derive(Debug, Clone, Serialize)]
pub struct EnumerationValue {
    pub wire: Value,
    /// `x-enum-varnames`, else made from the value; unique within the enumeration, not yet cased.
    pub name: String,
    pub description: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Union {
    pub variants: Vec<Variant>,
    pub strategy: UnionStrategy,
}

#[derive(Debug, Clone, Serialize)]
pub struct Variant {
    /// PascalCase ASCII, unique within the union.
    pub name: String,
    pub ty: Type,
    /// The values of the discriminating property that choose this variant.
    pub tags: Vec<String>,
    /// `UnionStrategy::Shape`: required properties that only this variant has.
    pub distinguishing: Vec<String>,
}

/// How a reader chooses the variant; settled by the normaliser before any language sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnionStrategy {
    /// `discriminator`, or a constant property that every variant has.
    Tag { property: String },
    /// The JSON types of the variants differ.
    JsonType,
    /// Each variant has required properties of its own.
    Shape,
    /// Tried in order; the first that fits wins. Reported as a warning.
    Ordered,
}

impl Type {
    pub fn new(shape: Shape) -> Self {
        Self { shape, nullable: false, constraints: Constraints::default() }
    }

    pub fn any() -> Self {
        Self::new(Shape::Any)
    }

    pub fn named(name: impl Into<String>) -> Self {
        Self::new(Shape::Named(name.into()))
    }

    #[must_use]
    pub fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }
}
