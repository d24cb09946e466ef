//! `test/wire/TAG.test.ts`: calls every operation against a sender that answers from the spec
//! and compares what would have travelled: method, path, query, headers, body.

use super::layout;
use super::plan::{Argument, OperationPlan, Plan, TagPlan};
use super::types::Types;
use crate::contract::{ContentKind, Contract, ParameterLocation, ParameterStyle, PathSegment};
use crate::emit::example;
use crate::encode::typescript as encode;
use serde::Serialize;
use serde_json::{Map, Value, json};

#[derive(Serialize)]
pub struct WireView {
    imports: Vec<String>,
    client: String,
    tests: Vec<TestView>,
}

#[derive(Serialize)]
struct TestView {
    name: String,
    lines: Vec<String>,
}

pub fn view(plan: &Plan<'_>, tag: &TagPlan<'_>) -> WireView {
    let types = Types::new(&plan.types, "models.");
    let tests: Vec<TestView> =
        tag.operations.iter().map(|operation| describe(plan, &types, tag, operation)).collect();
    let decodes = tests.iter().any(|test| test.lines.iter().any(|line| line.contains("json(")));
    let names = if decodes { "json, Wire" } else { "Wire" };
    WireView {
        imports: vec![
            "import { test } from 'node:test';".to_owned(),
            format!("import {{ {} }} from '../../src/index.js';", plan.client),
            format!("import {{ {names} }} from '../support/wire.js';"),
        ],
        client: plan.client.clone(),
        tests,
    }
}

fn describe(
    plan: &Plan<'_>,
    types: &Types<'_>,
    tag: &TagPlan<'_>,
    operation: &OperationPlan<'_>,
) -> TestView {
    let contract = plan.contract;
    let answer = answer_text(contract, operation);
    let mut lines = vec![
        layout::constant(2, "answer", &encode::string(&answer)),
        format!("const wire = new Wire({}, answer);", operation.answer.status),
        format!("const client = new {}(wire.options);", plan.client),
    ];
    let mut call: Vec<String> = operation
        .path
        .iter()
        .map(|argument| argument_text(&example::of_parameter(contract, argument.parameter)))
        .collect();
    let mut expected = Expected::default();
    if let Some(body) = &operation.body {
        let value = example::of_content(contract, body.content);
        let binary = types.body(body.kind, &body.content.ty).flat() == "Binary"
            || body.kind == ContentKind::Text;
        if binary {
            call.push("'example'".to_owned());
        } else {
            lines.push(layout::constant(2, "body", &encode::string(&value.to_string())));
            call.push("json(body)".to_owned());
        }
        expected.body(body.kind, &body.content.media_type, value);
    }
    if !operation.params.is_empty() {
        let values = params(contract, operation);
        lines.push(layout::constant(2, "params", &encode::string(&values.to_string())));
        call.push("json(params)".to_owned());
    }
    expected.request(contract, operation);
    let request = expected.text();
    lines.push(layout::constant(2, "expected", &encode::string(&request)));
    let attribute = encode::key(&tag.attribute);
    let member =
        if attribute == tag.attribute { format!(".{attribute}") } else { format!("[{attribute}]") };
    let head = format!("client{member}.{}", operation.method);
    if matches!(operation.answer.kind, Some(ContentKind::Json)) {
        lines.push(layout::list(2, &format!("const received = await {head}"), &call, ";"));
        lines.push("wire.check(expected, received);".to_owned());
    } else {
        lines.push(layout::list(2, &format!("await {head}"), &call, ";"));
        lines.push("wire.check(expected);".to_owned());
    }
    let id = &operation.operation.id;
    TestView { name: encode::string(&format!("{id} reaches the wire")), lines }
}

fn answer_text(contract: &Contract, operation: &OperationPlan<'_>) -> String {
    match (operation.answer.kind, operation.answer.content) {
        (Some(ContentKind::Json), Some(content)) => {
            example::of_content(contract, content).to_string()
        }
        (Some(ContentKind::EventStream), _) => "data: {}\n\n".to_owned(),
        (Some(ContentKind::JsonLines), _) => "{}\n".to_owned(),
        (None, _) => String::new(),
        _ => "example".to_owned(),
    }
}

/// A string as a literal, everything else as JSON text, whose type the call decides.
fn argument_text(value: &Value) -> String {
    match value {
        Value::String(text) => encode::string(text),
        other => format!("json({})", encode::string(&other.to_string())),
    }
}

fn params(contract: &Contract, operation: &OperationPlan<'_>) -> Value {
    let mut values = Map::new();
    for argument in &operation.params {
        values.insert(argument.name.clone(), example::of_parameter(contract, argument.parameter));
    }
    Value::Object(values)
}

/// What must travel, as far as a second, simpler reading of the spec can say it.
#[derive(Default)]
struct Expected {
    fields: Map<String, Value>,
}

impl Expected {
    fn body(&mut self, kind: ContentKind, media_type: &str, value: Value) {
        match kind {
            ContentKind::Json => {
                self.fields.insert("contentType".to_owned(), json!(media_type));
                self.fields.insert("body".to_owned(), value);
            }
            ContentKind::Multipart => {
                self.fields.insert("contentType".to_owned(), json!("multipart/form-data"));
            }
            _ => {
                self.fields.insert("contentType".to_owned(), json!(media_type));
            }
        }
    }

    fn request(&mut self, contract: &Contract, operation: &OperationPlan<'_>) {
        let source = operation.operation;
        self.fields.insert("method".to_owned(), json!(source.method.as_str()));
        if let Some(path) = path(contract, operation) {
            self.fields.insert("path".to_owned(), json!(path));
        }
        let mut query = Vec::new();
        let mut headers = Map::new();
        for Argument { parameter, .. } in &operation.params {
            let value = example::of_parameter(contract, parameter);
            let simple = matches!(parameter.style, ParameterStyle::Form | ParameterStyle::Simple);
            let (true, Some(texts)) = (simple, scalars(&value)) else { return };
            match parameter.location_in {
                ParameterLocation::Query if parameter.explode => {
                    query.extend(texts.iter().map(|text| json!([parameter.wire_name, text])));
                }
                ParameterLocation::Query => {
                    query.push(json!([parameter.wire_name, texts.join(",")]));
                }
                ParameterLocation::Header => {
                    headers.insert(parameter.wire_name.to_lowercase(), json!(texts.join(",")));
                }
                ParameterLocation::Cookie | ParameterLocation::Path => {}
            }
        }
        self.fields.insert("query".to_owned(), Value::Array(query));
        self.fields.insert("headers".to_owned(), Value::Object(headers));
    }

    fn text(self) -> String {
        Value::Object(self.fields).to_string()
    }
}

/// The path with its values; none when a style this reading does not know is used.
fn path(contract: &Contract, operation: &OperationPlan<'_>) -> Option<String> {
    let mut path = String::new();
    for segment in &operation.operation.segments {
        match segment {
            PathSegment::Literal(text) => path.push_str(text),
            PathSegment::Parameter(name) => {
                let argument = operation.path.iter().find(|a| a.parameter.wire_name == *name)?;
                let parameter = argument.parameter;
                if parameter.style != ParameterStyle::Simple {
                    return None;
                }
                let texts = scalars(&example::of_parameter(contract, parameter))?;
                let texts: Vec<String> = texts.iter().map(|text| percent(text)).collect();
                path.push_str(&texts.join(","));
            }
        }
    }
    Some(path)
}

fn scalars(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items.iter().map(scalar).collect(),
        other => Some(vec![scalar(other)?]),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(encode::number(number)),
        _ => None,
    }
}

fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
