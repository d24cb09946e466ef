//! What the operation files share: how each operation is bound to Rust.
//!
//! `api.rs`, `handlers.rs`, `operations.rs` and `schemas.json` must agree on every argument, so
//! all of them read the binding made here.

use super::types::{JsonType, OperationNames, Types};
use crate::contract::{
    Content, ContentKind, Operation, Parameter, ParameterLocation, Response, StatusRange, Type,
};
use crate::encode::rust;
use crate::names::{self, Scope};
use crate::problem::Problems;

/// Arguments and locals that a path parameter must not shadow.
const ARGUMENT_SCOPE: &[&str] = &["self", "call", "params", "body", "api", "input", "answer"];

/// One operation, bound.
pub struct Bound<'a> {
    pub operation: &'a Operation,
    pub names: &'a OperationNames,
    /// Path parameters with the name of their argument.
    pub path: Vec<(String, &'a Parameter)>,
    /// Query, header and cookie parameters with the name of their field.
    pub params: Vec<(String, &'a Parameter)>,
    pub body: Option<BoundBody<'a>>,
    /// One answer, or the variants of an answer type.
    pub answers: Vec<Answer<'a>>,
}

pub struct BoundBody<'a> {
    pub required: bool,
    pub kind: BodyKind,
    pub ty: &'a Type,
    pub media_types: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    Json,
    Form,
    Raw,
}

pub struct Answer<'a> {
    pub status: u16,
    /// Name of the variant when there are several answers.
    pub variant: String,
    pub description: &'a str,
    pub kind: AnswerKind<'a>,
}

pub enum AnswerKind<'a> {
    Empty,
    Json { media_type: &'a str, ty: &'a Type },
    Raw,
}

pub fn bind<'a>(
    operation: &'a Operation,
    names: &'a OperationNames,
    problems: &mut Problems,
) -> Bound<'a> {
    let mut arguments = Scope::with_reserved(ARGUMENT_SCOPE.iter().copied());
    let mut fields = Scope::default();
    let (mut path, mut params) = (Vec::new(), Vec::new());
    for parameter in &operation.parameters {
        let name = names::snake(&parameter.wire_name);
        match parameter.location_in {
            ParameterLocation::Path => {
                path.push((rust::identifier(&arguments.claim(&name)), parameter));
            }
            ParameterLocation::Header if is_reserved_header(&parameter.wire_name) => {}
            _ => params.push((rust::identifier(&fields.claim(&name)), parameter)),
        }
    }
    Bound {
        operation,
        names,
        path,
        params,
        body: bind_body(operation, problems),
        answers: bind_answers(operation),
    }
}

/// Headers that OpenAPI takes out of the hands of parameters (OAS 3.0.3, Parameter Object).
fn is_reserved_header(name: &str) -> bool {
    ["accept", "content-type", "authorization"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

fn bind_body<'a>(operation: &'a Operation, problems: &mut Problems) -> Option<BoundBody<'a>> {
    let body = operation.body.as_ref()?;
    let find = |kind| body.contents.iter().find(|content| content.kind == kind);
    let (chosen, kind) = match (find(ContentKind::Json), find(ContentKind::Form)) {
        (Some(content), _) => (content, BodyKind::Json),
        (None, Some(content)) => (content, BodyKind::Form),
        (None, None) => (body.contents.first()?, BodyKind::Raw),
    };
    let taken = |content: &&Content| match kind {
        BodyKind::Json => content.kind == ContentKind::Json && content.ty == chosen.ty,
        BodyKind::Form => content.kind == ContentKind::Form && content.ty == chosen.ty,
        BodyKind::Raw => true,
    };
    let media_types: Vec<String> =
        body.contents.iter().filter(taken).map(|content| essence(&content.media_type)).collect();
    if media_types.len() < body.contents.len() {
        problems.warning(
            "target-unsupported",
            &operation.location,
            format!(
                "the server takes the body of this operation as {} only",
                media_types.join(", ")
            ),
            "give every media type of the body the same schema, or declare one of them",
        );
    }
    Some(BoundBody { required: body.required, kind, ty: &chosen.ty, media_types })
}

/// The media type without its parameters, in lower case.
fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn bind_answers(operation: &Operation) -> Vec<Answer<'_>> {
    let mut scope = Scope::default();
    let answers: Vec<Answer<'_>> = operation
        .responses
        .iter()
        .filter_map(|response| success_status(response.status).map(|status| (status, response)))
        .map(|(status, response)| answer(status, response, &mut scope))
        .collect();
    if !answers.is_empty() {
        return answers;
    }
    let other = operation.responses.iter().find_map(|response| match response.status {
        StatusRange::Code(code @ 300..400) => Some((code, response)),
        StatusRange::Default => Some((200, response)),
        _ => None,
    });
    match other {
        Some((status, response)) => vec![answer(status, response, &mut scope)],
        None => vec![Answer {
            status: 200,
            variant: String::new(),
            description: "",
            kind: AnswerKind::Empty,
        }],
    }
}

fn success_status(status: StatusRange) -> Option<u16> {
    match status {
        StatusRange::Code(code @ 200..300) => Some(code),
        StatusRange::Range(2) => Some(200),
        _ => None,
    }
}

fn answer<'a>(status: u16, response: &'a Response, scope: &mut Scope) -> Answer<'a> {
    let json = response.contents.iter().find(|content| content.kind == ContentKind::Json);
    // With `*/*` beside it the media type is known only once there is an answer.
    let open = response.contents.iter().any(|content| essence(&content.media_type) == "*/*");
    let kind = match (json, response.contents.is_empty() || status == 204) {
        (_, true) => AnswerKind::Empty,
        (Some(_), _) if open => AnswerKind::Raw,
        (Some(content), _) => AnswerKind::Json { media_type: &content.media_type, ty: &content.ty },
        (None, _) => AnswerKind::Raw,
    };
    let variant = scope.claim(status_name(status));
    Answer { status, variant, description: &response.description, kind }
}

/// Names of RFC 9110 section 15.3 in Rust's case.
fn status_name(status: u16) -> &'static str {
    match status {
        200 => "Ok",
        201 => "Created",
        202 => "Accepted",
        203 => "NonAuthoritative",
        204 => "NoContent",
        205 => "ResetContent",
        206 => "PartialContent",
        207 => "MultiStatus",
        _ => "Success",
    }
}

impl Bound<'_> {
    /// The type that the implementation answers.
    pub fn answer_type(&self, types: &Types<'_>) -> String {
        match self.answers.as_slice() {
            [only] => only.kind.spell(types),
            _ => self.names.answer.clone(),
        }
    }
}

impl AnswerKind<'_> {
    pub fn spell(&self, types: &Types<'_>) -> String {
        match self {
            Self::Empty => "()".to_owned(),
            Self::Json { ty, .. } => types.spell(ty, "models::"),
            Self::Raw => "Raw".to_owned(),
        }
    }
}

impl BoundBody<'_> {
    pub fn spell(&self, types: &Types<'_>) -> String {
        let inner = match self.kind {
            BodyKind::Raw => "Raw".to_owned(),
            _ => types.spell(self.ty, "models::"),
        };
        if self.required { inner } else { format!("Option<{inner}>") }
    }
}

/// A parameter is always there when it is required or has a default.
pub fn is_present(parameter: &Parameter) -> bool {
    parameter.required || parameter.default.is_some()
}

/// The type of a parameter as argument or field.
pub fn spell_parameter(types: &Types<'_>, parameter: &Parameter) -> String {
    let inner = types.spell(&parameter.ty, "models::");
    if is_present(parameter) { inner } else { format!("Option<{inner}>") }
}

/// How text becomes a JSON value of this type.
pub fn scalar(types: &Types<'_>, ty: &Type) -> &'static str {
    match types.json_type(ty) {
        JsonType::String => "Scalar::Text",
        JsonType::Integer => "Scalar::Integer",
        JsonType::Number => "Scalar::Number",
        JsonType::Boolean => "Scalar::Boolean",
        _ => "Scalar::Any",
    }
}

/// True when one of these texts names a type as a word of its own.
pub fn mentions<'t>(texts: impl IntoIterator<Item = &'t String>, word: &str) -> bool {
    let is_word =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_path = word.ends_with(':');
    texts.into_iter().any(|text| {
        text.match_indices(word).any(|(start, _)| {
            let bytes = text.as_bytes();
            let before = start.checked_sub(1).map(|at| bytes[at]);
            let after = bytes.get(start + word.len()).copied();
            !is_word(before) && before != Some(b':') && (is_path || !is_word(after))
        })
    })
}
