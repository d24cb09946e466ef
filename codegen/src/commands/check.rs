//! `check`: says whether the generated files are what the spec and the templates say.

use super::report::{Report, Status};
use super::{Call, Exit, compiled, finish};
use crate::drift;

/// Compare the generated files with the spec and the templates, and write nothing
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {}

pub fn run(_args: &Args, call: &Call<'_>) -> Exit {
    let (project, compiled, problems) = match compiled("check", call) {
        Ok(compiled) => compiled,
        Err(failure) => return finish(call, &failure.report, failure.exit),
    };
    let drift = match drift::find(&project, &compiled) {
        Ok(drift) => drift,
        Err(error) => {
            return finish(call, &Report::failed("check", error.to_string()), Exit::Faulty);
        }
    };
    let mut report = Report::faulty("check", &project, problems);
    report.describe(&project, &compiled, &drift);
    if drift.is_empty() {
        report.status = Status::Fresh;
        finish(call, &report, Exit::Success)
    } else {
        report.status = Status::Drift;
        report.repair = Some(call.line("generate"));
        finish(call, &report, Exit::Drift)
    }
}
