//! Pages of operations, one for each tag.

use super::types::{Links, Place, json, yes_or_no};
use super::view::{BodyView, ExampleView, OperationView, OperationsView};
use super::{constraints, samples};
use crate::contract::{
    Content, ContentKind, Idempotency, Operation, Parameter, ParameterLocation, Response,
    StatusRange,
};
use crate::emit::{Job, example};
use crate::encode::markdown::{anchor, blocks, code, line, row};
use crate::names::{self, Scope};
use std::collections::HashMap;

/// The operations of one tag, each with the name it has on the page.
pub struct OperationsPage<'a> {
    pub tag: &'a str,
    pub description: Option<&'a str>,
    /// File name without suffix.
    pub stem: String,
    pub operations: Vec<(&'a Operation, String)>,
}

/// All pages, in the order of the tags; tags without operations have none.
pub fn pages(contract: &crate::contract::Contract) -> Vec<OperationsPage<'_>> {
    let mut stems = Scope::default();
    let mut pages: Vec<OperationsPage<'_>> = contract
        .tags
        .iter()
        .map(|tag| OperationsPage {
            tag: &tag.name,
            description: tag.description.as_deref(),
            stem: stems.claim(&names::snake(&tag.name)),
            operations: Vec::new(),
        })
        .collect();
    let mut headings = Scope::default();
    let places: HashMap<&str, usize> =
        pages.iter().enumerate().map(|(index, page)| (page.tag, index)).collect();
    for operation in &contract.operations {
        if let Some(&index) = places.get(operation.tag.as_str()) {
            let name = headings.claim(&names::snake(&operation.id));
            pages[index].operations.push((operation, name));
        }
    }
    pages.retain(|page| !page.operations.is_empty());
    pages
}

pub fn view(job: &Job<'_>, links: &Links<'_>, page: &OperationsPage<'_>) -> OperationsView {
    OperationsView {
        title: line(page.tag),
        description: blocks(page.description.unwrap_or_default()),
        operations: page
            .operations
            .iter()
            .map(|(found, name)| operation(job, links, found, name))
            .collect(),
    }
}

fn operation(job: &Job<'_>, links: &Links<'_>, operation: &Operation, name: &str) -> OperationView {
    let answer = operation.success();
    OperationView {
        heading: heading(name),
        summary: line(operation.summary.as_deref().unwrap_or_default()),
        request_line: request_line(operation),
        deprecated: operation.deprecated,
        description: description(operation),
        rules: rules(operation),
        parameters: operation.parameters.iter().map(|found| parameter(links, found)).collect(),
        body: body(job, links, operation),
        answers: operation.responses.iter().map(|found| response(links, found)).collect(),
        headers: operation.responses.iter().flat_map(|found| headers(links, found)).collect(),
        answer_example: answer.and_then(|found| answer_example(job, found)),
        problems: problems(job, operation),
        samples: samples::all(job, operation),
    }
}

/// Heading of an operation; word characters only, so that it is its own anchor.
pub fn heading(name: &str) -> String {
    name.to_owned()
}

pub fn request_line(operation: &Operation) -> String {
    code(&format!("{} {}", operation.method.as_str(), operation.path))
}

/// The description, unless it only repeats the summary.
fn description(operation: &Operation) -> String {
    let text = operation.description.as_deref().unwrap_or_default();
    let is_repeat =
        operation.summary.as_deref().is_some_and(|summary| summary.trim() == text.trim());
    if is_repeat { String::new() } else { blocks(text) }
}

fn rules(operation: &Operation) -> Vec<String> {
    let policy = &operation.policy;
    let mut rules = vec![row(&["Security", &security(operation)])];
    let mut add = |name: &str, value: String| rules.push(row(&[name, &value]));
    if let Some(lane) = &policy.lane {
        add("Lane", line(lane));
    }
    if !policy.required_traits.is_empty() {
        let traits: Vec<String> = policy.required_traits.iter().map(|name| code(name)).collect();
        add("Caller needs one of", traits.join(", "));
    }
    if let Some(action) = &policy.audit_action {
        add("Audited as", code(action));
    }
    if let Some(class) = &policy.rate_limit_class {
        add("Rate limit class", line(class));
    }
    if let Some(limit) = policy.body_limit {
        add("Body limit", format!("{limit} octets"));
    }
    if let Some(age) = policy.max_authentication_age {
        add("Fresh sign-in", format!("within the last {age} seconds"));
    }
    if let Some(idempotency) = policy.idempotency {
        let value = match idempotency {
            Idempotency::Natural => "repeating it changes nothing more",
            Idempotency::Key => "safe to repeat with the same `Idempotency-Key`",
            Idempotency::None => "repeating it does it again",
        };
        add("Repeating", value.to_owned());
    }
    rules
}

fn security(operation: &Operation) -> String {
    if operation.security.is_empty() {
        return "none".to_owned();
    }
    let alternatives: Vec<String> = operation
        .security
        .iter()
        .map(|requirement| {
            let schemes: Vec<String> = requirement
                .schemes
                .iter()
                .map(|(name, scopes)| match scopes.as_slice() {
                    [] => code(name),
                    _ => format!("{} ({})", code(name), line(&scopes.join(", "))),
                })
                .collect();
            if schemes.is_empty() {
                "nobody in particular".to_owned()
            } else {
                schemes.join(" and ")
            }
        })
        .collect();
    alternatives.join(", or ")
}

fn parameter(links: &Links<'_>, parameter: &Parameter) -> String {
    let mut meaning = vec![line(parameter.description.as_deref().unwrap_or_default())];
    meaning.extend(constraints::sentences(&parameter.ty.constraints));
    meaning.extend(parameter.default.as_ref().map(constraints::default));
    meaning.extend(parameter.data_class.as_deref().map(constraints::data_class));
    meaning.extend(parameter.deprecated.then(|| "Deprecated.".to_owned()));
    row(&[
        &code(&parameter.wire_name),
        place_word(parameter.location_in),
        &links.words(&parameter.ty, Place::Operations),
        yes_or_no(parameter.required),
        &constraints::join(&meaning),
    ])
}

pub fn place_word(location: ParameterLocation) -> &'static str {
    match location {
        ParameterLocation::Path => "path",
        ParameterLocation::Query => "query",
        ParameterLocation::Header => "header",
        ParameterLocation::Cookie => "cookie",
    }
}

fn body(job: &Job<'_>, links: &Links<'_>, operation: &Operation) -> Option<BodyView> {
    let body = operation.body.as_ref()?;
    let contents: Vec<String> =
        body.contents.iter().map(|content| described(links, content)).collect();
    let need = if body.required { "Required" } else { "Optional" };
    let first = body.contents.first();
    let object = first.and_then(|content| links.object(&content.ty));
    Some(BodyView {
        summary: format!("{need}: {}.", contents.join(", or ")),
        description: blocks(body.description.as_deref().unwrap_or_default()),
        fields: object
            .map_or_else(Vec::new, |found| links.fields(&found.fields, Place::Operations)),
        example: first
            .filter(|content| is_json(content))
            .map(|content| json("Example", &example::of_content(job.contract, content))),
    })
}

fn described(links: &Links<'_>, content: &Content) -> String {
    format!("{} as {}", links.words(&content.ty, Place::Operations), code(&content.media_type))
}

fn is_json(content: &Content) -> bool {
    content.kind == ContentKind::Json
}

fn response(links: &Links<'_>, response: &Response) -> String {
    let contents: Vec<String> =
        response.contents.iter().map(|content| described(links, content)).collect();
    let content =
        if contents.is_empty() { "no content".to_owned() } else { contents.join(", or ") };
    row(&[&status(response.status), &line(&response.description), &content])
}

fn headers(links: &Links<'_>, response: &Response) -> Vec<String> {
    let row_of = |header: &crate::contract::Header| {
        row(&[
            &status(response.status),
            &code(&header.wire_name),
            &links.words(&header.ty, Place::Operations),
            &line(header.description.as_deref().unwrap_or_default()),
        ])
    };
    response.headers.iter().map(row_of).collect()
}

fn status(status: StatusRange) -> String {
    match status {
        StatusRange::Code(code) => code.to_string(),
        StatusRange::Range(class) => format!("{class}00 to {class}99"),
        StatusRange::Default => "any other".to_owned(),
    }
}

fn answer_example(job: &Job<'_>, response: &Response) -> Option<ExampleView> {
    let content = response.contents.iter().find(|content| is_json(content))?;
    let label = format!("Answer {}", status(response.status));
    Some(json(&label, &example::of_content(job.contract, content)))
}

fn problems(job: &Job<'_>, operation: &Operation) -> Vec<String> {
    let declared = operation.policy.problems.iter();
    declared
        .map(|name| {
            let known = job.contract.problem_codes.iter().find(|problem| problem.code == *name);
            let Some(problem) = known else { return row(&[&code(name), "", ""]) };
            let heading = super::errors::code_heading(name);
            let hint = problem.hint.as_ref().unwrap_or(&problem.title);
            row(&[
                &format!("[{heading}](../errors.md#{})", anchor(&heading)),
                &problem.status.to_string(),
                &line(hint),
            ])
        })
        .collect()
}
