//! The error tree as Go sentinels: `AuthenticationError` is `ErrAuthentication`.

use crate::contract::Contract;
use crate::emit::errors;
use crate::encode::go;
use crate::names::{self, Scope};
use serde::Serialize;
use std::collections::HashMap;

#[derive(Serialize)]
pub struct Errors {
    pub root: String,
    pub transport: String,
    pub classes: Vec<Class>,
}

#[derive(Serialize)]
pub struct Class {
    pub name: String,
    pub doc: Vec<String>,
    /// The call that makes it.
    pub make: String,
}

pub fn view(contract: &Contract) -> Errors {
    let tree = errors::error_tree(contract);
    let mut scope = Scope::default();
    let mut spelled: HashMap<&str, String> = HashMap::new();
    let mut classes = Vec::new();
    for class in &tree {
        let name = scope.claim(&sentinel(&class.name));
        let parent = class.parent.as_deref().and_then(|parent| spelled.get(parent));
        let mut make = format!(
            "runtime.NewErrorClass({}, {}",
            go::string(&class.name),
            parent.map_or("nil", String::as_str)
        );
        class.statuses.iter().for_each(|status| make.push_str(&format!(", {status}")));
        make.push(')');
        let doc = go::comment(&format!("{name}: {}", class.description), "");
        spelled.insert(&class.name, name.clone());
        classes.push(Class { name, doc, make });
    }
    for class in errors::code_classes(contract, &tree) {
        let name = scope.claim(&sentinel(&class.name));
        let problem = class.problem;
        let make = format!(
            "runtime.NewErrorCode({}, {}, {}, {}, {})",
            go::string(&class.name),
            go::string(&problem.code),
            go::string(&problem.title),
            go::string(problem.hint.as_deref().unwrap_or_default()),
            spelled.get(class.parent.as_str()).map_or("nil", String::as_str)
        );
        let doc = go::comment(&format!("{name}: {} ({}).", problem.title, problem.code), "");
        classes.push(Class { name, doc, make });
    }
    let find = |name: &str| spelled.get(name).cloned().unwrap_or_default();
    Errors {
        root: find(&errors::root(&tree).name),
        transport: find(&errors::class_of_transport(&tree).name),
        classes,
    }
}

/// `AuthenticationError` becomes `ErrAuthentication`.
pub fn sentinel(class: &str) -> String {
    format!("Err{}", names::go_pascal(class.strip_suffix("Error").unwrap_or(class)))
}
