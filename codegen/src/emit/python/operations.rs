//! Operations: a constant of facts for each, and a method of a signature and one call.

use super::layout;
use super::models::limits;
use super::types::{Module, Types};
use crate::contract::{
    Content, ContentKind, Contract, HttpMethod, Idempotency, Operation, Parameter,
    ParameterLocation, ParameterStyle, Response, Shape, StatusRange, Tag,
};
use crate::encode::python as encode;
use crate::names::{self, Scope};
use serde::Serialize;

/// Parameters of every method, and names its body uses.
const RESERVED_ARGUMENTS: &[&str] =
    &["options", "models", "timeout", "max_retries", "idempotency_key", "extra_headers"];

/// Names a method may not take: annotations of its class use them.
const RESERVED_METHODS: &[&str] =
    &["list", "dict", "str", "int", "float", "bool", "bytes", "models"];

/// The operations of one tag.
#[derive(Serialize)]
pub struct Resource {
    pub module: String,
    /// `client.ATTRIBUTE`
    pub attribute: String,
    pub class: String,
    pub module_docstring: String,
    pub docstring: String,
    pub property_docstring: String,
    pub imports: String,
    pub constants: Vec<String>,
    pub methods: Vec<Method>,
}

#[derive(Serialize)]
pub struct Method {
    pub name: String,
    pub signature: String,
    pub async_signature: String,
    pub docstring: String,
    /// The one call, with `return` where there is something to return.
    pub call: String,
    pub async_call: String,
    /// Name of the constant with the facts.
    #[serde(skip)]
    pub constant: String,
    #[serde(skip)]
    pub operation: usize,
    #[serde(skip)]
    pub arguments: Vec<Argument>,
    #[serde(skip)]
    pub returns: Returns,
}

/// One argument of a method.
pub struct Argument {
    pub name: String,
    /// `path`, `query`, `header`, `cookie`; empty for the body.
    pub location: &'static str,
    pub wire_name: String,
    pub annotation: String,
    pub required: bool,
    pub default: &'static str,
    pub text: String,
}

/// What a method gives back.
#[derive(Clone)]
pub struct Returns {
    pub annotation: String,
    pub async_annotation: String,
    pub streamed: bool,
}

/// Groups the operations by tag, in the order of the spec.
pub fn resources(contract: &Contract, types: &Types<'_>) -> Vec<Resource> {
    let mut attributes = Scope::with_reserved(["close", "models"]);
    let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut position = std::collections::HashMap::new();
    for (index, operation) in contract.operations.iter().enumerate() {
        let at = *position.entry(operation.tag.as_str()).or_insert_with(|| {
            groups.push((&operation.tag, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(index);
    }
    let order = |name: &str| contract.tags.iter().position(|tag| tag.name == name);
    groups.sort_by_key(|(name, _)| order(name).unwrap_or(usize::MAX));
    groups
        .into_iter()
        .map(|(tag, operations)| {
            let known = contract.tags.iter().find(|known| known.name == tag);
            resource(contract, types, tag, known, &operations, &mut attributes)
        })
        .collect()
}

fn resource(
    contract: &Contract,
    types: &Types<'_>,
    tag: &str,
    known: Option<&Tag>,
    operations: &[usize],
    attributes: &mut Scope,
) -> Resource {
    let attribute = attributes.claim(&attribute_name(tag));
    let mut module = Module::new("models.");
    module.name("typing", "Unpack");
    for name in ["CallOptions", "Operation"] {
        module.name("runtime.operation", name);
    }
    for name in ["AsyncTransport", "Transport"] {
        module.name("runtime.transport", name);
    }
    let mut method_names = Scope::with_reserved(["__init__"]);
    let mut constant_names = Scope::with_reserved(["NOTHING"]);
    let mut constants = Vec::new();
    let methods: Vec<Method> = operations
        .iter()
        .map(|&index| {
            let operation = &contract.operations[index];
            let name = method_names.claim(&method_name(&operation.id));
            let constant = constant_names.claim(&constant_name(&operation.id));
            let returns = returns(types, operation, &mut module);
            constants.extend(constant_texts(types, operation, &constant, &returns, &mut module));
            method(types, operation, index, name, &constant, returns, &mut module)
        })
        .collect();
    let text = known.and_then(|tag| tag.description.clone()).unwrap_or_default();
    let text = if text.trim().is_empty() { format!("Operations of {tag}.") } else { text };
    let uses_models = constants.iter().any(|constant| constant.contains("models."))
        || methods.iter().any(|method| method.signature.contains("models."));
    let mut imports = module.import_block("..");
    if uses_models {
        imports = with_models(&imports);
    }
    Resource {
        module: attribute.clone(),
        class: format!("{}Resource", names::pascal(&attribute)),
        module_docstring: encode::docstring(&text, 0),
        docstring: encode::docstring(&text, 4),
        property_docstring: encode::docstring(&text, 8),
        attribute,
        imports,
        constants,
        methods,
    }
}

/// `from .. import models` stands before the other imports of this package.
fn with_models(imports: &str) -> String {
    let line = "from .. import models\n";
    match imports.find("from ..") {
        Some(place) => format!("{}{line}{}", &imports[..place], &imports[place..]),
        None => format!("{imports}\n{line}"),
    }
}

fn attribute_name(tag: &str) -> String {
    let name = names::snake(tag);
    let name = if name.starts_with('_') { format!("tag{name}") } else { name };
    encode::identifier(&name)
}

fn method_name(id: &str) -> String {
    let name = names::snake(id);
    let name = if name.starts_with('_') { format!("call{name}") } else { name };
    if RESERVED_METHODS.contains(&name.as_str()) {
        format!("{name}_")
    } else {
        encode::identifier(&name)
    }
}

fn constant_name(id: &str) -> String {
    let name = names::screaming(id);
    if name.starts_with('_') { format!("CALL{name}") } else { name }
}

fn method(
    types: &Types<'_>,
    operation: &Operation,
    index: usize,
    name: String,
    constant: &str,
    returns: Returns,
    module: &mut Module,
) -> Method {
    let arguments = arguments(types, operation, module);
    let values = call_values(&arguments);
    let async_constant =
        if returns.streamed { format!("{constant}_ASYNC") } else { constant.to_owned() };
    let give = |head: &str, constant: &str| {
        let mut items = vec![constant.to_owned()];
        items.extend(values.iter().cloned());
        items.push("options=options".to_owned());
        let head =
            if returns.annotation == "None" { head.to_owned() } else { format!("return {head}") };
        layout::exploded(8, &format!("{head}self._transport.call"), &items, ["(", ")"], "")
    };
    Method {
        signature: signature(&name, &arguments, &returns.annotation),
        async_signature: signature(&name, &arguments, &returns.async_annotation),
        docstring: describe(operation, &arguments),
        call: give("", constant),
        async_call: give("await ", &async_constant),
        constant: constant.to_owned(),
        name,
        operation: index,
        arguments,
        returns,
    }
}

/// The arguments in the order of a signature: path, body, then the keywords.
fn arguments(types: &Types<'_>, operation: &Operation, module: &mut Module) -> Vec<Argument> {
    let mut scope = Scope::with_reserved(RESERVED_ARGUMENTS.iter().copied());
    let body = operation.body.as_ref().and_then(|body| Some((body, sent_content(&body.contents)?)));
    let mut arguments = Vec::new();
    let parameters = |path: bool| {
        operation
            .parameters
            .iter()
            .filter(move |parameter| (parameter.location_in == ParameterLocation::Path) == path)
    };
    for parameter in parameters(true) {
        arguments.push(argument(types, parameter, &mut scope, module));
    }
    if let Some((body, content)) = body {
        let annotation = body_annotation(types, content, module);
        arguments.push(Argument {
            name: scope.claim("body"),
            location: "",
            wire_name: String::new(),
            annotation: if body.required || annotation == "Any" {
                annotation
            } else {
                format!("{annotation} | None")
            },
            required: body.required,
            default: if body.required { "" } else { " = None" },
            text: body.description.clone().unwrap_or_default(),
        });
    }
    for parameter in parameters(false) {
        arguments.push(argument(types, parameter, &mut scope, module));
    }
    arguments
}

fn argument(
    types: &Types<'_>,
    parameter: &Parameter,
    scope: &mut Scope,
    module: &mut Module,
) -> Argument {
    let name = names::snake(&parameter.wire_name);
    let name = if name.starts_with('_') { format!("value{name}") } else { name };
    let annotation = types.argument(&parameter.ty, module);
    let required = parameter.required;
    let nullable = annotation == "Any" || annotation.ends_with("None");
    let mut text = parameter.description.clone().unwrap_or_default();
    let limits = limits(&parameter.ty.constraints);
    if !limits.is_empty() {
        text = format!("{} {limits}.", text.trim_end());
    }
    if let Some(default) = parameter.default.as_ref().filter(|default| !default.is_null()) {
        text = format!("{} Default: {default}.", text.trim_end());
    }
    Argument {
        name: scope.claim(&encode::identifier(&name)),
        location: match parameter.location_in {
            ParameterLocation::Path => "path",
            ParameterLocation::Query => "query",
            ParameterLocation::Header => "header",
            ParameterLocation::Cookie => "cookie",
        },
        wire_name: parameter.wire_name.clone(),
        annotation: if required || nullable { annotation } else { format!("{annotation} | None") },
        required,
        default: if required { "" } else { " = None" },
        text,
    }
}

fn body_annotation(types: &Types<'_>, content: &Content, module: &mut Module) -> String {
    match content.kind {
        ContentKind::Text => "str".to_owned(),
        ContentKind::Binary => {
            module.name("typing", "BinaryIO");
            "bytes | BinaryIO".to_owned()
        }
        ContentKind::Json => types.argument(&content.ty, module),
        ContentKind::Form | ContentKind::Multipart => {
            let annotation = types.annotation(&content.ty, module);
            match content.ty.shape {
                Shape::Named(_) | Shape::Map(_) => annotation,
                _ => {
                    module.name("typing", "Any");
                    "dict[str, Any]".to_owned()
                }
            }
        }
        ContentKind::EventStream | ContentKind::JsonLines => "bytes".to_owned(),
    }
}

/// The first content that can be sent, JSON before all others.
pub fn sent_content(contents: &[Content]) -> Option<&Content> {
    contents.iter().find(|content| content.kind == ContentKind::Json).or_else(|| contents.first())
}

/// The head of a method up to its colon.
fn signature(name: &str, arguments: &[Argument], returns: &str) -> String {
    let mut items = vec!["self".to_owned()];
    let positional = |argument: &&Argument| matches!(argument.location, "path" | "");
    for argument in arguments.iter().filter(positional) {
        items.push(format!("{}: {}{}", argument.name, argument.annotation, argument.default));
    }
    let keywords: Vec<_> = arguments.iter().filter(|argument| !positional(argument)).collect();
    if !keywords.is_empty() {
        items.push("*".to_owned());
    }
    for argument in keywords {
        items.push(format!("{}: {}{}", argument.name, argument.annotation, argument.default));
    }
    items.push("**options: Unpack[CallOptions]".to_owned());
    layout::exploded(4, &format!("def {name}"), &items, ["(", ")"], &format!(" -> {returns}:"))
}

fn call_values(arguments: &[Argument]) -> Vec<String> {
    let mut values = Vec::new();
    for (location, keyword) in
        [("path", "path"), ("query", "query"), ("header", "headers"), ("cookie", "cookies")]
    {
        let items: Vec<String> = arguments
            .iter()
            .filter(|argument| argument.location == location)
            .map(|argument| format!("{}: {}", encode::string(&argument.wire_name), argument.name))
            .collect();
        if !items.is_empty() {
            values.push(layout::group(12, &format!("{keyword}="), &items, ["{", "}"], ""));
        }
    }
    if let Some(body) = arguments.iter().find(|argument| argument.location.is_empty()) {
        values.push(format!("body={}", body.name));
    }
    values
}

fn describe(operation: &Operation, arguments: &[Argument]) -> String {
    let mut parts = Vec::new();
    let summary = operation.summary.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let fallback = format!("{} {}", operation.method.as_str(), operation.path);
    let head = summary.unwrap_or(&fallback);
    parts.push(if head.ends_with(['.', '!', '?']) { head.to_owned() } else { format!("{head}.") });
    if let Some(text) = operation.description.as_deref().filter(|text| text.trim() != head) {
        parts.push(text.to_owned());
    }
    if operation.deprecated {
        parts.push("Deprecated.".to_owned());
    }
    let described = arguments
        .iter()
        .filter(|argument| !argument.text.trim().is_empty())
        .map(|argument| format!("{}: {}", argument.name, argument.text.trim()));
    encode::docstring_with(&parts.join("\n\n"), &[("Args", described.collect())], 8)
}

/// Successes of an operation with the content to read of each; redirects when it has no 2xx.
pub fn successes(operation: &Operation) -> Vec<(u16, Option<&Content>)> {
    let pick = |wanted: &dyn Fn(StatusRange) -> Option<u16>| -> Vec<(u16, Option<&Content>)> {
        let of = |response: &Response| wanted(response.status);
        let found =
            operation.responses.iter().filter_map(|response| Some((of(response)?, response)));
        found.map(|(status, response)| (status, sent_content(&response.contents))).collect()
    };
    let successes = pick(&|status| match status {
        StatusRange::Code(code) if (200..300).contains(&code) => Some(code),
        StatusRange::Range(2) => Some(2),
        _ => None,
    });
    if !successes.is_empty() {
        return successes;
    }
    let others = pick(&|status| match status {
        StatusRange::Code(code) if code < 400 => Some(code),
        _ => None,
    });
    if !others.is_empty() {
        return others.into_iter().map(|(status, _)| (status, None)).collect();
    }
    pick(&|status| (status == StatusRange::Default).then_some(0))
}

pub fn returns(types: &Types<'_>, operation: &Operation, module: &mut Module) -> Returns {
    let mut forms: Vec<String> = Vec::new();
    let mut streamed = false;
    for (_, content) in successes(operation) {
        let form = match content {
            None => "None".to_owned(),
            Some(content) => answer_annotation(types, content, operation, module, &mut streamed),
        };
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    if streamed {
        let item = forms.pop().unwrap_or_default();
        module.name("runtime.streams", "AsyncStream");
        module.name("runtime.streams", "Stream");
        return Returns {
            annotation: format!("Stream[{item}]"),
            async_annotation: format!("AsyncStream[{item}]"),
            streamed,
        };
    }
    // None reads best at the end.
    forms.sort_by_key(|form| form == "None");
    let annotation = match forms.as_slice() {
        [] => "None".to_owned(),
        forms if forms.iter().any(|form| form == "Any") => module.name("typing", "Any").to_owned(),
        forms => forms.join(" | "),
    };
    Returns { async_annotation: annotation.clone(), annotation, streamed }
}

fn answer_annotation(
    types: &Types<'_>,
    content: &Content,
    operation: &Operation,
    module: &mut Module,
    streamed: &mut bool,
) -> String {
    if operation.method == HttpMethod::Head {
        return "None".to_owned();
    }
    match content.kind {
        ContentKind::Json => types.annotation(&content.ty, module),
        ContentKind::Text | ContentKind::Form => "str".to_owned(),
        ContentKind::Binary | ContentKind::Multipart => "bytes".to_owned(),
        ContentKind::EventStream | ContentKind::JsonLines => {
            *streamed = true;
            types.annotation(&content.ty, module)
        }
    }
}

fn answer(types: &Types<'_>, content: Option<&Content>, head: bool, module: &mut Module) -> String {
    let Some(content) = content.filter(|_| !head) else {
        return module.name("runtime.operation", "NOTHING").to_owned();
    };
    let media_type = encode::string(&content.media_type);
    match content.kind {
        ContentKind::Json => {
            let class = module.name("runtime.operation", "Json");
            let annotation = types.annotation(&content.ty, module);
            if content.media_type == "application/json" || content.media_type.contains('*') {
                format!("{class}({annotation})")
            } else {
                format!("{class}({annotation}, {media_type})")
            }
        }
        ContentKind::Text | ContentKind::Form => {
            format!("{}({media_type})", module.name("runtime.operation", "Text"))
        }
        ContentKind::Binary | ContentKind::Multipart => {
            format!("{}({media_type})", module.name("runtime.operation", "Octets"))
        }
        ContentKind::EventStream | ContentKind::JsonLines => {
            let class = module.name("runtime.operation", "Streamed");
            format!("{class}({}, {media_type})", types.annotation(&content.ty, module))
        }
    }
}

/// The constant of an operation; a streamed one has a twin for tasks.
fn constant_texts(
    types: &Types<'_>,
    operation: &Operation,
    name: &str,
    returns: &Returns,
    module: &mut Module,
) -> Vec<String> {
    let mut items = vec![
        format!("id={}", encode::string(&operation.id)),
        format!("method={}", encode::string(operation.method.as_str())),
        format!("path={}", encode::string(&operation.path)),
    ];
    let head = operation.method == HttpMethod::Head;
    let answers: Vec<String> = successes(operation)
        .into_iter()
        .map(|(status, content)| format!("{status}: {}", answer(types, content, head, module)))
        .collect();
    if !answers.is_empty() {
        items.push(layout::group(4, "answers=", &answers, ["{", "}"], ""));
    }
    if operation.is_naturally_idempotent() {
        items.push("safe=True".to_owned());
    }
    if operation.policy.idempotency == Some(Idempotency::Key) {
        items.push("keyed=True".to_owned());
    }
    if !operation.security.is_empty() {
        let alternatives: Vec<String> = operation
            .security
            .iter()
            .map(|all| tuple(all.schemes.iter().map(|(name, _)| encode::string(name)).collect()))
            .collect();
        items.push(format!("security={}", tuple(alternatives)));
    }
    if let Some(content) = operation.body.as_ref().and_then(|body| sent_content(&body.contents)) {
        items.push(format!("body=\"{}\"", body_kind(content.kind)));
        if content.media_type != "application/json" && !content.media_type.contains('*') {
            items.push(format!("media_type={}", encode::string(&content.media_type)));
        }
    }
    let styles: Vec<String> = operation.parameters.iter().filter_map(style).collect();
    if !styles.is_empty() {
        items.push(layout::group(4, "styles=", &styles, ["{", "}"], ""));
    }
    let text = |name: &str, annotation: &str| {
        let head = format!("{name}: Operation[{annotation}] = Operation");
        layout::exploded(0, &head, &items, ["(", ")"], "")
    };
    let mut texts = vec![text(name, &returns.annotation)];
    if returns.streamed {
        texts.push(text(&format!("{name}_ASYNC"), &returns.async_annotation));
    }
    texts
}

fn tuple(items: Vec<String>) -> String {
    if items.len() == 1 { format!("({},)", items[0]) } else { format!("({})", items.join(", ")) }
}

fn body_kind(kind: ContentKind) -> &'static str {
    match kind {
        ContentKind::Json => "json",
        ContentKind::Form => "form",
        ContentKind::Multipart => "multipart",
        ContentKind::Text => "text",
        ContentKind::Binary | ContentKind::EventStream | ContentKind::JsonLines => "binary",
    }
}

/// The style of a parameter where it is not the one the runtime assumes.
fn style(parameter: &Parameter) -> Option<String> {
    let (place, usual) = match parameter.location_in {
        ParameterLocation::Path => ("path", ""),
        ParameterLocation::Query => ("query", "explode"),
        ParameterLocation::Header => ("header", ""),
        ParameterLocation::Cookie => return None,
    };
    let style = match parameter.style {
        ParameterStyle::Simple if parameter.explode => "simple-explode",
        ParameterStyle::Simple => "",
        ParameterStyle::Form if parameter.explode => "explode",
        ParameterStyle::Form => "comma",
        ParameterStyle::Label => "label",
        ParameterStyle::Matrix => "matrix",
        ParameterStyle::SpaceDelimited => "space",
        ParameterStyle::PipeDelimited => "pipe",
        ParameterStyle::DeepObject => "deep",
        ParameterStyle::Json => "json",
    };
    let key = encode::string(&format!("{place}.{}", parameter.wire_name));
    (style != usual && !style.is_empty()).then(|| format!("{key}: \"{style}\""))
}
