//! The pages of the rules, one file for each part of a spec.

mod compositions;
mod house;
mod operations;
mod reading;
mod references;
mod schemas;

pub use compositions::COMPOSITIONS;
pub use house::HOUSE;
pub use operations::OPERATIONS;
pub use reading::READING;
pub use references::REFERENCES;
pub use schemas::SCHEMAS;

use crate::problem::Severity;
use crate::rules::Rule;

const fn error(
    id: &'static str,
    summary: &'static str,
    explanation: &'static str,
    examples: [&'static str; 2],
) -> Rule {
    let [bad_example, good_example] = examples;
    Rule { id, summary, explanation, severity: Severity::Error, bad_example, good_example }
}

const fn warning(
    id: &'static str,
    summary: &'static str,
    explanation: &'static str,
    examples: [&'static str; 2],
) -> Rule {
    let [bad_example, good_example] = examples;
    Rule { id, summary, explanation, severity: Severity::Warning, bad_example, good_example }
}
