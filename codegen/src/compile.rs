//! The whole compiler as one function: configuration file in, tree and lock out.
//!
//! `check` and `generate` both call it, so that what is compared and what is written can never
//! be two different things. It reads, and writes nothing.

use crate::config::{self, Config, TargetName};
use crate::contract::Contract;
use crate::emit::{self, Job, Samples};
use crate::inputs::{self, Kind};
use crate::lint;
use crate::load;
use crate::lock::{Entry, Lock};
use crate::problem::Problems;
use crate::project::Project;
use crate::templates;
use crate::tree::Tree;
use std::io;
use std::path::PathBuf;

/// What a run would write.
pub struct Compiled {
    pub config: Config,
    pub contract: Contract,
    pub tree: Tree,
    pub lock: Lock,
}

/// Compiles a project. Nothing comes back when a problem is an error; `phase` is told what is
/// being done. An error of input and output means that a file exists and cannot be read.
pub fn compile(
    project: &Project,
    phase: &dyn Fn(&'static str),
) -> io::Result<(Option<Compiled>, Problems)> {
    phase("reading the configuration");
    let (config, mut problems) = config::read(&project.file);
    let Some(config) = config else { return Ok((None, problems)) };
    refuse_overlaps(project, &config, &mut problems);
    let templates = templates::read(project, &config, &mut problems);
    phase("reading the spec");
    let (contract, found) = load::load(&config, &project.folder);
    problems.append(found);
    let (Some(templates), Some(contract), false) = (templates, contract, problems.has_errors())
    else {
        return Ok((None, problems));
    };
    let mut tree = Tree::default();
    let samples = Samples::default();
    let (last, first): (Vec<_>, Vec<_>) =
        config.targets.iter().partition(|(name, _)| **name == TargetName::Docs);
    for (&name, target) in first.into_iter().chain(last) {
        phase(name.as_str());
        let job = Job {
            contract: &contract,
            config: &config,
            target,
            templates: &templates,
            samples: &samples,
        };
        emit::emit(name, &job, &mut tree, &mut problems);
    }
    refuse_strays(project, &config, &tree, &mut problems);
    lint::settle(&config.lint, &mut problems);
    if problems.has_errors() {
        return Ok((None, problems));
    }
    phase("taking digests");
    let lock = lock(project, &config, &contract, &tree)?;
    Ok((Some(Compiled { config, contract, tree, lock }), problems))
}

/// The folders that must hold generated files only, absolute.
pub fn outputs(project: &Project, config: &Config) -> Vec<PathBuf> {
    let targets = config.targets.values().map(|target| &target.output);
    targets.chain(&config.output).map(|output| project.absolute(output)).collect()
}

fn lock(project: &Project, config: &Config, contract: &Contract, tree: &Tree) -> io::Result<Lock> {
    let root = project.root(config);
    let mut lock = Lock::default();
    for (path, (kind, digest)) in inputs::digests(project, config, &contract.sources)? {
        let entry = Entry { digest, kind, template: None };
        lock.entries.insert(inputs::below(&root, &path), entry);
    }
    let templates = templates::folder_shown(project, config);
    for (path, file) in &tree.files {
        let entry = Entry {
            digest: inputs::sha256(file.text.as_bytes()),
            kind: Kind::Generated,
            template: Some(format!("{templates}/{}", file.template)),
        };
        lock.entries.insert(inputs::below(&root, &project.absolute(path)), entry);
    }
    Ok(lock)
}

/// An output folder is emptied of what does not belong there: it must not hold an input, nor
/// the output of another target.
fn refuse_overlaps(project: &Project, config: &Config, problems: &mut Problems) {
    let sources = [
        Some(&config.spec),
        config.templates.as_ref(),
        config.manifest.as_ref(),
        config.events.as_ref(),
        config.parity.as_ref(),
    ];
    let mut inputs: Vec<PathBuf> = sources
        .into_iter()
        .flatten()
        .chain(&config.generator)
        .map(|p| project.absolute(p))
        .collect();
    inputs.push(project.file.clone());
    let targets: Vec<&String> = config.targets.values().map(|target| &target.output).collect();
    for output in targets.iter().copied().chain(&config.output) {
        let folder = project.absolute(output);
        if let Some(input) = inputs.iter().find(|input| input.starts_with(&folder)) {
            problems.error(
                "output-overlap",
                &project.place_of(output),
                format!("the output folder `{output}` holds an input, {}", project.shown(input)),
                "choose a folder that holds generated files only: everything else in it is removed",
            );
        }
    }
    for (index, output) in targets.iter().enumerate() {
        let folder = project.absolute(output);
        let others = targets.iter().enumerate().filter(|(other, _)| *other != index);
        for (_, other) in others {
            if project.absolute(other).starts_with(&folder) {
                problems.error(
                    "output-overlap",
                    &project.place_of(output),
                    format!("the output folder `{output}` holds the output folder `{other}`"),
                    "give each target a folder of its own, side by side",
                );
            }
        }
    }
    if project.absolute(&config.lock).starts_with(project.absolute(&config.spec)) {
        problems.error(
            "output-overlap",
            &project.place_of(&config.lock),
            "the lock would replace the spec",
            "give the lock a name of its own, such as `contract.lock`",
        );
    }
}

fn refuse_strays(project: &Project, config: &Config, tree: &Tree, problems: &mut Problems) {
    let outputs: Vec<&str> = config.targets.values().map(|target| target.output.as_str()).collect();
    for path in tree.strays(&outputs) {
        problems.error(
            "output-outside",
            &project.place_of("output"),
            format!("a generated file would lie outside its folder: {}", path.escape_debug()),
            "choose plain names for the tags, the package and the module of the target",
        );
    }
}
