//! `explain RULE`: the page of a rule, or the list of all rules.

use super::{Call, Exit};
use crate::problem::Severity;
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
        anstream::println!("{}", page(rule));
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
    json!({
        "id": rule.id,
        "severity": rule.severity,
        "summary": rule.summary,
        "explanation": rule.explanation,
        "bad_example": rule.bad_example,
        "good_example": rule.good_example,
    })
}

/// The page of a rule.
fn page(rule: &Rule) -> String {
    let severity = match rule.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut page = format!("{} ({severity})\n\n{}\n\n{}", rule.id, rule.summary, rule.explanation);
    if !rule.bad_example.is_empty() {
        page.push_str(&format!("\n\nnot so:\n\n{}", indented(rule.bad_example)));
        page.push_str(&format!("\n\nbut so:\n\n{}", indented(rule.good_example)));
    }
    page
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// The closest id, when one is close.
fn nearest(id: &str) -> String {
    crate::load::nearest::nearest(id, rules::all().map(|rule| rule.id))
        .map_or_else(String::new, |near| format!(", perhaps `{near}`"))
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
