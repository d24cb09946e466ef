//! What compiling costs, against the least it could cost.
//!
//! The floor is to parse the document with serde_json and to write the same number of octets to
//! the same number of files. Both sides run in a process of their own, in turn, and the smallest
//! CPU time of several runs counts; memory is the peak of the process that compiles.
//!
//! `BENCH_SPECS` names the folder with large documents; `../shared/specs` beside the repository
//! is the default, and what is not there is left out with a note.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use tempfile::TempDir;
use vivified_codegen::commands::{Call, Exit, Options, generate};

/// The allocator of the binaries, on both sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: usize = 5;
const RATIO_LIMIT: f64 = 10.0;
const MEMORY_LIMIT: f64 = 300.0;
const OWN_LIMIT: f64 = 60.0;

/// All targets, with the templates inside the compiler.
const TARGETS: &str = "
[targets.core]
output = '../out/core'
package = 'bench-server'
[targets.python]
output = '../out/python'
package = 'bench'
[targets.node]
output = '../out/node'
package = 'bench'
[targets.go]
output = '../out/go'
package = 'example.org/bench'
[targets.docs]
output = '../out/docs'
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("measure-compile") => measure(|| compile(Path::new(&arguments[2]))),
        Some("measure-floor") => {
            let sizes = read_sizes(Path::new(&arguments[3]));
            measure(|| floor(Path::new(&arguments[2]), &sizes, Path::new(&arguments[4])))
        }
        _ => table(),
    }
}

/// One document to compile.
struct Case {
    name: &'static str,
    /// Folder with `codegen.toml` and all it names.
    spec: PathBuf,
    /// The OpenAPI document as JSON, for the floor.
    document: PathBuf,
    /// CPU milliseconds compiling may take, beside the ratio.
    limit: Option<f64>,
    folder: TempDir,
}

fn table() -> ExitCode {
    let header = ["", "files", "MiB", "floor ms", "compile ms", "limit ms", "ratio", "memory MiB"];
    let [name, files, size, low, compiled, limit, ratio, memory] = header;
    println!(
        "{name:16} {files:>6} {size:>6} {low:>9} {compiled:>11} {limit:>9} {ratio:>12} {memory:>16}"
    );
    let mut missed = false;
    for case in [github(), own()].into_iter().flatten() {
        let mut compile_ms = f64::MAX;
        let mut floor_ms = f64::MAX;
        let mut memory: f64 = 0.0;
        let output = case.folder.path().join("out");
        let mut sizes = Vec::new();
        for _ in 0..RUNS {
            let _ = fs::remove_dir_all(&output);
            let _ = fs::remove_file(case.spec.join("contract.lock"));
            let compiled = child(&["measure-compile", &text(&case.spec.join("codegen.toml"))]);
            sizes = sizes_below(&output);
            let listing = case.folder.path().join("sizes");
            let lines: Vec<String> = sizes.iter().map(usize::to_string).collect();
            fs::write(&listing, lines.join("\n")).expect("the temporary folder is writable");
            let copy = case.folder.path().join("floor");
            let _ = fs::remove_dir_all(&copy);
            let low =
                child(&["measure-floor", &text(&case.document), &text(&listing), &text(&copy)]);
            compile_ms = compile_ms.min(compiled.0);
            floor_ms = floor_ms.min(low.0);
            memory = memory.max(compiled.1);
        }
        let ratio = compile_ms / floor_ms;
        let limit = case.limit.map_or_else(|| "-".to_owned(), |limit| format!("{limit:.0}"));
        // A small document is all fixed cost, so the ratio is a limit for large ones.
        let ratio_limit = case.limit.is_none().then_some(RATIO_LIMIT);
        let ratio_shown = match ratio_limit {
            Some(limit) => format!("{ratio:.1} of {limit:.0}"),
            None => format!("{ratio:.1}"),
        };
        println!(
            "{:16} {:>6} {:>6.1} {floor_ms:>9.1} {compile_ms:>11.1} {limit:>9} {ratio_shown:>12} {:>16}",
            case.name,
            sizes.len(),
            sizes.iter().sum::<usize>() as f64 / 1_048_576.0,
            format!("{memory:.0} of {MEMORY_LIMIT:.0}"),
        );
        missed |= case.limit.is_some_and(|limit| compile_ms > limit);
        missed |= ratio_limit.is_some_and(|limit| ratio > limit) || memory > MEMORY_LIMIT;
    }
    if missed {
        eprintln!("a limit is missed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory } else { &std::env::temp_dir() };
    tempfile::tempdir_in(folder).expect("a temporary folder can be made")
}

fn github() -> Option<Case> {
    let specs = std::env::var_os("BENCH_SPECS")
        .map_or_else(|| repository().join("../shared/specs"), PathBuf::from);
    let source = specs.join("github-rest.json");
    if !source.is_file() {
        eprintln!("left out: {} is not there; name its folder in BENCH_SPECS", source.display());
        return None;
    }
    let folder = temporary();
    let spec = folder.path().join("spec");
    fs::create_dir(&spec).expect("the temporary folder is writable");
    let document = spec.join("openapi.json");
    fs::copy(source, &document).expect("the document can be read");
    fs::write(spec.join("codegen.toml"), format!("spec = 'openapi.json'\n{TARGETS}"))
        .expect("the temporary folder is writable");
    Some(Case { name: "github-rest.json", spec, document, limit: None, folder })
}

fn own() -> Option<Case> {
    let folder = temporary();
    let spec = folder.path().join("spec");
    copy(&repository().join("spec"), &spec);
    let config = "spec = 'openapi.yaml'\nmanifest = 'manifest.schema.json'\nevents = 'events'\n\
                  parity = 'sdk_parity.json'\n";
    fs::write(spec.join("codegen.toml"), format!("{config}{TARGETS}"))
        .expect("the temporary folder is writable");
    let project = vivified_codegen::project::Project::find(Some(&spec.join("codegen.toml")))
        .ok()
        .flatten()
        .expect("the configuration was just written");
    let (compiled, _) = vivified_codegen::compile::compile(&project, &|_| ()).ok()?;
    let document = folder.path().join("openapi.json");
    fs::write(&document, &compiled?.contract.document).expect("the temporary folder is writable");
    Some(Case { name: "our own spec", spec, document, limit: Some(OWN_LIMIT), folder })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the temporary folder is writable");
    for entry in fs::read_dir(from).expect("the spec folder can be read").flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("the spec can be read");
        }
    }
}

/// The whole command, as a person runs it.
fn compile(config: &Path) {
    let options = Options { config: Some(config.to_owned()), json: true };
    let call = Call { options: &options, program: "vivified" };
    let exit = generate::run(&generate::Args::default(), &call);
    assert_eq!(exit, Exit::Success, "{} compiles", config.display());
}

fn floor(document: &Path, sizes: &[usize], folder: &Path) {
    let text = fs::read(document).expect("the document can be read");
    let value: serde_json::Value = serde_json::from_slice(&text).expect("the document is JSON");
    let octets = vec![b'x'; sizes.iter().copied().max().unwrap_or(0)];
    fs::create_dir_all(folder).expect("the temporary folder is writable");
    for (index, size) in sizes.iter().enumerate() {
        fs::write(folder.join(index.to_string()), &octets[..*size])
            .expect("the temporary folder is writable");
    }
    drop(value);
}

/// Runs the work and says what it took: CPU nanoseconds and peak memory in KiB.
fn measure(work: impl FnOnce()) -> ExitCode {
    let before = cpu_nanoseconds();
    work();
    let spent = cpu_nanoseconds() - before;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    eprintln!("measured {spent} {}", peak.trim().trim_end_matches(" kB"));
    ExitCode::SUCCESS
}

/// CPU time of the main thread; the compiler has no other that works.
fn cpu_nanoseconds() -> u64 {
    // The kernel brings the figure up to date when the thread stops running.
    std::thread::sleep(std::time::Duration::from_millis(2));
    let schedule = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    schedule
        .split_whitespace()
        .next()
        .and_then(|first| first.parse().ok())
        .expect("the figures need Linux with /proc/self/schedstat")
}

/// (CPU milliseconds, peak MiB) of this program in another role.
fn child(arguments: &[&str]) -> (f64, f64) {
    let program = std::env::current_exe().expect("a running program has a path");
    let output = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .output()
        .expect("this program can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    let measured = said.lines().find_map(|line| line.strip_prefix("measured "));
    let Some((spent, peak)) = measured.and_then(|line| line.split_once(' ')) else {
        panic!("{arguments:?} failed:\n{said}");
    };
    let number = |text: &str| text.trim().parse::<f64>().expect("the child prints numbers");
    (number(spent) / 1e6, number(peak) / 1024.0)
}

fn sizes_below(folder: &Path) -> Vec<usize> {
    let files = vivified_codegen::inputs::files_below(folder).expect("the output can be read");
    files.iter().map(|file| file.metadata().map_or(0, |metadata| metadata.len() as usize)).collect()
}

fn read_sizes(listing: &Path) -> Vec<usize> {
    let text = fs::read_to_string(listing).expect("the sizes were just written");
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
