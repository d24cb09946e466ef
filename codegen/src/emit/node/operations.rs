//! `resources/TAG.ts`: for each operation a constant with its facts and a method that sends it.

use super::contents::{self, Answer};
use super::layout::{self, Text};
use super::masks::Masks;
use super::models::Notes;
use super::plan::{OperationPlan, Plan, TagPlan};
use super::types::Types;
use crate::contract::{ContentKind, Idempotency, ParameterLocation, ParameterStyle};
use crate::encode::typescript as encode;
use serde::Serialize;

#[derive(Serialize)]
pub struct TagView {
    imports: Vec<String>,
    class: String,
    doc: String,
    operations: Vec<OperationView>,
}

#[derive(Serialize)]
struct OperationView {
    /// The constant with the facts.
    facts: String,
    /// The interface of query and header values; empty when there are none.
    params: String,
    doc: String,
    /// Up to the opening brace.
    signature: String,
    /// Lines of the body.
    body: Vec<String>,
}

pub fn view(plan: &Plan<'_>, masks: &Masks<'_>, tag: &TagPlan<'_>) -> TagView {
    let types = Types::new(&plan.types, "models.");
    let operations: Vec<OperationView> =
        tag.operations.iter().map(|operation| describe(plan, masks, &types, operation)).collect();
    let mut imports = Vec::new();
    if types.uses_models() {
        imports.push("import type * as models from '../models.js';".to_owned());
    }
    if types.uses_binary() {
        imports.push("import type { Binary } from '../runtime/binary.js';".to_owned());
    }
    imports.push("import type { Operation } from '../runtime/operation.js';".to_owned());
    imports.push("import type { RequestOptions } from '../runtime/options.js';".to_owned());
    let streams =
        |operation: &OperationPlan<'_>| operation.answer.kind == Some(ContentKind::EventStream);
    if tag.operations.iter().any(streams) {
        imports.push("import type { ServerEvent } from '../runtime/stream.js';".to_owned());
    }
    imports.push("import type { Transport } from '../runtime/transport.js';".to_owned());
    let about = tag.tag.description.as_deref().unwrap_or(&tag.tag.name);
    TagView { imports, class: tag.class.clone(), doc: encode::comment(about, 0), operations }
}

fn describe(
    plan: &Plan<'_>,
    masks: &Masks<'_>,
    types: &Types<'_>,
    operation: &OperationPlan<'_>,
) -> OperationView {
    OperationView {
        facts: facts(plan, masks, operation),
        params: params_interface(types, operation),
        doc: method_doc(operation),
        signature: signature(types, operation),
        body: body(operation),
    }
}

fn facts(plan: &Plan<'_>, masks: &Masks<'_>, operation: &OperationPlan<'_>) -> String {
    let source = operation.operation;
    let parameters: Vec<String> = operation
        .path
        .iter()
        .chain(&operation.params)
        .map(|argument| {
            let parameter = argument.parameter;
            let entries = [
                format!("name: {}", encode::string(&argument.name)),
                format!("wireName: {}", encode::string(&parameter.wire_name)),
                format!("place: '{}'", place(parameter.location_in)),
                format!("style: '{}'", style(parameter.style)),
                format!("explode: {}", parameter.explode),
            ];
            // One column less for the comma behind it.
            layout::object(5, "", &entries, "").replace("\n     ", "\n    ")
        })
        .collect();
    let mut lines = vec![
        format!("method: '{}'", source.method.as_str()),
        format!("path: {}", encode::string(&source.path)),
        layout::array(2, "parameters: ", &parameters, ","),
        format!("idempotency: '{}'", idempotency(operation.idempotency)),
    ];
    lines[2].pop();
    if let Some((place, wire_name, scheme)) = contents::credential(plan.contract, source) {
        let entries = [
            format!("place: '{place}'"),
            format!("wireName: {}", encode::string(wire_name)),
            format!("scheme: {}", encode::string(scheme)),
        ];
        lines.push(line("credential: ", &entries));
    }
    if let Some(body) = &operation.body {
        let entries = [
            format!("kind: '{}'", kind(Some(body.kind))),
            format!("mediaType: {}", encode::string(&body.content.media_type)),
        ];
        lines.push(line("body: ", &entries));
    }
    lines.push(line("answer: ", &answer_facts(masks, &operation.answer)));
    let mut out = format!("export const {}: Operation = {{\n", operation.constant);
    for text in lines {
        out.push_str(&format!("  {text},\n"));
    }
    out + "};"
}

/// An entry that the caller ends with a comma.
fn line(head: &str, entries: &[String]) -> String {
    let mut text = layout::object(2, head, entries, ",");
    text.pop();
    text
}

fn answer_facts(masks: &Masks<'_>, answer: &Answer<'_>) -> Vec<String> {
    let mut entries = vec![format!("kind: '{}'", kind(answer.kind))];
    if let Some(media_type) = answer.media_type {
        entries.push(format!("mediaType: {}", encode::string(media_type)));
    }
    let found: Vec<String> = answer.types.iter().filter_map(|ty| masks.of(ty)).collect();
    match found.as_slice() {
        [] => {}
        [mask] => entries.push(format!("mask: {mask}")),
        several => entries.push(format!("mask: {{ variants: [{}] }}", several.join(", "))),
    }
    entries
}

fn params_interface(types: &Types<'_>, operation: &OperationPlan<'_>) -> String {
    if operation.params.is_empty() {
        return String::new();
    }
    let mut out = format!("export interface {} {{\n", operation.params_type);
    for argument in &operation.params {
        let parameter = argument.parameter;
        let notes = Notes {
            description: parameter.description.as_deref(),
            masked: false,
            default: parameter.default.as_ref().map(encode::value),
            deprecated: parameter.deprecated,
        };
        let text = types.text(&parameter.ty);
        let (optional, text) = if parameter.required {
            ("", text)
        } else {
            ("?", Text::union([text, Text::atom("undefined")]))
        };
        let head = format!("{}{optional}:", encode::key(&argument.name));
        out.push_str(&notes.comment(2));
        out.push_str(&format!("  {}\n", text.after(2, &head, ";")));
    }
    out + "}"
}

fn method_doc(operation: &OperationPlan<'_>) -> String {
    let source = operation.operation;
    let mut text: Vec<&str> = Vec::new();
    text.extend(source.summary.as_deref());
    text.extend(source.description.as_deref());
    let request = format!("`{} {}`", source.method.as_str(), source.path);
    text.push(&request);
    let text = text.join("\n\n");
    Notes { description: Some(&text), masked: false, default: None, deprecated: source.deprecated }
        .comment(2)
}

/// The parameters of the method, then what it returns.
fn signature(types: &Types<'_>, operation: &OperationPlan<'_>) -> String {
    let mut parts: Vec<String> = operation
        .path
        .iter()
        .map(|argument| {
            types.text(&argument.parameter.ty).after(4, &format!("{}:", argument.name), "")
        })
        .collect();
    let params_required = operation.params_required();
    if let Some(body) = &operation.body {
        let text = types.body(body.kind, &body.content.ty);
        parts.push(if body.required {
            text.after(4, "body:", "")
        } else if params_required {
            Text::union([text, Text::atom("undefined")]).after(4, "body:", "")
        } else {
            text.after(4, "body?:", "")
        });
    }
    if !operation.params.is_empty() {
        let default = if params_required { "" } else { " = {}" };
        parts.push(format!("params: {}{default}", operation.params_type));
    }
    parts.push("options: RequestOptions = {}".to_owned());
    let answer = answer_type(types, &operation.answer).flat();
    layout::list(2, &operation.method, &parts, &format!(": Promise<{answer}> {{"))
}

pub fn answer_type(types: &Types<'_>, answer: &Answer<'_>) -> Text {
    match answer.kind {
        None => Text::atom("void"),
        Some(ContentKind::Text) => Text::atom("string"),
        Some(ContentKind::EventStream) => Text::atom("AsyncIterable<ServerEvent>"),
        Some(ContentKind::JsonLines) => {
            let items = Text::union(answer.types.iter().map(|ty| types.text(ty)));
            Text::atom(format!("AsyncIterable<{}>", items.flat()))
        }
        Some(ContentKind::Json) => {
            let empty = answer.may_be_empty.then(|| Text::atom("undefined"));
            Text::union(answer.types.iter().map(|ty| types.text(ty)).chain(empty))
        }
        Some(ContentKind::Binary | ContentKind::Form | ContentKind::Multipart) => {
            Text::atom("Uint8Array")
        }
    }
}

fn body(operation: &OperationPlan<'_>) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    if !operation.params.is_empty() {
        entries.push("...params".to_owned());
    }
    entries.extend(operation.path.iter().map(|argument| argument.name.clone()));
    let mut lines = Vec::new();
    let values = if entries.is_empty() {
        "{}".to_owned()
    } else {
        lines.push(layout::object(4, "const values = ", &entries, ";"));
        "values".to_owned()
    };
    let body = if operation.body.is_some() { "body" } else { "undefined" };
    let arguments = [operation.constant.clone(), values, body.to_owned(), "options".to_owned()];
    lines.push(layout::list(4, "return this.#transport.send", &arguments, ";"));
    lines
}

fn place(location: ParameterLocation) -> &'static str {
    match location {
        ParameterLocation::Path => "path",
        ParameterLocation::Query => "query",
        ParameterLocation::Header => "header",
        ParameterLocation::Cookie => "cookie",
    }
}

fn style(style: ParameterStyle) -> &'static str {
    match style {
        ParameterStyle::Simple => "simple",
        ParameterStyle::Form => "form",
        ParameterStyle::Label => "label",
        ParameterStyle::Matrix => "matrix",
        ParameterStyle::SpaceDelimited => "spaceDelimited",
        ParameterStyle::PipeDelimited => "pipeDelimited",
        ParameterStyle::DeepObject => "deepObject",
        ParameterStyle::Json => "json",
    }
}

fn idempotency(idempotency: Idempotency) -> &'static str {
    match idempotency {
        Idempotency::Natural => "natural",
        Idempotency::Key => "key",
        Idempotency::None => "none",
    }
}

fn kind(kind: Option<ContentKind>) -> &'static str {
    match kind {
        None => "none",
        Some(ContentKind::Json) => "json",
        Some(ContentKind::Form) => "form",
        Some(ContentKind::Multipart) => "multipart",
        Some(ContentKind::Text) => "text",
        Some(ContentKind::Binary) => "binary",
        Some(ContentKind::EventStream) => "events",
        Some(ContentKind::JsonLines) => "lines",
    }
}
