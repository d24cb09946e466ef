//! What `check` and `generate` answer: the shape of `--json`, and what the text form prints.

use super::region;
use crate::compile::Compiled;
use crate::drift::{Drift, FileDrift, InputChange, LockDrift};
use crate::inputs::Kind;
use crate::problem::{Problem, Problems, Severity};
use crate::project::Project;
use crate::tree::Found;
use schemars::JsonSchema;
use serde::Serialize;
use similar::TextDiff;
use std::collections::BTreeSet;
use std::fs;

/// Lines of a diff that are shown for one file.
const DIFF_LINES: usize = 16;

/// Files whose diff is shown; all files are named.
const DIFF_FILES: usize = 12;

/// Problems whose line is shown; all problems are printed.
const SNIPPETS: usize = 200;

/// The answer of `check` and `generate`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Version of this shape. Fields may be added within a version.
    pub version: u32,
    pub command: &'static str,
    pub status: Status,
    /// Why the command could not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Faults of the spec, the configuration and the templates, sorted by place.
    pub problems: Vec<ReportedProblem>,
    /// Generated files that differ; after `generate`, those that were written or deleted.
    pub files: Vec<ReportedFile>,
    /// Inputs that are not those of the last run.
    pub inputs: Vec<ReportedInput>,
    /// The lock file, when it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<ReportedFile>,
    /// Generated files in all.
    pub total: usize,
    /// The command that mends the drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing differs.
    Fresh,
    /// `check`: something differs.
    Drift,
    /// `generate`: something differed, and is written.
    Written,
    /// The input has errors.
    Faulty,
    /// The command could not run; see `message`.
    Failed,
}

/// One fault of an input.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportedProblem {
    /// `explain RULE` prints its page.
    pub rule: &'static str,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// Relative to the current folder.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// JSON pointer (RFC 6901) inside the document.
    pub pointer: String,
    pub message: String,
    pub help: String,
    /// The line with a caret.
    #[serde(skip)]
    pub snippet: Option<String>,
}

/// One generated file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportedFile {
    /// Relative to the current folder.
    pub path: String,
    pub state: FileState,
    /// The template behind it, from the root of the project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Somebody changed, deleted or added it since the last run.
    pub edited: bool,
    /// The first lines of the difference: `-` is on the disk, `+` is what the inputs say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileState {
    Missing,
    Stale,
    Orphaned,
    /// A symbolic link or a folder is in the way.
    Blocked,
}

/// One input that differs from the last run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportedInput {
    /// Relative to the current folder.
    pub path: String,
    pub kind: Kind,
    /// `added`, `changed` or `removed`.
    pub change: &'static str,
    /// First and last line of the change, where it could be told from the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<(usize, usize)>,
}

impl Report {
    fn new(command: &'static str, status: Status) -> Self {
        Self {
            version: 1,
            command,
            status,
            message: None,
            problems: Vec::new(),
            files: Vec::new(),
            inputs: Vec::new(),
            lock: None,
            total: 0,
            repair: None,
        }
    }

    /// The command could not run.
    pub fn failed(command: &'static str, message: String) -> Self {
        Self { message: Some(message), ..Self::new(command, Status::Failed) }
    }

    /// With the problems found; the status holds when one of them is an error.
    pub fn faulty(command: &'static str, project: &Project, problems: Problems) -> Self {
        let mut texts = Sources::default();
        let problems = problems.into_sorted();
        let problems =
            problems.into_iter().map(|problem| reported(project, problem, &mut texts)).collect();
        Self { problems, ..Self::new(command, Status::Faulty) }
    }

    /// Adds what differs.
    pub fn describe(&mut self, project: &Project, compiled: &Compiled, drift: &Drift) {
        self.total = compiled.tree.files.len();
        let mut words = BTreeSet::new();
        for (index, file) in drift.files.iter().enumerate() {
            let texts = both_texts(compiled, file);
            if let (Some((before, after)), false) = (&texts, file.edited) {
                words.extend(region::new_words(before, after));
            }
            let texts = texts.filter(|_| index < DIFF_FILES);
            self.files.push(ReportedFile {
                path: project.shown(&file.difference.path),
                state: state(&file.difference.found),
                template: file.template.clone(),
                edited: file.edited,
                diff: texts.map(|(before, after)| short_diff(&before, &after)),
            });
        }
        for input in &drift.inputs {
            let text = fs::read_to_string(&input.path).unwrap_or_default();
            self.inputs.push(ReportedInput {
                path: project.shown(&input.path),
                kind: input.kind,
                change: match input.change {
                    InputChange::Added => "added",
                    InputChange::Changed => "changed",
                    InputChange::Removed => "removed",
                },
                lines: region::find(&text, &words).filter(|_| input.change == InputChange::Changed),
            });
        }
        self.lock = drift.lock.map(|lock| ReportedFile {
            path: project.shown_from_folder(&compiled.config.lock),
            state: match lock {
                LockDrift::Missing => FileState::Missing,
                LockDrift::Stale => FileState::Stale,
                LockDrift::Blocked => FileState::Blocked,
            },
            template: None,
            edited: false,
            diff: None,
        });
    }
}

fn state(found: &Found) -> FileState {
    match found {
        Found::Missing => FileState::Missing,
        Found::Stale(_) => FileState::Stale,
        Found::Orphaned => FileState::Orphaned,
        Found::Blocked => FileState::Blocked,
    }
}

fn both_texts(compiled: &Compiled, file: &FileDrift) -> Option<(String, String)> {
    let (Found::Stale(before), Some(key)) = (&file.difference.found, &file.difference.key) else {
        return None;
    };
    Some((String::from_utf8_lossy(before).into_owned(), compiled.tree.files.get(key)?.text.clone()))
}

fn short_diff(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let text = diff.unified_diff().context_radius(1).missing_newline_hint(false).to_string();
    let mut lines: Vec<&str> = text.lines().take(DIFF_LINES + 1).collect();
    let cut = lines.len() > DIFF_LINES;
    lines.truncate(DIFF_LINES);
    let mut short = lines.join("\n");
    if cut {
        short.push_str("\n...");
    }
    short
}

/// The source last read, and where its lines start: problems come sorted by file.
#[derive(Default)]
struct Sources {
    file: String,
    text: String,
    lines: Vec<usize>,
    shown: usize,
}

impl Sources {
    fn open(&mut self, project: &Project, file: &str) {
        if self.file == file {
            return;
        }
        self.text = fs::read_to_string(project.absolute(file)).unwrap_or_default();
        let ends = self.text.bytes().enumerate().filter(|(_, octet)| *octet == b'\n');
        self.lines = std::iter::once(0).chain(ends.map(|(place, _)| place + 1)).collect();
        file.clone_into(&mut self.file);
    }

    /// The line with a caret; nothing when a document has more faults than anybody reads.
    fn snippet(&mut self, line: usize, column: usize) -> Option<String> {
        self.shown += 1;
        if self.shown > SNIPPETS {
            return None;
        }
        let start = *self.lines.get(line.checked_sub(1)?)?;
        let source = self.text[start..].lines().next()?;
        Some(super::snippet::snippet(source, line, column))
    }
}

fn reported(project: &Project, problem: Problem, sources: &mut Sources) -> ReportedProblem {
    let location = problem.location;
    sources.open(project, &location.file);
    ReportedProblem {
        rule: problem.rule,
        severity: match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        file: project.shown_from_folder(&location.file),
        line: location.line,
        column: location.column,
        pointer: location.pointer,
        message: problem.message,
        help: problem.help,
        snippet: sources.snippet(location.line, location.column),
    }
}
