//! What is wrong with an input: where it stands, which rule it breaks and what to do about it.
//!
//! Wrong input never panics and never stops at the first fault. Every phase pushes into
//! [`Problems`]; the command line prints them all, sorted by place.

use serde::Serialize;
use std::fmt;

/// A place in a source document. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Location {
    /// Path of the document as given by the user, relative to the configuration file.
    pub file: String,
    pub line: usize,
    pub column: usize,
    /// JSON pointer (RFC 6901) of the value inside the document.
    pub pointer: String,
}

/// How grave a problem is. Only an error stops the compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// One fault in the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Id of the rule in the catalogue (`explain RULE` prints its page).
    pub rule: &'static str,
    pub severity: Severity,
    #[serde(flatten)]
    pub location: Location,
    /// What is wrong: a lowercase fragment without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// Most problems that are kept.
const MOST: usize = 10_000;

/// Everything found wrong so far.
#[derive(Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    pub fn error(
        &mut self,
        rule: &'static str,
        location: &Location,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Error, rule, location, message.into(), help.into());
    }

    pub fn warning(
        &mut self,
        rule: &'static str,
        location: &Location,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Warning, rule, location, message.into(), help.into());
    }

    fn push(
        &mut self,
        severity: Severity,
        rule: &'static str,
        location: &Location,
        message: String,
        help: String,
    ) {
        // Nobody reads more, and a broken document can have millions.
        if self.list.len() >= MOST && (severity == Severity::Warning || self.has_errors()) {
            return;
        }
        self.list.push(Problem { rule, severity, location: location.clone(), message, help });
    }

    /// Takes over what another phase has found.
    pub fn append(&mut self, other: Problems) {
        self.list.extend(other.list);
    }

    /// True when at least one problem is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Keeps the problems that `keep` says yes to; it may change them.
    pub fn retain(&mut self, keep: impl FnMut(&mut Problem) -> bool) {
        self.list.retain_mut(keep);
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All problems, sorted by place, then rule; repeats removed.
    pub fn into_sorted(mut self) -> Vec<Problem> {
        self.list.sort_by(|a, b| {
            (&a.location, a.rule, &a.message).cmp(&(&b.location, b.rule, &b.message))
        });
        self.list.dedup();
        self.list
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Location { file, line, column, pointer } = &self.location;
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(out, "{severity}[{}]: {}", self.rule, self.message)?;
        writeln!(out, "  --> {file}:{line}:{column} ({pointer})")?;
        write!(out, "  help: {}", self.help)
    }
}
