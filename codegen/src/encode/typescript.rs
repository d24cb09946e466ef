//! Encoder for typescript.
