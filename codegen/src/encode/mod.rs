//! From text of a spec to text of a language: one encoder for each language, and the only
//! way by which text of a spec reaches a view.
//!
//! Each sibling offers the same functions:
//! - `identifier(name)`: an already cased name, with a trailing `_` when reserved;
//! - `string(text)`: a literal in ASCII;
//! - `value(json)`: a literal of a JSON value;
//! - `comment(text, indent)`: comment or docstring lines that the text cannot leave.

pub mod go;
pub mod markdown;
pub mod python;
pub mod rust;
pub mod shell;
pub mod typescript;
