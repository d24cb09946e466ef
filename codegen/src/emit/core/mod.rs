//! The core target: a library with the trait a server implements, its routes and its wire types.
//!
//! Views are made once for the whole contract; every file is one template, rendered once.

mod api;
mod circles;
mod documents;
mod handlers;
mod layout;
mod masking;
mod models;
mod operations;
mod package;
mod problems;
mod projection;
mod schemas;
mod types;
mod unions;
mod view;

use super::Job;
use super::render::PREAMBLE;
use crate::problem::Problems;
use crate::tree::Tree;
use serde::Serialize;
use std::collections::HashMap;
use types::Types;
use view::Bound;

pub fn emit(job: &Job<'_>, tree: &mut Tree, problems: &mut Problems) {
    let contract = job.contract;
    let types = Types::new(contract);
    let bound: Vec<Bound<'_>> = contract
        .operations
        .iter()
        .zip(&types.operations)
        .map(|(operation, names)| view::bind(operation, names, problems))
        .collect();
    warn_of_twins(&bound, problems);
    let mut files = Files { job, tree };
    files.render("models.rs", &models::view(contract, &types));
    files.render("operations.rs", &operations::view(contract, &bound, &types));
    files.render("api.rs", &api::api_view(contract, &bound, &types));
    files.render("handlers.rs", &handlers::handlers_view(&bound));
    files.render("router.rs", &handlers::router_view(&bound));
    files.render("problems.rs", &problems::view(contract));
    files.write("schemas.json", schemas::schemas(contract, &bound));
    files.write("openapi.json", contract.document.clone());
    if let Some(document) = &contract.manifest {
        let (view, file) = documents::manifest(document, problems);
        files.render("manifest.rs", &view);
        files.write(&file.path, file.text);
    }
    if !contract.events.is_empty() {
        let (view, schema_files) = documents::events(contract, problems);
        files.render("events.rs", &view);
        for file in schema_files {
            files.write(&file.path, file.text);
        }
    }
    files.render("lib.rs", &package::library(job));
    if let Some(view) = package::manifest(job) {
        files.render("Cargo.toml", &view);
    }
    job.templates.copy_runtime("core", &job.target.output, "", tree);
}

/// Where the files of this target go.
struct Files<'a, 'j> {
    job: &'a Job<'j>,
    tree: &'a mut Tree,
}

/// What every template is given beside its own view.
#[derive(Serialize)]
struct Page<'a, V> {
    preamble: &'static str,
    source: String,
    #[serde(flatten)]
    view: &'a V,
}

impl Files<'_, '_> {
    fn render(&mut self, name: &str, view: &impl Serialize) {
        let template = format!("core/{name}.tera");
        let source = format!("templates/{template}");
        let text = self.job.templates.render(&template, &Page { preamble: PREAMBLE, source, view });
        self.insert(name, text, template);
    }

    /// A file that no template shapes.
    fn write(&mut self, name: &str, text: String) {
        self.insert(name, text, "core/lib.rs.tera".to_owned());
    }

    fn insert(&mut self, name: &str, text: String, template: String) {
        let path = format!("{}/{name}", self.job.target.output);
        self.tree.insert(path, text, template);
    }
}

/// Two operations with one method and one path, once their parameters are nameless: a server
/// can only ever reach the first.
fn warn_of_twins(bound: &[Bound<'_>], problems: &mut Problems) {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for one in bound {
        let operation = one.operation;
        if let Some(first) = seen.get(operations::route_key(operation).as_str()) {
            problems.warning(
                "target-unsupported",
                &operation.location,
                format!("the server cannot tell this operation from `{}`", first.escape_debug()),
                "give it another path: fragments, queries and names of parameters do not count",
            );
            continue;
        }
        seen.insert(operations::route_key(operation), &operation.id);
    }
}
