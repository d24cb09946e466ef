//! One wire test for each operation, as data: what is called, and what must reach the wire.
//!
//! The expectations are made here, from the contract, and not by the code they judge.

use super::operations::{Resource, sent_content};
use crate::contract::{
    ContentKind, Contract, Operation, Parameter, ParameterLocation, ParameterStyle, PathSegment,
    StatusRange,
};
use crate::emit::example;
use serde::Serialize;
use serde_json::{Map, Value};

/// One call of one operation.
#[derive(Serialize)]
pub struct Case<'a> {
    operation: &'a str,
    resource: &'a str,
    method: &'a str,
    /// By argument name, in wire form; parsed by the annotations of the method.
    arguments: Map<String, Value>,
    sends: Sends<'a>,
    answers: Answers,
}

#[derive(Serialize)]
struct Sends<'a> {
    method: &'a str,
    path: String,
    query: Vec<[String; 2]>,
    headers: Vec<[String; 2]>,
    /// None where this table does not know the form (multipart, octets).
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<&'a str>,
    keyed: bool,
}

#[derive(Serialize)]
struct Answers {
    status: u16,
    media_type: String,
    body: Value,
}

/// The cases of all operations, in the order of the spec.
pub fn cases<'a>(contract: &'a Contract, resources: &'a [Resource]) -> Vec<Case<'a>> {
    let methods = resources
        .iter()
        .flat_map(|resource| resource.methods.iter().map(move |method| (resource, method)));
    let mut cases: Vec<(usize, Case<'a>)> = methods
        .map(|(resource, method)| {
            let operation = &contract.operations[method.operation];
            let mut arguments = Map::new();
            let mut sends = Sends {
                method: operation.method.as_str(),
                path: String::new(),
                query: Vec::new(),
                headers: Vec::new(),
                json: None,
                media_type: None,
                keyed: operation.policy.idempotency == Some(crate::contract::Idempotency::Key),
            };
            let mut path_values = Map::new();
            for argument in &method.arguments {
                if argument.location.is_empty() {
                    body(contract, operation, &argument.name, &mut arguments, &mut sends);
                    continue;
                }
                let known = operation.parameters.iter().find(|parameter| {
                    parameter.wire_name == argument.wire_name
                        && location(parameter) == argument.location
                });
                let Some(parameter) = known else { continue };
                let value = example::of_parameter(contract, parameter);
                let Some(pairs) = wire_pairs(parameter, &value) else {
                    if argument.required {
                        arguments.insert(argument.name.clone(), value);
                        sends.path = "*".to_owned();
                    }
                    continue;
                };
                match argument.location {
                    "path" => {
                        path_values.insert(parameter.wire_name.clone(), pairs[0][1].clone().into());
                    }
                    "query" => sends.query.extend(pairs),
                    "header" => sends.headers.extend(pairs),
                    _ => {}
                }
                arguments.insert(argument.name.clone(), value);
            }
            if sends.path.is_empty() {
                sends.path = path(operation, &path_values);
            }
            let case = Case {
                operation: &operation.id,
                resource: &resource.attribute,
                method: &method.name,
                arguments,
                sends,
                answers: answers(contract, operation),
            };
            (method.operation, case)
        })
        .collect();
    cases.sort_by_key(|(index, _)| *index);
    cases.into_iter().map(|(_, case)| case).collect()
}

fn location(parameter: &Parameter) -> &'static str {
    match parameter.location_in {
        ParameterLocation::Path => "path",
        ParameterLocation::Query => "query",
        ParameterLocation::Header => "header",
        ParameterLocation::Cookie => "cookie",
    }
}

fn body<'a>(
    contract: &Contract,
    operation: &'a Operation,
    name: &str,
    arguments: &mut Map<String, Value>,
    sends: &mut Sends<'a>,
) {
    let Some(content) = operation.body.as_ref().and_then(|body| sent_content(&body.contents))
    else {
        return;
    };
    let value = match content.kind {
        ContentKind::Binary
        | ContentKind::Text
        | ContentKind::EventStream
        | ContentKind::JsonLines => Value::from("example"),
        _ => example::of_content(contract, content),
    };
    if content.kind == ContentKind::Json {
        sends.json = Some(value.clone());
        sends.media_type = Some(if content.media_type.contains('*') {
            "application/json"
        } else {
            &content.media_type
        });
    }
    arguments.insert(name.to_owned(), value);
}

/// Name and text of a value on the wire, for the styles that need no thought.
fn wire_pairs(parameter: &Parameter, value: &Value) -> Option<Vec<[String; 2]>> {
    let pair = |text: String| [parameter.wire_name.clone(), text];
    match (parameter.style, value) {
        (ParameterStyle::Simple | ParameterStyle::Form, Value::Array(items)) => {
            let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
            let texts = texts?;
            if parameter.style == ParameterStyle::Form && parameter.explode {
                return Some(texts.into_iter().map(pair).collect());
            }
            Some(vec![pair(texts.join(","))])
        }
        (ParameterStyle::Simple | ParameterStyle::Form, value) => Some(vec![pair(scalar(value)?)]),
        _ => None,
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) => Some(value.to_string()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

fn path(operation: &Operation, values: &Map<String, Value>) -> String {
    operation
        .segments
        .iter()
        .map(|segment| match segment {
            PathSegment::Literal(text) => text.clone(),
            PathSegment::Parameter(name) => {
                values.get(name).and_then(Value::as_str).unwrap_or("*").to_owned()
            }
        })
        .collect()
}

fn answers(contract: &Contract, operation: &Operation) -> Answers {
    let Some(response) = operation.success() else {
        return Answers { status: 204, media_type: String::new(), body: Value::Null };
    };
    let status = match response.status {
        StatusRange::Code(code) => code,
        StatusRange::Range(_) | StatusRange::Default => 200,
    };
    let content = sent_content(&response.contents);
    let (media_type, body) = match content {
        None => (String::new(), Value::Null),
        Some(content) if content.kind == ContentKind::Json => {
            let media_type = if content.media_type.contains('*') {
                "application/json".to_owned()
            } else {
                content.media_type.clone()
            };
            (media_type, example::of_content(contract, content))
        }
        Some(content) => (content.media_type.clone(), Value::from("example")),
    };
    Answers { status, media_type, body }
}
