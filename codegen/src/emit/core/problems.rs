//! `problems.rs`: a constructor for each code of the catalogue, and for those the runtime
//! answers with even where a catalogue is silent.

use super::layout::Layout;
use crate::contract::{Contract, ProblemCode};
use crate::encode::rust;
use crate::names::{self, Scope};
use serde::Serialize;

#[derive(Serialize)]
pub struct ProblemsView {
    pub problems: Vec<ProblemView>,
    pub codes: String,
}

#[derive(Serialize)]
pub struct ProblemView {
    pub doc: String,
    pub function: String,
    pub body: String,
}

/// What the runtime itself answers with, and its words when the catalogue has none.
const BUILT_IN: &[(&str, u16, &str, bool)] = &[
    ("invalid_request", 400, "The request does not match the contract", false),
    ("unauthenticated", 401, "No valid credentials", false),
    ("forbidden", 403, "Not allowed", false),
    ("not_found", 404, "Nothing here", false),
    ("method_not_allowed", 405, "Method not allowed", false),
    ("request_timeout", 408, "The request did not arrive in time", true),
    ("payload_too_large", 413, "The body is too large", false),
    ("unsupported_media_type", 415, "Media type not accepted", false),
    ("rate_limited", 429, "Too many requests", true),
    ("internal_error", 500, "The server failed", false),
    ("audit_unavailable", 503, "The audit log cannot be written", true),
    ("timeout", 504, "The answer did not come in time", true),
];

pub fn view(contract: &Contract) -> ProblemsView {
    let mut codes = contract.problem_codes.clone();
    for (code, status, title, retryable) in BUILT_IN {
        if !codes.iter().any(|known| known.code == *code) {
            codes.push(ProblemCode {
                code: (*code).to_owned(),
                status: *status,
                title: (*title).to_owned(),
                hint: None,
                retryable: *retryable,
            });
        }
    }
    let mut scope = Scope::with_reserved(["CODES"]);
    // The runtime calls the built-in ones by name, so they choose first.
    for (code, ..) in BUILT_IN {
        scope.claim(code);
    }
    let problems = codes.iter().map(|code| problem(code, &mut scope)).collect();
    let list = codes.iter().map(|code| Layout::atom(rust::string(&code.code)));
    let opening = "pub const CODES: &[&str] = ";
    let codes = Layout::List("&[", list.collect()).print(0, opening.len(), 1);
    ProblemsView { problems, codes }
}

fn problem(code: &ProblemCode, scope: &mut Scope) -> ProblemView {
    let built_in = BUILT_IN.iter().any(|(own, ..)| *own == code.code);
    let function =
        if built_in { code.code.clone() } else { scope.claim(&names::snake(&code.code)) };
    let text = |text: &str| Layout::atom(rust::string(text));
    let hint = code.hint.as_deref().map(text);
    let fields = [
        ("code", text(&code.code)),
        ("status", Layout::atom(code.status.to_string())),
        ("title", text(&code.title)),
        ("hint", hint.map_or_else(|| Layout::atom("None"), Layout::some)),
        ("retryable", Layout::atom(code.retryable.to_string())),
    ];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let definition = Layout::Struct("Definition".to_owned(), fields);
    let body = Layout::Call("Problem::define".to_owned(), Box::new(definition)).print(4, 4, 0);
    ProblemView {
        doc: rust::comment(&format!("{} ({}).", code.title, code.status), ""),
        function: rust::identifier(&function),
        body,
    }
}
