//! What the contract says about one operation, as the constant the runtime works from.

use super::layout;
use super::types::{Module, Types};
use crate::contract::{
    Content, ContentKind, HttpMethod, Idempotency, Operation, Parameter, ParameterLocation,
    ParameterStyle, Response, StatusRange,
};
use crate::encode::python as encode;

/// What a method gives back.
#[derive(Clone)]
pub struct Returns {
    pub annotation: String,
    pub async_annotation: String,
    pub streamed: bool,
}

/// The first content that can be sent, JSON before all others.
pub fn sent_content(contents: &[Content]) -> Option<&Content> {
    contents.iter().find(|content| content.kind == ContentKind::Json).or_else(|| contents.first())
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

/// The constant of an operation; a streamed one has a twin for tasks.
pub fn constants(
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
