//! Real documents that nobody in this project wrote: each compiles, or is refused with problems.

use std::path::Path;
use vivified_codegen::config::Config;
use vivified_codegen::load;

fn config(spec: &str) -> Config {
    toml::from_str(&format!("spec = {spec:?}\n[targets]\n")).unwrap()
}

#[test]
fn real_documents_compile_or_are_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/specs");
    if !root.is_dir() {
        println!("skipped: {} is not there", root.display());
        return;
    }
    let documents = [
        "swagger-petstore.yaml",
        "museum.yaml",
        "meilisearch.json",
        "ory-kratos.json",
        "qdrant.json",
        "oxide-nexus.json",
        "github-rest.json",
        "ga4gh-drs/data_repository_service.openapi.yaml",
        "nhs-eprescribing/electronic-prescription-service-api.yaml",
    ];
    for document in documents {
        let started = std::time::Instant::now();
        let (contract, problems) = load::load(&config(document), &root);
        let took = started.elapsed();
        let problems = problems.into_sorted();
        let errors = problems
            .iter()
            .filter(|problem| problem.severity == vivified_codegen::problem::Severity::Error)
            .count();
        println!(
            "{document}: {} types, {} operations, {errors} errors, {} problems, {took:?}",
            contract.as_ref().map_or(0, |contract| contract.types.len()),
            contract.as_ref().map_or(0, |contract| contract.operations.len()),
            problems.len()
        );
        if std::env::var_os("VERBOSE").is_some() {
            for problem in &problems {
                println!("{problem}");
            }
        }
    }
}

#[test]
fn our_own_spec_loads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec");
    let (config, problems) = vivified_codegen::config::read(&root.join("codegen.toml"));
    for problem in problems.into_sorted() {
        println!("{problem}");
    }
    let (contract, problems) = load::load(&config.unwrap(), &root);
    for problem in problems.into_sorted() {
        println!("{problem}");
    }
    let contract = contract.unwrap();
    println!(
        "{} types {} operations {} codes {} events manifest {:?} parity {:?}",
        contract.types.len(),
        contract.operations.len(),
        contract.problem_codes.len(),
        contract.events.len(),
        contract.manifest.as_ref().map(|m| m.types.keys().cloned().collect::<Vec<_>>()),
        contract.parity.as_ref().map(|p| p
            .symbols
            .iter()
            .map(|s| s.methods.len())
            .collect::<Vec<_>>())
    );
    for event in &contract.events {
        println!(
            "{:?} {} {:?}",
            event.event_type,
            event.schema.file,
            event.schema.types.keys().collect::<Vec<_>>()
        );
    }
    println!("{:?}", contract.types.keys().collect::<Vec<_>>());
}

#[test]
fn obstacle_loads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/obstacle");
    let (contract, problems) = load::load(&config("spec.yaml"), &root);
    for problem in problems.into_sorted() {
        println!("{problem}");
    }
    let contract = contract.unwrap();
    println!("{:?}", contract.types.keys().collect::<Vec<_>>());
}
