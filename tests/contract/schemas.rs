//! What stands beside the routes: schemas that compile, a manifest validator that knows its
//! rules, event schemas as data, and models that print no classified value.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use std::collections::HashSet;
use vivified_contract::runtime::{Finding, Level};
use vivified_contract::{OPENAPI, OPERATIONS, SCHEMAS, events, manifest, models};

#[test]
fn the_schema_of_every_request_compiles() {
    let document: Value = serde_json::from_str(SCHEMAS).unwrap();
    let operations = document["operations"].as_object().unwrap();
    assert_eq!(operations.len(), OPERATIONS.len());
    for operation in OPERATIONS {
        let mut schema = operations[operation.id].clone();
        schema["$defs"] = document["$defs"].clone();
        let built = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .with_pattern_options(jsonschema::PatternOptions::regex())
            .build(&schema);
        assert!(built.is_ok(), "{}: {:?}", operation.id, built.err());
    }
}

#[test]
fn the_contract_is_embedded_whole() {
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    let paths = document["paths"].as_object().unwrap();
    for operation in OPERATIONS {
        let entry = &paths[operation.path][operation.method.to_ascii_lowercase()];
        assert_eq!(entry["operationId"], operation.id);
    }
}

#[test]
fn event_schemas_compile_and_are_named_once() {
    let mut seen = HashSet::new();
    for event in events::EVENT_SCHEMAS {
        assert!(seen.insert(event.event_type), "{} stands twice", event.event_type);
        let schema: Value = serde_json::from_str(event.schema).unwrap();
        jsonschema::draft202012::new(&schema).unwrap();
        assert_eq!(schema["x-event-type"], event.event_type);
    }
    assert!(seen.contains("UserCreated"));
}

fn sample() -> Value {
    json!({
        "id": "hello_py",
        "name": "Hello",
        "version": "1.0.0",
        "contracts": ["vivified/1"],
        "traits": ["event_publisher"],
        "security": {"authentication_required": true, "data_classification": ["internal"]},
        "compliance": {"hipaa_controls": [], "audit_level": "standard"}
    })
}

fn errors(document: &Value) -> Vec<Finding> {
    let findings = manifest::validate(document).into_iter();
    findings.filter(|finding| finding.level == Level::Error).collect()
}

#[test]
fn a_plain_manifest_has_no_errors() {
    assert_eq!(errors(&sample()), []);
}

#[test]
fn traits_of_people_are_refused_in_a_manifest() {
    for role in ["admin", "operator", "viewer", "auditor"] {
        let mut document = sample();
        document["traits"] = json!([role]);
        let found = errors(&document);
        assert!(found.iter().any(|finding| finding.path == "/traits/0"), "{role}: {found:?}");
    }
}

#[test]
fn an_unknown_field_is_answered_with_the_nearest_name() {
    let mut document = sample();
    document["allowed_domain"] = json!([]);
    let found = errors(&document);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].path, "/allowed_domain");
    assert_eq!(found[0].hint, "did you mean `allowed_domains`?");
}

#[test]
fn rules_of_the_schema_file_are_applied() {
    let mut document = sample();
    document["security"]["authentication_required"] = json!(false);
    let found = errors(&document);
    assert!(found.iter().any(|finding| finding.rule == "authentication-required"), "{found:?}");
    document = sample();
    document["traits"] = json!(["handles_phi"]);
    let found = errors(&document);
    assert!(found.iter().any(|finding| finding.rule == "phi-needs-controls"), "{found:?}");
}

#[test]
fn classified_values_do_not_print() {
    let body = json!({"username": "someone", "password": "canary", "mfa_code": "canary"});
    let login: models::LoginRequest = serde_json::from_value(body.clone()).unwrap();
    assert!(!format!("{login:?}").contains("canary"), "{login:?}");
    assert_eq!(serde_json::to_value(&login).unwrap(), body);
    let input = models::CallInput(json!({"name": "canary"}));
    assert_eq!(format!("{input:?}"), "CallInput(***)");
}

#[test]
fn what_a_newer_contract_says_survives() {
    let later = json!({"status": "dreaming", "version": "9", "mood": {"deep": [1]}});
    let health: models::Health = serde_json::from_value(later.clone()).unwrap();
    assert!(!format!("{health:?}").contains("deep"));
    assert_eq!(serde_json::to_value(&health).unwrap(), later);
}
