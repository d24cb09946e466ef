//! Encoder for go.
