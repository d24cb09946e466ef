//! The commands around serving.

use crate::harness::{Authority, install, run};

#[test]
fn check_config_names_every_fault_with_its_line() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("core.toml");
    let file = path.to_str().expect("text");
    let text = "listen = 'everywhere'\nlisten_on = 1\n[limits]\nconnections = 'many'\n";
    std::fs::write(&path, text).expect("writes");
    let (code, _, stderr) = run(&["check-config", "--config", file]);
    assert_eq!(code, 2);
    for place in ["core.toml:1: ", "core.toml:2: unknown setting listen_on", "core.toml:4: "] {
        assert!(stderr.contains(place), "{place} not in {stderr}");
    }
    assert!(stderr.contains("--tls-cert"), "{stderr}");

    install(folder.path(), &Authority::new());
    let at = |name: &str| folder.path().join(name);
    let text = format!("tls_cert = {:?}\ntls_key = {:?}\n", at("cert.pem"), at("key.pem"));
    std::fs::write(&path, &text).expect("writes");
    let (code, stdout, stderr) = run(&["check-config", "--config", file]);
    assert_eq!((code, stdout.as_str()), (0, "the settings are good\n"), "{stderr}");
    assert!(!folder.path().join("vivified-data").exists(), "it makes nothing");

    std::fs::write(at("cert.pem"), "no certificate").expect("writes");
    std::fs::write(&path, text + "metrics_token_file = 'absent'\n").expect("writes");
    let (code, _, stderr) = run(&["check-config", "--config", file]);
    assert_eq!(code, 2);
    assert!(stderr.contains("cert.pem") && stderr.contains("absent"), "{stderr}");
}

/// The sample is the list of settings, each with what it usually is.
#[test]
fn the_sample_of_the_settings_is_in_step_with_the_code() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/core.toml");
    let text = std::fs::read_to_string(sample).expect("a sample");
    let mut table = String::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = format!("{name}.");
        }
        let setting = line.strip_prefix("# ").unwrap_or(line);
        if let Some((name, value)) = setting.split_once(" = ")
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            found.push((format!("{table}{name}"), value.to_owned(), line.starts_with('#')));
        }
    }
    for key in vivified_core::config::KEYS {
        let entry = found.iter().find(|(name, ..)| name == key.name);
        let (_, value, commented) = entry.unwrap_or_else(|| panic!("{} is missing", key.name));
        if *commented && let Some(usual) = key.usual {
            assert_eq!(value, usual, "{}", key.name);
        }
    }
    assert_eq!(found.len(), vivified_core::config::KEYS.len(), "{found:?}");
}
