//! One decision for every lane: who asks, for what, about whom, with which data, to what end.
//!
//! # Deciding
//!
//! A lane builds a [`Request`] from what Core has verified and asks [`Policy::decide`]:
//!
//! ```text
//! let request = Request { data, claimed, ..asks(call, plugin.party()) };   // api/calls.rs
//! let decision = core.policy.decide(&request);
//! match decision.effect {
//!     Effect::Allow => …,
//!     Effect::Mask(classes) => …,         // hand it over without these classes
//!     Effect::Deny => return Err(core.decisions.problem(&request, &decision)),
//! }
//! ```
//!
//! Who may call an operation at all stands in the contract ([`Operation`]); the request adds what
//! only the lane knows. A lane that can take classes out of the data names them in
//! [`Request::maskable`]; it then gets [`Effect::Mask`] when a masking rule applies. Delivery of
//! an event is the operation [`Operation::delivery`], with the subscriber as caller.
//!
//! # What decides
//!
//! The floor is part of the program and always holds. The policy document stands on top of it:
//! it is versioned, can be exchanged at any time, and can only take away. Forbidding comes first,
//! and what nothing allows is denied. The decision itself is a pure function of [`Rules`] and
//! [`Request`]: it knows no store, no clock and no wire format, so it can be tried over its whole
//! space, again over what was recorded, and against an independent engine.

mod check;
mod decision;
mod denials;
mod document;
mod engine;
mod explain;
mod floor;
mod history;
mod inputs;
mod operation;
mod request;
mod rules;
mod sample;
mod simulate;
mod traits;

pub use decision::{Decision, Effect, RuleName};
pub use denials::{Denial, Denials, Judged};
pub use document::{Document, GRANTED, Rule, RuleEffect, When};
pub use engine::Policy;
pub use explain::{Change, Step, fix, missing};
pub use floor::floor_rules;
pub use history::{MIGRATIONS, PolicyError, Version, VersionChange};
pub use inputs::{Inputs, OtherInputs};
pub use operation::{DELIVERY, Operation};
pub use request::{Destination, Ground, Other, Party, PluginState, Request, Stated};
pub use rules::Rules;
pub use sample::{PLACES, Recorded, Sample};
pub use simulate::{Changed, Simulation, simulate};
pub use traits::{
    DataTrait, DataTraits, Kinds, Member, PartyKind, Purpose, Purposes, Role, Roles, Set, Trait,
    Traits, parse,
};

#[cfg(test)]
mod tests;
