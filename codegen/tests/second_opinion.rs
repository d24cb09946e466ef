//! `openapiv3` reads the same documents: both must see the same operations, parameters and
//! answers. It is strict and knows nothing of 3.1, so it is asked about 3.0 documents only.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use openapiv3::{OpenAPI, Parameter, ReferenceOr, StatusCode};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use vivified_codegen::config::Config;
use vivified_codegen::contract::{ParameterLocation, StatusRange};
use vivified_codegen::load;

/// One line for each fact: operation, parameter, status.
type Facts = BTreeSet<String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn check(folder: &Path, spec: &str) {
    if !folder.join(spec).is_file() {
        println!("skipped: {spec} is not beside this checkout");
        return;
    }
    let (ours, document) = our_facts(folder, spec);
    let theirs: OpenAPI = serde_json::from_value(document).unwrap();
    let theirs = their_facts(&theirs);
    let missing: Vec<_> = theirs.difference(&ours).collect();
    let invented: Vec<_> = ours.difference(&theirs).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "{spec}: missing {missing:#?}, invented {invented:#?}"
    );
}

fn our_facts(folder: &Path, spec: &str) -> (Facts, serde_json::Value) {
    let config: Config = toml::from_str(&format!("spec = {spec:?}\n[targets]\n")).unwrap();
    let (contract, problems) = load::load(&config, folder);
    let contract = contract.unwrap_or_else(|| panic!("{:#?}", problems.into_sorted()));
    let mut facts = Facts::new();
    for operation in &contract.operations {
        let id = format!("{} {}", operation.method.as_str(), operation.path);
        facts.insert(format!("{id} is {}", operation.id));
        for parameter in &operation.parameters {
            let place = match parameter.location_in {
                ParameterLocation::Path => "path",
                ParameterLocation::Query => "query",
                ParameterLocation::Header => "header",
                ParameterLocation::Cookie => "cookie",
            };
            facts.insert(format!(
                "{id} takes {place} {} {}",
                parameter.wire_name, parameter.required
            ));
        }
        for response in &operation.responses {
            let status = match response.status {
                StatusRange::Code(code) => code.to_string(),
                StatusRange::Range(class) => format!("{class}XX"),
                StatusRange::Default => "default".to_owned(),
            };
            facts.insert(format!("{id} answers {status}"));
        }
    }
    (facts, serde_json::from_str(&contract.document).unwrap())
}

fn their_facts(document: &OpenAPI) -> Facts {
    let mut facts = Facts::new();
    for (path, method, operation) in document.operations() {
        let id = format!("{} {path}", method.to_uppercase());
        let operation_id = operation.operation_id.as_deref().unwrap_or("without a name");
        facts.insert(format!("{id} is {operation_id}"));
        let inherited = document.paths.paths[path].as_item().map(|item| item.parameters.as_slice());
        for parameter in inherited.unwrap_or_default().iter().chain(&operation.parameters) {
            let parameter = resolved(document, parameter);
            let data = parameter.parameter_data_ref();
            let place = match parameter {
                Parameter::Path { .. } => "path",
                Parameter::Query { .. } => "query",
                Parameter::Header { .. } => "header",
                Parameter::Cookie { .. } => "cookie",
            };
            facts.insert(format!("{id} takes {place} {} {}", data.name, data.required));
        }
        for status in operation.responses.responses.keys() {
            let status = match status {
                StatusCode::Code(code) => code.to_string(),
                StatusCode::Range(class) => format!("{class}XX"),
            };
            facts.insert(format!("{id} answers {status}"));
        }
        if operation.responses.default.is_some() {
            facts.insert(format!("{id} answers default"));
        }
    }
    facts
}

fn resolved<'d>(document: &'d OpenAPI, parameter: &'d ReferenceOr<Parameter>) -> &'d Parameter {
    match parameter {
        ReferenceOr::Item(parameter) => parameter,
        ReferenceOr::Reference { reference } => {
            let name = reference.strip_prefix("#/components/parameters/").unwrap();
            document.components.as_ref().unwrap().parameters[name].as_item().unwrap()
        }
    }
}

#[test]
fn on_our_own_spec() {
    check(&root().join("../spec"), "openapi.yaml");
}

#[test]
fn on_the_reference_petstore() {
    check(&root().join("../../shared/specs"), "swagger-petstore.yaml");
}

#[test]
fn on_a_large_document_with_tagged_enumerations() {
    check(&root().join("../../shared/specs"), "oxide-nexus.json");
}

#[test]
fn on_a_document_in_many_files() {
    check(&root().join("tests/cases/several-files"), "spec.yaml");
}
