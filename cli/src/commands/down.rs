//! `vivified down`: stops what `vivified up` started, the plugin first.

use crate::processes::RunFolder;
use anyhow::Result;
use clap::Args as ClapArgs;
use std::path::PathBuf;

/// Stop what `up` started
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Folder that was given to `up`.
    #[arg(long, default_value = ".run")]
    pub run_folder: PathBuf,
}

pub fn run(arguments: &Args) -> Result<()> {
    let folder = RunFolder::open(&arguments.run_folder)?;
    let running = folder.running()?;
    if running.is_empty() {
        eprintln!("nothing is running");
    }
    for process in running.iter().rev() {
        process.stop()?;
        println!("stopped {} (pid {})", process.name, process.pid);
    }
    folder.remember(&[])?;
    Ok(())
}
