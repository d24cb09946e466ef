//! House rules: what a team asks of its spec beyond what OpenAPI asks.
//!
//! Which rules hold is said by `[lint]` in the configuration. Here is also the catalogue of every
//! rule about specs, for `explain`.

mod catalogue;
mod examples;
mod house;

use crate::config::{Config, Lint};
use crate::contract::Contract;
use crate::load::documents::Documents;
use crate::problem::{Problems, Severity};
use crate::rules::Rule;

/// Every rule about configurations and specs, by what it is about.
pub const RULES: &[&[Rule]] = &[
    catalogue::READING,
    catalogue::REFERENCES,
    catalogue::SCHEMAS,
    catalogue::COMPOSITIONS,
    catalogue::OPERATIONS,
    catalogue::HOUSE,
];

/// Checks the contract against the rules the configuration asks for.
pub fn check(config: &Config, contract: &Contract, documents: &Documents, problems: &mut Problems) {
    house::check(&config.lint, contract, problems);
    house::check_vocabulary(&config.lint, documents, problems);
    examples::check(&config.lint, contract, problems);
}

/// Lets the configuration have its say on what was found: some rules become errors, some
/// warnings are dropped.
pub fn settle(lint: &Lint, problems: &mut Problems) {
    problems.retain(|problem| {
        if lint.deny.iter().any(|rule| rule == problem.rule) {
            problem.severity = Severity::Error;
        }
        problem.severity == Severity::Error || !lint.allow.iter().any(|rule| rule == problem.rule)
    });
}
