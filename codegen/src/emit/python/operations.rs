//! Operations: one resource for each tag, and methods of a signature and one call.

use super::facts::{self, Returns, sent_content};
use super::layout;
use super::models::limits;
use super::types::{Module, Types};
use crate::contract::{
    Content, ContentKind, Contract, Operation, Parameter, ParameterLocation, Shape,
};
use crate::encode::python as encode;
use crate::names::{self, Scope};
use serde::Serialize;
use std::collections::HashMap;

/// Parameters of every method, and names its body uses.
const RESERVED_ARGUMENTS: &[&str] =
    &["self", "options", "models", "timeout", "max_retries", "idempotency_key", "extra_headers"];

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

/// Builds the resources, one for each tag, in the order of the spec.
pub fn resources(contract: &Contract, types: &Types<'_>) -> Vec<Resource> {
    groups(contract).into_iter().map(|group| resource(contract, types, group)).collect()
}

/// The operations of a tag, by their place in the contract.
struct Group<'a> {
    tag: &'a str,
    attribute: String,
    operations: Vec<usize>,
}

fn groups(contract: &Contract) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut position: HashMap<&str, usize> = HashMap::new();
    for (index, operation) in contract.operations.iter().enumerate() {
        let at = *position.entry(operation.tag.as_str()).or_insert_with(|| {
            groups.push(Group {
                tag: &operation.tag,
                attribute: String::new(),
                operations: Vec::new(),
            });
            groups.len() - 1
        });
        groups[at].operations.push(index);
    }
    let order = |name: &str| contract.tags.iter().position(|tag| tag.name == name);
    groups.sort_by_cached_key(|group| order(group.tag).unwrap_or(usize::MAX));
    let mut scope = Scope::with_reserved(["close", "models"]);
    for group in &mut groups {
        group.attribute = scope.claim(&attribute_name(group.tag));
    }
    groups
}

/// Names of the methods and constants of one resource.
fn names_of(contract: &Contract, operations: &[usize]) -> Vec<(String, String)> {
    let mut methods = Scope::with_reserved(["__init__"]);
    let mut constants = Scope::with_reserved(["NOTHING"]);
    operations
        .iter()
        .map(|&index| {
            let id = &contract.operations[index].id;
            (methods.claim(&method_name(id)), constants.claim(&constant_name(id)))
        })
        .collect()
}

fn resource(contract: &Contract, types: &Types<'_>, group: Group<'_>) -> Resource {
    let Group { tag, attribute, operations } = group;
    let mut module = Module::new("models.");
    module.name("typing", "Unpack");
    for name in ["CallOptions", "Operation"] {
        module.name("runtime.operation", name);
    }
    for name in ["AsyncTransport", "Transport"] {
        module.name("runtime.transport", name);
    }
    let mut constants = Vec::new();
    let names = names_of(contract, &operations);
    let methods: Vec<Method> = operations
        .into_iter()
        .zip(names)
        .map(|(index, (name, constant))| {
            let operation = &contract.operations[index];
            let returns = facts::returns(types, operation, &mut module);
            constants.extend(facts::constants(types, operation, &constant, &returns, &mut module));
            method(types, operation, index, name, &constant, returns, &mut module)
        })
        .collect();
    let known = contract.tags.iter().find(|known| known.name == tag);
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
