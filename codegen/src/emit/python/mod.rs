//! The Python target: one package with a client, models, errors, resources and tests.
//!
//! `types` spells annotations, `layout` breaks lines as the formatters do, `facts` says what an
//! operation is; the other modules make the view of the file they are named after.

mod cases;
mod client;
mod errors;
mod facade;
mod facts;
mod layout;
mod models;
mod operations;
mod package;
mod sample;
mod types;
mod uses;

use super::Job;
use super::render::replace_package;
use crate::config::TargetName;
use crate::problem::Problems;
use crate::tree::Tree;
use serde::Serialize;
use types::Types;

/// The licence whose text the templates hold.
const APACHE: &str = "Apache-2.0";

pub fn emit(job: &Job<'_>, tree: &mut Tree, _problems: &mut Problems) {
    let contract = job.contract;
    let types = Types::new(contract);
    let package = package::package(contract, job.target);
    let resources = operations::resources(contract, &types);
    job.samples
        .keep(job, TargetName::Python, || sample::programs(contract, &types, &package, &resources));
    let uses = uses::Uses::of(contract);
    let writer = Writer { job, package: &package };

    job.templates.copy_runtime("python", &job.target.output, &package.module, tree);
    let models = models::view(&types, &uses, contract.types.values());
    writer.render("package/models.py.tera", &models, tree);
    writer.render("package/errors.py.tera", &errors::errors(contract), tree);
    let client = client::client(contract, &types, &resources, &package, job.target);
    let view = ClientView { client: &client, resources: &resources };
    for template in ["package/client.py.tera", "package/__init__.py.tera", "README.md.tera"] {
        writer.render(template, &view, tree);
    }
    for resource in &resources {
        let path = format!("package/resources/{}.py", resource.module);
        writer.render_to("package/resources/resource.py.tera", &path, resource, tree);
    }
    for template in
        ["pyproject.toml.tera", "package/resources/__init__.py.tera", "tests/subject.py.tera"]
    {
        writer.render(template, &view, tree);
    }
    if let Some(alias) = &package.alias {
        writer.render_to("alias/__init__.py.tera", &format!("{alias}/__init__.py"), &(), tree);
        writer.render_to("alias/py.typed.tera", &format!("{alias}/py.typed"), &(), tree);
    }
    if package.license.as_deref() == Some(APACHE) {
        writer.render("LICENSE.tera", &(), tree);
    }
    let cases = cases::cases(contract, &resources, &package.client);
    let mut text = serde_json::to_string_pretty(&cases).expect("cases are plain JSON");
    text.push('\n');
    tree.insert(
        format!("{}/tests/operations.json", job.target.output),
        text,
        "python/tests/operations.json",
    );
}

#[derive(Serialize)]
struct ClientView<'a> {
    client: &'a client::Client,
    resources: &'a [operations::Resource],
}

/// Renders templates of this target to their places.
struct Writer<'a> {
    job: &'a Job<'a>,
    package: &'a package::Package,
}

/// The view of one file: the package and what the file is about.
#[derive(Serialize)]
struct Page<'a, V> {
    package: &'a package::Package,
    source: &'a str,
    view: &'a V,
}

impl Writer<'_> {
    fn render<V: Serialize>(&self, template: &str, view: &V, tree: &mut Tree) {
        let path = template.strip_suffix(".tera").unwrap_or(template);
        self.render_to(template, path, view, tree);
    }

    fn render_to<V: Serialize>(&self, template: &str, path: &str, view: &V, tree: &mut Tree) {
        let source = format!("python/{template}");
        let page = Page { package: self.package, source: &source, view };
        let text = self.job.templates.render(&source, &page);
        let path = replace_package(path, &self.package.module);
        tree.insert(format!("{}/{path}", self.job.target.output), text, source);
    }
}
