//! Validation against the embedded JSON Schemas: all violations at once, none of the values.
//!
//! A validator is compiled when it is first needed and then kept.

use super::operation::OperationInfo;
use super::problem::Violation;
use crate::SCHEMAS;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Registry, ValidationError, Validator};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

const ADDRESS: &str = "json-schema:///contract";
/// Backtracking steps a pattern may take that only a backtracking engine understands.
const BACKTRACK_LIMIT: usize = 10_000;
/// Nobody mends more at a time, and an answer stays small.
const MAXIMUM_VIOLATIONS: usize = 100;

/// All schemas of the contract, and every name that they declare.
struct Contract {
    registry: Registry<'static>,
    names: HashSet<String>,
}

static CONTRACT: LazyLock<Option<Contract>> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(SCHEMAS).ok()?;
    let mut names = HashSet::new();
    collect_names(&document, &mut names);
    let registry = Registry::new().add(ADDRESS, document).ok()?.prepare().ok()?;
    Some(Contract { registry, names })
});

type Validators = RwLock<HashMap<&'static str, Option<Arc<Validator>>>>;

static VALIDATORS: LazyLock<Validators> = LazyLock::new(Validators::default);

/// Checks a decoded request, one object with the places as its fields. `None` when the schema
/// itself cannot be used, which refuses the request.
pub fn check_request(operation: &OperationInfo, request: &Value) -> Option<Vec<Violation>> {
    let validator = validator(operation.id)?;
    Some(violations(&validator, request))
}

fn validator(operation: &'static str) -> Option<Arc<Validator>> {
    let known = VALIDATORS.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(validator) = known.get(operation) {
        return validator.clone();
    }
    drop(known);
    let name = operation.replace('~', "~0").replace('/', "~1").replace('%', "%25");
    let schema = json!({ "$ref": format!("{ADDRESS}#/operations/{name}") });
    let contract = CONTRACT.as_ref()?;
    let built = compile(&schema, Some(&contract.registry)).map(Arc::new);
    let mut known = VALIDATORS.write().unwrap_or_else(PoisonError::into_inner);
    known.entry(operation).or_insert(built).clone()
}

/// The linear engine first; the backtracking one, bounded, for patterns it does not know.
pub(super) fn compile(schema: &Value, registry: Option<&Registry<'_>>) -> Option<Validator> {
    let mut options = jsonschema::draft202012::options().should_validate_formats(true);
    if let Some(registry) = registry {
        options = options.with_registry(registry);
    }
    let linear = options.clone().with_pattern_options(PatternOptions::regex());
    linear.build(schema).ok().or_else(|| {
        let bounded = PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_LIMIT);
        options.with_pattern_options(bounded).build(schema).ok()
    })
}

fn violations(validator: &Validator, instance: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    for error in validator.iter_errors(instance).take(MAXIMUM_VIOLATIONS) {
        found.push(Violation {
            pointer: safe_pointer(error.instance_path().as_str(), error.kind()),
            rule: error.kind().keyword().to_owned().into(),
            message: message(&error).into(),
        });
    }
    found
}

/// A pointer whose tokens are indices or names of the contract; a name that the caller chose
/// can hold data of a person, and shows as `*`.
fn safe_pointer(pointer: &str, kind: &ValidationErrorKind) -> String {
    let names = CONTRACT.as_ref().map(|contract| &contract.names);
    let known = |token: &str| {
        token.bytes().all(|octet| octet.is_ascii_digit())
            || names
                .is_some_and(|names| names.contains(&token.replace("~1", "/").replace("~0", "~")))
    };
    let mut safe = String::with_capacity(pointer.len());
    for token in pointer.split('/').skip(1) {
        safe.push('/');
        safe.push_str(if known(token) { token } else { "*" });
    }
    if let ValidationErrorKind::Required { property: Value::String(name) } = kind {
        safe.push('/');
        safe.push_str(&name.replace('~', "~0").replace('/', "~1"));
    }
    safe
}

fn message(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { .. }
        | ValidationErrorKind::UnevaluatedProperties { .. } => {
            "has a field that the schema does not know".to_owned()
        }
        ValidationErrorKind::Required { .. } => "is required".to_owned(),
        ValidationErrorKind::Enum { options } => format!("must be one of {options}"),
        ValidationErrorKind::Constant { expected_value } => format!("must be {expected_value}"),
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
            "matches none of the allowed schemas".to_owned()
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            "matches more than one of the allowed schemas".to_owned()
        }
        ValidationErrorKind::Not { .. } => "matches a schema that is not allowed".to_owned(),
        ValidationErrorKind::FalseSchema => "is not allowed here".to_owned(),
        ValidationErrorKind::PropertyNames { .. } => {
            "has a field whose name is not allowed".to_owned()
        }
        ValidationErrorKind::BacktrackLimitExceeded { .. }
        | ValidationErrorKind::RegexEngineFailure { .. } => {
            "cannot be compared with its pattern".to_owned()
        }
        ValidationErrorKind::Referencing(_)
        | ValidationErrorKind::Custom { .. }
        | ValidationErrorKind::UnevaluatedItems { .. }
        | ValidationErrorKind::FromUtf8 { .. } => "is not valid".to_owned(),
        _ => error.masked().to_string(),
    }
}

/// Every name under `properties` and in `required`.
pub(super) fn collect_names(schema: &Value, names: &mut HashSet<String>) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                if let ("properties", Value::Object(properties)) = (key.as_str(), value) {
                    names.extend(properties.keys().cloned());
                }
                collect_names(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_hold_no_value_of_the_instance() {
        let schema = json!({
            "properties": {
                "a": {"type": "integer"}, "b": {"maxLength": 2}, "c": {"format": "email"},
                "d": {"pattern": "^x$"}, "e": {"enum": ["x"]}, "f": {"const": 1},
                "g": {"minimum": 5}, "h": {"uniqueItems": true}, "i": {"not": {}},
                "j": {"additionalProperties": false}, "k": {"propertyNames": {"maxLength": 1}},
                "l": {"anyOf": [false]}, "m": {"contains": {"const": 1}}
            }
        });
        let mut document =
            json!({"h": ["canary", "canary"], "j": {"canary": 1}, "g": 3, "m": ["canary"]});
        for name in ["a", "b", "c", "d", "e", "f", "i", "l"] {
            document[name] = json!("canary");
        }
        document["k"] = json!({"canary": "canary"});
        let validator = compile(&schema, None).unwrap();
        let found = violations(&validator, &document);
        assert_eq!(found.len(), 13, "{found:#?}");
        assert!(!format!("{found:?}").contains("canary"), "{found:#?}");
    }
}
