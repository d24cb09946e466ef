//! `errors.ts`: the error tree as classes, and the tables from codes and statuses to them.

use super::layout;
use crate::contract::Contract;
use crate::emit::errors as tree;
use crate::encode::typescript as encode;
use serde::Serialize;

#[derive(Serialize)]
pub struct ErrorsView {
    root: String,
    transport: String,
    classes: Vec<ClassView>,
    /// Object literal from codes to classes.
    by_code: String,
    /// Object literal from statuses to classes.
    by_status: String,
}

#[derive(Serialize)]
struct ClassView {
    doc: String,
    head: String,
}

pub fn view(contract: &Contract) -> ErrorsView {
    let classes = tree::error_tree(contract);
    let codes = tree::code_classes(contract, &classes);
    let mut views: Vec<ClassView> = classes
        .iter()
        .map(|class| {
            let parent = class.parent.as_deref().unwrap_or("ErrorBase");
            ClassView {
                doc: encode::comment(&class.description, 0),
                head: format!("{} extends {parent}", class.name),
            }
        })
        .collect();
    let mut by_code: Vec<String> = Vec::new();
    for class in &classes {
        for code in class.codes.iter().filter(|code| codes.iter().all(|c| c.problem.code != **code))
        {
            by_code.push(format!("{}: {}", encode::key(code), class.name));
        }
    }
    for code in &codes {
        let problem = code.problem;
        let hint = problem.hint.as_deref().unwrap_or_default();
        let text = format!("{}.\n\n{hint}", problem.title.trim_end_matches('.'));
        views.push(ClassView {
            doc: encode::comment(&text, 0),
            head: format!("{} extends {}", code.name, code.parent),
        });
        by_code.push(format!("{}: {}", encode::key(&problem.code), code.name));
    }
    let mut statuses: Vec<(u16, &str)> = classes
        .iter()
        .flat_map(|class| class.statuses.iter().map(|status| (*status, class.name.as_str())))
        .collect();
    statuses.sort_by_key(|(status, _)| *status);
    statuses.dedup_by_key(|(status, _)| *status);
    let statuses: Vec<String> =
        statuses.iter().map(|(status, class)| format!("{status}: {class}")).collect();
    ErrorsView {
        root: tree::root(&classes).name.clone(),
        transport: tree::class_of_transport(&classes).name.clone(),
        classes: views,
        by_code: table(&by_code),
        by_status: table(&statuses),
    }
}

fn table(entries: &[String]) -> String {
    if entries.is_empty() {
        "{}".to_owned()
    } else {
        layout::exploded(0, "", ["{", "}"], entries, "")
    }
}

/// All class names, for the index.
pub fn class_names(contract: &Contract) -> Vec<String> {
    let classes = tree::error_tree(contract);
    let codes = tree::code_classes(contract, &classes);
    let mut names: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
    names.extend(codes.into_iter().map(|code| code.name));
    names
}

/// `export { A, B } from './errors.js';`
pub fn export(contract: &Contract) -> String {
    layout::object(0, "export ", &class_names(contract), " from './errors.js';")
}
