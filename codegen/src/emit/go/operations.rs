//! Operations as methods of resources, one resource for each tag.

use super::answers::{self, Answer, Returns, preferred};
use super::models::Line;
use super::types::Names;
use crate::contract::{
    Content, ContentKind, HttpMethod, Idempotency, Operation, Parameter, ParameterLocation,
    ParameterStyle,
};
use crate::encode::go;
use crate::names::{self, Scope};
use serde::Serialize;

/// Headers that belong to the transport, to a call option or, by the OpenAPI document, to
/// nobody who writes a parameter.
const OWN_HEADERS: [&str; 5] =
    ["accept", "authorization", "content-type", "idempotency-key", "traceparent"];

#[derive(Serialize)]
pub struct Resource<'a> {
    pub file: String,
    /// Field of the client.
    pub field: String,
    pub name: String,
    pub doc: Vec<String>,
    pub imports: Vec<&'static str>,
    pub methods: Vec<Method<'a>>,
}

#[derive(Serialize)]
pub struct Method<'a> {
    #[serde(skip)]
    pub operation: &'a Operation,
    pub name: String,
    pub doc: Vec<String>,
    /// Arguments between `ctx` and `options`, each with a comma in front.
    pub arguments: String,
    pub result: String,
    pub lines: Vec<String>,
    pub params: Option<Params>,
    pub answer: Option<Answer>,
    #[serde(skip)]
    pub inputs: Vec<Input<'a>>,
    #[serde(skip)]
    pub params_fields: Vec<(&'a Parameter, String)>,
    #[serde(skip)]
    pub returns: Returns<'a>,
}

/// One positional argument.
pub struct Input<'a> {
    pub name: String,
    pub ty: String,
    pub source: Source<'a>,
}

#[derive(Clone, Copy)]
pub enum Source<'a> {
    Path(&'a Parameter),
    Body(&'a Content),
    Params,
}

#[derive(Serialize)]
pub struct Params {
    pub name: String,
    pub fields: Vec<Line>,
    /// Log form masked, because something inside is classified.
    pub masks: bool,
}

pub fn view<'a>(names: &Names<'a>) -> Vec<Resource<'a>> {
    let mut files = Scope::default();
    let mut fields = Scope::with_reserved(["Close", "transport", "String", "GoString"]);
    if let Some(parity) = &names.contract.parity {
        for method in parity.symbols.iter().flat_map(|symbol| &symbol.methods) {
            fields.claim(&names::go_pascal(&method.name));
        }
    }
    let mut resources: Vec<Resource<'a>> = Vec::new();
    for tag in &names.contract.tags {
        let operations: Vec<&Operation> = names
            .contract
            .operations
            .iter()
            .filter(|operation| operation.tag == tag.name)
            .collect();
        if operations.is_empty() {
            continue;
        }
        let field = fields.claim(&names::go_pascal(&tag.name));
        let name = names.claim(&format!("{field}Resource"));
        let mut scope = Scope::with_reserved(["transport"]);
        let methods: Vec<Method<'a>> =
            operations.into_iter().map(|operation| method(names, operation, &mut scope)).collect();
        let stem = names::snake(&tag.name);
        let description = tag
            .description
            .clone()
            .unwrap_or_else(|| format!("the operations that the API groups under {}", tag.name));
        resources.push(Resource {
            file: format!("{}_resource.go", files.claim(stem.trim_start_matches('_'))),
            doc: go::comment(&format!("{name}: {description}"), ""),
            imports: imports(&methods),
            field,
            name,
            methods,
        });
    }
    resources
}

fn imports(methods: &[Method<'_>]) -> Vec<&'static str> {
    let uses = |token: &str| {
        methods.iter().any(|method| {
            method.arguments.contains(token)
                || method.result.contains(token)
                || method.lines.last().is_some_and(|line| line.contains(token))
                || method
                    .answer
                    .iter()
                    .flat_map(|answer| &answer.cases)
                    .any(|case| case.ty.contains(token))
                || method
                    .params
                    .iter()
                    .flat_map(|params| &params.fields)
                    .any(|field| field.code.contains(token))
        })
    };
    let mut found = vec!["\"context\""];
    if uses("io.Reader") {
        found.push("\"io\"");
    }
    if uses("iter.Seq2") {
        found.push("\"iter\"");
    }
    if methods.iter().filter_map(|method| method.params.as_ref()).any(|params| params.masks) {
        found.push("\"log/slog\"");
    }
    if uses("time.Time") {
        found.push("\"time\"");
    }
    found
}

fn method<'a>(names: &Names<'a>, operation: &'a Operation, scope: &mut Scope) -> Method<'a> {
    let name = scope.claim(&names::go_pascal(&operation.id));
    let mut locals = local_scope();
    let mut inputs: Vec<Input<'a>> = Vec::new();
    let mut encoders: Vec<String> = Vec::new();
    let mut params_fields = Vec::new();
    let mut params_scope = Scope::default();
    for parameter in &operation.parameters {
        if parameter.location_in == ParameterLocation::Path {
            let argument = locals.claim(&go::identifier(&names::go_camel(&parameter.wire_name)));
            let slot = names.slot(&parameter.ty, true, parameter.data_class.is_some());
            encoders.push(encoder(parameter, &argument));
            inputs.push(Input { name: argument, ty: slot.ty, source: Source::Path(parameter) });
        } else if !is_own_header(parameter) {
            let field = params_scope.claim(&names::go_pascal(&parameter.wire_name));
            encoders.push(encoder(parameter, &format!("params.{field}")));
            params_fields.push((parameter, field));
        }
    }
    if let Some(content) = body_content(operation) {
        let required = operation.body.as_ref().is_some_and(|body| body.required);
        let (ty, line) = body(names, content, required);
        encoders.push(line);
        inputs.push(Input { name: "body".to_owned(), ty, source: Source::Body(content) });
    }
    let params = params(names, &name, &params_fields);
    if let Some(params) = &params {
        let ty = params.name.clone();
        inputs.push(Input { name: "params".to_owned(), ty, source: Source::Params });
    }
    let returns = answers::returns(names, operation);
    let answer = answers::answer(names, operation, &name, returns);
    let result = answers::result(names, returns, answer.as_ref());
    let mut lines = opening(operation, returns);
    lines.extend(encoders);
    lines.extend(answers::closing(names, returns, answer.as_ref()));
    let arguments =
        inputs.iter().map(|input| format!(", {} {}", input.name, input.ty)).collect::<String>();
    Method {
        doc: documentation(&name, operation),
        operation,
        name,
        arguments,
        result,
        lines,
        params,
        answer,
        inputs,
        params_fields,
        returns,
    }
}

/// Names that the body of a method uses.
pub fn local_scope() -> Scope {
    Scope::with_reserved([
        "ctx", "options", "request", "params", "body", "r", "c", "runtime", "context", "json",
        "time", "iter", "io", "answer", "status", "raw", "err", "optional", "string", "bool",
        "int32", "int64", "float32", "float64", "byte", "any", "error", "nil",
    ])
}

fn is_own_header(parameter: &Parameter) -> bool {
    parameter.location_in == ParameterLocation::Header
        && OWN_HEADERS.contains(&parameter.wire_name.to_ascii_lowercase().as_str())
}

fn documentation(name: &str, operation: &Operation) -> Vec<String> {
    let summary = operation.summary.as_deref().or(operation.description.as_deref());
    let mut text = format!("{name}: {}", summary.unwrap_or("no description"));
    if let (Some(_), Some(description)) = (&operation.summary, &operation.description) {
        text.push_str("\n\n");
        text.push_str(description);
    }
    text.push_str(&format!("\n\nIt sends {} {}.", operation.method.as_str(), operation.path));
    if operation.deprecated {
        text.push_str("\n\nDeprecated: the API marks this operation as deprecated.");
    }
    go::comment(&text, "")
}

fn opening(operation: &Operation, returns: Returns<'_>) -> Vec<String> {
    let mut lines = vec![format!(
        "request := runtime.NewRequest({}, {}, runtime.{})",
        go::string(operation.method.as_str()),
        go::string(&operation.path),
        retry(operation)
    )];
    for requirement in operation.security.iter().filter(|one| !one.schemes.is_empty()) {
        let schemes: Vec<String> =
            requirement.schemes.iter().map(|(scheme, _)| go::string(scheme)).collect();
        lines.push(format!("request.Security({})", schemes.join(", ")));
    }
    let accept = accept(operation, returns);
    if !accept.is_empty() {
        lines.push(format!("request.Accept({})", go::string(&accept)));
    }
    lines
}

pub fn retry(operation: &Operation) -> &'static str {
    match operation.policy.idempotency {
        Some(Idempotency::Natural) => "RetryAlways",
        Some(Idempotency::Key) => "RetryWithKey",
        Some(Idempotency::None) => "RetryNever",
        None if matches!(operation.method, HttpMethod::Post | HttpMethod::Patch) => "RetryNever",
        None => "RetryAlways",
    }
}

fn accept(operation: &Operation, returns: Returns<'_>) -> String {
    let mut types: Vec<&str> = answers::successes(operation)
        .into_iter()
        .filter_map(preferred)
        .map(|content| content.media_type.as_str())
        .collect();
    types.dedup();
    if !matches!(returns, Returns::Nothing) && types.iter().any(|ty| ty.contains("json")) {
        types.push("application/problem+json");
    }
    types.dedup();
    types.join(", ")
}

fn encoder(parameter: &Parameter, value: &str) -> String {
    let function = match parameter.location_in {
        ParameterLocation::Path => "Path",
        ParameterLocation::Query => "Query",
        ParameterLocation::Header => "Header",
        ParameterLocation::Cookie => "Cookie",
    };
    let style = match parameter.style {
        ParameterStyle::Simple => "Simple",
        ParameterStyle::Form => "Form",
        ParameterStyle::Label => "Label",
        ParameterStyle::Matrix => "Matrix",
        ParameterStyle::SpaceDelimited => "SpaceDelimited",
        ParameterStyle::PipeDelimited => "PipeDelimited",
        ParameterStyle::DeepObject => "DeepObject",
        ParameterStyle::Json => "JSONText",
    };
    let name = go::string(&parameter.wire_name);
    format!("request.{function}({name}, {value}, runtime.{style}, {})", parameter.explode)
}

fn params(names: &Names<'_>, method: &str, parameters: &[(&Parameter, String)]) -> Option<Params> {
    if parameters.is_empty() {
        return None;
    }
    let fields = parameters
        .iter()
        .map(|(parameter, field)| {
            let slot =
                names.slot(&parameter.ty, parameter.required, parameter.data_class.is_some());
            let description = parameter.description.as_deref().unwrap_or("no description");
            let mut text = format!("{field}: {description}");
            if let Some(default) = &parameter.default {
                text.push_str(&format!("\n\nThe server takes {default} when it is absent."));
            }
            Line { doc: go::comment(&text, "\t"), code: format!("{field} {}", slot.ty) }
        })
        .collect();
    let masks = parameters
        .iter()
        .any(|(parameter, _)| parameter.data_class.is_some() || names.is_classified(&parameter.ty));
    Some(Params { name: names.claim(&format!("{method}Params")), fields, masks })
}

/// The content a client sends: the first of the spec.
pub fn body_content(operation: &Operation) -> Option<&Content> {
    operation.body.as_ref()?.contents.first()
}

fn body(names: &Names<'_>, content: &Content, required: bool) -> (String, String) {
    let media_type = go::string(&content.media_type);
    let (ty, line) = match content.kind {
        ContentKind::Binary | ContentKind::EventStream | ContentKind::JsonLines => {
            return ("io.Reader".to_owned(), format!("request.Binary({media_type}, body)"));
        }
        ContentKind::Json => (None, format!("request.JSON({media_type}, body)")),
        ContentKind::Form => (None, "request.Form(body)".to_owned()),
        ContentKind::Multipart => (None, "request.Multipart(body)".to_owned()),
        ContentKind::Text => (Some("string"), format!("request.Text({media_type}, body)")),
    };
    let slot = match ty {
        Some(ty) => ty.to_owned(),
        None => names.base(&content.ty),
    };
    let nilable = ty.is_none() && names.is_nilable(&content.ty);
    match (required, nilable) {
        (true, false) if names.is_nullable(&content.ty) && ty.is_none() => {
            (format!("*{slot}"), line.replace("request.JSON(", "request.JSONOrNull("))
        }
        (true, true) if names.is_any(&content.ty) || names.is_nullable(&content.ty) => {
            (slot, line.replace("request.JSON(", "request.JSONOrNull("))
        }
        (true, true) => (slot, line),
        (true, false) => (slot, line),
        (false, true) => (slot, format!("if body != nil {{\n\t\t{line}\n\t}}")),
        (false, false) => (format!("*{slot}"), line),
    }
}
