//! `generate`: writes what differs, deletes orphans, and writes the lock.

use super::report::{Report, Status};
use super::{Call, Exit, compiled, finish};
use crate::compile::{self, Compiled};
use crate::drift::{self, Drift, LockDrift};
use crate::emit::render::PREAMBLE;
use crate::problem::Problems;
use crate::project::Project;
use crate::tree::{self, Found};
use std::fs;
use std::io;

/// Write the generated files, and only those that differ
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {}

pub fn run(_args: &Args, call: &Call<'_>) -> Exit {
    let (project, compiled, mut problems) = match compiled("generate", call) {
        Ok(compiled) => compiled,
        Err(failure) => return finish(call, &failure.report, failure.exit),
    };
    let failed = |error: io::Error| {
        finish(call, &Report::failed("generate", error.to_string()), Exit::Faulty)
    };
    let drift = match drift::find(&project, &compiled) {
        Ok(drift) => drift,
        Err(error) => return failed(error),
    };
    refuse_links(&project, &compiled, &drift, &mut problems);
    refuse_foreign_files(&project, &compiled, &drift, &mut problems);
    if problems.has_errors() {
        return finish(call, &Report::faulty("generate", &project, problems), Exit::Faulty);
    }
    if let Err(error) = write(&project, &compiled, &drift) {
        return failed(error);
    }
    let mut report = Report::faulty("generate", &project, problems);
    report.describe(&project, &compiled, &drift);
    report.status = if drift.is_empty() { Status::Fresh } else { Status::Written };
    finish(call, &report, Exit::Success)
}

fn write(project: &Project, compiled: &Compiled, drift: &Drift) -> io::Result<()> {
    let outputs = compile::outputs(project, &compiled.config);
    tree::write(&compiled.tree, &drift.differences, &outputs)?;
    if drift.lock.is_some() {
        let path = project.absolute(&compiled.config.lock);
        tree::replace(&path, compiled.lock.to_text().as_bytes())?;
    }
    Ok(())
}

/// Writing through a link would change a file that nobody named.
fn refuse_links(project: &Project, compiled: &Compiled, drift: &Drift, problems: &mut Problems) {
    let blocked = drift.differences.iter().filter(|difference| difference.found == Found::Blocked);
    let mut paths: Vec<_> = blocked.map(|difference| difference.path.clone()).collect();
    if drift.lock == Some(LockDrift::Blocked) {
        paths.push(project.absolute(&compiled.config.lock));
    }
    for path in paths {
        problems.error(
            "output-blocked",
            &project.place_of("output"),
            format!(
                "{} is a symbolic link or a folder, or lies below a link",
                project.shown(&path)
            ),
            "remove it; the compiler writes plain files in plain folders",
        );
    }
}

/// Before the first run nothing in an output folder is ours to delete.
fn refuse_foreign_files(
    project: &Project,
    compiled: &Compiled,
    drift: &Drift,
    problems: &mut Problems,
) {
    if drift.lock != Some(LockDrift::Missing) {
        return;
    }
    for difference in drift.differences.iter().filter(|found| found.found == Found::Orphaned) {
        let text = fs::read_to_string(&difference.path).unwrap_or_default();
        if text.lines().take(3).any(|line| line.contains(PREAMBLE)) {
            continue;
        }
        let outputs = compiled.config.targets.values().map(|target| target.output.as_str());
        let output = outputs
            .chain(compiled.config.output.as_deref())
            .find(|output| difference.path.starts_with(project.absolute(output)))
            .unwrap_or_default();
        problems.error(
            "output-foreign",
            &project.place_of(output),
            format!("{} was not written by the compiler", project.shown(&difference.path)),
            "choose an empty folder, or move the file: an output folder is owned whole",
        );
    }
}
