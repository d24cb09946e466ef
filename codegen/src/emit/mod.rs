//! From the contract to files, one sibling for each target: contract -> view -> templates.
//!
//! A view is finished text: names are final, literals and comments are encoded. Templates
//! arrange it and decide nothing.

pub mod core;
pub mod docs;
pub mod errors;
pub mod example;
pub mod go;
pub mod node;
pub mod python;
pub mod render;

use crate::config::{Config, Target, TargetName};
use crate::contract::Contract;
use crate::problem::Problems;
use crate::tree::Tree;
use render::Templates;

/// What every emitter is given.
pub struct Job<'a> {
    pub contract: &'a Contract,
    pub config: &'a Config,
    pub target: &'a Target,
    pub templates: &'a Templates,
}

/// Renders one target into the tree. Paths start with `job.target.output`.
pub fn emit(name: TargetName, job: &Job<'_>, tree: &mut Tree, problems: &mut Problems) {
    match name {
        TargetName::Core => core::emit(job, tree, problems),
        TargetName::Python => python::emit(job, tree, problems),
        TargetName::Node => node::emit(job, tree, problems),
        TargetName::Go => go::emit(job, tree, problems),
        TargetName::Docs => docs::emit(job, tree, problems),
    }
}
