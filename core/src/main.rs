//! The Core process: read the settings, open the data folder, say where it listens, serve.
//!
//! Exit codes: 0 after a clean stop, 1 when the start or the serving failed, 2 for settings that
//! contradict each other, 74 when the disk failed under the store.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};
use vivified_core::config::{Config, Flags};
use vivified_core::server::Listener;
use vivified_core::{Clock, Core, telemetry, upkeep};

fn main() -> ExitCode {
    telemetry::start();
    let config = match Config::resolve(Flags::parse(), |name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(faults) => {
            faults.iter().for_each(|fault| complain(fault));
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime.map_err(anyhow::Error::from).and_then(|rt| rt.block_on(run(config)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
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
