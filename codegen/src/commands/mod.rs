//! The commands of the compiler, for every binary that offers them.
//!
//! Each command is a module with its `Args` and a `run` that answers with an [`Exit`]. The data
//! asked for goes to standard output, everything else to standard error; colours only where a
//! terminal takes them and `NO_COLOR` is not set.

pub mod check;
pub mod explain;
pub mod generate;
mod print;
mod progress;
mod region;
mod report;
pub mod schema;
mod snippet;

use crate::compile::{self, Compiled};
use crate::problem::Problems;
use crate::project::Project;
use clap::Args;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

pub use report::Report;

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// The configuration; without it `spec/codegen.toml` or `codegen.toml`, here or in a folder above
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// Answer in JSON (`schema report` prints its shape)
    #[arg(long, global = true)]
    pub json: bool,
}

/// How a command was called.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub options: &'a Options,
    /// What a person types before the name of the command, such as `vivified`.
    pub program: &'a str,
}

/// How a command ended; the number is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Success = 0,
    /// The spec, the configuration or a file is at fault.
    Faulty = 1,
    /// The command was called wrongly.
    Usage = 2,
    /// Generated files are not what the spec and the templates say.
    Drift = 4,
    /// The compiler is at fault.
    Bug = 70,
}

/// The exit codes, for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes: 0 fresh or done, 1 the spec or a file is at fault, 2 wrong usage, 4 drift, \
70 a bug of the compiler";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Runs a command so that a panic, always a bug of ours, becomes its own exit code.
pub fn guarded(command: impl FnOnce() -> Exit) -> Exit {
    catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|_| {
        anstream::eprintln!(
            "bug: the compiler stopped at a fault of its own; please report the lines above \
             with the spec"
        );
        Exit::Bug
    })
}

impl Call<'_> {
    /// The line that runs a command of the same program on the same project.
    fn line(&self, command: &str) -> String {
        match &self.options.config {
            Some(config) => format!("{} {command} --config {}", self.program, config.display()),
            None => format!("{} {command}", self.program),
        }
    }
}

/// What a command ends with when there is nothing to go on with.
struct Failure {
    report: Box<Report>,
    exit: Exit,
}

/// Compiles the project for a command, or gives the report to end with.
fn compiled(
    command: &'static str,
    call: &Call<'_>,
) -> Result<(Project, Compiled, Problems), Failure> {
    let failed = |message: String, exit| Failure {
        report: Box::new(Report::failed(command, message)),
        exit,
    };
    let faulty = |error: std::io::Error| failed(error.to_string(), Exit::Faulty);
    let project = Project::find(call.options.config.as_deref()).map_err(faulty)?;
    let Some(project) = project else {
        let message = match &call.options.config {
            Some(path) => format!("no configuration at {}", path.display()),
            None => {
                "no spec/codegen.toml and no codegen.toml here or in a folder above; write one \
                     or name it with --config"
                    .to_owned()
            }
        };
        return Err(failed(message, Exit::Usage));
    };
    let progress = progress::Progress::start(!call.options.json);
    let outcome = compile::compile(&project, &|phase| progress.phase(phase));
    drop(progress);
    match outcome.map_err(faulty)? {
        (Some(compiled), problems) => Ok((project, compiled, problems)),
        (None, problems) => Err(Failure {
            report: Box::new(Report::faulty(command, &project, problems)),
            exit: Exit::Faulty,
        }),
    }
}

/// Gives the report to the person or the program that asked.
fn finish(call: &Call<'_>, report: &Report, exit: Exit) -> Exit {
    if call.options.json {
        let text = serde_json::to_string_pretty(report).expect("a report has only string keys");
        anstream::println!("{text}");
    } else {
        print::report(report);
    }
    exit
}
