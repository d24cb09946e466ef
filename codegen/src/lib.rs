//! The contract compiler: spec text -> contract -> file tree.
//!
//! `source` (text with spans) -> `load` (documents, references) -> `lint` -> `contract` ->
//! `emit` -> `tree`. No network, no clock, no external tool; knows nothing of the Core.

pub mod commands;
pub mod compile;
pub mod config;
pub mod contract;
pub mod drift;
pub mod emit;
pub mod encode;
pub mod inputs;
pub mod lint;
pub mod load;
pub mod lock;
pub mod names;
pub mod problem;
pub mod project;
pub mod rules;
pub mod source;
pub mod templates;
pub mod tree;
