//! The Core process.

fn main() {}
