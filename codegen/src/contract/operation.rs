//! Operations of the contract: what is asked, what is answered, and under which rules.

use super::types::Type;
use crate::problem::Location;
use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Debug, Clone, Serialize)]
pub struct Operation {
    /// Unique id; from `operationId`, else made from method and path. Not yet cased.
    pub id: String,
    pub method: HttpMethod,
    /// As in the spec, `/a/{b}`.
    pub path: String,
    pub segments: Vec<PathSegment>,
    /// First tag, or `default`.
    pub tag: String,
    pub summary: Option<String>,
    pub description: Option<String>,
    pub deprecated: bool,
    /// Path parameters first (in path order), then query, header, cookie in the order of the spec.
    pub parameters: Vec<Parameter>,
    pub body: Option<Body>,
    /// Sorted: codes, ranges, default.
    pub responses: Vec<Response>,
    /// Alternatives; one of them must hold. Empty: no security. An empty requirement: anonymous is fine.
    pub security: Vec<SecurityRequirement>,
    pub policy: Policy,
    /// Every other `x-` field.
    pub extensions: Map<String, Value>,
    pub location: Location,
}

/// Which of the things that have a default an operation declares itself; house rules ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Declared {
    pub operation_id: bool,
    pub tags: bool,
    /// On the operation, or on the whole document.
    pub security: bool,
    pub required_traits: bool,
    pub problems: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    Get,
    Put,
    Post,
    Delete,
    Options,
    Head,
    Patch,
    Trace,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathSegment {
    /// Text between parameters, slashes included.
    Literal(String),
    /// `wire_name` of a path parameter.
    Parameter(String),
}

#[derive(Debug, Clone, Serialize)]
pub struct Parameter {
    pub wire_name: String,
    pub location_in: ParameterLocation,
    pub style: ParameterStyle,
    pub explode: bool,
    pub required: bool,
    pub ty: Type,
    pub default: Option<Value>,
    pub description: Option<String>,
    pub example: Option<Value>,
    pub data_class: Option<String>,
    pub deprecated: bool,
    pub location: Location,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterLocation {
    Path,
    Query,
    Header,
    Cookie,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterStyle {
    Simple,
    Form,
    Label,
    Matrix,
    SpaceDelimited,
    PipeDelimited,
    DeepObject,
    /// `content: application/json`: the value travels as JSON text.
    Json,
}

#[derive(Debug, Clone, Serialize)]
pub struct Body {
    pub required: bool,
    pub description: Option<String>,
    /// In the order of the spec; the first one the compiler can express is what SDKs send.
    pub contents: Vec<Content>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Content {
    pub media_type: String,
    pub kind: ContentKind,
    pub ty: Type,
    /// `example`, or the values of `examples`.
    pub examples: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    Json,
    Form,
    Multipart,
    Text,
    Binary,
    EventStream,
    JsonLines,
}

#[derive(Debug, Clone, Serialize)]
pub struct Response {
    pub status: StatusRange,
    pub description: String,
    pub headers: Vec<Header>,
    pub contents: Vec<Content>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusRange {
    Code(u16),
    /// `4` for `4XX`.
    Range(u16),
    Default,
}

#[derive(Debug, Clone, Serialize)]
pub struct Header {
    pub wire_name: String,
    pub ty: Type,
    pub required: bool,
    pub description: Option<String>,
}

/// All of these schemes together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SecurityRequirement {
    /// (name of the scheme, scopes)
    pub schemes: Vec<(String, Vec<String>)>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SecurityScheme {
    pub name: String,
    pub kind: SecuritySchemeKind,
    pub description: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecuritySchemeKind {
    HttpBearer,
    HttpBasic,
    /// Any other `http` scheme, by its name.
    Http(String),
    ApiKey {
        location_in: ParameterLocation,
        wire_name: String,
    },
    OAuth2,
    OpenIdConnect,
    MutualTls,
}

/// The rules an operation declares by vendor extensions; all optional for the compiler, and
/// required by configuration where a team wants them so.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Policy {
    /// `x-lane`
    pub lane: Option<String>,
    /// `x-audit-action`
    pub audit_action: Option<String>,
    /// `x-rate-limit-class`
    pub rate_limit_class: Option<String>,
    /// `x-body-limit`, octets
    pub body_limit: Option<u64>,
    /// `x-max-authentication-age`, seconds: a person must have proved who they are since then.
    pub max_authentication_age: Option<u64>,
    /// `x-idempotency`
    pub idempotency: Option<Idempotency>,
    /// `x-required-traits`: the caller needs one of them; empty: none needed.
    pub required_traits: Vec<String>,
    /// `x-problems`: codes of the catalogue this operation can answer.
    pub problems: Vec<String>,
    /// What the operation wrote down itself rather than left to a default.
    pub declared: Declared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Idempotency {
    /// Repeating it changes nothing more: safe to retry.
    Natural,
    /// Safe to retry with an `Idempotency-Key` header.
    Key,
    /// Never retried by a client.
    None,
}

impl Operation {
    /// The answer of a plain success: the lowest 2xx.
    pub fn success(&self) -> Option<&Response> {
        self.responses.iter().find(|response| match response.status {
            StatusRange::Code(code) => (200..300).contains(&code),
            StatusRange::Range(class) => class == 2,
            StatusRange::Default => false,
        })
    }

    /// Safe to send again after a failure without a key: declared so, or GET, HEAD, PUT, DELETE, OPTIONS, TRACE by RFC 9110 section 9.2.2.
    pub fn is_naturally_idempotent(&self) -> bool {
        match self.policy.idempotency {
            Some(declared) => declared == Idempotency::Natural,
            None => !matches!(self.method, HttpMethod::Post | HttpMethod::Patch),
        }
    }
}

impl HttpMethod {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Head => "HEAD",
            Self::Patch => "PATCH",
            Self::Trace => "TRACE",
        }
    }
}
