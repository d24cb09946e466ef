//! The error tree as classes, and the tables that choose one for an answer.

use crate::contract::{Contract, ParityError};
use crate::emit::errors;
use crate::encode::python as encode;
use serde::Serialize;

#[derive(Serialize)]
pub struct ErrorClass {
    pub name: String,
    pub parent: String,
    pub docstring: String,
    /// Class variables of a catalogue code.
    pub members: Vec<String>,
}

#[derive(Serialize)]
pub struct Errors {
    pub classes: Vec<ErrorClass>,
    pub tree: Vec<String>,
    pub root: String,
    pub transport: String,
    pub codes: Vec<String>,
    pub statuses: Vec<String>,
}

pub fn errors(contract: &Contract) -> Errors {
    let tree = errors::error_tree(contract);
    let codes = errors::code_classes(contract, &tree);
    let mut classes: Vec<ErrorClass> = tree.iter().map(tree_class).collect();
    for code in &codes {
        let problem = code.problem;
        let mut members = vec![format!("code_of_class = {}", encode::string(&problem.code))];
        members.push(assignment("catalogue_title", &problem.title));
        if let Some(hint) = &problem.hint {
            members.push(assignment("catalogue_hint", hint));
        }
        let hint = problem.hint.as_deref().unwrap_or_default();
        classes.push(ErrorClass {
            name: code.name.clone(),
            parent: code.parent.clone(),
            docstring: encode::docstring(
                &format!("{}.\n\n{hint}", problem.title.trim_end_matches('.')),
                4,
            ),
            members,
        });
    }
    let statuses = tree.iter().flat_map(|class| {
        class.statuses.iter().map(move |status| format!("{status}: {}", class.name))
    });
    Errors {
        root: errors::root(&tree).name.clone(),
        transport: errors::class_of_transport(&tree).name.clone(),
        codes: codes
            .iter()
            .map(|code| format!("{}: {}", encode::string(&code.problem.code), code.name))
            .collect(),
        statuses: statuses.collect(),
        tree: tree.iter().map(|class| class.name.clone()).collect(),
        classes,
    }
}

/// A class variable; a literal that does not fit goes between brackets.
fn assignment(name: &str, text: &str) -> String {
    let literal = encode::string(text);
    let line = format!("{name} = {literal}");
    if line.len() + 4 <= encode::WIDTH {
        line
    } else if literal.len() + 8 <= encode::WIDTH {
        format!("{name} = (\n        {literal}\n    )")
    } else {
        line
    }
}

fn tree_class(class: &ParityError) -> ErrorClass {
    ErrorClass {
        name: class.name.clone(),
        parent: class.parent.clone().unwrap_or_else(|| "CallError".to_owned()),
        docstring: encode::docstring(&class.description, 4),
        members: Vec::new(),
    }
}
