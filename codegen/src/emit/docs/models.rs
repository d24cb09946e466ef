//! The page of all types that operations use.

use super::types::Links;
use super::view::ModelsView;
use crate::emit::Job;

pub fn view(job: &Job<'_>, links: &Links<'_>) -> ModelsView {
    let models = job.contract.types.values();
    ModelsView { models: models.map(|found| links.model(found, "models.md")).collect() }
}
