//! Encoder for rust.
