//! `explain RULE`: the page of a rule, or the list of all rules.

use super::{Call, Exit};
use crate::rules::{self, Rule};
use serde_json::json;

/// Explain a rule that a problem names, or list all rules
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Id of the rule, such as `output-overlap`; without it all rules are listed
    pub rule: Option<String>,
}

pub fn run(args: &Args, call: &Call<'_>) -> Exit {
    let Some(id) = &args.rule else {
        list(call);
        return Exit::Success;
    };
    let Some(rule) = rules::find(id) else {
        anstream::eprintln!("no rule `{}`{}", id.escape_debug(), nearest(id));
        anstream::eprintln!("run: {}", call.line("explain"));
        return Exit::Usage;
    };
    if call.options.json {
        anstream::println!("{:#}", json!({ "version": 1, "rules": [as_json(rule)] }));
    } else {
        anstream::println!("{}\n\n{}\n\n{}", rule.id, rule.summary, rule.explanation);
    }
    Exit::Success
}

fn list(call: &Call<'_>) {
    let mut rules: Vec<&Rule> = rules::all().collect();
    rules.sort_by_key(|rule| rule.id);
    if call.options.json {
        let rules: Vec<_> = rules.into_iter().map(as_json).collect();
        anstream::println!("{:#}", json!({ "version": 1, "rules": rules }));
        return;
    }
    let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    for rule in rules {
        anstream::println!("{:width$}  {}", rule.id, rule.summary);
    }
}

fn as_json(rule: &Rule) -> serde_json::Value {
    json!({ "id": rule.id, "summary": rule.summary, "explanation": rule.explanation })
}

/// The closest id, when one is close.
fn nearest(id: &str) -> String {
    rules::all()
        .map(|rule| (distance(id, rule.id), rule.id))
        .min()
        .filter(|(distance, _)| *distance <= 4)
        .map_or_else(String::new, |(_, near)| format!(", perhaps `{near}`"))
}

/// Levenshtein distance.
fn distance(left: &str, right: &str) -> usize {
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

    #[test]
    fn a_slip_finds_its_rule() {
        assert_eq!(nearest("output-overlp"), ", perhaps `output-overlap`");
        assert_eq!(nearest("zzzzzzzzzzzzzzzzzzzz"), "");
    }

    #[test]
    fn rule_ids_are_unique() {
        let mut ids: Vec<&str> = rules::all().map(|rule| rule.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
