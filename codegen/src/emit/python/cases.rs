//! One wire test for each operation, as data: what is called, and what must reach the wire.
//!
//! The expectations are made here, from the contract, and not by the code they judge.

use super::facade;
use super::facts::{sent_content, successes};
use super::operations::{Argument, Method, Resource};
use crate::contract::{
    ContentKind, Contract, Idempotency, Operation, Parameter, ParameterLocation, ParameterStyle,
    ParityMethod,
};
use crate::emit::example;
use serde::Serialize;
use serde_json::{Map, Value};

/// One call of one operation.
#[derive(Serialize)]
pub struct Case<'a> {
    name: String,
    /// None for a method of the client itself.
    resource: Option<&'a str>,
    method: String,
    /// By argument name, in wire form; parsed by the annotations of the method.
    arguments: Map<String, Value>,
    sends: Sends<'a>,
    answers: Answers,
    /// The field of the answer that the method gives back; all of it when None.
    returns: Option<&'a str>,
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

/// The cases of all operations, in the order of the spec, then those of the client itself.
pub fn cases<'a>(contract: &'a Contract, resources: &'a [Resource], client: &str) -> Vec<Case<'a>> {
    let methods = resources
        .iter()
        .flat_map(|resource| resource.methods.iter().map(move |method| (resource, method)));
    let mut methods: Vec<(&Resource, &Method)> = methods.collect();
    methods.sort_by_key(|(_, method)| method.operation);
    let symbols = contract.parity.iter().flat_map(|parity| &parity.symbols);
    let facade = symbols.filter(|symbol| symbol.name == client).flat_map(|symbol| &symbol.methods);
    let facade_cases = facade.filter_map(|parity| {
        let behind = methods
            .iter()
            .find(|(_, method)| contract.operations[method.operation].id == parity.operation)?;
        Some(facade_case(contract, parity, behind.1))
    });
    let operations =
        methods.iter().map(|(resource, method)| operation_case(contract, resource, method));
    operations.chain(facade_cases).collect()
}

fn operation_case<'a>(contract: &'a Contract, resource: &'a Resource, method: &Method) -> Case<'a> {
    let operation = &contract.operations[method.operation];
    let mut arguments = Map::new();
    let mut sends = Sends::of(operation);
    for argument in &method.arguments {
        if argument.location.is_empty() {
            let Some(value) = body(contract, operation, &mut sends) else { continue };
            arguments.insert(argument.name.clone(), value);
        } else if let Some(value) = parameter(contract, operation, argument, &mut sends) {
            arguments.insert(argument.name.clone(), value);
        }
    }
    Case {
        name: operation.id.clone(),
        resource: Some(&resource.attribute),
        method: method.name.clone(),
        arguments,
        sends,
        answers: answers(contract, operation),
        returns: None,
    }
}

/// The same call through a method of the client: only what its parameters say is sent.
fn facade_case<'a>(contract: &'a Contract, parity: &'a ParityMethod, behind: &Method) -> Case<'a> {
    let operation = &contract.operations[behind.operation];
    let mut arguments = Map::new();
    let mut sends = Sends::of(operation);
    for argument in &behind.arguments {
        if argument.location.is_empty() {
            let Some(whole) = body(contract, operation, &mut sends) else { continue };
            sends.json = Some(facade_body(parity, whole, &mut arguments));
            continue;
        }
        let target = format!("{}.{}", argument.location, argument.wire_name);
        let known =
            parity.parameters.iter().find(|known| known.target.eq_ignore_ascii_case(&target));
        if let Some(known) = known
            && let Some(value) = parameter(contract, operation, argument, &mut sends)
        {
            arguments.insert(facade::parameter_name(known), value);
        }
    }
    Case {
        name: format!("{}_of_the_client", parity.name),
        resource: None,
        method: facade::method_name(parity),
        arguments,
        sends,
        answers: answers(contract, operation),
        returns: parity.returns_field.as_deref(),
    }
}

fn facade_body(parity: &ParityMethod, whole: Value, arguments: &mut Map<String, Value>) -> Value {
    if let Some(known) = parity.parameters.iter().find(|known| known.target == "body") {
        arguments.insert(facade::parameter_name(known), whole.clone());
        return whole;
    }
    let mut sent = Map::new();
    for known in &parity.parameters {
        let Some(field) = known.target.strip_prefix("body.") else { continue };
        let Some(value) = whole.get(field) else { continue };
        arguments.insert(facade::parameter_name(known), value.clone());
        sent.insert(field.to_owned(), value.clone());
    }
    Value::Object(sent)
}

/// The value of a parameter, noted in what must be sent; None leaves an optional one out.
fn parameter(
    contract: &Contract,
    operation: &Operation,
    argument: &Argument,
    sends: &mut Sends<'_>,
) -> Option<Value> {
    let parameter = operation.parameters.iter().find(|parameter| {
        parameter.wire_name == argument.wire_name && location(parameter) == argument.location
    })?;
    let value = example::of_parameter(contract, parameter);
    let Some(pairs) = wire_pairs(parameter, &value) else {
        // A form this table does not know: only what must be there is given, and not checked.
        sends.path = sends.path.replace(&format!("{{{}}}", parameter.wire_name), "*");
        return argument.required.then_some(value);
    };
    match argument.location {
        "path" => {
            let place = format!("{{{}}}", parameter.wire_name);
            sends.path = sends.path.replace(&place, &pairs[0][1]);
        }
        "query" => sends.query.extend(pairs),
        "header" if pairs.iter().any(|pair| !is_plain(&pair[1])) => return None,
        "header" => sends.headers.extend(pairs),
        _ => {}
    }
    Some(value)
}

impl<'a> Sends<'a> {
    fn of(operation: &'a Operation) -> Self {
        Self {
            method: operation.method.as_str(),
            path: operation.path.clone(),
            query: Vec::new(),
            headers: Vec::new(),
            json: None,
            media_type: None,
            keyed: operation.policy.idempotency == Some(Idempotency::Key),
        }
    }
}

fn location(parameter: &Parameter) -> &'static str {
    match parameter.location_in {
        ParameterLocation::Path => "path",
        ParameterLocation::Query => "query",
        ParameterLocation::Header => "header",
        ParameterLocation::Cookie => "cookie",
    }
}

/// The value of the body, noted in what must be sent.
fn body<'a>(contract: &Contract, operation: &'a Operation, sends: &mut Sends<'a>) -> Option<Value> {
    let content = sent_content(&operation.body.as_ref()?.contents)?;
    match content.kind {
        ContentKind::Binary
        | ContentKind::Text
        | ContentKind::EventStream
        | ContentKind::JsonLines => return Some(Value::from("example")),
        ContentKind::Form | ContentKind::Multipart => {
            return Some(example::of_content(contract, content));
        }
        ContentKind::Json => {}
    }
    let value = example::of_content(contract, content);
    let any = content.media_type.contains('*');
    sends.json = Some(value.clone());
    sends.media_type = Some(if any { "application/json" } else { &content.media_type });
    Some(value)
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

/// A header takes printable ASCII alone.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
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

/// A success of the operation, made of the example of its content.
fn answers(contract: &Contract, operation: &Operation) -> Answers {
    let Some((status, content)) = successes(operation).into_iter().next() else {
        return Answers { status: 204, media_type: String::new(), body: Value::Null };
    };
    let status = if status < 100 { 200 } else { status };
    let (media_type, body) = match content {
        None => ("", Value::Null),
        Some(content) => match content.kind {
            ContentKind::Json | ContentKind::EventStream | ContentKind::JsonLines => {
                let any = content.media_type.contains('*');
                let media_type = if any { "application/json" } else { &content.media_type };
                (media_type, example::of_content(contract, content))
            }
            _ => (content.media_type.as_str(), Value::from("example")),
        },
    };
    Answers { status, media_type: media_type.to_owned(), body }
}
