//! What the contract says of an operation, as static tables.

/// One operation of the contract.
#[derive(Debug)]
pub struct OperationInfo {
    pub id: &'static str,
    pub method: &'static str,
    /// The path as the contract writes it, with `{parameters}`; safe for logs and metrics.
    pub path: &'static str,
    pub segments: &'static [Segment],
    pub tag: &'static str,
    pub lane: Option<&'static str>,
    pub audit_action: Option<&'static str>,
    pub rate_limit_class: Option<&'static str>,
    /// Octets; [`OperationInfo::DEFAULT_BODY_LIMIT`] when none.
    pub body_limit: Option<u64>,
    /// Seconds since a person last proved who they are; none: any session will do.
    pub max_authentication_age: Option<u64>,
    pub idempotency: Idempotency,
    /// The caller needs one of them; empty: none needed.
    pub required_traits: &'static [&'static str],
    /// Codes of the catalogue this operation can answer.
    pub problems: &'static [&'static str],
    /// Alternatives, one of which must hold; empty: no security at all.
    pub security: &'static [SecurityRequirement],
    pub parameters: &'static [ParameterInfo],
    pub body: Option<BodyInfo>,
}

impl OperationInfo {
    pub const DEFAULT_BODY_LIMIT: u64 = 1024 * 1024;

    /// Octets a request body may have.
    pub fn maximum_body(&self) -> u64 {
        self.body_limit.unwrap_or(Self::DEFAULT_BODY_LIMIT)
    }

    /// True when a caller without credentials may call it.
    pub fn is_anonymous(&self) -> bool {
        self.security.is_empty()
            || self.security.iter().any(|requirement| requirement.schemes.is_empty())
    }
}

/// A piece of a path template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    Literal(&'static str),
    Parameter(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Repeating it changes nothing more.
    Natural,
    /// Safe to repeat with the same `Idempotency-Key`.
    Key,
    /// Every call acts anew.
    None,
}

/// All of these schemes together.
#[derive(Debug)]
pub struct SecurityRequirement {
    pub schemes: &'static [SchemeInfo],
}

#[derive(Debug)]
pub struct SchemeInfo {
    pub name: &'static str,
    pub kind: SchemeKind,
    pub scopes: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemeKind {
    Bearer,
    Basic,
    Http(&'static str),
    ApiKey { place: Place, name: &'static str },
    OAuth2,
    OpenIdConnect,
    MutualTls,
}

/// Where a value stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Path,
    Query,
    Header,
    Cookie,
}

impl Place {
    /// First token of the pointers of violations, and key of the validated document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

#[derive(Debug)]
pub struct ParameterInfo {
    pub name: &'static str,
    pub place: Place,
    pub style: Style,
    pub explode: bool,
    pub structure: Structure,
    /// JSON text that stands in when the parameter is absent.
    pub default: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Simple,
    Form,
    Label,
    Matrix,
    SpaceDelimited,
    PipeDelimited,
    DeepObject,
    /// The value travels as JSON text.
    Json,
}

/// How text becomes a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    Scalar(Scalar),
    Array(Scalar),
    /// Known fields; a field that is not named here stays text.
    Object(&'static [(&'static str, Scalar)]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    Text,
    Integer,
    Number,
    Boolean,
    /// Read as a boolean or a number when it looks like one.
    Any,
}

#[derive(Debug)]
pub struct BodyInfo {
    pub required: bool,
    pub decoding: Decoding,
    /// What the request may declare, lower case, without parameters.
    pub media_types: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoding {
    Json,
    /// `application/x-www-form-urlencoded`, field by field.
    Form(&'static [(&'static str, Structure)]),
    /// Handed over as it came.
    Raw,
}
