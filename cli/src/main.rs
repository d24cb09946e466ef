//! The `vivified` command line.
//!
//! One module for each command; those of the compiler are the compiler's own, so that
//! `vivified check` and `cargo codegen check` can never disagree.

mod commands;
mod core_client;
mod processes;

use clap::{Parser, Subcommand};
use commands::{down, stub, up, validate_manifest};
use std::process::ExitCode;
use vivified_codegen::commands::{
    Call, EXIT_CODES, Exit, Options, check, explain, generate, guarded, schema,
};

/// Compiling is mostly small strings, and this allocator takes a fifth off its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    #[command(visible_alias = "validate")]
    ValidateManifest(validate_manifest::Args),
    Up(up::Args),
    Down(down::Args),
    #[command(hide = true)]
    Stub(stub::Args),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let call = Call { options: &arguments.options, program: "vivified" };
    let exit = guarded(|| match &arguments.command {
        Command::Generate(args) => generate::run(args, &call),
        Command::Check(args) => check::run(args, &call),
        Command::Explain(args) => explain::run(args, &call),
        Command::Schema(args) => schema::run(args),
        Command::ValidateManifest(args) => validate_manifest::run(args, &call),
        Command::Up(args) => ended(up::run(args)),
        Command::Down(args) => ended(down::run(args)),
        Command::Stub(args) => ended(stub::run(args)),
    });
    exit.into()
}

/// Prints why a command failed, cause by cause.
fn ended(result: anyhow::Result<()>) -> Exit {
    match result {
        Ok(()) => Exit::Success,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            Exit::Faulty
        }
    }
}
