//! The docs target: reference pages in Markdown, for any site generator.
//!
//! Headings are ids of the spec and nothing else, so that anchors stay when a text changes.
//! Pages use plain Markdown with tables; no HTML, no attributes, no tabs.

mod constraints;
mod errors;
mod events;
mod index;
mod manifest;
mod models;
mod operations;
mod samples;
mod sdk;
#[cfg(test)]
mod tests;
mod types;
mod view;

use super::Job;
use crate::problem::Problems;
use crate::tree::Tree;
use types::Links;

pub fn emit(job: &Job<'_>, tree: &mut Tree, _problems: &mut Problems) {
    let links = Links::new(job.contract);
    let pages = operations::pages(job.contract);
    for page in &pages {
        let view = operations::view(job, &links, page);
        render(job, tree, "operations/tag.md.tera", &format!("operations/{}.md", page.stem), &view);
    }
    render(job, tree, "models.md.tera", "models.md", &models::view(job, &links));
    render(job, tree, "errors.md.tera", "errors.md", &errors::view(job, &links, &pages));
    if !job.contract.events.is_empty() {
        render(job, tree, "events.md.tera", "events.md", &events::view(job, &links));
    }
    if let Some(manifest) = &job.contract.manifest {
        let view = manifest::view(manifest, &links);
        render(job, tree, "manifest.md.tera", "manifest.md", &view);
    }
    if sdk::has_packages(job) {
        render(job, tree, "sdk.md.tera", "sdk.md", &sdk::view(job, &links));
    }
    render(job, tree, "index.md.tera", "index.md", &index::view(job, &pages));
    job.templates.copy_runtime("docs", &job.target.output, "", tree);
}

fn render(
    job: &Job<'_>,
    tree: &mut Tree,
    template: &str,
    path: &str,
    view: &impl serde::Serialize,
) {
    let template = format!("docs/{template}");
    let text = job.templates.render(&template, view);
    tree.insert(format!("{}/{path}", job.target.output), text, template);
}
