//! The network edge of the real process, seen by clients that keep to the rules and by others.

#[allow(dead_code, reason = "each test crate uses its part of it")]
#[path = "../support/mod.rs"]
mod support;

mod backup;
mod commands;
mod drain;
mod harness;
mod limits;
mod tls;
