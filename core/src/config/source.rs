//! Where a setting comes from: environment before file, each value with the place it stands at,
//! so that a fault can name that place.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::KEYS;
use crate::schemas::nearest;

/// A value and where it stands: a flag, a variable, or a line of the file.
pub(super) struct Given<T> {
    pub value: T,
    pub origin: String,
}

impl<T> Given<T> {
    pub fn fault(&self, message: impl std::fmt::Display) -> String {
        format!("{}: {message}", self.origin)
    }
}

/// A value of the file, as far as we have a use for it.
enum Written {
    Text(String),
    Number(u64),
    Texts(Vec<String>),
    Other,
}

/// Both sources, and what was found wrong in them.
pub(super) struct Sources<'e> {
    written: BTreeMap<String, Given<Written>>,
    environment: &'e dyn Fn(&str) -> Option<String>,
    pub faults: Vec<String>,
}

impl<'e> Sources<'e> {
    pub fn read(file: Option<&Path>, environment: &'e dyn Fn(&str) -> Option<String>) -> Self {
        let mut sources = Self { written: BTreeMap::new(), environment, faults: Vec::new() };
        if let Some(path) = file {
            match fs::read_to_string(path) {
                Ok(text) => sources.parse(path, &text),
                Err(error) => {
                    sources.faults.push(format!("{}: {}", path.display(), error.kind()));
                }
            }
        }
        sources
    }

    /// A variable with a value; an empty one counts as absent.
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|value| !value.is_empty())
    }

    pub fn text(&mut self, key: &'static str, flag: Option<String>) -> Option<Given<String>> {
        debug_assert!(KEYS.iter().any(|known| known.name == key), "{key} is not in the list");
        if let Some(value) = flag {
            return Some(Given { value, origin: format!("--{}", key.replace('_', "-")) });
        }
        let name = variable_of(key);
        if let Some(value) = self.variable(&name) {
            return Some(Given { value, origin: name });
        }
        let written = self.written.get(key)?;
        match &written.value {
            Written::Text(text) => {
                Some(Given { value: text.clone(), origin: written.origin.clone() })
            }
            _ => {
                self.faults.push(written.fault(format_args!("{key} must be a text in quotes")));
                None
            }
        }
    }

    pub fn path(&mut self, key: &'static str, flag: Option<PathBuf>) -> Option<PathBuf> {
        flag.or_else(|| self.text(key, None).map(|given| given.value.into()))
    }

    /// Reads a text as a value; `form` says what it must be.
    pub fn parsed<T: std::str::FromStr>(&mut self, key: &'static str, form: &str) -> Option<T> {
        let given = self.text(key, None)?;
        let value = given.value.parse().ok();
        if value.is_none() {
            self.faults.push(given.fault(format_args!("{key} must be {form}")));
        }
        value
    }

    /// A whole number in a range, else the usual one.
    pub fn number(&mut self, key: &'static str, usual: u64, range: RangeInclusive<u64>) -> u64 {
        debug_assert!(KEYS.iter().any(|known| known.name == key), "{key} is not in the list");
        let name = variable_of(key);
        let given = match self.variable(&name) {
            Some(text) => Given { value: text.parse().ok(), origin: name },
            None => match self.written.get(key) {
                Some(Given { value: Written::Number(number), origin }) => {
                    Given { value: Some(*number), origin: origin.clone() }
                }
                Some(Given { origin, .. }) => Given { value: None, origin: origin.clone() },
                None => return usual,
            },
        };
        match given.value {
            Some(number) if range.contains(&number) => number,
            _ => {
                let (least, most) = range.into_inner();
                let fault = given
                    .fault(format_args!("{key} must be a whole number from {least} to {most}"));
                self.faults.push(fault);
                usual
            }
        }
    }

    /// A list of values, in a variable separated by commas.
    pub fn list<T: std::str::FromStr>(&mut self, key: &'static str, form: &str) -> Vec<T> {
        let name = variable_of(key);
        let given = match self.variable(&name) {
            Some(text) => Given {
                value: text.split(',').map(|part| part.trim().to_owned()).collect(),
                origin: name,
            },
            None => match self.written.get(key) {
                Some(Given { value: Written::Texts(texts), origin }) => {
                    Given { value: texts.clone(), origin: origin.clone() }
                }
                Some(given) => {
                    self.faults.push(given.fault(format_args!("{key} must be a list of texts")));
                    return Vec::new();
                }
                None => return Vec::new(),
            },
        };
        let parsed: Vec<T> = given.value.iter().filter_map(|text| text.parse().ok()).collect();
        if parsed.len() != given.value.len() {
            self.faults.push(given.fault(format_args!("{key} must hold only {form}")));
        }
        parsed
    }

    fn parse(&mut self, path: &Path, text: &str) {
        let place = |at: usize| {
            let line = text[..at.min(text.len())].matches('\n').count() + 1;
            format!("{}:{line}", path.display())
        };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let origin = place(error.span().map_or(0, |span| span.start));
            self.faults.push(format!("{origin}: {}", error.message()));
        }
        let mut found = Vec::new();
        flatten("", table.get_ref(), &mut found);
        for (key, at, value) in found {
            let origin = place(at);
            if KEYS.iter().any(|known| known.name == key) {
                self.written.insert(key, Given { value, origin });
            } else {
                let close = nearest(&key, KEYS.iter().map(|known| known.name));
                let hint = close.map_or(String::new(), |close| format!("; did you mean {close}?"));
                self.faults.push(format!("{origin}: unknown setting {key}{hint}"));
            }
        }
    }
}

/// `VIVIFIED_LIMITS_CONNECTIONS` for `limits.connections`.
pub(super) fn variable_of(key: &str) -> String {
    format!("VIVIFIED_{}", key.replace('.', "_").to_uppercase())
}

/// Every value of a table with its dotted name and its place.
fn flatten(prefix: &str, table: &DeTable<'_>, found: &mut Vec<(String, usize, Written)>) {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) => flatten(&format!("{key}."), inner, found),
            other => found.push((key, name.span().start, written(other))),
        }
    }
}

fn written(value: &DeValue<'_>) -> Written {
    match value {
        DeValue::String(text) => Written::Text(text.to_string()),
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
            .map_or(Written::Other, Written::Number),
        DeValue::Array(values) => {
            let texts: Option<Vec<String>> = values
                .iter()
                .map(|value| match value.get_ref() {
                    DeValue::String(text) => Some(text.to_string()),
                    _ => None,
                })
                .collect();
            texts.map_or(Written::Other, Written::Texts)
        }
        _ => Written::Other,
    }
}
