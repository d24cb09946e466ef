//! A complete program that calls one operation, for the reference and the README.

use super::layout;
use super::package;
use super::plan::{self, Argument, OperationPlan, Plan, TagPlan};
use crate::config::Target;
use crate::contract::{ContentKind, Contract, Parameter, Shape};
use crate::emit::example;
use crate::encode::typescript as encode;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// What stands for octets, which no JSON value can be.
const OCTETS: &str = "new Uint8Array([1, 2, 3])";

/// The programs of all operations, by operation id.
pub fn programs(plan: &Plan<'_>, target: &Target) -> HashMap<String, String> {
    let mut programs = HashMap::new();
    for tag in &plan.tags {
        for planned in &tag.operations {
            let id = planned.operation.id.clone();
            programs.insert(id, of(plan, target, tag, planned));
        }
    }
    programs
}

/// A program that type-checks against the package, with the client made from the environment.
pub fn of(
    plan: &Plan<'_>,
    target: &Target,
    tag: &TagPlan<'_>,
    planned: &OperationPlan<'_>,
) -> String {
    let call = format!("client{}.{}", encode::member(&tag.attribute), planned.method);
    program(plan.contract, target, &call, planned)
}

fn program(
    contract: &Contract,
    target: &Target,
    call: &str,
    planned: &OperationPlan<'_>,
) -> String {
    let client = plan::client_name(target);
    let package = encode::string(&package::name_of(target, contract));
    let options = if target.environment_prefix.is_some() {
        ""
    } else {
        "{ baseUrl: process.env['BASE_URL'], token: process.env['TOKEN'] }"
    };
    let (head, tail, rest) = match planned.answer.kind {
        None => ("await ", ";", ""),
        Some(ContentKind::EventStream | ContentKind::JsonLines) => {
            ("for await (const item of await ", ") {", "  console.log(item);\n}\n")
        }
        Some(_) => ("const answer = await ", ";", "console.log(answer);\n"),
    };
    let line = arguments(contract, planned).lay_out(&format!("{head}{call}"), tail);
    format!(
        "import {{ {client} }} from {package};\n\nconst client = new {client}({options});\n{line}\n{rest}"
    )
}

/// Arguments of a call: literals, or JSON values that may need several lines.
struct Arguments {
    list: Vec<Value>,
    /// Positions of octets, whose value in the list is not used.
    octets: Vec<usize>,
}

fn arguments(contract: &Contract, planned: &OperationPlan<'_>) -> Arguments {
    let mut arguments = Arguments { list: Vec::new(), octets: Vec::new() };
    for Argument { parameter, .. } in &planned.path {
        arguments.list.push(example::of_parameter(contract, parameter));
    }
    if let Some(body) = &planned.body {
        if body.kind == ContentKind::Binary || body.content.ty.shape == Shape::Binary {
            arguments.octets.push(arguments.list.len());
        }
        arguments.list.push(example::of_content(contract, body.content));
    }
    let shown = |parameter: &Parameter| parameter.required || parameter.example.is_some();
    let params: Map<String, Value> = planned
        .params
        .iter()
        .filter(|argument| shown(argument.parameter))
        .map(|argument| {
            (argument.name.clone(), example::of_parameter(contract, argument.parameter))
        })
        .collect();
    if !params.is_empty() {
        arguments.list.push(Value::Object(params));
    }
    arguments
}

impl Arguments {
    /// The way the formatter lays out a call: on one line, else with the last object opened,
    /// else each argument on its own.
    fn lay_out(&self, head: &str, tail: &str) -> String {
        let flat: Vec<String> = (0..self.list.len()).map(|index| self.text(index, None)).collect();
        let line = format!("{head}({}){tail}", flat.join(", "));
        let objects = self.list.iter().filter(|value| value.is_object()).count();
        if line.len() <= layout::WIDTH || flat.is_empty() {
            return line;
        }
        if let (1, Some(Value::Object(_))) = (objects, self.list.last()) {
            let last = self.list.len() - 1;
            let before: String = flat[..last].iter().map(|text| format!("{text}, ")).collect();
            return format!("{head}({before}{}){tail}", self.text(last, Some((0, layout::WIDTH))));
        }
        let lines: Vec<String> =
            (0..self.list.len()).map(|index| self.text(index, Some((2, 3)))).collect();
        layout::exploded(0, head, ["(", ")"], &lines, tail)
    }

    /// One argument, on lines from an indent and a column when they are given.
    fn text(&self, index: usize, lines: Option<(usize, usize)>) -> String {
        if self.octets.contains(&index) {
            return OCTETS.to_owned();
        }
        let value = &self.list[index];
        match lines {
            None => encode::value(value),
            Some((indent, column)) => encode::value_lines(value, indent, column, layout::WIDTH),
        }
    }
}
