//! The compiler's own small binary, `cargo codegen`: it depends on no other member, so that
//! generated files can be mended when nothing else builds.

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use vivified_codegen::commands::{
    Call, EXIT_CODES, Options, check, explain, generate, guarded, schema,
};

/// Compiling is mostly small strings, and this allocator takes a fifth off its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Compiles one OpenAPI contract into a server, SDKs and reference docs
#[derive(Debug, Parser)]
#[command(name = "cargo codegen", version, after_help = EXIT_CODES)]
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
    let call = Call { options: &arguments.options, program: "cargo codegen" };
    let exit = guarded(|| match &arguments.command {
        Command::Generate(args) => generate::run(args, &call),
        Command::Check(args) => check::run(args, &call),
        Command::Explain(args) => explain::run(args, &call),
        Command::Schema(args) => schema::run(args),
    });
    exit.into()
}
