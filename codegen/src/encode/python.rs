//! Encoder for python.
