//! The operations of the contract: one file for each tag, each with the trait of its tag.
//!
//! No rule lives here. The traits are generated, so an operation that enters the contract stops
//! the build until it stands in the file of its tag.

mod admin;
mod assurance;
mod audit;
mod binding;
mod calls;
mod canonical;
mod config;
pub mod decisions;
mod delivery;
mod guard;
mod identity;
pub mod limits;
pub mod load;
mod operator;
mod plugins;
mod proxy;
mod storage;
mod streams;
mod system;
mod watched;
