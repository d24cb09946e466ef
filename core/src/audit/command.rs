//! `vivified-core audit`: what an auditor does without a running Core.
//!
//! Exit codes of `verify`: 0 when every record fits, 1 when one does not, 2 when what is there is
//! not all or cannot be read, so that nothing was decided.

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use super::checkpoint::Checkpoint;
use super::key::{AuditKey, PublicKey};
use super::offline::{Verdict, verify_database, verify_export};
use super::{heads, verify::Report};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Verify the log: 0 sound, 1 tampered, 2 incomplete
    Verify(Verify),
    /// Print the public key that verifies the log of the data folder
    Key,
}

#[derive(Debug, Default, clap::Args)]
pub struct Verify {
    /// Verify this export instead of the data folder
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// The public audit key, or a file that holds it; the one of the data folder when absent
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Checkpoints that were kept elsewhere, one a line
    #[arg(long, value_name = "FILE")]
    pub heads: Option<PathBuf>,
    /// The export is a part that begins behind this record
    #[arg(long, value_name = "RECORD", default_value_t = 0)]
    pub after: i64,
}

impl Command {
    /// Does it and says what was found on standard output.
    pub fn run(self, data_dir: &Path) -> ExitCode {
        let (line, code) = match self {
            Self::Verify(verify) => verify.decide(data_dir),
            Self::Key => match folder_key(data_dir) {
                Ok(key) => (key.to_string(), 0),
                Err(fault) => (fault, 2),
            },
        };
        let _ = std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{line}\n"));
        ExitCode::from(code)
    }
}

impl Verify {
    /// The line to print and the exit code.
    pub fn decide(&self, data_dir: &Path) -> (String, u8) {
        let started = Instant::now();
        match self.verdict(data_dir) {
            Ok(Verdict::Sound(report)) => {
                let mut line = format!("sound: {}", summary(&report));
                let seconds = started.elapsed().as_secs_f64().max(1e-9);
                let _ = write!(line, "; {:.0} records a second", report.records as f64 / seconds);
                if self.key.is_none() {
                    line.push_str("; with the key of the folder itself, so keep one elsewhere");
                }
                (line, 0)
            }
            Ok(Verdict::Tampered(report, fault)) => {
                let good = summary(&report);
                (format!("tampered: record {} {}; before it: {good}", fault.seq, fault.what), 1)
            }
            Ok(Verdict::Incomplete(report, what)) => {
                (format!("incomplete: {what}; {}", summary(&report)), 2)
            }
            Err(fault) => (format!("incomplete: {fault}"), 2),
        }
    }

    fn verdict(&self, data_dir: &Path) -> Result<Verdict, String> {
        let key = match &self.key {
            Some(text) => named_key(text)?,
            None => folder_key(data_dir)?,
        };
        let heads: Vec<Checkpoint> = match &self.heads {
            Some(path) => heads::read(path, key)?,
            None => Vec::new(),
        };
        match &self.export {
            Some(path) => {
                let fault = |error: std::io::Error| format!("{}: {}", path.display(), error.kind());
                let file = File::open(path).map_err(fault)?;
                let lines = BufReader::with_capacity(1024 * 1024, file);
                verify_export(lines, key, heads, self.after).map_err(fault)
            }
            None => verify_database(&data_dir.join("core.db"), key, heads)
                .map_err(|error| format!("{}: {error}", data_dir.join("core.db").display())),
        }
    }
}

fn summary(report: &Report) -> String {
    let Report { after, last, checkpoints, unsealed, clock_jumps, head, .. } = report;
    if last == after {
        return "no records".to_owned();
    }
    let mut text = format!("records {} to {last}, {checkpoints} checkpoints", after + 1);
    if *unsealed > 0 {
        let _ = write!(text, ", the last {unsealed} not yet signed for");
    }
    if *clock_jumps > 0 {
        let _ = write!(text, ", the clock went back {clock_jumps} times");
    }
    text + ", head " + head
}

fn named_key(text: &str) -> Result<PublicKey, String> {
    if let Some(key) = PublicKey::parse(text) {
        return Ok(key);
    }
    let read = std::fs::read_to_string(text).map_err(|error| {
        format!("{text} is neither a public audit key nor a file: {}", error.kind())
    })?;
    PublicKey::parse(&read).ok_or(format!("{text} holds no public audit key"))
}

fn folder_key(data_dir: &Path) -> Result<PublicKey, String> {
    let key = AuditKey::read(&data_dir.join("audit.key")).map_err(|error| error.to_string())?;
    Ok(key.public())
}
