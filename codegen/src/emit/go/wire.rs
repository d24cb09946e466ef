//! Tests of the generated code: every model keeps its wire form, every operation reaches the
//! wire as the spec says.

use super::answers::{self, Returns, preferred};
use super::facade::Facade;
use super::operations::{Method, Resource, Source, body_content};
use super::types::Names;
use super::value::fits;
use crate::contract::{
    Content, ContentKind, Operation, Parameter, ParameterLocation, ParameterStyle, PathSegment,
    SecuritySchemeKind, Shape, StatusRange, Type, TypeKind,
};
use crate::emit::example;
use crate::encode::go;
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
pub struct ModelTests {
    pub cases: Vec<ModelTest>,
}

#[derive(Serialize)]
pub struct ModelTest {
    pub name: String,
    pub json: String,
}

/// One round trip for each model whose example can be read.
pub fn models(names: &Names<'_>) -> ModelTests {
    let cases = names
        .contract
        .types
        .values()
        .filter(|declaration| !matches!(declaration.kind, TypeKind::Alias(_)))
        .filter_map(|declaration| {
            let ty = Type::named(declaration.name.clone());
            let json = example_that_fits(names, &ty, None)?;
            Some(ModelTest {
                name: names.of(&declaration.name).to_owned(),
                json: go::string(&json.to_string()),
            })
        })
        .collect();
    ModelTests { cases }
}

#[derive(Serialize)]
pub struct WireTests {
    /// `WithAPIKey` for each key scheme.
    pub keys: Vec<String>,
    pub basic: bool,
    pub imports: Vec<&'static str>,
    pub tests: Vec<WireTest>,
}

#[derive(Serialize)]
pub struct WireTest {
    pub name: String,
    pub lines: Vec<String>,
}

pub fn view(names: &Names<'_>, resources: &[Resource<'_>], facade: &Facade<'_>) -> WireTests {
    let mut tests = Vec::new();
    for resource in resources {
        for method in &resource.methods {
            if let Some(lines) = operation_test(names, resource, method) {
                tests.push(WireTest { name: format!("{}{}", resource.field, method.name), lines });
            }
        }
    }
    for method in &facade.methods {
        if let Some(lines) = facade_test(names, resources, method) {
            tests.push(WireTest { name: format!("Client{}", method.name), lines });
        }
    }
    let uses =
        |token: &str| tests.iter().flat_map(|test| &test.lines).any(|line| line.contains(token));
    let mut imports = Vec::new();
    imports.extend(["\"io\"", "\"net/http\"", "\"net/http/httptest\"", "\"reflect\""]);
    if uses("strings.NewReader") {
        imports.push("\"strings\"");
    }
    imports.push("\"testing\"");
    if uses("time.Time") {
        imports.push("\"time\"");
    }
    let kinds = names.contract.security_schemes.values();
    WireTests {
        keys: kinds
            .clone()
            .filter(|scheme| matches!(scheme.kind, SecuritySchemeKind::ApiKey { .. }))
            .map(|scheme| go::string(&scheme.name))
            .collect(),
        basic: kinds.clone().any(|scheme| scheme.kind == SecuritySchemeKind::HttpBasic),
        imports,
        tests,
    }
}

fn operation_test(
    names: &Names<'_>,
    resource: &Resource<'_>,
    method: &Method<'_>,
) -> Option<Vec<String>> {
    let operation = method.operation;
    let mut lines = vec![start(names, method)?];
    let mut arguments = String::new();
    for input in &method.inputs {
        match input.source {
            Source::Path(parameter) => {
                let json = parameter_example(names, parameter)?;
                arguments.push_str(&format!(", read[{}](t, {})", input.ty, literal(&json)));
            }
            Source::Body(content) => {
                lines.push(body_line(names, content, &input.ty)?);
                arguments.push_str(", body");
            }
            Source::Params => {
                lines.push(format!("var params {}", input.ty));
                for (parameter, field) in &method.params_fields {
                    let slot = names.slot(
                        &parameter.ty,
                        parameter.required,
                        parameter.data_class.is_some(),
                    );
                    let json = parameter_example(names, parameter)?;
                    lines.push(format!(
                        "params.{field} = read[{}](t, {})",
                        slot.ty,
                        literal(&json)
                    ));
                }
                arguments.push_str(", params");
            }
        }
    }
    let call = format!("server.client.{}.{}(t.Context(){arguments})", resource.field, method.name);
    lines.extend(call_lines(&call, method.returns));
    lines.push(expectation(names, operation));
    Some(lines)
}

fn facade_test(
    names: &Names<'_>,
    resources: &[Resource<'_>],
    facade: &super::facade::FacadeMethod<'_>,
) -> Option<Vec<String>> {
    let method = resources
        .iter()
        .flat_map(|resource| &resource.methods)
        .find(|method| method.operation.id == facade.parity.operation)?;
    let operation = method.operation;
    let body = body_content(operation)
        .map(|content| example_that_fits(names, &content.ty, content.examples.first()));
    let body = match body {
        Some(None) => return None,
        Some(Some(body)) => body,
        None => Value::Null,
    };
    let mut lines = vec![start(names, method)?];
    let mut arguments = String::new();
    if let Some(optional) = &facade.optional {
        lines.push(format!("var optional {}", optional.name));
    }
    for argument in &facade.arguments_plain {
        let json = match argument.parameter.target.split_once('.') {
            Some(("body", field)) => match body.get(field) {
                Some(value) => value.clone(),
                None if argument.positional => return None,
                None => continue,
            },
            Some((_, name)) => {
                let parameter = operation.parameters.iter().find(|one| one.wire_name == name)?;
                parameter_example(names, parameter)?
            }
            None => body.clone(),
        };
        let value = format!("read[{}](t, {})", argument.ty, literal(&json));
        if argument.positional {
            arguments.push_str(&format!(", {value}"));
        } else {
            lines.push(format!("optional.{} = {value}", argument.name));
        }
    }
    if facade.optional.is_some() {
        arguments.push_str(", optional");
    }
    let call = format!("server.client.{}(t.Context(){arguments})", facade.name);
    match method.returns {
        Returns::Nothing => lines.push(format!("err := {call}")),
        Returns::Events | Returns::Lines(_) => return None,
        _ => lines.push(format!("_, err := {call}")),
    }
    lines.push(expectation(names, operation));
    Some(lines)
}

/// The server with its answer.
fn start(names: &Names<'_>, method: &Method<'_>) -> Option<String> {
    let operation = method.operation;
    let response = answers::successes(operation).into_iter().next();
    let status = match response.map(|response| response.status) {
        Some(StatusRange::Code(code)) if (200..300).contains(&code) => code,
        _ => 200,
    };
    let content = response.and_then(preferred);
    let media_type = content.map_or("", |content| content.media_type.as_str());
    let body = match (method.returns, content) {
        (Returns::Json(_) | Returns::ByStatus, Some(content)) => {
            example_that_fits(names, &content.ty, content.examples.first())?.to_string()
        }
        (Returns::Events, _) => "id: 1\ndata: {}\n\n".to_owned(),
        (Returns::Lines(ty), _) => format!("{}\n", example_that_fits(names, ty, None)?),
        (Returns::Text | Returns::Binary, _) => "example".to_owned(),
        _ => String::new(),
    };
    Some(format!(
        "server := newWireServer(t, {status}, {}, {})",
        go::string(media_type),
        go::string(&body)
    ))
}

fn call_lines(call: &str, returns: Returns<'_>) -> Vec<String> {
    match returns {
        Returns::Nothing => vec![format!("err := {call}")],
        Returns::Events | Returns::Lines(_) => vec![
            "var err error".to_owned(),
            format!("for _, fault := range {call} {{"),
            "\terr = fault".to_owned(),
            "}".to_owned(),
        ],
        Returns::Json(_) => {
            vec![format!("answer, err := {call}"), "server.answers(answer)".to_owned()]
        }
        _ => vec![format!("_, err := {call}")],
    }
}

fn body_line(names: &Names<'_>, content: &Content, ty: &str) -> Option<String> {
    Some(match content.kind {
        ContentKind::Binary | ContentKind::EventStream | ContentKind::JsonLines => {
            "body := strings.NewReader(\"example\")".to_owned()
        }
        ContentKind::Multipart => format!("body := *new({ty})"),
        ContentKind::Text => format!("body := read[{ty}](t, \"\\\"example\\\"\")"),
        ContentKind::Json | ContentKind::Form => {
            let json = example_that_fits(names, &content.ty, content.examples.first())?;
            format!("body := read[{ty}](t, {})", literal(&json))
        }
    })
}

/// What must have arrived: method, path, query, credentials and JSON body.
fn expectation(names: &Names<'_>, operation: &Operation) -> String {
    let body = body_content(operation)
        .filter(|content| content.kind == ContentKind::Json)
        .and_then(|content| example_that_fits(names, &content.ty, content.examples.first()))
        .map_or_else(String::new, |json| json.to_string());
    let key = super::operations::retry(operation) == "RetryWithKey";
    format!(
        "server.expect(err, {}, {}, {}, {}, {key})",
        go::string(operation.method.as_str()),
        go::string(&expected_path(names, operation).unwrap_or_default()),
        go::string(authorization(names, operation)),
        go::string(&body)
    )
}

fn authorization(names: &Names<'_>, operation: &Operation) -> &'static str {
    let Some(first) = operation.security.first() else { return "" };
    let [(scheme, _)] = first.schemes.as_slice() else { return "*" };
    match names.contract.security_schemes.get(scheme).map(|scheme| &scheme.kind) {
        Some(
            SecuritySchemeKind::HttpBearer
            | SecuritySchemeKind::OAuth2
            | SecuritySchemeKind::OpenIdConnect,
        ) => "Bearer test-token",
        _ => "*",
    }
}

/// The path with its example values; none when a value is more than one text.
fn expected_path(names: &Names<'_>, operation: &Operation) -> Option<String> {
    let literal = |byte: u8| byte.is_ascii_alphanumeric() || b"/{}-_.~".contains(&byte);
    if !operation.path.bytes().all(literal) {
        return None;
    }
    let mut path = String::new();
    for segment in &operation.segments {
        match segment {
            PathSegment::Literal(text) => path.push_str(text),
            PathSegment::Parameter(name) => {
                let parameter = operation.parameters.iter().find(|one| {
                    one.location_in == ParameterLocation::Path && one.wire_name == *name
                })?;
                if parameter.style != ParameterStyle::Simple {
                    return None;
                }
                match parameter_example(names, parameter)? {
                    Value::String(text) => path.push_str(&escaped(&text)),
                    Value::Number(number) if number.is_i64() => path.push_str(&number.to_string()),
                    _ => return None,
                }
            }
        }
    }
    Some(path)
}

/// As `url.PathEscape` of Go.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~$&+=:@".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn parameter_example(names: &Names<'_>, parameter: &Parameter) -> Option<Value> {
    let value = example::of_parameter(names.contract, parameter);
    if fits(names, &parameter.ty, &value) && value != Value::String(String::new()) {
        return Some(value);
    }
    let made = example::of_type(names.contract, &parameter.ty);
    fits(names, &parameter.ty, &made).then_some(made)
}

fn example_that_fits(names: &Names<'_>, ty: &Type, given: Option<&Value>) -> Option<Value> {
    if matches!(ty.shape, Shape::Binary) {
        return None;
    }
    if let Some(value) = given.filter(|value| fits(names, ty, value)) {
        return Some(value.clone());
    }
    let made = example::of_type(names.contract, ty);
    fits(names, ty, &made).then_some(made)
}

fn literal(json: &Value) -> String {
    go::string(&json.to_string())
}
