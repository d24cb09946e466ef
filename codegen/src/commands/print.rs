//! The text form of a report: drift on standard output, everything else on standard error.

use super::report::{FileState, Report, ReportedFile, ReportedInput, ReportedProblem, Status};
use super::snippet::printable;
use clap::builder::styling::{AnsiColor, Style};
use std::io::Write;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

pub fn report(report: &Report) {
    for found in &report.problems {
        problem(found);
    }
    if let Some(message) = &report.message {
        anstream::eprintln!("{ERROR}error{ERROR:#}: {}", printable(message));
    }
    match report.status {
        Status::Fresh => {
            anstream::eprintln!("fresh: {}", count(report.total, "generated file"));
        }
        Status::Drift => drift(report),
        Status::Written => written(report),
        Status::Faulty => summary(&report.problems),
        Status::Failed => {}
    }
}

fn problem(found: &ReportedProblem) {
    let style = if found.severity == "error" { ERROR } else { WARNING };
    let ReportedProblem { severity, rule, file, line, column, pointer, .. } = found;
    anstream::eprintln!("{style}{severity}[{rule}]{style:#}: {}", printable(&found.message));
    let pointer = if pointer.is_empty() { String::new() } else { format!(" ({pointer})") };
    anstream::eprintln!("  --> {}:{line}:{column}{}", printable(file), printable(&pointer));
    if let Some(snippet) = &found.snippet {
        for line in snippet.lines() {
            anstream::eprintln!("  {line}");
        }
    }
    anstream::eprintln!("  help: {}\n", printable(&found.help));
}

fn summary(problems: &[ReportedProblem]) {
    let errors = problems.iter().filter(|problem| problem.severity == "error").count();
    let warnings = problems.len() - errors;
    anstream::eprintln!(
        "{}, {}; nothing was written",
        count(errors, "error"),
        count(warnings, "warning")
    );
}

fn drift(report: &Report) {
    let differing = report.files.len() + usize::from(report.lock.is_some());
    anstream::println!(
        "{ERROR}drift{ERROR:#}: {} not what the spec and the templates say\n",
        if differing == 1 { "1 file is".to_owned() } else { format!("{differing} files are") }
    );
    for file in report.files.iter().chain(&report.lock) {
        drifted_file(file);
    }
    inputs(&report.inputs);
    if let Some(repair) = &report.repair {
        anstream::println!("run: {STRONG}{repair}{STRONG:#}");
    }
}

fn drifted_file(file: &ReportedFile) {
    let word = state_word(file.state);
    anstream::println!("{STRONG}{word:9}{STRONG:#} {}", printable(&file.path));
    let cause = match (file.state, file.edited) {
        (FileState::Stale, true) => "edited since the last run",
        (FileState::Missing, true) => "deleted since the last run",
        (FileState::Orphaned, true) => "the compiler did not write it",
        (FileState::Orphaned, false) => "no longer generated",
        (FileState::Blocked, _) => "a symbolic link or a folder is in the way",
        _ => "",
    };
    let template = file.template.as_ref().map(|template| format!("from {}", printable(template)));
    let parts: Vec<&str> = [template.as_deref().unwrap_or(""), cause]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    if !parts.is_empty() {
        anstream::println!("{FAINT}          {}{FAINT:#}", parts.join(", "));
    }
    for line in file.diff.iter().flat_map(|diff| diff.lines()) {
        let style = match line.as_bytes().first() {
            Some(b'+') => ADDED,
            Some(b'-') => REMOVED,
            _ => FAINT,
        };
        anstream::println!("          {style}{}{style:#}", printable(line));
    }
}

fn inputs(inputs: &[ReportedInput]) {
    if inputs.is_empty() {
        anstream::println!();
        return;
    }
    anstream::println!("\ninputs that are not those of the last run:");
    for input in inputs {
        let place = match input.lines {
            Some((first, last)) if first == last => format!(":{first}"),
            Some((first, last)) => format!(":{first}-{last}"),
            None => String::new(),
        };
        let ReportedInput { change, kind, .. } = input;
        anstream::println!("  {change:8} {}{place} ({})", printable(&input.path), kind.as_str());
    }
    anstream::println!();
}

fn written(report: &Report) {
    for file in report.files.iter().chain(&report.lock) {
        let verb = match file.state {
            FileState::Orphaned => "deleted",
            _ => "wrote",
        };
        anstream::println!("{verb:8} {}", printable(&file.path));
    }
    // The list must stand above the sum when both go to the same place.
    let _ = std::io::stdout().flush();
    anstream::eprintln!("{} in all", count(report.total, "generated file"));
}

fn state_word(state: FileState) -> &'static str {
    match state {
        FileState::Missing => "missing",
        FileState::Stale => "stale",
        FileState::Orphaned => "orphaned",
        FileState::Blocked => "blocked",
    }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
