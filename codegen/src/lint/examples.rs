//! Examples that do not match the schema they are examples of.
//!
//! Compiling validators costs more than the rest of the loader, so this runs only where a team
//! requires examples.

use crate::config::Lint;
use crate::contract::{Content, ContentKind, Contract, Operation, Type};
use crate::problem::{Location, Problems};
use serde_json::Value;
use std::collections::HashMap;

pub(super) fn check(lint: &Lint, contract: &Contract, problems: &mut Problems) {
    if !lint.require.iter().any(|wanted| wanted == "examples") {
        return;
    }
    let definitions = definitions(contract);
    let mut checker = Checker { definitions, validators: HashMap::new(), problems };
    for operation in &contract.operations {
        checker.operation(operation);
    }
    for (name, declaration) in &contract.types {
        for example in &declaration.examples {
            checker.value(&Type::named(name), example, &declaration.location);
        }
    }
}

/// The schema bundle as values.
fn definitions(contract: &Contract) -> Value {
    let read =
        |text: &str| -> Value { serde_json::from_str(text).expect("the loader writes JSON") };
    contract.schemas.iter().map(|(name, text)| (name.clone(), read(text))).collect()
}

struct Checker<'c> {
    definitions: Value,
    /// By the text of the schema; none when the schema itself cannot be compiled.
    validators: HashMap<String, Option<jsonschema::Validator>>,
    problems: &'c mut Problems,
}

impl Checker<'_> {
    fn operation(&mut self, operation: &Operation) {
        let bodies = operation.body.iter().flat_map(|body| &body.contents);
        let answers = operation.responses.iter().flat_map(|response| &response.contents);
        let contents: Vec<&Content> =
            bodies.chain(answers).filter(|content| content.kind == ContentKind::Json).collect();
        for content in contents {
            for example in &content.examples {
                self.value(&content.ty, example, &operation.location);
            }
        }
    }

    fn value(&mut self, ty: &Type, example: &Value, place: &Location) {
        let schema = ty.json_schema();
        let key = schema.to_string();
        let definitions = &self.definitions;
        let validator = self.validators.entry(key).or_insert_with(|| {
            let mut whole = schema;
            whole["$defs"] = definitions.clone();
            jsonschema::options().should_validate_formats(true).build(&whole).ok()
        });
        let Some(validator) = validator else { return };
        let faults: Vec<String> = validator
            .iter_errors(example)
            .take(3)
            .map(|error| format!("{} at `{}`", error, error.instance_path()))
            .collect();
        for fault in faults {
            self.problems.warning(
                "example-invalid",
                place,
                format!("an example does not match its schema: {fault}"),
                "mend the example or the schema",
            );
        }
    }
}
