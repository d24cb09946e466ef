//! House rules for specs.
