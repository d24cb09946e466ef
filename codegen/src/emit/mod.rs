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
use crate::contract::{Contract, Operation};
use crate::problem::Problems;
use crate::tree::Tree;
use render::Templates;
use std::cell::RefCell;
use std::collections::HashMap;

/// What every emitter is given.
pub struct Job<'a> {
    pub contract: &'a Contract,
    pub config: &'a Config,
    pub target: &'a Target,
    pub templates: &'a Templates,
    pub samples: &'a Samples,
}

/// Programs that call each operation, by language and operation id. The emitter of a language
/// makes them while its names are at hand, and the docs, emitted last, show them.
#[derive(Default)]
pub struct Samples {
    programs: RefCell<HashMap<TargetName, HashMap<String, String>>>,
}

impl Samples {
    /// Keeps the programs of a language, when there are docs to show them.
    pub fn keep(
        &self,
        job: &Job<'_>,
        language: TargetName,
        make: impl FnOnce() -> HashMap<String, String>,
    ) {
        if job.config.targets.contains_key(&TargetName::Docs) {
            self.programs.borrow_mut().insert(language, make());
        }
    }

    pub fn program(&self, language: TargetName, operation: &Operation) -> Option<String> {
        self.programs.borrow().get(&language)?.get(&operation.id).cloned()
    }
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
