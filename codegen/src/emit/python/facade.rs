//! Methods of the client itself, as the parity document names them: each calls one operation.

use super::layout;
use super::models;
use super::operations::{Argument, Method, Resource};
use super::types::{Module, Types};
use crate::contract::{Contract, Field, ParityMethod, ParityParameter, Shape, TypeKind};
use crate::encode::python as encode;
use crate::names;
use serde::Serialize;

#[derive(Serialize)]
pub struct FacadeMethod {
    pub name: String,
    pub signature: String,
    pub async_signature: String,
    pub docstring: String,
    pub call: String,
    pub async_call: String,
}

/// The methods of the parity symbol that is named like the client.
pub fn methods(
    contract: &Contract,
    types: &Types<'_>,
    resources: &[Resource],
    client: &str,
    module: &mut Module,
) -> Vec<FacadeMethod> {
    let symbols = contract.parity.iter().flat_map(|parity| &parity.symbols);
    symbols
        .filter(|symbol| symbol.name == client)
        .flat_map(|symbol| &symbol.methods)
        .filter_map(|method| facade(contract, types, resources, method, module))
        .collect()
}

fn facade(
    contract: &Contract,
    types: &Types<'_>,
    resources: &[Resource],
    parity: &ParityMethod,
    module: &mut Module,
) -> Option<FacadeMethod> {
    let (resource, behind) = resources.iter().find_map(|resource| {
        let found = resource
            .methods
            .iter()
            .find(|method| contract.operations[method.operation].id == parity.operation);
        found.map(|method| (resource, method))
    })?;
    let field = parity
        .returns_field
        .as_deref()
        .and_then(|wire_name| answer_field(contract, types, behind, wire_name));
    let (returns, async_returns) = match &field {
        Some((field, _)) => {
            let annotation = types.annotation(&field.ty, module);
            let annotation =
                if field.required || annotation == "Any" || annotation.ends_with("None") {
                    annotation
                } else {
                    format!("{annotation} | None")
                };
            (annotation.clone(), annotation)
        }
        None => (behind.returns.annotation.clone(), behind.returns.async_annotation.clone()),
    };
    let name = method_name(parity);
    let tail = field.map_or_else(String::new, |(_, name)| format!(".{name}"));
    let items = call_items(contract, types, behind, parity);
    let give = |wait: bool| {
        let call = format!("self.{}.{}", resource.attribute, behind.name);
        let nothing = behind.returns.annotation == "None";
        match (nothing, wait, tail.is_empty()) {
            (true, false, _) => exploded_call(8, &call, &items, ""),
            (true, true, _) => exploded_call(8, &format!("await {call}"), &items, ""),
            (false, false, _) => exploded_call(8, &format!("return {call}"), &items, &tail),
            (false, true, true) => exploded_call(8, &format!("return await {call}"), &items, ""),
            (false, true, false) => {
                let inner = exploded_call(8, &format!("answer = await {call}"), &items, "");
                format!("{inner}\n        return answer{tail}")
            }
        }
    };
    Some(FacadeMethod {
        signature: signature(types, &name, parity, &returns, module),
        async_signature: signature(types, &name, parity, &async_returns, module),
        docstring: describe(parity),
        call: give(false),
        async_call: give(true),
        name,
    })
}

fn exploded_call(indent: usize, head: &str, items: &[String], tail: &str) -> String {
    layout::exploded(indent, head, items, ["(", ")"], tail)
}

fn answer_field<'a>(
    contract: &'a Contract,
    types: &Types<'a>,
    behind: &Method,
    wire_name: &str,
) -> Option<(&'a Field, String)> {
    let content = contract.operations[behind.operation].success()?.contents.first()?;
    let Shape::Named(name) = &content.ty.shape else { return None };
    let TypeKind::Object(object) = &types.declaration(name)?.kind else { return None };
    let at = object.fields.iter().position(|field| field.wire_name == wire_name)?;
    Some((&object.fields[at], models::field_names(object).swap_remove(at)))
}

/// The method of the client.
pub fn method_name(parity: &ParityMethod) -> String {
    encode::identifier(&names::snake(&parity.name))
}

/// An argument of it.
pub fn parameter_name(parameter: &ParityParameter) -> String {
    let name = encode::identifier(&names::snake(&parameter.name));
    if ["options", "self", "models"].contains(&name.as_str()) { format!("{name}_") } else { name }
}

fn signature(
    types: &Types<'_>,
    name: &str,
    parity: &ParityMethod,
    returns: &str,
    module: &mut Module,
) -> String {
    let mut items = vec!["self".to_owned()];
    for parameter in parity.parameters.iter().filter(|parameter| parameter.required) {
        let annotation = types.argument(&parameter.ty, module);
        items.push(format!("{}: {annotation}", parameter_name(parameter)));
    }
    let optional: Vec<_> =
        parity.parameters.iter().filter(|parameter| !parameter.required).collect();
    if !optional.is_empty() {
        items.push("*".to_owned());
    }
    for parameter in optional {
        let annotation = types.argument(&parameter.ty, module);
        let name = parameter_name(parameter);
        items.push(if parameter.target != "body" && types.accepts_null(&parameter.ty) {
            module.name("runtime.unset", "UNSET");
            if annotation == "Any" {
                format!("{name}: Any = UNSET")
            } else {
                module.name("runtime.unset", "Unset");
                format!("{name}: {} | None | Unset = UNSET", annotation.trim_end_matches(" | None"))
            }
        } else if annotation == "Any" {
            format!("{name}: Any = None")
        } else {
            format!("{name}: {} | None = None", annotation.trim_end_matches(" | None"))
        });
    }
    items.push("**options: Unpack[CallOptions]".to_owned());
    layout::exploded(4, &format!("def {name}"), &items, ["(", ")"], &format!(" -> {returns}:"))
}

/// The arguments of the operation behind, filled from the parameters.
fn call_items(
    contract: &Contract,
    types: &Types<'_>,
    behind: &Method,
    parity: &ParityMethod,
) -> Vec<String> {
    let mut items = Vec::new();
    for argument in &behind.arguments {
        if argument.location.is_empty() {
            items.extend(body_item(contract, types, behind, argument, parity));
            continue;
        }
        let target = format!("{}.{}", argument.location, argument.wire_name);
        let Some(parameter) =
            parity.parameters.iter().find(|known| known.target.eq_ignore_ascii_case(&target))
        else {
            continue;
        };
        let value = parameter_name(parameter);
        items.push(if argument.location == "path" {
            value
        } else {
            format!("{}={value}", argument.name)
        });
    }
    items.push("**options".to_owned());
    items
}

fn body_item(
    contract: &Contract,
    types: &Types<'_>,
    behind: &Method,
    argument: &Argument,
    parity: &ParityMethod,
) -> Option<String> {
    if let Some(whole) = parity.parameters.iter().find(|known| known.target == "body") {
        return Some(parameter_name(whole));
    }
    let fields: Vec<String> = parity
        .parameters
        .iter()
        .filter_map(|known| Some((known.target.strip_prefix("body.")?, known)))
        .map(|(field, known)| format!("{}: {}", encode::string(field), parameter_name(known)))
        .collect();
    if fields.is_empty() && !argument.required {
        return None;
    }
    let map = layout::exploded(16, "", &fields, ["{", "}"], "");
    let content = contract.operations[behind.operation].body.as_ref()?.contents.first()?;
    let is_object = matches!(&content.ty.shape, Shape::Named(name) if types
        .declaration(name)
        .is_some_and(|declaration| matches!(declaration.kind, TypeKind::Object(_))));
    Some(if is_object {
        layout::exploded(
            12,
            &format!("{}.from_wire", argument.annotation.trim_end_matches(" | None")),
            &[map],
            ["(", ")"],
            "",
        )
    } else {
        layout::exploded(12, "", &fields, ["{", "}"], "")
    })
}

fn describe(parity: &ParityMethod) -> String {
    let described = parity
        .parameters
        .iter()
        .filter(|parameter| !parameter.description.trim().is_empty())
        .map(|parameter| format!("{}: {}", parameter_name(parameter), parameter.description));
    let lists = [("Args", described.collect()), ("Raises", parity.errors.clone())];
    encode::docstring_with(&parity.description, &lists, 8)
}
