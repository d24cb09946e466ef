//! The Core process: serve, or one of the small commands around it.
//!
//! Exit codes: 0 after a clean stop, 1 when the start or the serving failed or a log was tampered
//! with, 2 for settings that contradict each other or a log that is not whole, 74 when the disk
//! failed under the store.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};
use vivified_core::config::{Config, Flags};
use vivified_core::server::Listener;
use vivified_core::{Clock, Core, audit, backup, config, telemetry, upkeep};

/// A request makes many small values, and this allocator takes a tenth off its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The Core of a Vivified installation. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "vivified-core", version)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve, as without a command
    Serve,
    /// Say everything that is wrong with the settings and the files they name
    CheckConfig,
    /// Work on the audit log of a data folder, without a running Core
    #[command(subcommand)]
    Audit(audit::command::Command),
    /// Copy the store and the keys of a data folder, also while Core runs
    Backup {
        /// Folder to make
        #[arg(long, value_name = "FOLDER")]
        output: PathBuf,
    },
    /// Put a backup in place of a data folder that is absent or empty
    Restore {
        /// Folder that `backup` made
        #[arg(long, value_name = "FOLDER")]
        input: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    telemetry::start();
    let command = arguments.command.unwrap_or(Command::Serve);
    let environment = |name: &str| std::env::var(name).ok();
    let serves = matches!(command, Command::Serve | Command::CheckConfig);
    let resolved = if serves {
        Config::resolve(arguments.flags, environment)
    } else {
        // These work on a folder; what the network needs is no matter to them.
        Config::resolve_folder(arguments.flags, environment)
            .map(|folder| Config::in_folder(&folder))
    };
    let checked = resolved.and_then(|config| match command {
        Command::CheckConfig => config::check_files(&config).map(|()| config),
        _ => Ok(config),
    });
    let config = match checked {
        Ok(config) => config,
        Err(faults) => {
            faults.iter().for_each(|fault| complain(fault));
            return ExitCode::from(2);
        }
    };
    let result = match command {
        // Its exit codes say more than good and bad.
        Command::Audit(command) => return command.run(&config.data_dir),
        Command::Serve => serve(config),
        Command::CheckConfig => say("the settings are good").map_err(anyhow::Error::from),
        Command::Backup { output } => back_up(&config.data_dir, &output),
        Command::Restore { input } => restore(&input, &config.data_dir),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(config))
}

fn back_up(data_dir: &Path, output: &Path) -> anyhow::Result<()> {
    let made = backup::back_up(data_dir, output)?;
    say(&format!("{} files in {}", made.files, output.display()))?;
    Ok(())
}

fn restore(input: &Path, data_dir: &Path) -> anyhow::Result<()> {
    let made = backup::restore(input, data_dir)?;
    say(&format!("{} files in {}", made.files, data_dir.display()))?;
    Ok(())
}

async fn run(config: Config) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    let listener = Listener::bind(&config)?;
    let core = Arc::new(Core::open(&config, Clock::system()).await?);
    if !config.development
        && let Some(code) = core.identity.make_setup_code().await?
    {
        let code = code.expose_secret();
        say(&format!("set-up code for the first administrator, good for 15 minutes: {code}"))?;
    }
    say(&format!("vivified-core ready at {}", listener.url()))?;
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    let upkeep = tokio::spawn(upkeep::run(core.clone(), async move { drop(end.await) }));
    let served = listener.serve(core.clone(), config.development, stop).await;
    drop(ended);
    upkeep.await?;
    core.close().await;
    served?;
    Ok(())
}

/// Resolves at the first SIGTERM or SIGINT.
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn say(line: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "vivified-core: {line}");
}
