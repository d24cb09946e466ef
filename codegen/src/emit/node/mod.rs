//! The Node target: an npm package in TypeScript, for ESM and CommonJS.

mod contents;
mod errors;
mod facade;
mod layout;
mod masks;
mod models;
mod operations;
mod package;
mod plan;
mod sample;
mod settings;
mod types;
mod wire;

use super::Job;
use crate::config::TargetName;
use crate::problem::Problems;
use crate::tree::Tree;
use masks::Masks;
use plan::Plan;
use serde::Serialize;

/// Renders the package. The TypeScript of every operation is expressible, so nothing is reported.
pub fn emit(job: &Job<'_>, tree: &mut Tree, _problems: &mut Problems) {
    let plan = Plan::new(job.contract, job.target);
    let masks = Masks::new(job.contract);
    job.samples.keep(job, TargetName::Node, || sample::programs(&plan, job.target));
    let mut files = Files { job, tree };
    files.render("package.json", "package.json.tera", &package::package(job));
    files.render("README.md", "README.md.tera", &package::readme(job, &plan, &masks));
    if package::license(job) == Some("Apache-2.0") {
        files.render("LICENSE", "LICENSE.tera", &serde_json::Map::new());
    }
    let client = facade::view(job, &plan, &masks);
    files.render("src/client.ts", "src/client.ts.tera", &client);
    let index = package::index(job, &plan, &masks, &client);
    files.render("src/index.ts", "src/index.ts.tera", &index);
    files.render("src/models.ts", "src/models.ts.tera", &models::view(&plan));
    files.render("src/errors.ts", "src/errors.ts.tera", &errors::view(job.contract));
    if masks.any() {
        files.render("src/masks.ts", "src/masks.ts.tera", &masks::view(&plan, &masks));
    }
    for tag in &plan.tags {
        let path = format!("src/resources/{}.ts", tag.stem);
        files.render(&path, "src/resources/tag.ts.tera", &operations::view(&plan, &masks, tag));
        let path = format!("test/wire/{}.test.ts", tag.stem);
        files.render(&path, "test/wire/tag.test.ts.tera", &wire::view(&plan, tag));
    }
    let module = job.target.module.as_deref().unwrap_or_default();
    job.templates.copy_runtime("node", &job.target.output, module, files.tree);
}

struct Files<'a> {
    job: &'a Job<'a>,
    tree: &'a mut Tree,
}

impl Files<'_> {
    fn render(&mut self, path: &str, template: &str, view: &impl Serialize) {
        let template = format!("node/{template}");
        let text = self.job.templates.render(&template, view);
        self.tree.insert(format!("{}/{path}", self.job.target.output), text, template);
    }
}
