//! What a schema asks of a value beyond its type, in short sentences.

use crate::contract::Constraints;
use crate::encode::markdown::{code, line};
use serde_json::Value;

pub fn sentences(constraints: &Constraints) -> Vec<String> {
    let Constraints { minimum, maximum, min_length, max_length, min_items, max_items, .. } =
        constraints;
    let mut sentences = Vec::new();
    sentences.extend(range(*minimum, *maximum, ""));
    sentences.extend(range(*min_length, *max_length, " characters"));
    sentences.extend(range(*min_items, *max_items, " items"));
    if let Some(format) = &constraints.format {
        sentences.push(format!("Format {}.", code(format)));
    }
    if let Some(pattern) = &constraints.pattern {
        sentences.push(format!("Pattern {}.", code(pattern)));
    }
    sentences
}

pub fn default(value: &Value) -> String {
    format!("Default {}.", code(&value.to_string()))
}

pub fn data_class(class: &str) -> String {
    format!("Classified {}: masked when printed.", line(class))
}

/// Sentences in one line; empty ones are left out.
pub fn join(sentences: &[String]) -> String {
    let mut joined = String::new();
    for sentence in sentences.iter().filter(|sentence| !sentence.is_empty()) {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(sentence);
        if !joined.ends_with(['.', '!', '?', ':', '>']) {
            joined.push('.');
        }
    }
    joined
}

fn range<T: std::fmt::Display + PartialEq>(
    least: Option<T>,
    most: Option<T>,
    unit: &str,
) -> Option<String> {
    match (least, most) {
        (Some(least), Some(most)) if least == most => Some(format!("Exactly {least}{unit}.")),
        (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}.")),
        (Some(least), None) => Some(format!("At least {least}{unit}.")),
        (None, Some(most)) => Some(format!("At most {most}{unit}.")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_read_as_sentences() {
        let constraints = Constraints {
            min_length: Some(1),
            max_length: Some(63),
            pattern: Some("^[a|b]$".to_owned()),
            ..Constraints::default()
        };
        assert_eq!(
            join(&sentences(&constraints)),
            "1 to 63 characters. Pattern &#94;\\[a&#124;b\\]&#36;."
        );
    }

    #[test]
    fn a_description_without_full_stop_gets_one() {
        assert_eq!(
            join(&["The id".to_owned(), String::new(), "At most 3.".to_owned()]),
            "The id. At most 3."
        );
    }
}
