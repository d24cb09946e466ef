//! The Go target: a module with a hand-written runtime package and one generated package above it.
//!
//! Views are built once for the whole contract; each template is rendered once for each file.

mod answers;
mod errors;
mod facade;
mod models;
mod operations;
mod package;
mod places;
mod sample;
mod types;
mod value;
mod walks;
mod wire;

use super::Job;
use crate::config::TargetName;
use crate::problem::Problems;
use crate::tree::Tree;
use serde::Serialize;

/// Folder of the templates.
const FOLDER: &str = "go";

pub fn emit(job: &Job<'_>, tree: &mut Tree, _problems: &mut Problems) {
    let package = package::view(job);
    let errors = errors::view(job.contract);
    let names = types::Names::new(job.contract, &package.client, &errors);
    let models = models::view(&names);
    let resources = operations::view(&names);
    let facade = facade::view(&names, &resources, &package.client);
    let client = package::client(&names, &resources, &facade, &package);
    let sampler = sample::Sampler::new(&names, &resources, job.target);
    job.samples.keep(job, TargetName::Go, || sampler.programs());
    let files = Files { job, package: &package };

    job.templates.copy_runtime(FOLDER, &job.target.output, &package.module, tree);
    files.render(tree, "go.mod", "go.mod", &());
    files.render(
        tree,
        "README.md",
        "README.md",
        &package::readme(job, &resources, &sampler, &errors.transport),
    );
    if package.apache {
        files.render(tree, "LICENSE", "LICENSE", &());
    }
    files.render(tree, "doc.go", "doc.go", &());
    files.render(tree, "runtime.go", "runtime.go", &());
    files.render(tree, "errors.go", "errors.go", &errors);
    files.render(tree, "models.go", "models.go", &models);
    files.render(tree, "client.go", "client.go", &client);
    for resource in &resources {
        files.render(tree, "resource.go", &resource.file, resource);
    }
    if !facade.methods.is_empty() {
        files.render(tree, "facade.go", "facade.go", &facade);
    }
    if let Some(example) = package::example(job, &sampler) {
        files.render(tree, "example_test.go", "example_test.go", &example);
    }
    files.render(tree, "models_test.go", "models_test.go", &wire::models(&names));
    files.render(tree, "wire_test.go", "wire_test.go", &wire::view(&names, &resources, &facade));
}

/// What every template sees.
#[derive(Serialize)]
struct Page<'a, T: Serialize> {
    preamble: &'static str,
    package: &'a package::Package,
    view: &'a T,
}

struct Files<'a> {
    job: &'a Job<'a>,
    package: &'a package::Package,
}

impl Files<'_> {
    fn render(&self, tree: &mut Tree, template: &str, file: &str, view: &impl Serialize) {
        let template = format!("{FOLDER}/{template}.tera");
        let page = Page { preamble: super::render::PREAMBLE, package: self.package, view };
        let text = self.job.templates.render(&template, &page);
        tree.insert(format!("{}/{file}", self.job.target.output), text, template);
    }
}
