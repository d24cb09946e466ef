//! What every operation has to declare, and which words vendor extensions may use.

use crate::config::Lint;
use crate::contract::{Content, ContentKind, Contract, Operation, Shape};
use crate::load::documents::Documents;
use crate::load::nearest::nearest;
use crate::problem::Problems;

pub(super) fn check(lint: &Lint, contract: &Contract, problems: &mut Problems) {
    for operation in &contract.operations {
        for wanted in &lint.require {
            if !declares(contract, operation, wanted) {
                problems.error(
                    "operation-incomplete",
                    &operation.location,
                    format!("the operation `{}` declares no `{wanted}`", operation.id),
                    help(wanted),
                );
            }
        }
        check_problem_codes(contract, operation, problems);
        check_renewal(contract, operation, problems);
    }
}

fn help(wanted: &str) -> String {
    match wanted {
        "examples" => {
            "give each JSON body and each JSON answer of a success an `example`".to_owned()
        }
        "security" => "add `security`, or `security: []` when anybody may call it".to_owned(),
        _ => format!("add `{wanted}`; the configuration requires it of every operation"),
    }
}

fn declares(contract: &Contract, operation: &Operation, wanted: &str) -> bool {
    let policy = &operation.policy;
    match wanted {
        "summary" => operation.summary.is_some(),
        "description" => operation.description.is_some(),
        "security" => policy.declared.security,
        "operationId" => policy.declared.operation_id,
        "tags" => policy.declared.tags,
        "examples" => has_examples(contract, operation),
        "x-lane" => policy.lane.is_some(),
        "x-audit-action" => policy.audit_action.is_some(),
        "x-rate-limit-class" => policy.rate_limit_class.is_some(),
        "x-body-limit" => policy.body_limit.is_some(),
        "x-max-authentication-age" => policy.max_authentication_age.is_some(),
        "x-idempotency" => policy.idempotency.is_some(),
        "x-required-traits" => policy.declared.required_traits,
        "x-problems" => policy.declared.problems,
        other => operation.extensions.contains_key(other),
    }
}

fn has_examples(contract: &Contract, operation: &Operation) -> bool {
    let bodies = operation.body.iter().flat_map(|body| &body.contents);
    let answers = operation.success().into_iter().flat_map(|response| &response.contents);
    bodies
        .chain(answers)
        .filter(|content| content.kind == ContentKind::Json)
        .all(|content| has_example(contract, content))
}

fn has_example(contract: &Contract, content: &Content) -> bool {
    let of_type = match &content.ty.shape {
        Shape::Named(name) => {
            contract.types.get(name).is_some_and(|declaration| !declaration.examples.is_empty())
        }
        _ => false,
    };
    of_type || !content.examples.is_empty()
}

fn check_problem_codes(contract: &Contract, operation: &Operation, problems: &mut Problems) {
    for code in &operation.policy.problems {
        if contract.problem_codes.iter().any(|known| known.code == *code) {
            continue;
        }
        let near = nearest(code, contract.problem_codes.iter().map(|known| known.code.as_str()));
        problems.error(
            "problem-unknown",
            &operation.location,
            format!("`x-problems` names `{code}`, which is not in the catalogue"),
            near.map_or_else(
                || "add it to `x-problem-catalogue`, or remove it here".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ),
        );
    }
}

/// `x-renews-token` names fields of the answer.
fn check_renewal(contract: &Contract, operation: &Operation, problems: &mut Problems) {
    let Some(renewal) = operation.extensions.get("x-renews-token") else { return };
    let answer = operation.success().and_then(|response| response.contents.first());
    for role in ["token", "expires_in"] {
        let field = renewal.get(role).and_then(|field| field.as_str());
        let is_there = field.is_some_and(|field| {
            answer.is_some_and(|answer| contract.field_of(&answer.ty, field).is_some())
        });
        if !is_there {
            problems.error(
                "extension-invalid",
                &operation.location,
                format!("`{role}` of `x-renews-token` names no field of the answer"),
                "write `x-renews-token: {token: FIELD, expires_in: FIELD}` with fields of the answer",
            );
        }
    }
}

/// Values of vendor extensions that are not among the words agreed on.
pub(super) fn check_vocabulary(lint: &Lint, documents: &Documents, problems: &mut Problems) {
    if lint.vocabulary.is_empty() {
        return;
    }
    for node in documents.all().flat_map(|document| document.root().descendants()) {
        let Some(words) =
            node.key().filter(|key| key.starts_with("x-")).and_then(|key| lint.vocabulary.get(key))
        else {
            continue;
        };
        let Some(text) = node.as_str().filter(|text| !words.iter().any(|word| word == text)) else {
            continue;
        };
        let near = nearest(text, words.iter().map(String::as_str));
        problems.error(
            "vocabulary",
            &node.location(),
            format!("`{text}` is not a word of `{}`", node.key().unwrap_or_default()),
            near.map_or_else(
                || format!("use one of {}", words.join(", ")),
                |near| format!("did you mean `{near}`?"),
            ),
        );
    }
}
