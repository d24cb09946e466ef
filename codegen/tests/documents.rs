//! Real documents that nobody in this project wrote: each compiles, or is refused with problems.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use std::path::Path;
use vivified_codegen::config::{self, Config};
use vivified_codegen::load;
use vivified_codegen::problem::Severity;

/// Each with its number of operations.
const DOCUMENTS: [(&str, usize); 9] = [
    ("swagger-petstore.yaml", 19),
    ("museum.yaml", 8),
    ("meilisearch.json", 113),
    ("ory-kratos.json", 60),
    ("qdrant.json", 75),
    ("oxide-nexus.json", 317),
    ("github-rest.json", 767),
    ("ga4gh-drs/data_repository_service.openapi.yaml", 9),
    ("nhs-eprescribing/electronic-prescription-service-api.yaml", 8),
];

fn simple_config(spec: &str) -> Config {
    toml::from_str(&format!("spec = {spec:?}\n[targets]\n")).unwrap()
}

#[test]
fn real_documents_compile() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/specs");
    if !root.is_dir() {
        println!("skipped: the real documents are not beside this checkout");
        return;
    }
    for (document, operations) in DOCUMENTS {
        let (contract, problems) = load::load(&simple_config(document), &root);
        let problems = problems.into_sorted();
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{document}:\n{}", errors.join("\n"));
        let contract = contract.unwrap();
        println!("{document}: {} types, {} warnings", contract.types.len(), problems.len());
        assert_eq!(contract.operations.len(), operations, "{document}");
        let is_sorted = problems.is_sorted_by(|a, b| a.location <= b.location);
        assert!(is_sorted, "{document}: problems are not in the order of the text");
        compile_every_schema(document, &contract.schemas);
    }
}

/// A bundle that no validator can read would stop a server at its first request.
fn compile_every_schema(document: &str, schemas: &IndexMap<String, String>) {
    let definitions: Map<String, Value> = schemas
        .iter()
        .map(|(name, text)| (name.clone(), serde_json::from_str(text).unwrap()))
        .collect();
    // Unused definitions are not compiled, so each of them is referred to.
    let all: Vec<Value> =
        schemas.keys().map(|name| json!({ "$ref": format!("#/$defs/{name}") })).collect();
    let whole = json!({ "$defs": definitions, "anyOf": all });
    if let Err(error) = jsonschema::validator_for(&whole) {
        panic!("{document}: {error} at {}", error.instance_path());
    }
}

#[test]
fn our_own_spec_is_without_problems() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec");
    let (config, problems) = config::read(&root.join("codegen.toml"));
    assert!(problems.is_empty(), "{:?}", problems.into_sorted());
    let (contract, problems) = load::load(&config.unwrap(), &root);
    let problems: Vec<String> = problems.into_sorted().iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let contract = contract.unwrap();
    assert!(contract.manifest.is_some());
    assert!(contract.parity.is_some());
    assert!(!contract.events.is_empty());
    compile_every_schema("our own spec", &contract.schemas);
}

#[test]
fn loading_twice_gives_the_same_contract() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/obstacle");
    let load = || {
        let (contract, problems) = load::load(&simple_config("spec.yaml"), &root);
        serde_json::to_string(&(contract, problems.into_sorted())).unwrap()
    };
    assert_eq!(load(), load());
}
