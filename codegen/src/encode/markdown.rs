//! Encoder for markdown.
