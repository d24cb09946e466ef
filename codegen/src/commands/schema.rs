//! `schema`: prints the JSON Schema of the configuration or of the `--json` answers.

use super::{Exit, Report};
use crate::config::Config;

/// Print the JSON Schema of codegen.toml, or of the --json answers
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What to describe
    #[arg(value_enum, default_value_t = Subject::Config)]
    pub subject: Subject,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Subject {
    /// The configuration, `codegen.toml`
    Config,
    /// What `check` and `generate` answer with `--json`
    Report,
}

pub fn run(args: &Args) -> Exit {
    let schema = match args.subject {
        Subject::Config => schemars::schema_for!(Config),
        Subject::Report => schemars::schema_for!(Report),
    };
    let text = serde_json::to_string_pretty(&schema).expect("a schema has only string keys");
    anstream::println!("{text}");
    Exit::Success
}
