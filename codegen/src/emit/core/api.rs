//! `api.rs`: the traits that the server implements, one for each tag, with the types of their
//! parameters and answers.

use super::layout::Layout;
use super::operations::place;
use super::types::{Types, tag_traits};
use super::view::{AnswerKind, Bound, is_present, mentions, spell_parameter};
use crate::contract::{Contract, Parameter};
use crate::encode::rust;
use serde::Serialize;

const WIDTH: usize = 100;

#[derive(Serialize)]
pub struct ApiView {
    pub imports: Vec<String>,
    pub traits: Vec<TraitView>,
    pub parameters: Vec<ParametersView>,
    pub answers: Vec<AnswersView>,
}

#[derive(Serialize)]
pub struct TraitView {
    pub doc: String,
    pub name: String,
    pub operations: Vec<MethodView>,
}

#[derive(Serialize)]
pub struct MethodView {
    pub doc: String,
    pub signature: String,
}

#[derive(Serialize)]
pub struct ParametersView {
    pub doc: String,
    pub name: String,
    pub derives: &'static str,
    pub fields: Vec<FieldView>,
    pub decode: String,
    /// Body of a hand-made `Debug`, when a field is classified.
    pub debug: Option<String>,
}

#[derive(Serialize)]
pub struct FieldView {
    pub doc: String,
    pub name: String,
    pub gap: &'static str,
    pub ty: String,
}

#[derive(Serialize)]
pub struct AnswersView {
    pub doc: String,
    pub name: String,
    pub variants: Vec<VariantView>,
}

#[derive(Serialize)]
pub struct VariantView {
    pub doc: String,
    pub name: String,
}

pub fn api_view(contract: &Contract, bound: &[Bound<'_>], types: &Types<'_>) -> ApiView {
    let traits: Vec<TraitView> = tag_traits(contract)
        .into_iter()
        .map(|(tag, name)| {
            let own = bound.iter().filter(|one| one.operation.tag == tag);
            let operations = own.map(|one| method(one, types)).collect();
            TraitView { doc: trait_doc(contract, tag), name, operations }
        })
        .collect();
    let parameters: Vec<ParametersView> =
        bound.iter().filter(|one| !one.params.is_empty()).map(|one| params(one, types)).collect();
    let answers: Vec<AnswersView> =
        bound.iter().filter(|one| one.answers.len() > 1).map(|one| answers(one, types)).collect();
    let texts = || {
        let fields = parameters.iter().flat_map(|one| one.fields.iter().map(|field| &field.ty));
        let variants = answers.iter().flat_map(|one| one.variants.iter().map(|one| &one.name));
        let methods = traits.iter().flat_map(|one| &one.operations);
        methods.map(|one| &one.signature).chain(fields).chain(variants)
    };
    let uses = |word: &str| mentions(texts(), word);
    let mut runtime = vec!["Call", "Guard"];
    if !parameters.is_empty() {
        runtime.extend(["Input", "Place"]);
    }
    runtime.push("Problem");
    if uses("Raw") {
        runtime.push("Raw");
    }
    if uses("runtime::") || parameters.iter().any(|one| one.debug.is_some()) {
        runtime.push("self");
        runtime.sort_by_key(|name| (*name != "self", *name));
    }
    let mut imports = Vec::new();
    if uses("models::") {
        imports.push("use crate::models;".to_owned());
    }
    imports.push(super::operations::import_line("crate::runtime", &runtime));
    if uses("Value") {
        imports.push("use serde_json::Value;".to_owned());
    }
    if uses("BTreeMap") {
        imports.push("use std::collections::BTreeMap;".to_owned());
    }
    if parameters.iter().any(|one| one.debug.is_some()) {
        imports.push("use std::fmt;".to_owned());
    }
    imports.push("use std::future::Future;".to_owned());
    if uses("Uuid") {
        imports.push("use uuid::Uuid;".to_owned());
    }
    ApiView { imports, traits, parameters, answers }
}

fn trait_doc(contract: &Contract, tag: &str) -> String {
    let described = contract.tags.iter().find(|one| one.name == tag);
    let text = described.and_then(|one| one.description.as_deref()).map(str::trim);
    let text = text.filter(|text| !text.is_empty());
    rust::comment(text.unwrap_or(&format!("The operations tagged {tag}.")), "")
}

fn method(bound: &Bound<'_>, types: &Types<'_>) -> MethodView {
    let operation = bound.operation;
    let mut doc = String::new();
    for text in [&operation.summary, &operation.description].into_iter().flatten() {
        doc.push_str(text.trim());
        doc.push_str("\n\n");
    }
    doc.push_str(&format!("`{} {}`", operation.method.as_str(), operation.path));
    let mut arguments = vec!["&self".to_owned(), "call: &mut Call<'_, Self::Caller>".to_owned()];
    for (name, parameter) in &bound.path {
        arguments.push(format!("{name}: {}", spell_parameter(types, parameter)));
    }
    if !bound.params.is_empty() {
        arguments.push(format!("params: {}", bound.names.parameters));
    }
    if let Some(body) = &bound.body {
        arguments.push(format!("body: {}", body.spell(types)));
    }
    let answer = bound.answer_type(types);
    let answer = format!("impl Future<Output = Result<{answer}, Problem>> + Send");
    let name = &bound.names.function;
    let flat = format!("    fn {name}({}) -> {answer};", arguments.join(", "));
    let signature = if flat.len() <= WIDTH {
        flat
    } else {
        let arguments = arguments.join(",\n        ");
        format!("    fn {name}(\n        {arguments},\n    ) -> {answer};")
    };
    MethodView { doc: rust::comment(&doc, "    "), signature }
}

fn params(bound: &Bound<'_>, types: &Types<'_>) -> ParametersView {
    let name = bound.names.parameters.clone();
    let fields = bound.params.iter().map(|(name, parameter)| {
        let ty = spell_parameter(types, parameter);
        FieldView {
            doc: rust::comment(parameter.description.as_deref().unwrap_or_default(), "    "),
            gap: gap(name, &ty),
            name: name.clone(),
            ty,
        }
    });
    let reads = bound.params.iter().map(|(name, parameter)| {
        let read = Layout::atom(format!("input.{}?", take(parameter)));
        (name.clone(), read)
    });
    let decode = Layout::Struct("Self".to_owned(), reads.collect());
    let decode = Layout::Call("Ok".to_owned(), Box::new(decode)).print(8, 8, 0);
    let masked: Vec<(&str, bool)> = bound
        .params
        .iter()
        .map(|(name, parameter)| (name.as_str(), parameter.data_class.is_some()))
        .collect();
    let debug = masked.iter().any(|(_, masked)| *masked).then(|| debug_body(&name, &masked));
    ParametersView {
        doc: rust::comment(
            &format!("Parameters of `{}` outside its path.", bound.names.function),
            "",
        ),
        derives: if debug.is_some() { "Clone, PartialEq" } else { "Debug, Clone, PartialEq" },
        name,
        fields: fields.collect(),
        decode,
        debug,
    }
}

/// What stands between the colon of a field and its type: a type that does not fit on the line
/// goes to the next.
pub fn gap(name: &str, ty: &str) -> &'static str {
    let length = "    pub : ,".len() + name.len() + ty.len();
    if length > WIDTH && 9 + ty.len() <= WIDTH { "\n        " } else { " " }
}

pub fn take(parameter: &Parameter) -> String {
    let method = if is_present(parameter) { "take" } else { "take_optional" };
    let place = place(parameter.location_in);
    format!("{method}(Place::{place}, {})", rust::string(&parameter.wire_name))
}

/// The body of `fmt` for a struct of which some fields are masked.
pub fn debug_body(name: &str, fields: &[(&str, bool)]) -> String {
    let calls: Vec<String> = fields
        .iter()
        .map(|(field, masked)| {
            let label = rust::string(field.strip_prefix("r#").unwrap_or(field));
            let value =
                if *masked { "runtime::Masked".to_owned() } else { format!("self.{field}") };
            format!(".field({label}, &{value})")
        })
        .collect();
    let head = format!("out.debug_struct({})", rust::string(name));
    let flat = format!("        {head}{}.finish()", calls.concat());
    if flat.len() <= WIDTH {
        return flat;
    }
    let lines = calls.join("\n            ");
    format!("        {head}\n            {lines}\n            .finish()")
}

fn answers(bound: &Bound<'_>, types: &Types<'_>) -> AnswersView {
    let variants = bound.answers.iter().map(|answer| VariantView {
        doc: rust::comment(answer.description, "    "),
        name: match answer.kind {
            AnswerKind::Empty => answer.variant.clone(),
            _ => format!("{}({})", answer.variant, answer.kind.spell(types)),
        },
    });
    AnswersView {
        doc: rust::comment(&format!("Successful answers of `{}`.", bound.names.function), ""),
        name: bound.names.answer.clone(),
        variants: variants.collect(),
    }
}
