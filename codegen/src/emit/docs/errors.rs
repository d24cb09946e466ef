//! The page of errors: the classes of the SDKs, and every code with what to do about it.

use super::operations::{OperationsPage, heading};
use super::types::Links;
use super::view::{CodeView, ErrorsView};
use crate::contract::ProblemCode;
use crate::emit::{Job, errors};
use crate::encode::markdown::{anchor, blocks, code, line, row};
use crate::names;

pub fn view(job: &Job<'_>, _links: &Links<'_>, pages: &[OperationsPage<'_>]) -> ErrorsView {
    let tree = errors::error_tree(job.contract);
    let classes = tree
        .iter()
        .map(|class| {
            let statuses: Vec<String> = class.statuses.iter().map(u16::to_string).collect();
            row(&[
                &code(&class.name),
                &class.parent.as_deref().map_or_else(String::new, code),
                &statuses.join(", "),
                &line(&class.description),
            ])
        })
        .collect();
    let codes = errors::code_classes(job.contract, &tree);
    let codes = codes
        .iter()
        .map(|class| CodeView {
            heading: code_heading(&class.problem.code),
            title: line(&class.problem.title),
            facts: vec![
                row(&["Status", &class.problem.status.to_string()]),
                row(&["Code", &code(&class.problem.code)]),
                row(&["Class", &format!("{}, below {}", code(&class.name), code(&class.parent))]),
                row(&["Retry", if class.problem.retryable { "may help" } else { "does not help" }]),
            ],
            hint: blocks(class.problem.hint.as_deref().unwrap_or_default()),
            operations: answered_by(class.problem, pages),
        })
        .collect();
    ErrorsView { classes, codes }
}

/// Heading of a code on the page; also its anchor.
pub fn code_heading(code: &str) -> String {
    names::snake(code)
}

fn answered_by(problem: &ProblemCode, pages: &[OperationsPage<'_>]) -> String {
    let mut links = Vec::new();
    for page in pages {
        for (operation, name) in &page.operations {
            if operation.policy.problems.contains(&problem.code) {
                let name = heading(name);
                links.push(format!("[{name}](operations/{}.md#{})", page.stem, anchor(&name)));
            }
        }
    }
    links.join(", ")
}
