//! Drift is found, named and mended: one changed byte in anything that goes in or comes out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::TempDir;

const SPEC: &str = "\
openapi: 3.0.3
info: {title: Pets, version: 1.0.0}
paths:
  /pets:
    get:
      operationId: list_pets
      tags: [pets]
      summary: List all pets
      responses:
        '200':
          description: The pets.
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Pets'}
components:
  schemas:
    Pets:
      type: array
      items: {type: string}
";

const CONFIG: &str = "\
spec = \"openapi.yaml\"
templates = \"../templates\"
lock = \"../generated/contract.lock\"
output = \"../generated\"
generator = [\"../compiler\"]

[targets.docs]
output = \"../generated/docs\"
";

/// A project in a temporary folder, generated once.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new() -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/docs");
        copy(&templates, &project.path("templates/docs"));
        project.write("spec/openapi.yaml", SPEC);
        project.write("spec/codegen.toml", CONFIG);
        project.write("templates/docs/runtime.txt", "copied unchanged\n");
        project.write("compiler/main.rs", "fn main() {}\n");
        assert_eq!(project.run("generate").0, 0);
        project
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Changes one byte, near the end where no format minds.
    fn edit(&self, path: &str) {
        let path = self.path(path);
        let mut text = fs::read(&path).unwrap();
        let place = text.iter().rposition(u8::is_ascii_lowercase).unwrap();
        text[place] ^= 1;
        fs::write(path, text).unwrap();
    }

    /// Exit code and everything said.
    fn run(&self, command: &str) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_codegen"))
            .args(command.split(' '))
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let mut text = String::from_utf8(output.stdout).unwrap();
        text.push_str(&String::from_utf8(output.stderr).unwrap());
        (output.status.code().unwrap(), text)
    }

    fn assert_drift(&self, names: &[&str]) {
        let (code, text) = self.run("check");
        assert_eq!(code, 4, "{text}");
        for name in names {
            assert!(text.contains(name), "{name} is not in\n{text}");
        }
        assert!(text.trim_end().ends_with("run: cargo codegen generate"), "{text}");
    }

    fn assert_mended(&self) {
        let (code, text) = self.run("generate");
        assert_eq!(code, 0, "{text}");
        let (code, text) = self.run("check");
        assert_eq!(code, 0, "{text}");
    }

    fn times(&self) -> BTreeMap<PathBuf, SystemTime> {
        let mut times = BTreeMap::new();
        let mut folders = vec![self.path("generated")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                times.insert(entry.path(), entry.metadata().unwrap().modified().unwrap());
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        times
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_changed_spec_names_the_stale_file_and_the_line() {
    let project = Project::new();
    project.write("spec/openapi.yaml", &SPEC.replace("List all pets", "List every pet"));
    project.assert_drift(&[
        "stale     generated/docs/operations/pets.md",
        "from templates/docs/operations/tag.md.tera",
        "+List every pet",
        "changed  spec/openapi.yaml:8 (spec)",
    ]);
    project.assert_mended();
}

#[test]
fn a_changed_comment_in_the_spec_is_drift_of_the_lock() {
    let project = Project::new();
    project.write("spec/openapi.yaml", &format!("{SPEC}# a comment\n"));
    project.assert_drift(&["stale     generated/contract.lock", "changed  spec/openapi.yaml"]);
    project.assert_mended();
}

#[test]
fn a_file_the_spec_refers_to_is_an_input() {
    let project = Project::new();
    let config = CONFIG.replace("spec = \"openapi.yaml\"", "spec = \"../api/openapi.yaml\"");
    project.write("spec/codegen.toml", &config);
    let reference = "{$ref: 'pets.yaml#/Pets'}";
    project
        .write("api/openapi.yaml", &SPEC.replace("{$ref: '#/components/schemas/Pets'}", reference));
    project.write("api/pets.yaml", "Pets: {type: array, items: {type: string}}\n");
    project.assert_mended();
    project.write("api/pets.yaml", "Pets: {type: array, items: {type: integer}}\n");
    project.assert_drift(&["changed  api/pets.yaml", "stale     generated/docs/models.md"]);
    project.assert_mended();
}

#[test]
fn a_changed_template_is_named_with_its_line() {
    let project = Project::new();
    let template = fs::read_to_string(project.path("templates/docs/index.md.tera")).unwrap();
    project.write("templates/docs/index.md.tera", &template.replace("## Reference", "## Pages"));
    project.assert_drift(&[
        "stale     generated/docs/index.md",
        "changed  templates/docs/index.md.tera:",
        "+## Pages",
    ]);
    project.assert_mended();
}

#[test]
fn changed_runtime_is_stale_where_it_was_copied_to() {
    let project = Project::new();
    project.edit("templates/docs/runtime.txt");
    project.assert_drift(&["stale     generated/docs/runtime.txt", "templates/docs/runtime.txt:1"]);
    project.assert_mended();
}

#[test]
fn a_changed_compiler_asks_for_a_new_run() {
    let project = Project::new();
    project.edit("compiler/main.rs");
    project.assert_drift(&["changed  compiler/main.rs (generator)"]);
    project.assert_mended();
}

#[test]
fn an_edited_output_is_stale() {
    let project = Project::new();
    for path in ["generated/docs/index.md", "generated/docs/runtime.txt"] {
        project.edit(path);
        project.assert_drift(&[&format!("stale     {path}"), "edited since the last run"]);
        project.assert_mended();
    }
}

#[test]
fn an_edited_lock_is_stale() {
    let project = Project::new();
    project.edit("generated/contract.lock");
    project.assert_drift(&["generated/contract.lock"]);
    project.assert_mended();
}

#[test]
fn orphans_are_named_and_deleted() {
    let project = Project::new();
    for path in ["generated/docs/deep/er/orphan.md", "generated/orphan.txt"] {
        project.write(path, "nobody made this\n");
        project.assert_drift(&[&format!("orphaned  {path}")]);
        project.assert_mended();
        assert!(!project.path(path).exists());
    }
    assert!(!project.path("generated/docs/deep").exists());
}

#[test]
fn a_deleted_output_is_missing() {
    let project = Project::new();
    fs::remove_file(project.path("generated/docs/models.md")).unwrap();
    project.assert_drift(&["missing   generated/docs/models.md", "deleted since the last run"]);
    project.assert_mended();
    fs::remove_dir_all(project.path("generated")).unwrap();
    project.assert_drift(&["missing   generated/docs/index.md", "generated/contract.lock"]);
    project.assert_mended();
}

#[test]
fn a_page_that_is_no_longer_generated_is_an_orphan() {
    let project = Project::new();
    project.write("spec/openapi.yaml", &SPEC.replace("tags: [pets]", "tags: [cats]"));
    project.assert_drift(&[
        "orphaned  generated/docs/operations/pets.md",
        "no longer generated",
        "missing   generated/docs/operations/cats.md",
    ]);
    project.assert_mended();
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let project = Project::new();
    let before = project.times();
    assert!(before.len() > 5);
    let (code, text) = project.run("generate");
    assert_eq!((code, project.times() == before), (0, true), "{text}");
}

#[test]
fn only_what_differs_is_written() {
    let project = Project::new();
    let before = project.times();
    project.edit("generated/docs/index.md");
    project.assert_mended();
    let index = project.path("generated/docs/index.md");
    for (path, time) in project.times() {
        assert!(path == index || before[&path] == time, "{}", path.display());
    }
}

#[test]
fn a_faulty_spec_is_no_drift() {
    let project = Project::new();
    project.write("spec/openapi.yaml", "openapi: 3.0.3\npaths: [\n");
    let (code, text) = project.run("check");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("--> spec/openapi.yaml:"), "{text}");
}

#[test]
fn paths_are_shown_from_the_current_folder() {
    let project = Project::new();
    project.edit("generated/docs/index.md");
    let output = Command::new(env!("CARGO_BIN_EXE_codegen"))
        .arg("check")
        .current_dir(project.path("spec"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("stale     ../generated/docs/index.md"), "{text}");
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_symbolic_link() {
    let project = Project::new();
    let outside = project.path("outside.md");
    fs::write(&outside, "mine\n").unwrap();
    let index = project.path("generated/docs/index.md");
    fs::remove_file(&index).unwrap();
    std::os::unix::fs::symlink(&outside, &index).unwrap();
    project.assert_drift(&["blocked   generated/docs/index.md"]);
    let (code, text) = project.run("generate");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("output-blocked"), "{text}");
    assert_eq!(fs::read_to_string(outside).unwrap(), "mine\n");
}

#[test]
fn the_first_run_deletes_nothing_it_did_not_write() {
    let project = Project::new();
    fs::remove_file(project.path("generated/contract.lock")).unwrap();
    project.write("generated/docs/mine.md", "# Mine\n");
    let (code, text) = project.run("generate");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("output-foreign") && text.contains("generated/docs/mine.md"), "{text}");
    assert!(project.path("generated/docs/mine.md").exists());
}

#[test]
fn an_output_folder_cannot_hold_the_spec() {
    let project = Project::new();
    project.write("spec/codegen.toml", &CONFIG.replace("\"../generated/docs\"", "\"..\""));
    let (code, text) = project.run("generate");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("output-overlap"), "{text}");
    assert!(project.path("spec/openapi.yaml").exists());
}

#[test]
fn the_answer_in_json_has_the_documented_shape() {
    let project = Project::new();
    project.edit("generated/docs/index.md");
    let (code, text) = project.run("check --json");
    assert_eq!(code, 4, "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (_, schema) = project.run("schema report");
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert!(jsonschema::is_valid(&schema, &report), "{report:#}");
    assert_eq!(report["version"], 1);
    assert_eq!(report["files"][0]["path"], "generated/docs/index.md");
    assert_eq!(report["files"][0]["state"], "stale");
    assert_eq!(report["repair"], "cargo codegen generate");
}

#[test]
fn usage_has_its_own_exit_code() {
    let project = Project::new();
    assert_eq!(project.run("bogus").0, 2);
    assert_eq!(project.run("check --config nowhere.toml").0, 2);
    assert_eq!(project.run("explain output-overlap").0, 0);
    assert_eq!(project.run("explain no-such-rule").0, 2);
}
