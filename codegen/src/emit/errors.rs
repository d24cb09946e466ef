//! The error tree every SDK shares: the classes of the parity document, or a default tree, and
//! one class for each code of the problem catalogue below them.
//!
//! One place, so that a code is the same error in every language.

use crate::contract::{Contract, ParityError, ProblemCode};
use crate::names::{self, Scope};

/// Name of the class that stands for a request that got no answer.
pub const COMMUNICATION: &str = "CommunicationError";

/// The class of one catalogue code.
#[derive(Debug, Clone)]
pub struct CodeClass<'a> {
    /// PascalCase, unique among all classes of the tree.
    pub name: String,
    /// Name of the class of the tree it stands below.
    pub parent: String,
    pub problem: &'a ProblemCode,
}

/// Classes of the tree, parents before children; the first one is the root.
pub fn error_tree(contract: &Contract) -> Vec<ParityError> {
    let declared = contract.parity.as_ref().map_or(&[][..], |parity| &parity.errors);
    let tree = if declared.is_empty() { default_tree() } else { declared.to_vec() };
    parents_first(tree)
}

/// The class that an answer with this code becomes: the one that lists the code, else the one
/// of its status.
pub fn class_of_code<'a>(tree: &'a [ParityError], problem: &ProblemCode) -> &'a ParityError {
    tree.iter()
        .find(|class| class.codes.contains(&problem.code))
        .unwrap_or_else(|| class_of_status(tree, problem.status))
}

/// The class that an answer with this status becomes when its code is unknown; the root when
/// no class claims the status.
pub fn class_of_status(tree: &[ParityError], status: u16) -> &ParityError {
    tree.iter().find(|class| class.statuses.contains(&status)).unwrap_or_else(|| root(tree))
}

/// The class of transport failures: the tree's `CommunicationError`, else the root.
pub fn class_of_transport(tree: &[ParityError]) -> &ParityError {
    tree.iter().find(|class| class.name == COMMUNICATION).unwrap_or_else(|| root(tree))
}

/// The class every error is.
pub fn root(tree: &[ParityError]) -> &ParityError {
    tree.iter().find(|class| class.parent.is_none()).expect("an error tree has a root")
}

/// One class for each code of the catalogue, in its order.
pub fn code_classes<'a>(contract: &'a Contract, tree: &[ParityError]) -> Vec<CodeClass<'a>> {
    let mut scope = Scope::with_reserved(tree.iter().map(|class| class.name.as_str()));
    contract
        .problem_codes
        .iter()
        .map(|problem| CodeClass {
            name: code_class_name(&problem.code, &mut scope),
            parent: class_of_code(tree, problem).name.clone(),
            problem,
        })
        .collect()
}

/// `not_granted` becomes `NotGrantedError`, `internal_error` becomes `InternalError`; where the
/// tree itself has a class of that name, `not_found` becomes `NotFoundProblem`.
fn code_class_name(code: &str, scope: &mut Scope) -> String {
    let stem = names::pascal(code.strip_suffix("_error").unwrap_or(code));
    let name = format!("{stem}Error");
    if scope.claim(&name) == name { name } else { scope.claim(&format!("{stem}Problem")) }
}

/// Keeps the given order but never a child before its parent; a class whose parent is missing
/// hangs below the root.
fn parents_first(classes: Vec<ParityError>) -> Vec<ParityError> {
    let mut waiting = classes;
    let position = waiting.iter().position(|class| class.parent.is_none()).unwrap_or(0);
    let mut root = waiting.remove(position);
    root.parent = None;
    let root_name = root.name.clone();
    let mut placed = vec![root];
    while !waiting.is_empty() {
        let known = |name: &str| placed.iter().any(|class| class.name == name);
        let next = waiting
            .iter()
            .position(|class| class.parent.as_deref().is_some_and(known))
            .unwrap_or(0);
        let mut class = waiting.remove(next);
        if !class.parent.as_deref().is_some_and(known) {
            class.parent = Some(root_name.clone());
        }
        placed.push(class);
    }
    placed
}

fn default_tree() -> Vec<ParityError> {
    let class = |name: &str, description: &str, statuses: &[u16]| ParityError {
        name: name.to_owned(),
        parent: (name != "ApiError").then(|| "ApiError".to_owned()),
        description: description.to_owned(),
        codes: Vec::new(),
        statuses: statuses.to_vec(),
    };
    vec![
        class("ApiError", "Any failure of a call.", &[]),
        class("AuthenticationError", "The caller is not known.", &[401]),
        class("AuthorizationError", "The caller is known and may not do this.", &[403]),
        class("NotFoundError", "What was asked for does not exist.", &[404]),
        class("ConflictError", "The state of the resource stands against the request.", &[409]),
        class("ValidationError", "The request does not match the contract.", &[400, 422]),
        class("RateLimitError", "Too many requests.", &[429]),
        class("ServerError", "The server failed.", &[500, 501, 502, 503, 504]),
        class(COMMUNICATION, "The request got no answer.", &[]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(code: &str, status: u16) -> ProblemCode {
        ProblemCode {
            code: code.to_owned(),
            status,
            title: String::new(),
            hint: None,
            retryable: false,
        }
    }

    #[test]
    fn a_spec_without_parity_gets_the_default_tree() {
        let tree = error_tree(&Contract::default());
        assert_eq!(root(&tree).name, "ApiError");
        assert_eq!(class_of_status(&tree, 422).name, "ValidationError");
        assert_eq!(class_of_status(&tree, 418).name, "ApiError");
        assert_eq!(class_of_transport(&tree).name, "CommunicationError");
    }

    #[test]
    fn a_listed_code_wins_over_its_status() {
        let mut tree = error_tree(&Contract::default());
        tree[1].codes.push("identity_mismatch".to_owned());
        assert_eq!(
            class_of_code(&tree, &problem("identity_mismatch", 403)).name,
            "AuthenticationError"
        );
        assert_eq!(class_of_code(&tree, &problem("forbidden", 403)).name, "AuthorizationError");
    }

    #[test]
    fn code_classes_never_take_the_name_of_a_tree_class() {
        let contract = Contract {
            problem_codes: vec![problem("not_found", 404), problem("internal_error", 500)],
            ..Contract::default()
        };
        let tree = error_tree(&contract);
        let classes = code_classes(&contract, &tree);
        assert_eq!(classes[0].name, "NotFoundProblem");
        assert_eq!(classes[0].parent, "NotFoundError");
        assert_eq!(classes[1].name, "InternalError");
    }

    #[test]
    fn parents_come_before_children() {
        let class = |name: &str, parent: Option<&str>| ParityError {
            name: name.to_owned(),
            parent: parent.map(str::to_owned),
            description: String::new(),
            codes: Vec::new(),
            statuses: Vec::new(),
        };
        let names: Vec<String> = parents_first(vec![
            class("Leaf", Some("Middle")),
            class("Middle", Some("Root")),
            class("Root", None),
        ])
        .into_iter()
        .map(|class| class.name)
        .collect();
        assert_eq!(names, ["Root", "Middle", "Leaf"]);
    }
}
