//! The real process: how it starts, what it refuses, how it ends, and which TLS it speaks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use rcgen::generate_simple_self_signed;
use rustls::pki_types::{CertificateDer, ServerName};

fn core(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vivified-core"));
    command
        .env_clear()
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A certificate for `localhost` and its key, as files.
fn with_tls(folder: &Path) -> (Command, CertificateDer<'static>) {
    let made = generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("writes");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("writes");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&key, private).expect("sets the mode");
    let mut command = core(folder);
    command.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key);
    (command, made.cert.der().clone())
}

/// Starts Core and reads until it says where it listens.
fn start(mut command: Command) -> (Child, String, Vec<String>) {
    let mut child = command.spawn().expect("starts");
    let mut lines = Vec::new();
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    for line in stdout.lines() {
        let line = line.expect("text");
        if let Some((_, url)) = line.split_once("ready at ") {
            return (child, url.to_owned(), lines);
        }
        lines.push(line);
    }
    let ended = child.wait_with_output().expect("ends");
    panic!("no ready line: {}", String::from_utf8_lossy(&ended.stderr));
}

fn stop(mut child: Child) -> i32 {
    let id = child.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().expect("signals");
    child.wait().expect("ends").code().expect("an exit code")
}

fn refused(mut command: Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().expect("runs");
    (status.code().expect("an exit code"), String::from_utf8(stderr).expect("text"))
}

fn tls_get(url: &str, root: CertificateDer<'static>) -> Result<String, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let mut tls = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
    let address = url.strip_prefix("https://").expect("https");
    let mut socket = TcpStream::connect(address).map_err(|error| error.to_string())?;
    let mut stream = rustls::Stream::new(&mut tls, &mut socket);
    let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).map_err(|error| error.to_string())?;
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer));
    let version = tls.protocol_version().map(|version| format!("{version:?}"));
    Ok(format!("{} {answer}", version.unwrap_or_default()))
}

#[test]
fn production_speaks_tls_1_3_prints_a_set_up_code_and_stops_cleanly() {
    let folder = tempfile::tempdir().expect("folder");
    let (command, root) = with_tls(folder.path());
    let (child, url, lines) = start(command);
    assert!(lines[0].contains("set-up code"), "{lines:?}");
    let answer = tls_get(&url, root).expect("answers");
    assert!(answer.starts_with("TLSv1_3 HTTP/1.1 200"), "{answer}");
    assert!(!answer.to_lowercase().contains("vivified-dev-mode"));
    assert_eq!(stop(child), 0);
}

#[test]
fn older_tls_and_plain_http_get_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let (command, _) = with_tls(folder.path());
    let (child, url, _) = start(command);
    let address = url.strip_prefix("https://").expect("https");
    // A TLS 1.2 ClientHello without the supported_versions extension.
    let mut hello = vec![0x16, 3, 1, 0, 55, 1, 0, 0, 51, 3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2f, 1, 0]);
    hello.extend([0, 8, 0, 13, 0, 4, 0, 2, 8, 4]);
    let mut socket = TcpStream::connect(address).expect("connects");
    socket.write_all(&hello).expect("writes");
    let mut answer = Vec::new();
    drop(socket.read_to_end(&mut answer));
    // A fatal alert, protocol_version (RFC 8446 section 6.2), and no handshake.
    assert_eq!(answer, [0x15, 3, 3, 0, 2, 2, 70]);

    let mut socket = TcpStream::connect(address).expect("connects");
    socket.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").expect("writes");
    let mut answer = Vec::new();
    drop(socket.read_to_end(&mut answer));
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!(stop(child), 0);
}

#[test]
fn contradictions_are_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().expect("folder");
    let (code, stderr) = refused(core(folder.path()));
    assert_eq!(code, 2);
    assert!(stderr.contains("--tls-cert"), "{stderr}");
    let mut command = core(folder.path());
    command.env("DEV_MODE", "true").args(["--tls-cert", "a.pem"]);
    command.env("VIVIFIED_LISTEN", "ignored");
    let (code, stderr) = refused(command);
    assert_eq!(code, 2);
    assert!(stderr.contains("go together"), "{stderr}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vivified-core"));
    command.env_clear().env("DEV_MODE", "true").args(["--listen", "0.0.0.0:0"]);
    let (code, stderr) = refused(command);
    assert_eq!(code, 2);
    assert!(stderr.contains("loopback") || stderr.contains("no development mode"), "{stderr}");
    assert!(!folder.path().join("data").exists());
}

#[test]
fn keys_that_others_can_read_stop_the_start() {
    let folder = tempfile::tempdir().expect("folder");
    let (command, _) = with_tls(folder.path());
    let (child, ..) = start(command);
    assert_eq!(stop(child), 0);
    let path = folder.path().join("data").join("master.key");
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, mode).expect("sets the mode");
    };
    mode(0o644);
    let (code, stderr) = refused(with_tls(folder.path()).0);
    assert_eq!(code, 1);
    assert!(stderr.contains("master.key") && stderr.contains("chmod 600"), "{stderr}");
    mode(0o600);
    for entry in std::fs::read_dir(folder.path().join("data")).expect("reads") {
        let mode = entry.expect("reads").metadata().expect("reads").permissions().mode();
        assert_eq!(mode & 0o077, 0, "only the owner reads the data folder");
    }
}

#[test]
fn a_second_process_is_kept_off_the_folder() {
    let folder = tempfile::tempdir().expect("folder");
    let (command, _) = with_tls(folder.path());
    let (child, ..) = start(command);
    let (code, stderr) = refused(with_tls(folder.path()).0);
    assert_eq!(code, 1);
    assert!(stderr.contains("another Core"), "{stderr}");
    assert_eq!(stop(child), 0);
}

#[cfg(feature = "dev")]
#[test]
fn development_mode_answers_plain_http_on_loopback() {
    let folder = tempfile::tempdir().expect("folder");
    let mut command = core(folder.path());
    command.env("DEV_MODE", "true");
    let (child, url, lines) = start(command);
    assert_eq!(lines, Vec::<String>::new(), "one line and no set-up code");
    let address = url.strip_prefix("http://127.0.0.1").expect("plain HTTP on loopback");
    let mut socket = TcpStream::connect(format!("127.0.0.1{address}")).expect("connects");
    let request = b"GET /ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    socket.write_all(request).expect("writes");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("reads");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.to_lowercase().contains("vivified-dev-mode: true"), "{answer}");
    assert_eq!(stop(child), 0);

    let (code, stderr) = refused(with_tls(folder.path()).0);
    assert_eq!(code, 1);
    assert!(stderr.contains("made for development"), "{stderr}");
}

/// One exchange over plain HTTP; none when the process died in between.
#[cfg(feature = "dev")]
fn post(address: &str, path: &str, token: &str, body: &str) -> Option<(u16, serde_json::Value)> {
    let mut socket = TcpStream::connect(address).ok()?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).ok()?))
}

#[cfg(feature = "dev")]
#[test]
fn what_was_answered_survives_a_killed_process() {
    let folder = tempfile::tempdir().expect("folder");
    let mut answered = Vec::new();
    for round in 0..8_u64 {
        let mut command = core(folder.path());
        command.env("DEV_MODE", "true");
        let (mut child, url, _) = start(command);
        let address = url.strip_prefix("http://").expect("plain HTTP").to_owned();
        let name = "bootstrap_admin_only";
        let login = format!(r#"{{"username":"{name}","password":"{name}","mfa_code":"000000"}}"#);
        let (_, session) = post(&address, "/auth/login", "", &login).expect("signs in");
        let token = session["token"].as_str().expect("a token").to_owned();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(40 + 35 * round));
            child.kill().expect("kills");
            child.wait().expect("ends");
        });
        for number in 0.. {
            let plugin_id = format!("round{round}-{number}");
            let body = format!(r#"{{"plugin_id":"{plugin_id}"}}"#);
            match post(&address, "/admin/enrollments", &token, &body) {
                Some((201, _)) => answered.push(plugin_id),
                Some((429, _)) => std::thread::sleep(std::time::Duration::from_millis(5)),
                Some((status, body)) => panic!("{status} {body}"),
                None => break,
            }
        }
        killer.join().expect("joins");
        let conn = rusqlite::Connection::open(folder.path().join("data/core.db")).expect("opens");
        let key = folder.path().join("data/audit.key");
        let key = vivified_core::audit::AuditKey::read(&key).expect("a key").public();
        let report = vivified_core::audit::folder::verify(&conn, key, Vec::new()).expect("reads");
        assert_eq!(report.fault, None);
    }
    assert!(answered.len() > 20, "control: there was something to lose");
    let conn = rusqlite::Connection::open(folder.path().join("data/core.db")).expect("opens");
    for plugin_id in &answered {
        let kept: bool = conn
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM enrollments WHERE plugin_id = ?1)
                    AND EXISTS (SELECT 1 FROM audit_log
                        WHERE json_extract(record, '$.plugin_id') = ?1
                        AND json_extract(record, '$.action') = 'admin.enroll')",
                [plugin_id],
                |row| row.get(0),
            )
            .expect("reads");
        assert!(kept, "{plugin_id}");
    }
}
