//! `up` and `down` as a person runs them, against a stand-in for Core.

use assert_cmd::Command;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn vivified(folder: &TempDir) -> Command {
    let mut command = Command::cargo_bin("vivified").expect("the program is built");
    command.current_dir(folder.path()).env("PYTHONPATH", fixture("sample"));
    command
}

fn up(folder: &TempDir) -> Command {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let mut command = vivified(folder);
    command
        .args(["up", "--listen", &address.expect("a free port").to_string(), "--core"])
        .arg(fixture("fake_core.py"));
    command
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("the program runs");
    let text = |octets: Vec<u8>| String::from_utf8(octets).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn up_starts_everything_says_what_to_try_and_down_stops_it() {
    let folder = TempDir::new().expect("a folder");
    let (code, stdout, stderr) = output(&mut up(&folder));
    assert_eq!(code, Some(0), "{stderr}");
    for part in ["stub", "core", "hello_py", "/auth/login", "make down"] {
        assert!(stdout.contains(part), "{part} is missing in {stdout}");
    }
    assert!(stderr.contains("hello_py is registered after"), "{stderr}");

    let (code, stdout, stderr) = output(&mut up(&folder));
    assert_eq!(code, Some(0));
    assert!(stderr.contains("already running"), "{stderr}");
    assert!(stdout.contains("core"), "{stdout}");

    let (code, stdout, _) = output(vivified(&folder).arg("down"));
    assert_eq!(code, Some(0));
    assert_eq!(stdout.lines().count(), 3, "{stdout}");
    let (code, _, stderr) = output(vivified(&folder).arg("down"));
    assert_eq!(code, Some(0));
    assert!(stderr.contains("nothing is running"), "{stderr}");
}

#[test]
fn a_core_that_ends_is_reported_with_its_log_and_nothing_is_left_behind() {
    let folder = TempDir::new().expect("a folder");
    let (code, _, stderr) = output(up(&folder).env("FAKE_CORE", "dead"));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("core ended before readiness"), "{stderr}");
    assert!(stderr.contains("the port is taken"), "{stderr}");
    let (_, _, stderr) = output(vivified(&folder).arg("down"));
    assert!(stderr.contains("nothing is running"), "{stderr}");
}

#[test]
fn a_refusal_of_core_is_reported_with_its_hint() {
    let folder = TempDir::new().expect("a folder");
    let (code, _, stderr) = output(up(&folder).env("FAKE_CORE", "locked"));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("Sign-in failed (Check the code.)"), "{stderr}");
}

#[test]
fn a_missing_core_is_named() {
    let folder = TempDir::new().expect("a folder");
    let (code, _, stderr) = output(vivified(&folder).args(["up", "--core", "./absent"]));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("cannot start ./absent"), "{stderr}");
}

#[test]
fn the_stub_refuses_an_address_that_others_can_reach() {
    let folder = TempDir::new().expect("a folder");
    let (code, _, stderr) = output(vivified(&folder).args(["stub", "--listen", "0.0.0.0:0"]));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("loopback only"), "{stderr}");
}
