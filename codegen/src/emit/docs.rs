//! The docs target.

use super::Job;
use crate::problem::Problems;
use crate::tree::Tree;

pub fn emit(_job: &Job<'_>, _tree: &mut Tree, _problems: &mut Problems) {}
