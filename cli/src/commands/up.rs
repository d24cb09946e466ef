//! `vivified up`: Core in development mode with the sample plugin beside it, on one machine.

use crate::core_client::{CoreClient, text};
use crate::processes::{Process, RunFolder};
use anyhow::{Context, Result};
use clap::Args as ClapArgs;
use serde_json::json;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const START_LIMIT: Duration = Duration::from_secs(30);
/// The host the sample plugin asks for; in development it is a stub on this machine.
const STUB_HOST: &str = "stub.vivified.test";
const SAMPLE: &str = "hello_py";
/// User, password and code that exist in development mode only.
const DEVELOPMENT_ADMIN: &str = "bootstrap_admin_only";
const DEVELOPMENT_CODE: &str = "000000";

/// Start Core in development mode with the sample plugin
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Loopback address of Core.
    #[arg(long, default_value = "127.0.0.1:8000")]
    pub listen: SocketAddr,
    /// Folder for data, logs and the list of processes.
    #[arg(long, default_value = ".run")]
    pub run_folder: PathBuf,
    /// Python interpreter that has the SDK and the sample plugin installed.
    #[arg(long, default_value = "python3")]
    pub python: PathBuf,
    /// The Core program; the one beside this program when absent.
    #[arg(long)]
    pub core: Option<PathBuf>,
}

pub fn run(arguments: &Args) -> Result<()> {
    let folder = RunFolder::open(&arguments.run_folder)?;
    let running = folder.running()?;
    if !running.is_empty() {
        eprintln!("already running; `vivified down` stops it");
        print_summary(&running);
        return Ok(());
    }
    let mut started = Vec::new();
    match start_all(arguments, &folder, &mut started) {
        Ok(()) => {
            folder.remember(&started)?;
            print_summary(&started);
            Ok(())
        }
        Err(error) => {
            for process in started.iter().rev() {
                process.stop()?;
            }
            Err(error)
        }
    }
}

fn start_all(arguments: &Args, folder: &RunFolder, started: &mut Vec<Process>) -> Result<()> {
    let begin = Instant::now();
    let stub_address = free_address()?;
    let mut stub = Command::new(std::env::current_exe()?);
    stub.args(["stub", "--listen", &stub_address.to_string()]);
    let mut process = folder.start("stub", &mut stub)?;
    process.url = Some(format!("http://{stub_address} (for the plugin: https://{STUB_HOST})"));
    started.push(process);

    let url = format!("http://{}", arguments.listen);
    let process = start_core(arguments, folder, stub_address, &url)?;
    started.push(process.clone());
    let client = CoreClient::new(&url)?;
    process.wait_until(START_LIMIT, "readiness of Core", || client.call("get_ready", None).ok())?;
    eprintln!("Core is ready after {:.1} s", begin.elapsed().as_secs_f64());

    let login = json!({
        "username": DEVELOPMENT_ADMIN,
        "password": DEVELOPMENT_ADMIN,
        "mfa_code": DEVELOPMENT_CODE,
    });
    let session =
        client.call("login", Some(&login)).context("the development user cannot sign in")?;
    let client = client.with_token(text(&session, "token")?);
    let seen_before = sample_seen(&client);
    let process = start_sample(arguments, folder, &client, &url)?;
    started.push(process.clone());
    // A data folder of an earlier run knows the plugin already: only a new sign of life counts.
    process.wait_until(START_LIMIT, "registration of the sample plugin", || {
        sample_seen(&client).filter(|seen| seen_before.as_ref() != Some(seen))
    })?;
    eprintln!("{SAMPLE} is registered after {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}

/// When Core last heard of the sample plugin, if it is active and healthy.
fn sample_seen(client: &CoreClient) -> Option<String> {
    let answer = client.call("list_admin_plugins", None).ok()?;
    let plugins = answer["plugins"].as_array()?;
    let sample = plugins.iter().find(|plugin| plugin["plugin_id"] == SAMPLE)?;
    let works = sample["status"] == "active" && sample["healthy"] == true;
    works.then(|| sample["seen_at"].as_str().map(str::to_owned)).flatten()
}

fn start_core(
    arguments: &Args,
    folder: &RunFolder,
    stub: SocketAddr,
    url: &str,
) -> Result<Process> {
    let program = match &arguments.core {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("vivified-core"),
    };
    let mut command = Command::new(program);
    command
        .env("DEV_MODE", "true")
        .arg("--listen")
        .arg(arguments.listen.to_string())
        .arg("--data-dir")
        .arg(folder.path("core"))
        .arg("--egress-stub")
        .arg(format!("{STUB_HOST}={stub}"));
    let mut process = folder.start("core", &mut command)?;
    process.url = Some(url.to_owned());
    Ok(process)
}

fn start_sample(
    arguments: &Args,
    folder: &RunFolder,
    client: &CoreClient,
    core_url: &str,
) -> Result<Process> {
    let body = json!({ "plugin_id": SAMPLE, "approve": true });
    let enrollment = client.call("create_enrollment", Some(&body))?;
    let address = free_address()?;
    let mut command = Command::new(absolute(&arguments.python)?);
    command
        .args(["-m", SAMPLE])
        .env("CORE_URL", core_url)
        .env("REGISTRATION_TOKEN", text(&enrollment, "enrollment_token")?)
        .env("PLUGIN_HOST", address.ip().to_string())
        .env("PLUGIN_PORT", address.port().to_string());
    let mut process = folder.start(SAMPLE, &mut command)?;
    process.url = Some(format!("http://{address}"));
    Ok(process)
}

/// A program given as a path is found from here, a bare name on the search path.
fn absolute(program: &Path) -> Result<PathBuf> {
    if program.components().count() == 1 {
        return Ok(program.to_owned());
    }
    std::path::absolute(program).with_context(|| format!("cannot find {}", program.display()))
}

/// A loopback address whose port is free now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn print_summary(processes: &[Process]) {
    let core = processes.iter().find(|process| process.name == "core");
    let url = core.and_then(|process| process.url.as_deref()).unwrap_or("http://127.0.0.1:8000");
    println!("Running");
    for process in processes {
        let place = process.url.as_deref().unwrap_or("");
        println!("  {:<9} pid {:<7} {place}", process.name, process.pid);
        println!("  {:<9} log {}", "", process.log.display());
    }
    println!(
        "
Get a token (development mode only)
  TOKEN=$(curl -s {url}/auth/login -H 'content-type: application/json' \\
    -d '{{\"username\":\"{DEVELOPMENT_ADMIN}\",\"password\":\"{DEVELOPMENT_ADMIN}\",\"mfa_code\":\"{DEVELOPMENT_CODE}\"}}' | jq -r .token)

Try
  curl -s {url}/health
  curl -s {url}/admin/plugins -H \"authorization: Bearer $TOKEN\" | jq '.plugins[] | {{plugin_id, status, traits}}'
  curl -s '{url}/admin/audit?plugin_id={SAMPLE}' -H \"authorization: Bearer $TOKEN\" | jq '.records[] | {{time, action, decision, outcome}}'

Stop
  make down"
    );
}
