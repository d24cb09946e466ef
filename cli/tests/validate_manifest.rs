//! `validate-manifest` as a person runs it.

use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use tempfile::TempDir;

const VALID: &str = r#"{
  "id": "hello_py",
  "name": "Hello",
  "version": "1.0.0",
  "contracts": ["vivified/1"],
  "traits": ["event_publisher"],
  "security": { "authentication_required": true, "data_classification": ["internal"] },
  "compliance": { "hipaa_controls": [], "audit_level": "standard" }
}
"#;

fn run(files: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String) {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("the file is written");
    }
    let output = Command::cargo_bin("vivified")
        .expect("the program is built")
        .current_dir(folder.path())
        .arg("validate-manifest")
        .args(arguments)
        .output()
        .expect("the program runs");
    (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn a_valid_manifest_is_valid() {
    let (code, text) = run(&[("manifest.json", VALID)], &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("manifest.json  valid"), "{text}");
}

#[test]
fn yaml_is_read_as_well_and_the_file_option_is_taken() {
    let yaml = "id: hello_py\nname: Hello\nversion: 1.0.0\ncontracts: [vivified/1]\ntraits: []\n\
                security: { authentication_required: true, data_classification: [internal] }\n\
                compliance: { hipaa_controls: [], audit_level: standard }\n";
    let (code, text) = run(&[("plugin.yaml", yaml)], &["--file", "plugin.yaml"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_trait_of_people_is_refused_at_its_place() {
    let text = VALID.replace(r#"["event_publisher"]"#, r#"["admin"]"#);
    let (code, answer) = run(&[("manifest.json", &text)], &[]);
    assert_eq!(code, Some(1), "{answer}");
    assert!(answer.contains("manifest.json:6:14: error["), "{answer}");
    assert!(answer.contains("/traits/0"), "{answer}");
}

#[test]
fn every_finding_is_reported_at_once_also_those_of_the_rules() {
    let text = VALID
        .replace(r#"["event_publisher"]"#, r#"["handles_phi"]"#)
        .replace(r#""name": "Hello","#, r#""nme": "Hello","#)
        .replace("\"standard\"", "\"none\"");
    let (code, answer) = run(&[("manifest.json", &text)], &["--json"]);
    assert_eq!(code, Some(1), "{answer}");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["version"], 1);
    let findings = answer["files"][0]["findings"].as_array().expect("findings");
    let rules: Vec<&str> = findings.iter().filter_map(|finding| finding["rule"].as_str()).collect();
    for rule in ["phi-needs-controls", "phi-needs-audit", "phi-needs-classification"] {
        assert!(rules.contains(&rule), "{rule} is missing in {rules:?}");
    }
    assert!(rules.len() >= 5, "{rules:?}");
}

#[test]
fn a_warning_is_an_error_only_when_strict() {
    let text = VALID.replace(r#"["event_publisher"]"#, r#"["handles_pii"]"#);
    let (code, answer) = run(&[("manifest.json", &text)], &[]);
    assert_eq!(code, Some(0), "{answer}");
    assert!(answer.contains("warning[pii-needs-classification]"), "{answer}");
    let (code, _) = run(&[("manifest.json", &text)], &["--strict"]);
    assert_eq!(code, Some(1));
}

#[test]
fn faulty_text_and_missing_files_are_findings_too() {
    let (code, answer) =
        run(&[("broken.json", "{\n  \"id\": \n}")], &["broken.json", "absent.json"]);
    assert_eq!(code, Some(1), "{answer}");
    assert!(answer.contains("broken.json:3:1"), "{answer}");
    assert!(answer.contains("absent.json:1:1: error[file-unreadable]"), "{answer}");
}
