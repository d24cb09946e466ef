//! JSON Schemas that come from outside the contract: event types and configuration of plugins.
//!
//! A schema of a plugin is hostile until shown otherwise: patterns run on the linear engine only,
//! references leave no document, and faults name places and rules but never a value. A place
//! whose name the sender chose shows as `*`, because the name itself can be data of a person.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use crate::json::sha256;

/// Nobody mends more at a time, and an answer stays small.
const MAX_FAULTS: usize = 100;
/// Compiled schemas that are kept; the set starts over when it is full.
const MAX_KEPT: usize = 1_024;

/// One place that breaks one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer into the checked value.
    pub pointer: String,
    pub rule: String,
    pub message: String,
}

/// A compiled schema with the names it declares.
pub struct Schema {
    validator: Validator,
    names: HashSet<String>,
}

impl Schema {
    /// `None` when the text is no schema this engine can apply safely.
    pub fn compile(schema: &Value) -> Option<Self> {
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex())
            .build(schema)
            .ok()?;
        let mut names = HashSet::new();
        collect_names(schema, &mut names);
        Some(Self { validator, names })
    }

    /// Everything wrong with the value, up to a limit.
    pub fn faults(&self, value: &Value) -> Vec<Fault> {
        let fault = |error: ValidationError<'_>| Fault {
            pointer: self.pointer(&error),
            rule: error.kind().keyword().to_owned(),
            message: message(&error),
        };
        self.validator.iter_errors(value).take(MAX_FAULTS).map(fault).collect()
    }

    fn pointer(&self, error: &ValidationError<'_>) -> String {
        let known = |token: &str| {
            token.bytes().all(|byte| byte.is_ascii_digit())
                || self.names.contains(&token.replace("~1", "/").replace("~0", "~"))
        };
        let place = error.instance_path().as_str();
        let mut pointer: String = place
            .split('/')
            .skip(1)
            .flat_map(|token| ["/", if known(token) { token } else { "*" }])
            .collect();
        if let ValidationErrorKind::Required { property: Value::String(name) } = error.kind() {
            pointer.push('/');
            pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        }
        pointer
    }
}

fn message(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { .. }
        | ValidationErrorKind::UnevaluatedProperties { .. } => {
            "has a field that the schema does not know".to_owned()
        }
        ValidationErrorKind::Required { .. } => "is required".to_owned(),
        ValidationErrorKind::Type { .. } => "has another type".to_owned(),
        kind => format!("does not keep `{}`", kind.keyword()),
    }
}

fn collect_names(schema: &Value, names: &mut HashSet<String>) {
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

/// Compiled schemas by the digest of their text, so that each is compiled once.
#[derive(Default)]
pub struct Schemas {
    kept: Mutex<HashMap<[u8; 32], Option<Arc<Schema>>>>,
}

impl Schemas {
    /// Everything wrong with the value; a schema that cannot be applied is a fault of its own.
    pub fn faults(&self, schema: &Value, value: &Value) -> Vec<Fault> {
        match self.get(schema) {
            Some(schema) => schema.faults(value),
            None => vec![Fault {
                pointer: String::new(),
                rule: "schema".to_owned(),
                message: "cannot be checked: the schema of the manifest is not usable".to_owned(),
            }],
        }
    }

    fn get(&self, schema: &Value) -> Option<Arc<Schema>> {
        let digest = sha256(schema.to_string().as_bytes());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.entry(digest).or_insert_with(|| Schema::compile(schema).map(Arc::new)).clone()
    }
}

/// The candidate nearest to a name that is not known, when one is near enough to be meant.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    known
        .into_iter()
        .map(|name| (edits(&given, &name.to_lowercase()), name))
        .filter(|(distance, name)| distance * 3 <= name.chars().count().max(3))
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein distance.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, character) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_name_places_and_rules_and_no_value() {
        let schema = json!({
            "type": "object", "required": ["id"], "additionalProperties": false,
            "properties": {
                "id": {"type": "string", "pattern": "^x$"},
                "note": {"type": "object", "additionalProperties": {"type": "integer"}}
            }
        });
        let schemas = Schemas::default();
        let schema = schemas.get(&schema).unwrap();
        let value = json!({"id": "canary", "note": {"canary": "canary"}, "canary": 1});
        let faults = schema.faults(&value);
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(!format!("{faults:?}").contains("canary"), "{faults:?}");
        assert!(faults.iter().any(|fault| fault.pointer == "/note/*" && fault.rule == "type"));
        assert_eq!(schema.faults(&json!({}))[0].pointer, "/id");
    }

    #[test]
    fn a_schema_that_reaches_out_or_backtracks_is_refused() {
        let schemas = Schemas::default();
        assert!(schemas.get(&json!({"$ref": "https://example.com/schema"})).is_none());
        assert!(schemas.get(&json!({"pattern": "(a)\\1"})).is_none());
    }

    #[test]
    fn the_nearest_name_is_only_told_when_it_is_near() {
        let known = ["EmailQueued", "EmailSent", "UserCreated"];
        assert_eq!(nearest("EmailQueue", known), Some("EmailQueued"));
        assert_eq!(nearest("emailsent", known), Some("EmailSent"));
        assert_eq!(nearest("Invoice", known), None);
    }
}
