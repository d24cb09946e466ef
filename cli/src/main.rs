//! The `vivified` command line.
//!
//! One module for each command; those of the compiler are the compiler's own, so that
//! `vivified check` and `cargo codegen check` can never disagree.

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use vivified_codegen::commands::{
    Call, EXIT_CODES, Options, check, explain, generate, guarded, schema,
};

/// Contract compiler and tools of the Vivified plugin platform
#[derive(Debug, Parser)]
#[command(name = "vivified", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(generate::Args),
    Check(check::Args),
    Explain(explain::Args),
    Schema(schema::Args),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let call = Call { options: &arguments.options, program: "vivified" };
    let exit = guarded(|| match &arguments.command {
        Command::Generate(args) => generate::run(args, &call),
        Command::Check(args) => check::run(args, &call),
        Command::Explain(args) => explain::run(args, &call),
        Command::Schema(args) => schema::run(args),
    });
    exit.into()
}
