//! `vivified validate-manifest`: the findings that Core's registration would answer, with the
//! place of each in the file. The one validator is that of the contract.

use clap::Args as ClapArgs;
use serde::Serialize;
use std::path::{Path, PathBuf};
use vivified_codegen::commands::{Call, Exit};
use vivified_codegen::problem::Problems;
use vivified_codegen::source::Document;
use vivified_contract::manifest;
use vivified_contract::runtime::{Finding, Level};

/// Check plugin manifests, JSON or YAML
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Manifests to check; manifest.json when none is named
    pub paths: Vec<PathBuf>,
    /// Another way to name a manifest
    #[arg(long = "file", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Warnings count as errors
    #[arg(long)]
    pub strict: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    /// Version of this shape. Fields may be added within a version.
    version: u32,
    command: &'static str,
    files: Vec<CheckedFile>,
}

#[derive(Debug, Serialize)]
struct CheckedFile {
    file: String,
    valid: bool,
    findings: Vec<Placed>,
}

/// One finding with its place.
#[derive(Debug, Serialize)]
struct Placed {
    rule: String,
    level: &'static str,
    line: usize,
    column: usize,
    pointer: String,
    message: String,
    hint: String,
}

pub fn run(arguments: &Args, call: &Call<'_>) -> Exit {
    let mut paths: Vec<&Path> =
        arguments.paths.iter().chain(&arguments.files).map(PathBuf::as_path).collect();
    if paths.is_empty() {
        paths.push(Path::new("manifest.json"));
    }
    let files: Vec<CheckedFile> =
        paths.into_iter().map(|path| check(path, arguments.strict)).collect();
    let all_valid = files.iter().all(|file| file.valid);
    if call.options.json {
        print_json(files);
    } else {
        print_text(&files);
    }
    if all_valid { Exit::Success } else { Exit::Faulty }
}

fn check(path: &Path, strict: bool) -> CheckedFile {
    let file = path.display().to_string();
    let findings = match std::fs::read_to_string(path) {
        Ok(text) => findings(&file, text),
        Err(error) => vec![Placed {
            rule: "file-unreadable".to_owned(),
            level: "error",
            line: 1,
            column: 1,
            pointer: String::new(),
            message: format!("the file cannot be read: {error}"),
            hint: "name a manifest in JSON or YAML".to_owned(),
        }],
    };
    let valid = !findings.iter().any(|finding| strict || finding.level == "error");
    CheckedFile { file, valid, findings }
}

fn findings(file: &str, text: String) -> Vec<Placed> {
    let mut problems = Problems::default();
    let document = Document::parse(file, text, &mut problems);
    let mut findings: Vec<Placed> = problems
        .into_sorted()
        .into_iter()
        .map(|problem| Placed {
            rule: problem.rule.to_owned(),
            level: "error",
            line: problem.location.line,
            column: problem.location.column,
            pointer: problem.location.pointer,
            message: problem.message,
            hint: problem.help,
        })
        .collect();
    if let (Some(document), true) = (document, findings.is_empty()) {
        findings = manifest::validate(&document.root().to_value())
            .into_iter()
            .map(|finding| place(&document, finding))
            .collect();
        findings.sort_by_key(|finding| (finding.line, finding.column));
    }
    findings
}

/// A finding at the value it is about, or at the nearest one above that the file has.
fn place(document: &Document, finding: Finding) -> Placed {
    let mut pointer = finding.path.as_str();
    let node = loop {
        if let Some(node) = document.pointer(pointer) {
            break node;
        }
        match pointer.rfind('/') {
            Some(end) => pointer = &pointer[..end],
            None => break document.root(),
        }
    };
    let location = node.location();
    Placed {
        rule: finding.rule.to_string(),
        level: match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
        },
        line: location.line,
        column: location.column,
        pointer: finding.path,
        message: finding.message,
        hint: finding.hint,
    }
}

fn print_json(files: Vec<CheckedFile>) {
    let answer = Answer { version: 1, command: "validate-manifest", files };
    match serde_json::to_string_pretty(&answer) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("the answer cannot be written as JSON: {error}"),
    }
}

fn print_text(files: &[CheckedFile]) {
    for file in files {
        for finding in &file.findings {
            let Placed { rule, level, line, column, pointer, message, hint } = finding;
            println!("{}:{line}:{column}: {level}[{rule}]: {message}", file.file);
            if !pointer.is_empty() {
                println!("  at {pointer}");
            }
            println!("  help: {hint}");
        }
    }
    let width = files.iter().map(|file| file.file.len()).max().unwrap_or(0);
    for file in files {
        let count = |level| file.findings.iter().filter(|finding| finding.level == level).count();
        println!(
            "{:<width$}  {}  {} errors, {} warnings",
            file.file,
            if file.valid { "valid  " } else { "refused" },
            count("error"),
            count("warning"),
        );
    }
}
