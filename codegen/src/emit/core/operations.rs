//! `operations.rs`: the static table of what the contract says of each operation.

use super::layout::Layout;
use super::types::Types;
use super::view::{BodyKind, Bound, scalar};
use crate::contract::{
    Contract, HttpMethod, Idempotency, Operation, Parameter, ParameterLocation, ParameterStyle,
    PathSegment, SecurityRequirement, SecuritySchemeKind, Shape, Type, TypeKind,
};
use crate::encode::rust;
use serde::Serialize;

#[derive(Serialize)]
pub struct OperationsView {
    pub imports: String,
    pub operations: Vec<OperationView>,
    /// The table that names them all.
    pub table: String,
}

#[derive(Serialize)]
pub struct OperationView {
    pub doc: String,
    pub constant: String,
    pub value: String,
}

pub fn view(contract: &Contract, bound: &[Bound<'_>], types: &Types<'_>) -> OperationsView {
    let operations: Vec<OperationView> =
        bound.iter().map(|bound| operation_view(contract, bound, types)).collect();
    let references =
        operations.iter().map(|view| Layout::atom(format!("&{}", view.constant))).collect();
    let opening = "pub static OPERATIONS: &[&OperationInfo] = ";
    let table = Layout::List("&[", references).print(0, opening.len(), 1);
    OperationsView { imports: imports(&operations), operations, table }
}

fn imports(operations: &[OperationView]) -> String {
    let candidates = [
        "BodyInfo",
        "Decoding",
        "Idempotency",
        "OperationInfo",
        "ParameterInfo",
        "Place",
        "Scalar",
        "SchemeInfo",
        "SchemeKind",
        "SecurityRequirement",
        "Segment",
        "Structure",
        "Style",
    ];
    let used = |name: &&str| {
        let (built, named) = (format!("{name} {{"), format!("{name}::"));
        let mentions =
            |view: &OperationView| view.value.contains(&built) || view.value.contains(&named);
        *name == "OperationInfo" || operations.iter().any(mentions)
    };
    let names: Vec<&str> = candidates.into_iter().filter(used).collect();
    import_line("crate::runtime", &names)
}

/// `use path::{A, B};` as rustfmt breaks it.
pub fn import_line(path: &str, names: &[&str]) -> String {
    if let [only] = names {
        return format!("use {path}::{only};");
    }
    let flat = format!("use {path}::{{{}}};", names.join(", "));
    if flat.len() <= 100 {
        return flat;
    }
    let mut lines = vec![String::new()];
    for name in names {
        let last = lines.last().map_or(0, String::len);
        if last > 0 && 4 + last + 1 + name.len() + 1 > 100 {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(name);
            line.push(',');
        }
    }
    format!("use {path}::{{\n    {}\n}};", lines.join("\n    "))
}

fn operation_view(contract: &Contract, bound: &Bound<'_>, types: &Types<'_>) -> OperationView {
    let operation = bound.operation;
    let constant = bound.names.constant.clone();
    let opening = format!("pub static {constant}: OperationInfo = ");
    let place = format!("`{} {}`", operation.method.as_str(), operation.path);
    OperationView {
        doc: rust::comment(&place, ""),
        value: info(contract, bound, types).print(0, opening.len(), 1),
        constant,
    }
}

fn info(contract: &Contract, bound: &Bound<'_>, types: &Types<'_>) -> Layout {
    let operation = bound.operation;
    let policy = &operation.policy;
    let number = |value: Option<u64>| value.map(|value| Layout::atom(underscored(value)));
    structure(
        "OperationInfo",
        [
            ("id", text(&operation.id)),
            ("method", text(operation.method.as_str())),
            ("path", text(&operation.path)),
            ("segments", list(segments(operation).into_iter().map(segment))),
            ("tag", text(&operation.tag)),
            ("lane", optional(policy.lane.as_deref().map(text))),
            ("audit_action", optional(policy.audit_action.as_deref().map(text))),
            ("rate_limit_class", optional(policy.rate_limit_class.as_deref().map(text))),
            ("body_limit", optional(number(policy.body_limit))),
            ("max_authentication_age", optional(number(policy.max_authentication_age))),
            ("idempotency", Layout::atom(format!("Idempotency::{}", idempotency(operation)))),
            ("required_traits", list(policy.required_traits.iter().map(|name| text(name)))),
            ("problems", list(policy.problems.iter().map(|code| text(code)))),
            ("security", list(operation.security.iter().map(|one| requirement(contract, one)))),
            (
                "parameters",
                list(bound.path.iter().chain(&bound.params).map(|(_, one)| parameter(types, one))),
            ),
            ("body", optional(body(bound, types))),
        ],
    )
}

/// The path without what never reaches a server: a fragment, or a query written into it.
fn segments(operation: &Operation) -> Vec<PathSegment> {
    let mut kept = Vec::new();
    for segment in &operation.segments {
        match segment {
            PathSegment::Literal(literal) => match literal.find(['#', '?']) {
                Some(end) => {
                    if end > 0 {
                        kept.push(PathSegment::Literal(literal[..end].to_owned()));
                    }
                    return kept;
                }
                None => kept.push(segment.clone()),
            },
            PathSegment::Parameter(_) => kept.push(segment.clone()),
        }
    }
    kept
}

/// Method and shape of the path: two operations with the same one cannot be told apart.
pub fn route_key(operation: &Operation) -> String {
    let mut key = format!("{} ", operation.method.as_str());
    for segment in segments(operation) {
        match segment {
            PathSegment::Literal(literal) => key.push_str(&literal),
            PathSegment::Parameter(_) => key.push('\0'),
        }
    }
    key
}

fn segment(segment: PathSegment) -> Layout {
    Layout::atom(match segment {
        PathSegment::Literal(literal) => format!("Segment::Literal({})", rust::string(&literal)),
        PathSegment::Parameter(name) => format!("Segment::Parameter({})", rust::string(&name)),
    })
}

fn idempotency(operation: &Operation) -> &'static str {
    match operation.policy.idempotency {
        Some(Idempotency::Key) => "Key",
        Some(Idempotency::None) => "None",
        Some(Idempotency::Natural) => "Natural",
        None if matches!(operation.method, HttpMethod::Post | HttpMethod::Patch) => "None",
        None => "Natural",
    }
}

fn requirement(contract: &Contract, requirement: &SecurityRequirement) -> Layout {
    let schemes = requirement.schemes.iter().filter_map(|(name, scopes)| {
        let scheme = contract.security_schemes.get(name)?;
        Some(structure(
            "SchemeInfo",
            [
                ("name", text(name)),
                ("kind", Layout::atom(scheme_kind(&scheme.kind))),
                ("scopes", list(scopes.iter().map(|scope| text(scope)))),
            ],
        ))
    });
    structure("SecurityRequirement", [("schemes", list(schemes))])
}

fn scheme_kind(kind: &SecuritySchemeKind) -> String {
    match kind {
        SecuritySchemeKind::HttpBearer => "SchemeKind::Bearer".to_owned(),
        SecuritySchemeKind::HttpBasic => "SchemeKind::Basic".to_owned(),
        SecuritySchemeKind::Http(name) => format!("SchemeKind::Http({})", rust::string(name)),
        SecuritySchemeKind::ApiKey { location_in, wire_name } => format!(
            "SchemeKind::ApiKey {{ place: Place::{}, name: {} }}",
            place(*location_in),
            rust::string(wire_name)
        ),
        SecuritySchemeKind::OAuth2 => "SchemeKind::OAuth2".to_owned(),
        SecuritySchemeKind::OpenIdConnect => "SchemeKind::OpenIdConnect".to_owned(),
        SecuritySchemeKind::MutualTls => "SchemeKind::MutualTls".to_owned(),
    }
}

pub fn place(location: ParameterLocation) -> &'static str {
    match location {
        ParameterLocation::Path => "Path",
        ParameterLocation::Query => "Query",
        ParameterLocation::Header => "Header",
        ParameterLocation::Cookie => "Cookie",
    }
}

fn parameter(types: &Types<'_>, parameter: &Parameter) -> Layout {
    let style = match parameter.style {
        ParameterStyle::Simple => "Simple",
        ParameterStyle::Form => "Form",
        ParameterStyle::Label => "Label",
        ParameterStyle::Matrix => "Matrix",
        ParameterStyle::SpaceDelimited => "SpaceDelimited",
        ParameterStyle::PipeDelimited => "PipeDelimited",
        ParameterStyle::DeepObject => "DeepObject",
        ParameterStyle::Json => "Json",
    };
    let structured = match parameter.style {
        ParameterStyle::Json => Layout::atom("Structure::Scalar(Scalar::Any)"),
        _ => structured(types, &parameter.ty),
    };
    structure(
        "ParameterInfo",
        [
            ("name", text(&parameter.wire_name)),
            ("place", Layout::atom(format!("Place::{}", place(parameter.location_in)))),
            ("style", Layout::atom(format!("Style::{style}"))),
            ("explode", Layout::atom(parameter.explode.to_string())),
            ("structure", structured),
            (
                "default",
                optional(parameter.default.as_ref().map(|value| Layout::atom(rust::value(value)))),
            ),
        ],
    )
}

fn structured(types: &Types<'_>, ty: &Type) -> Layout {
    let resolved = types.resolve(ty);
    match &resolved.shape {
        Shape::Array(item) => Layout::atom(format!("Structure::Array({})", scalar(types, item))),
        Shape::Map(_) => Layout::atom("Structure::Object(&[])"),
        Shape::Named(name) => match types.declaration(name).map(|found| &found.kind) {
            Some(TypeKind::Object(object)) => {
                let fields = object.fields.iter().map(|field| {
                    let name = rust::string(&field.wire_name);
                    Layout::atom(format!("({name}, {})", scalar(types, &field.ty)))
                });
                Layout::Call("Structure::Object".to_owned(), Box::new(list(fields)))
            }
            _ => Layout::atom(format!("Structure::Scalar({})", scalar(types, resolved))),
        },
        _ => Layout::atom(format!("Structure::Scalar({})", scalar(types, resolved))),
    }
}

fn body(bound: &Bound<'_>, types: &Types<'_>) -> Option<Layout> {
    let body = bound.body.as_ref()?;
    let decoding = match body.kind {
        BodyKind::Json => Layout::atom("Decoding::Json"),
        BodyKind::Raw => Layout::atom("Decoding::Raw"),
        BodyKind::Form => {
            Layout::Call("Decoding::Form".to_owned(), Box::new(form_fields(types, body.ty)))
        }
    };
    Some(structure(
        "BodyInfo",
        [
            ("required", Layout::atom(body.required.to_string())),
            ("decoding", decoding),
            ("media_types", list(body.media_types.iter().map(|name| text(name)))),
        ],
    ))
}

fn form_fields(types: &Types<'_>, ty: &Type) -> Layout {
    let resolved = types.resolve(ty);
    let object = match &resolved.shape {
        Shape::Named(name) => types.declaration(name).map(|found| &found.kind),
        _ => None,
    };
    let Some(TypeKind::Object(object)) = object else { return list(std::iter::empty()) };
    list(object.fields.iter().map(|field| {
        let name = rust::string(&field.wire_name);
        let structured = structured(types, &field.ty).print(0, 0, 0);
        Layout::atom(format!("({name}, {structured})"))
    }))
}

fn structure<const N: usize>(name: &str, fields: [(&str, Layout); N]) -> Layout {
    let fields = fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
    Layout::Struct(name.to_owned(), fields)
}

fn list(items: impl Iterator<Item = Layout>) -> Layout {
    Layout::List("&[", items.collect())
}

fn text(text: &str) -> Layout {
    Layout::atom(rust::string(text))
}

fn optional(value: Option<Layout>) -> Layout {
    value.map_or_else(|| Layout::atom("None"), Layout::some)
}

/// `262144` as `262_144`, as clippy likes to read it.
fn underscored(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}
