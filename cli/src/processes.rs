//! Processes that outlive the command: started detached, remembered in a file, stopped by it.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to end after SIGTERM before it is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// One started process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Process {
    pub name: String,
    pub pid: i32,
    /// When it started, in the ticks of the kernel; guards against a pid that another process
    /// has by now.
    started_at: Option<u64>,
    pub log: PathBuf,
    /// Where it listens, when it does.
    pub url: Option<String>,
}

/// The folder that holds logs and the list of processes.
pub struct RunFolder {
    root: PathBuf,
}

impl RunFolder {
    /// Opens the folder, private to this user.
    pub fn open(root: &Path) -> Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .with_context(|| format!("cannot create {}", root.display()))?;
        Ok(Self { root: fs::canonicalize(root)? })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Processes of the last start that still live.
    pub fn running(&self) -> Result<Vec<Process>> {
        let path = self.path("processes.json");
        if !path.exists() {
            return Ok(Vec::new());
        }
        let text = fs::read_to_string(&path)?;
        let all: Vec<Process> = serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged; delete it", path.display()))?;
        Ok(all.into_iter().filter(Process::lives).collect())
    }

    pub fn remember(&self, processes: &[Process]) -> Result<()> {
        let path = self.path("processes.json");
        fs::write(&path, serde_json::to_vec_pretty(processes)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Starts a program in a process group of its own with its output in `NAME.log`.
    pub fn start(&self, name: &str, command: &mut Command) -> Result<Process> {
        let log = self.path(&format!("{name}.log"));
        let output =
            File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let program = PathBuf::from(command.get_program());
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = i32::try_from(child.id())?;
        let started_at = kernel_state(pid).map(|(_, started_at)| started_at);
        Ok(Process { name: name.to_owned(), pid, started_at, log, url: None })
    }
}

impl Process {
    /// True while the process runs and is still the program that was started.
    pub fn lives(&self) -> bool {
        let Some(pid) = Pid::from_raw(self.pid) else { return false };
        if test_kill_process(pid).is_err() {
            return false;
        }
        match kernel_state(self.pid) {
            // A process that ended and was not waited for still has its pid.
            Some((state, started_at)) => state != 'Z' && self.started_at == Some(started_at),
            // No /proc on this system: the pid is all there is.
            None => self.started_at.is_none(),
        }
    }

    /// Asks the process to end and waits for it; kills it when it does not.
    pub fn stop(&self) -> Result<()> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(()) };
        let deadline = Instant::now() + STOP_DEADLINE;
        let _ = kill_process(pid, Signal::TERM);
        while self.lives() {
            if Instant::now() > deadline {
                kill_process(pid, Signal::KILL)
                    .with_context(|| format!("cannot stop {} (pid {})", self.name, self.pid))?;
                break;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// The end of its log, for a message about a failed start.
    pub fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Waits until `ready` gives a value; fails when the process ends or time runs out.
    pub fn wait_until<T>(
        &self,
        limit: Duration,
        what: &str,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(value) = ready() {
                return Ok(value);
            }
            if !self.lives() {
                bail!("{} ended before {what}; its log ends with\n{}", self.name, self.log_tail());
            }
            if Instant::now() > deadline {
                bail!(
                    "{what} did not come within {} s; the log of {} ends with\n{}",
                    limit.as_secs(),
                    self.name,
                    self.log_tail()
                );
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

/// State and start time of a process, fields 3 and 22 of proc(5) `/proc/PID/stat`.
fn kernel_state(pid: i32) -> Option<(char, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces; the fields are counted behind it.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let started_at = fields.nth(18)?.parse().ok()?;
    Some((state, started_at))
}
