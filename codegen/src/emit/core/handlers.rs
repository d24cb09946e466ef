//! `handlers.rs` and `router.rs`: the thin functions that call the trait, and the table that
//! names them.

use super::api::take;
use super::layout::Layout;
use super::operations::import_line;
use super::view::{Answer, AnswerKind, BodyKind, Bound, mentions};
use crate::encode::rust;
use serde::Serialize;

const WIDTH: usize = 100;

#[derive(Serialize)]
pub struct HandlersView {
    pub imports: Vec<String>,
    pub handlers: Vec<HandlerView>,
}

#[derive(Serialize)]
pub struct HandlerView {
    pub doc: String,
    pub signature: String,
    pub lines: Vec<String>,
}

#[derive(Serialize)]
pub struct RouterView {
    pub routes: Vec<String>,
}

pub fn handlers_view(bound: &[Bound<'_>]) -> HandlersView {
    let handlers: Vec<HandlerView> = bound.iter().map(handler).collect();
    let uses = |word: &str| mentions(handlers.iter().flat_map(|one| &one.lines), word);
    let api = if uses("api::") { "use crate::api::{self, Api};" } else { "use crate::api::Api;" };
    let mut runtime = vec!["self", "Acting", "Call", "Input"];
    if uses("Place") {
        runtime.push("Place");
    }
    let imports = vec![api.to_owned(), import_line("crate::runtime", &runtime)];
    HandlersView { imports, handlers }
}

fn handler(bound: &Bound<'_>) -> HandlerView {
    let operation = bound.operation;
    let mut lines = Vec::new();
    let mut arguments = vec!["call".to_owned()];
    for (name, parameter) in &bound.path {
        lines.push(format!("let {name} = input.{}?;", take(parameter)));
        arguments.push(name.clone());
    }
    if !bound.params.is_empty() {
        lines.push(format!("let params = api::{}::decode(&mut input)?;", bound.names.parameters));
        arguments.push("params".to_owned());
    }
    if let Some(body) = &bound.body {
        let method = match (body.kind, body.required) {
            (BodyKind::Raw, true) => "raw",
            (BodyKind::Raw, false) => "optional_raw",
            (_, true) => "body",
            (_, false) => "optional_body",
        };
        lines.push(format!("let body = input.{method}()?;"));
        arguments.push("body".to_owned());
    }
    let input = if arguments.len() > 1 { "mut input" } else { "_" };
    let function = &bound.names.function;
    let chain = Chain { head: "api", call: format!(".{function}({})", arguments.join(", ")) };
    match bound.answers.as_slice() {
        [only] if matches!(only.kind, AnswerKind::Empty) => {
            lines.push(chain.statement("", ";"));
            lines.push(respond(only, "answer"));
        }
        [only] => {
            lines.push(chain.statement("let answer =", ";"));
            lines.push(respond(only, "answer"));
        }
        several => {
            lines.push(chain.statement("let answer =", ";"));
            lines.push(match_answers(&bound.names.answer, several));
        }
    }
    let place = format!("`{} {}`", operation.method.as_str(), operation.path);
    HandlerView { doc: rust::comment(&place, ""), signature: signature(function, input), lines }
}

fn signature(function: &str, input: &str) -> String {
    let arguments = ["api: &'a A", "call: &'a mut Call<'_, A::Caller>", &format!("{input}: Input")];
    let opening = format!("pub fn {function}<'a, A: Api>(");
    let flat = format!("{opening}{}) -> Acting<'a> {{", arguments.join(", "));
    if flat.len() <= WIDTH {
        flat
    } else {
        format!("{opening}\n    {},\n) -> Acting<'a> {{", arguments.join(",\n    "))
    }
}

/// `api.call(arguments).await?`, eight columns into its line.
struct Chain {
    head: &'static str,
    call: String,
}

impl Chain {
    fn statement(&self, opening: &str, end: &str) -> String {
        let flat = format!("{}{}.await?{end}", self.head, self.call);
        let space = if opening.is_empty() { "" } else { " " };
        // rustfmt keeps a column free behind a chain.
        if 8 + opening.len() + space.len() + flat.len() < WIDTH {
            return format!("{opening}{space}{flat}");
        }
        if !opening.is_empty() && 12 + flat.len() <= WIDTH {
            return format!("{opening}\n            {flat}");
        }
        let head = format!("{opening}{space}{}", self.head);
        format!("{head}\n            {}\n            .await?{end}", self.call)
    }
}

fn respond(answer: &Answer<'_>, value: &str) -> String {
    let status = answer.status;
    match &answer.kind {
        AnswerKind::Empty => format!("runtime::empty({status})"),
        AnswerKind::Raw => format!("runtime::raw_answer({status}, {value})"),
        AnswerKind::Json { media_type, .. } if media_type.starts_with("application/json") => {
            format!("runtime::json_answer({status}, &{value})")
        }
        AnswerKind::Json { media_type, .. } => {
            let media_type = rust::string(media_type);
            format!("runtime::json_answer_as({status}, {media_type}, &{value})")
        }
    }
}

fn match_answers(name: &str, answers: &[Answer<'_>]) -> String {
    let mut text = "match answer {".to_owned();
    for answer in answers {
        let holds = !matches!(answer.kind, AnswerKind::Empty);
        let pattern =
            format!("api::{name}::{}{}", answer.variant, if holds { "(answer)" } else { "" });
        let respond = respond(answer, "answer");
        let flat = format!("            {pattern} => {respond},");
        text.push('\n');
        if flat.len() <= WIDTH {
            text.push_str(&flat);
        } else {
            let block =
                format!("            {pattern} => {{\n                {respond}\n            }}");
            text.push_str(&block);
        }
    }
    text.push_str("\n        }");
    text
}

pub fn router_view(bound: &[Bound<'_>]) -> RouterView {
    let routes = bound.iter().map(|one| {
        let fields = vec![
            ("operation".to_owned(), Layout::atom(format!("&operations::{}", one.names.constant))),
            ("act".to_owned(), Layout::atom(format!("handlers::{}::<A>", one.names.function))),
        ];
        Layout::Struct("Route".to_owned(), fields).print(8, 8, 1)
    });
    RouterView { routes: routes.collect() }
}
