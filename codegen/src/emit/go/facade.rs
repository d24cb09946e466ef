//! Methods of the client itself, from the parity document: plain parameters in, the operation
//! called, plain values out.

use super::answers::Returns;
use super::models::{Line, field_names};
use super::operations::{Input, Method, Resource, Source, local_scope};
use super::places::{assignment, place, plain, wrapped};
use super::types::{Names, Wrap};
use crate::contract::{ParityMethod, ParityParameter};
use crate::encode::go;
use crate::names::{self, Scope};
use serde::Serialize;

#[derive(Serialize)]
pub struct Facade<'a> {
    pub imports: Vec<&'static str>,
    pub methods: Vec<FacadeMethod<'a>>,
}

#[derive(Serialize)]
pub struct FacadeMethod<'a> {
    #[serde(skip)]
    pub parity: &'a ParityMethod,
    #[serde(skip)]
    pub arguments_plain: Vec<Argument<'a>>,
    pub name: String,
    pub doc: Vec<String>,
    pub arguments: String,
    pub result: String,
    pub lines: Vec<String>,
    pub optional: Option<OptionalStruct>,
}

#[derive(Serialize)]
pub struct OptionalStruct {
    pub name: String,
    pub fields: Vec<Line>,
}

/// One parameter of the facade.
pub struct Argument<'a> {
    pub parameter: &'a ParityParameter,
    /// The local name, or the field of the optional struct.
    pub name: String,
    pub ty: String,
    pub positional: bool,
}

pub fn view<'a>(names: &Names<'a>, resources: &[Resource<'a>], client: &str) -> Facade<'a> {
    let mut methods = Vec::new();
    let symbols = names.contract.parity.iter().flat_map(|parity| &parity.symbols);
    for parity in symbols.filter(|symbol| symbol.name == client).flat_map(|symbol| &symbol.methods)
    {
        let found = resources.iter().find_map(|resource| {
            let method =
                resource.methods.iter().find(|one| one.operation.id == parity.operation)?;
            Some((resource, method))
        });
        if let Some((resource, method)) = found {
            methods.push(facade_method(names, parity, resource, method));
        }
    }
    let uses = |token: &str| {
        methods.iter().any(|method| {
            method.arguments.contains(token)
                || method.result.contains(token)
                || method
                    .optional
                    .iter()
                    .flat_map(|one| &one.fields)
                    .any(|field| field.code.contains(token))
        })
    };
    let mut imports = vec!["\"context\""];
    for (token, import) in
        [("io.Reader", "\"io\""), ("iter.Seq2", "\"iter\""), ("time.Time", "\"time\"")]
    {
        if uses(token) {
            imports.push(import);
        }
    }
    Facade { imports, methods }
}

fn facade_method<'a>(
    names: &Names<'a>,
    parity: &'a ParityMethod,
    resource: &Resource<'a>,
    method: &Method<'a>,
) -> FacadeMethod<'a> {
    let name = names::go_pascal(&parity.name);
    let mut locals = local_scope();
    let mut fields = Scope::default();
    let mut lines = declarations(names, method);
    let mut arguments_plain: Vec<Argument<'a>> = Vec::new();
    let mut passed: Vec<(String, String)> = Vec::new();
    for parameter in &parity.parameters {
        let Some(place) = place(names, method, parameter) else { continue };
        let required = parameter.required;
        // A body is positional in every method, and nil leaves it out.
        let positional = required || parameter.target == "body";
        let pointer = if required || place.plain_nilable { "" } else { "*" };
        let ty = format!("{pointer}{}", place.plain);
        let argument = if positional {
            locals.claim(&go::identifier(&names::go_camel(&parameter.name)))
        } else {
            fields.claim(&names::go_pascal(&parameter.name))
        };
        let value = if positional { argument.clone() } else { format!("optional.{argument}") };
        if place.variable.is_empty() {
            passed.push((parameter.target.clone(), wrapped(&place.slot, &value)));
        } else {
            lines.extend(assignment(&place, &value, required));
        }
        arguments_plain.push(Argument { parameter, name: argument, ty, positional });
    }
    let optional = optional_struct(names, &name, &arguments_plain);
    let mut arguments: String = arguments_plain
        .iter()
        .filter(|argument| argument.positional)
        .map(|argument| format!(", {} {}", argument.name, argument.ty))
        .collect();
    if let Some(optional) = &optional {
        arguments.push_str(&format!(", optional {}", optional.name));
    }
    let call = call(names, resource, method, &passed);
    let (result, closing) = closing(names, parity, method, &call);
    lines.extend(closing);
    FacadeMethod {
        doc: documentation(&name, parity),
        parity,
        name,
        arguments,
        result,
        lines,
        optional,
        arguments_plain,
    }
}

fn documentation(name: &str, parity: &ParityMethod) -> Vec<String> {
    let mut text = format!("{name}: {}", parity.description);
    for parameter in parity
        .parameters
        .iter()
        .filter(|parameter| parameter.required || parameter.target == "body")
    {
        text.push_str(&format!(
            "\n\n{}: {}",
            names::go_camel(&parameter.name),
            parameter.description
        ));
    }
    if !parity.errors.is_empty() {
        let errors: Vec<String> =
            parity.errors.iter().map(|error| super::errors::sentinel(error)).collect();
        text.push_str(&format!("\n\nErrors to match with errors.Is: {}.", errors.join(", ")));
    }
    go::comment(&text, "")
}

/// The variables that parameters are written into: the body and the params of the operation.
fn declarations(names: &Names<'_>, method: &Method<'_>) -> Vec<String> {
    method
        .inputs
        .iter()
        .filter_map(|input| match input.source {
            Source::Path(_) => None,
            Source::Body(content) if names.object(&content.ty).is_some() => {
                Some(format!("var body {}", names.base(&content.ty)))
            }
            Source::Body(_) => Some(format!("var body {}", input.ty)),
            Source::Params => Some(format!("var params {}", input.ty)),
        })
        .collect()
}

fn optional_struct(
    names: &Names<'_>,
    method: &str,
    arguments: &[Argument<'_>],
) -> Option<OptionalStruct> {
    let fields: Vec<Line> = arguments
        .iter()
        .filter(|argument| !argument.positional)
        .map(|argument| {
            let mut text = format!("{}: {}", argument.name, argument.parameter.description);
            if let Some(default) = &argument.parameter.default {
                text.push_str(&format!("\n\nThe server takes {default} when it is absent."));
            }
            Line {
                doc: go::comment(&text, "\t"),
                code: format!("{} {}", argument.name, argument.ty),
            }
        })
        .collect();
    (!fields.is_empty())
        .then(|| OptionalStruct { name: names.claim(&format!("{method}Optional")), fields })
}

fn call(
    names: &Names<'_>,
    resource: &Resource<'_>,
    method: &Method<'_>,
    passed: &[(String, String)],
) -> String {
    let arguments: String = method
        .inputs
        .iter()
        .map(|input| format!(", {}", argument_of(names, input, passed)))
        .collect();
    format!("c.{}.{}(ctx{arguments}, options...)", resource.field, method.name)
}

fn argument_of(names: &Names<'_>, input: &Input<'_>, passed: &[(String, String)]) -> String {
    match input.source {
        Source::Path(parameter) => {
            let target = format!("path.{}", parameter.wire_name);
            passed
                .iter()
                .find(|(name, _)| *name == target)
                .map_or_else(|| format!("*new({})", input.ty), |(_, value)| value.clone())
        }
        Source::Body(content)
            if names.object(&content.ty).is_some() && input.ty.starts_with('*') =>
        {
            "&body".to_owned()
        }
        Source::Body(_) => "body".to_owned(),
        Source::Params => "params".to_owned(),
    }
}

fn closing(
    names: &Names<'_>,
    parity: &ParityMethod,
    method: &Method<'_>,
    call: &str,
) -> (String, Vec<String>) {
    let Returns::Json(ty) = method.returns else {
        return (method.result.clone(), vec![format!("return {call}")]);
    };
    if let Some(wire_name) = &parity.returns_field
        && let Some((declaration, object)) = names.object(ty)
        && let Some((field, name)) =
            field_names(object).into_iter().find(|(field, _)| field.wire_name == *wire_name)
    {
        let slot = names.field(&declaration.name, field);
        let reveal = (slot.classified || names.is_classified(&field.ty)) && slot.wrap == Wrap::None;
        let result = if reveal { plain(names, &field.ty) } else { slot.ty };
        let read = if reveal { ".Reveal()" } else { "" };
        return (
            format!("({result}, error)"),
            vec![
                format!("answer, err := {call}"),
                "if err != nil {".to_owned(),
                format!("\tvar none {result}"),
                "\treturn none, err".to_owned(),
                "}".to_owned(),
                format!("return answer.{name}{read}, nil"),
            ],
        );
    }
    if names.is_classified(ty) {
        return (
            format!("({}, error)", plain(names, ty)),
            vec![format!("answer, err := {call}"), "return answer.Reveal(), err".to_owned()],
        );
    }
    (method.result.clone(), vec![format!("return {call}")])
}
