//! `client.ts`: the client class, its resources, and the methods the parity document puts on it.

use super::layout::{self, Text};
use super::masks::Masks;
use super::models::Notes;
use super::operations::answer_type;
use super::plan::{OperationPlan, Plan, TagPlan};
use super::settings::{self, Renewal};
use super::types::Types;
use crate::contract::{ParityMethod, ParityParameter};
use crate::emit::Job;
use crate::encode::typescript as encode;
use crate::names::{self, Scope};
use serde::Serialize;

#[derive(Serialize)]
pub struct ClientView {
    imports: Vec<String>,
    client: String,
    doc: String,
    /// Entries of the settings.
    settings: Vec<String>,
    resources: Vec<ResourceView>,
    /// Interfaces of the methods' optional values.
    interfaces: Vec<String>,
    interface_names: Vec<String>,
    methods: Vec<MethodView>,
}

#[derive(Serialize)]
struct ResourceView {
    doc: String,
    attribute: String,
    class: String,
}

#[derive(Serialize)]
struct MethodView {
    doc: String,
    signature: String,
    body: Vec<String>,
}

#[derive(Default)]
struct Interfaces {
    names: Vec<String>,
    texts: Vec<String>,
}

/// A parameter of the facade, named.
struct Argument<'a> {
    name: String,
    parameter: &'a ParityParameter,
}

pub fn view(job: &Job<'_>, plan: &Plan<'_>, masks: &Masks<'_>) -> ClientView {
    let mut symbols = job.contract.parity.iter().flat_map(|parity| &parity.symbols);
    let symbol = symbols.find(|symbol| symbol.name == plan.client);
    let types = Types::new(&plan.types, "models.");
    let mut interfaces = Interfaces::default();
    let methods: Vec<MethodView> = symbol
        .map_or(&[][..], |symbol| &symbol.methods)
        .iter()
        .filter_map(|method| {
            let (tag, operation) = plan.find(&method.operation)?;
            Some(describe(plan, &types, method, tag, operation, &mut interfaces))
        })
        .collect();
    let title = format!("The client of {}.", job.contract.info.title);
    let about = symbol.map_or(title.as_str(), |symbol| symbol.description.as_str());
    let renewal = settings::renewal(job, plan);
    let has_masks = masks.any();
    ClientView {
        imports: imports(plan, &types, &methods, has_masks, renewal.as_ref()),
        client: plan.client.clone(),
        doc: encode::comment(about, 0),
        settings: settings::entries(job, has_masks, renewal.as_ref()),
        resources: plan.tags.iter().map(resource).collect(),
        interfaces: interfaces.texts,
        interface_names: interfaces.names,
        methods,
    }
}

fn resource(tag: &TagPlan<'_>) -> ResourceView {
    ResourceView {
        doc: encode::comment(tag.tag.description.as_deref().unwrap_or_default(), 2),
        attribute: encode::key(&tag.attribute),
        class: tag.class.clone(),
    }
}

fn imports(
    plan: &Plan<'_>,
    types: &Types<'_>,
    methods: &[MethodView],
    has_masks: bool,
    renewal: Option<&Renewal<'_>>,
) -> Vec<String> {
    let mut lines = vec!["import { makeError } from './errors.js';".to_owned()];
    if has_masks {
        lines.push("import { MASKS } from './masks.js';".to_owned());
    }
    if types.uses_models() {
        lines.push("import type * as models from './models.js';".to_owned());
    }
    for tag in &plan.tags {
        let mut names = vec![tag.class.clone()];
        if let Some(renewal) = renewal.filter(|renewal| renewal.tag.stem == tag.stem) {
            names.push(renewal.operation.constant.clone());
        }
        let from = format!(" from './resources/{}.js';", tag.stem);
        lines.push(layout::object(0, "import ", &names, &from));
    }
    let fields =
        methods.iter().any(|method| method.body.iter().any(|line| line.contains("defined(")));
    if fields {
        lines.push("import { defined } from './runtime/fields.js';".to_owned());
    }
    let options =
        if methods.is_empty() { "ClientOptions" } else { "ClientOptions, RequestOptions" };
    if types.uses_binary() {
        lines.push("import type { Binary } from './runtime/binary.js';".to_owned());
    }
    lines.push(format!("import type {{ {options} }} from './runtime/options.js';"));
    lines.push("import { Transport, type Settings } from './runtime/transport.js';".to_owned());
    lines
}

fn describe(
    plan: &Plan<'_>,
    types: &Types<'_>,
    method: &ParityMethod,
    tag: &TagPlan<'_>,
    operation: &OperationPlan<'_>,
    interfaces: &mut Interfaces,
) -> MethodView {
    let mut scope = Scope::with_reserved(["params", "options", "answer", "content"]);
    let arguments: Vec<Argument<'_>> = method
        .parameters
        .iter()
        .map(|parameter| {
            let name = encode::identifier(&names::camel(&parameter.name));
            Argument { name: scope.claim(&name), parameter }
        })
        .collect();
    let (positional, named): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|a| a.parameter.required || a.parameter.target == "body");
    let params_type = params_type(&plan.client, method);
    if !named.is_empty() {
        interfaces.texts.push(params_interface(types, &params_type, &named));
        interfaces.names.push(params_type.clone());
    }
    let mut parts: Vec<String> =
        positional.iter().map(|argument| positional_text(types, argument)).collect();
    if !named.is_empty() {
        parts.push(format!("params: {params_type} = {{}}"));
    }
    parts.push("options: RequestOptions = {}".to_owned());
    let returns = match (&method.returns_field, &method.returns) {
        (Some(_), Some(ty)) => types.text(ty),
        _ => answer_type(types, &operation.answer),
    };
    let head = if method.returns_field.is_some() {
        format!("async {}", names::camel(&method.name))
    } else {
        names::camel(&method.name)
    };
    let tail = format!(": Promise<{}> {{", returns.flat());
    MethodView {
        doc: doc(method, &arguments),
        signature: layout::list(2, &head, &parts, &tail),
        body: body(types, method, tag, operation, &arguments),
    }
}

/// Interface of the optional values of a facade method.
fn params_type(client: &str, method: &ParityMethod) -> String {
    format!("{client}{}Params", names::pascal(&method.name))
}

/// `export { Client, type ClientMethodParams } from './client.js';`
pub fn export(view: &ClientView) -> String {
    let interfaces = view.interface_names.iter().map(|name| format!("type {name}"));
    let names: Vec<String> = [view.client.clone()].into_iter().chain(interfaces).collect();
    layout::object(0, "export ", &names, " from './client.js';")
}

fn positional_text(types: &Types<'_>, argument: &Argument<'_>) -> String {
    let optional = if argument.parameter.required { "" } else { "?" };
    types.text(&argument.parameter.ty).after(4, &format!("{}{optional}:", argument.name), "")
}

fn params_interface(types: &Types<'_>, name: &str, arguments: &[&Argument<'_>]) -> String {
    let mut out = format!("export interface {name} {{\n");
    for argument in arguments {
        let parameter = argument.parameter;
        let notes = Notes {
            description: Some(&parameter.description),
            masked: false,
            default: parameter.default.as_ref().map(encode::value),
            deprecated: false,
        };
        let text = Text::union([types.text(&parameter.ty), Text::atom("undefined")]);
        out.push_str(&notes.comment(2));
        out.push_str(&format!("  {}\n", text.after(2, &format!("{}?:", argument.name), ";")));
    }
    out + "}"
}

fn doc(method: &ParityMethod, arguments: &[Argument<'_>]) -> String {
    let mut lines: Vec<String> = Vec::new();
    encode::wrap(&encode::comment_line(&method.description), 94, &mut lines);
    lines.push(String::new());
    for argument in
        arguments.iter().filter(|a| a.parameter.required || a.parameter.target == "body")
    {
        let text = encode::comment_line(&argument.parameter.description);
        lines.push(format!("@param {} {text}", argument.name));
    }
    for error in &method.errors {
        lines.push(format!("@throws {error}"));
    }
    encode::comment_block(&lines, "  ")
}

/// Puts each value where its target says, and calls the operation.
fn body(
    types: &Types<'_>,
    method: &ParityMethod,
    tag: &TagPlan<'_>,
    operation: &OperationPlan<'_>,
    arguments: &[Argument<'_>],
) -> Vec<String> {
    let mut lines = Vec::new();
    let by_target = |target: String| arguments.iter().find(|a| a.parameter.target == target);
    let mut call: Vec<String> = operation
        .path
        .iter()
        .filter_map(|path| by_target(format!("path.{}", path.parameter.wire_name)))
        .map(|argument| argument.name.clone())
        .collect();
    if let Some(content) = &operation.body {
        if let Some(whole) = by_target("body".to_owned()) {
            call.push(whole.name.clone());
        } else {
            let fields = targets(arguments, "body.");
            let text = types.body(content.kind, &content.content.ty).flat();
            lines.push(object(&format!("const content: {text} = "), &fields));
            call.push("content".to_owned());
        }
    }
    if !operation.params.is_empty() {
        let mut fields = Vec::new();
        for param in &operation.params {
            let wire_name = &param.parameter.wire_name;
            let found = ["query", "header", "cookie"]
                .iter()
                .find_map(|place| by_target(format!("{place}.{wire_name}")));
            if let Some(argument) = found {
                fields.push((param.name.clone(), argument));
            }
        }
        if fields.is_empty() {
            call.push("{}".to_owned());
        } else {
            lines.push(object("const values = ", &fields));
            call.push("values".to_owned());
        }
    }
    call.push("options".to_owned());
    let head = format!("this{}.{}", encode::member(&tag.attribute), operation.method);
    match &method.returns_field {
        Some(field) => {
            lines.push(layout::list(4, &format!("const answer = await {head}"), &call, ";"));
            lines.push(format!("return answer{};", encode::member(field)));
        }
        None => lines.push(layout::list(4, &format!("return {head}"), &call, ";")),
    }
    lines
}

fn targets<'a>(arguments: &'a [Argument<'a>], prefix: &str) -> Vec<(String, &'a Argument<'a>)> {
    arguments
        .iter()
        .filter_map(|argument| {
            let field = argument.parameter.target.strip_prefix(prefix)?;
            Some((encode::key(field), argument))
        })
        .collect()
}

/// Required values as they are, optional ones only when defined.
fn object(head: &str, fields: &[(String, &Argument<'_>)]) -> String {
    let mut out = format!("{head}{{\n");
    let mut optional = Vec::new();
    for (key, argument) in fields {
        if !argument.parameter.required {
            optional.push(format!("{key}: params.{}", argument.name));
        } else if *key == argument.name {
            out.push_str(&format!("      {key},\n"));
        } else {
            out.push_str(&format!("      {key}: {},\n", argument.name));
        }
    }
    if !optional.is_empty() {
        let flat = format!("...defined({{ {} }}),", optional.join(", "));
        if flat.len() + 6 <= layout::WIDTH {
            out.push_str(&format!("      {flat}\n"));
        } else {
            out.push_str("      ...defined({\n");
            for entry in optional {
                out.push_str(&format!("        {entry},\n"));
            }
            out.push_str("      }),\n");
        }
    }
    out + "    };"
}
