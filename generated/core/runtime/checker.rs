//! Documents checked against one schema file: its structure, and the rules that stand in it
//! under `x-rules`, so that everybody who holds the file applies the very same rules.

use super::validate::{collect_names, compile};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::OnceLock;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Error,
    Warning,
}

/// One thing found in a document that its author wrote and may see whole.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub rule: String,
    pub level: Level,
    /// JSON pointer into the document.
    pub path: String,
    pub message: String,
    pub hint: String,
}

/// Checks documents against one schema file: its structure and the rules that stand in it
/// under `x-rules`.
pub struct Checker {
    text: &'static str,
    compiled: OnceLock<Option<Compiled>>,
}

struct Compiled {
    validator: Validator,
    names: HashSet<String>,
    rules: Vec<Rule>,
}

struct Rule {
    id: String,
    level: Level,
    path: String,
    message: String,
    hint: String,
    when: Validator,
    then: Validator,
}

impl Checker {
    pub const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// Everything wrong with the document, errors first.
    pub fn check(&self, document: &Value) -> Vec<Finding> {
        let Some(compiled) = self.compiled.get_or_init(|| Compiled::new(self.text)) else {
            return vec![Finding {
                rule: "schema".to_owned(),
                level: Level::Error,
                path: String::new(),
                message: "the schema cannot be used".to_owned(),
                hint: "repair the schema file".to_owned(),
            }];
        };
        let mut findings = Vec::new();
        // Most documents are valid, and to say so is cheaper than to look for words.
        if !compiled.validator.is_valid(document) {
            for error in compiled.validator.iter_errors(document) {
                compiled.explain(&error, &mut findings);
            }
        }
        // `then` first: where it holds, nobody needs to ask whether it had to.
        let broken = |rule: &&Rule| !rule.then.is_valid(document) && rule.when.is_valid(document);
        findings.extend(compiled.rules.iter().filter(broken).map(Rule::finding));
        findings.sort_by_key(|finding| finding.level == Level::Warning);
        findings
    }
}

impl Compiled {
    fn new(text: &str) -> Option<Self> {
        let schema: Value = serde_json::from_str(text).ok()?;
        let mut names = HashSet::new();
        collect_names(&schema, &mut names);
        let rules = match schema.get("x-rules") {
            Some(Value::Array(rules)) => {
                rules.iter().map(|rule| Rule::new(rule, &schema)).collect::<Option<_>>()?
            }
            _ => Vec::new(),
        };
        Some(Self { validator: compile(&schema, None)?, names, rules })
    }

    fn explain(&self, error: &ValidationError<'_>, findings: &mut Vec<Finding>) {
        let path = error.instance_path().as_str();
        let mut push = |path: String, message: String, hint: String| {
            let rule = error.kind().keyword().to_owned();
            findings.push(Finding { rule, level: Level::Error, path, message, hint });
        };
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                for name in unexpected {
                    let known = self.names.iter().map(String::as_str);
                    let token = name.replace('~', "~0").replace('/', "~1");
                    push(
                        format!("{path}/{token}"),
                        format!("unknown field `{}`", name.escape_debug()),
                        hint_nearest(name, known, "remove the field"),
                    );
                }
            }
            ValidationErrorKind::Enum { options } => {
                let known = options.as_array().into_iter().flatten().filter_map(Value::as_str);
                let hint = error.instance().as_str().map_or_else(
                    || format!("use one of {options}"),
                    |given| hint_nearest(given, known, &format!("use one of {options}")),
                );
                push(path.to_owned(), error.to_string(), hint);
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                push(path.to_owned(), error.to_string(), format!("add the field `{name}`"));
            }
            _ => push(path.to_owned(), error.to_string(), "see the schema".to_owned()),
        }
    }
}

impl Rule {
    /// `when` and `then` may refer to the `$defs` of the file.
    fn new(rule: &Value, schema: &Value) -> Option<Self> {
        let text = |key: &str| rule.get(key).and_then(Value::as_str).map(str::to_owned);
        let condition = |key: &str| {
            let mut condition = rule.get(key).cloned().unwrap_or(json!(true));
            if let (Some(object), Some(definitions)) =
                (condition.as_object_mut(), schema.get("$defs"))
            {
                object.insert("$defs".to_owned(), definitions.clone());
            }
            compile(&condition, None)
        };
        let warning = text("level").as_deref() == Some("warning");
        Some(Self {
            id: text("id")?,
            level: if warning { Level::Warning } else { Level::Error },
            path: text("path").unwrap_or_default(),
            message: text("message")?,
            hint: text("hint").unwrap_or_default(),
            when: condition("when")?,
            then: condition("then")?,
        })
    }

    fn finding(&self) -> Finding {
        Finding {
            rule: self.id.clone(),
            level: self.level,
            path: self.path.clone(),
            message: self.message.clone(),
            hint: self.hint.clone(),
        }
    }
}

fn hint_nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>, otherwise: &str) -> String {
    let nearest = known
        .map(|name| (edits(given, name), name))
        .filter(|(distance, name)| *distance * 3 <= name.chars().count().max(3))
        .min();
    nearest.map_or_else(|| otherwise.to_owned(), |(_, name)| format!("did you mean `{name}`?"))
}

/// Levenshtein distance.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, character) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r##"{
        "type": "object", "additionalProperties": false, "required": ["traits"],
        "properties": {
            "traits": {"type": "array", "items": {"$ref": "#/$defs/trait"}},
            "level": {"type": "string"}
        },
        "$defs": {"trait": {"enum": ["handles_phi", "sends_email"]}},
        "x-rules": [{
            "id": "phi-level", "level": "warning", "path": "/level",
            "message": "a handler of PHI says its level", "hint": "add level",
            "when": {"required": ["traits"], "properties": {"traits": {"contains": {"const": "handles_phi"}}}},
            "then": {"required": ["level"]}
        }]
    }"##;
    static CHECKER: Checker = Checker::new(SCHEMA);

    fn found(document: &Value) -> Vec<(String, String, String)> {
        let findings = CHECKER.check(document);
        findings.into_iter().map(|finding| (finding.rule, finding.path, finding.hint)).collect()
    }

    fn row(rule: &str, path: &str, hint: &str) -> (String, String, String) {
        (rule.to_owned(), path.to_owned(), hint.to_owned())
    }

    #[test]
    fn a_document_that_fits_has_no_findings() {
        assert!(CHECKER.check(&json!({"traits": ["sends_email"]})).is_empty());
    }

    #[test]
    fn unknown_words_are_answered_with_the_nearest_known() {
        let document = json!({"traits": ["handle_phi"], "levl": "x"});
        let findings = found(&document);
        assert!(findings.contains(&row("enum", "/traits/0", "did you mean `handles_phi`?")));
        assert!(findings.contains(&row("additionalProperties", "/levl", "did you mean `level`?")));
    }

    #[test]
    fn rules_inside_the_schema_are_applied() {
        let document = json!({"traits": ["handles_phi"]});
        assert_eq!(found(&document), [row("phi-level", "/level", "add level")]);
        assert!(found(&json!({"traits": ["handles_phi"], "level": "full"})).is_empty());
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
    }
}
