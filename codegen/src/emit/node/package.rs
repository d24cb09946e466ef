//! What makes the files a package: metadata, licence, README and the index of exports.

use super::errors;
use super::facade::{self, ClientView};
use super::layout;
use super::masks::Masks;
use super::plan::Plan;
use super::sample;
use crate::emit::Job;
use crate::encode::typescript as encode;
use crate::names;
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
pub struct PackageView {
    /// JSON strings.
    package: String,
    version: String,
    description: String,
    license: Option<String>,
}

#[derive(Serialize)]
pub struct IndexView {
    lines: Vec<String>,
}

#[derive(Serialize)]
pub struct ReadmeView {
    title: String,
    package: String,
    client: String,
    prefix: Option<String>,
    license: Option<String>,
    sample: Option<String>,
    root: String,
    renewal: bool,
    masks: bool,
}

pub fn package(job: &Job<'_>) -> PackageView {
    let info = &job.contract.info;
    PackageView {
        package: json(name(job)),
        version: json(version(job)),
        description: json(format!("Client of {}", info.title)),
        license: license(job).map(json),
    }
}

pub fn index(job: &Job<'_>, plan: &Plan<'_>, masks: &Masks<'_>, client: &ClientView) -> IndexView {
    let mut lines = vec![facade::export(client), errors::export(job.contract)];
    if masks.any() {
        lines.push("export { mask, type MaskedTypes } from './masks.js';".to_owned());
    }
    lines.push("export * from './models.js';".to_owned());
    lines.push("export * as models from './models.js';".to_owned());
    for tag in &plan.tags {
        let mut names = vec![tag.class.clone()];
        let with_params = tag.operations.iter().filter(|operation| !operation.params.is_empty());
        names.extend(with_params.map(|operation| format!("type {}", operation.params_type)));
        let from = format!(" from './resources/{}.js';", tag.stem);
        lines.push(layout::object(0, "export ", &names, &from));
    }
    IndexView { lines }
}

pub fn readme(job: &Job<'_>, plan: &Plan<'_>, masks: &Masks<'_>) -> ReadmeView {
    let first = job.contract.operations.iter().find(|operation| operation.body.is_some());
    let shown = plan.contract.parity.as_ref().and_then(|parity| {
        let method = parity.symbols.first()?.methods.first()?;
        job.contract.operations.iter().find(|operation| operation.id == method.operation)
    });
    let shown = shown.or(first).or_else(|| job.contract.operations.first());
    ReadmeView {
        title: plain(&job.contract.info.title),
        package: name(job),
        client: plan.client.clone(),
        prefix: job.target.environment_prefix.clone(),
        license: license(job).map(str::to_owned),
        sample: shown
            .and_then(|operation| plan.find(&operation.id))
            .map(|(tag, planned)| sample::of(plan, job.target, tag, planned)),
        root: errors::class_names(job.contract).remove(0),
        renewal: job
            .contract
            .operations
            .iter()
            .any(|operation| operation.extensions.contains_key("x-renews-token")),
        masks: masks.any(),
    }
}

/// The npm name: given, else made from the title.
pub fn name(job: &Job<'_>) -> String {
    name_of(job.target, job.contract)
}

pub fn name_of(target: &crate::config::Target, contract: &crate::contract::Contract) -> String {
    target.package.clone().unwrap_or_else(|| names::words(&contract.info.title).join("-"))
}

/// A version npm accepts: what is no semantic version is completed or dropped.
pub fn version(job: &Job<'_>) -> String {
    semantic(job.target.version.as_deref().unwrap_or(&job.contract.info.version))
}

fn semantic(text: &str) -> String {
    let text = text.trim().trim_start_matches('v');
    let split = text.find(['-', '+']).unwrap_or(text.len());
    let (core, rest) = text.split_at(split);
    let numbers: Vec<u32> = core.split('.').map_while(|part| part.parse().ok()).take(3).collect();
    let part = |index: usize| numbers.get(index).copied().unwrap_or(0);
    let plain = format!("{}.{}.{}", part(0), part(1), part(2));
    let allowed = |character: char| character.is_ascii_alphanumeric() || ".-+".contains(character);
    let identifiers = rest.trim_start_matches(['-', '+']).split(['.', '+']);
    let well_formed = identifiers.into_iter().all(|word| {
        !word.is_empty() && (word == "0" || !word.starts_with('0') || word.parse::<u64>().is_err())
    });
    let whole = numbers.len() == 3 && core.split('.').count() == 3;
    if whole && !rest.is_empty() && rest.chars().all(allowed) && well_formed {
        format!("{plain}{rest}")
    } else {
        plain
    }
}

/// SPDX identifiers of the licences a document usually names.
pub fn license(job: &Job<'_>) -> Option<&'static str> {
    let name = job.contract.info.license.as_deref()?.to_ascii_lowercase();
    let known = [("apache", "Apache-2.0"), ("mit", "MIT"), ("bsd", "BSD-3-Clause"), ("isc", "ISC")];
    known.iter().find(|(word, _)| name.contains(word)).map(|(_, id)| *id)
}

/// A title without anything Markdown or HTML could read as markup.
fn plain(title: &str) -> String {
    let kept = |character: &char| character.is_ascii_alphanumeric() || " .,-".contains(*character);
    title.chars().filter(kept).collect()
}

fn json(text: impl AsRef<str>) -> String {
    let quoted = Value::String(text.as_ref().to_owned()).to_string();
    quoted.chars().fold(String::with_capacity(quoted.len()), |mut out, character| {
        if character.is_ascii() {
            out.push(character);
        } else {
            let escaped = encode::string(&character.to_string());
            out.push_str(escaped.trim_matches('\''));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_become_semantic() {
        for (given, made) in [
            ("1.2.3", "1.2.3"),
            ("v1.2", "1.2.0"),
            ("1.2.3-beta.1", "1.2.3-beta.1"),
            ("2024-01-01", "2024.0.0"),
            ("latest", "0.0.0"),
            ("1.0.0-\"x", "1.0.0"),
        ] {
            assert_eq!(semantic(given), made);
        }
    }
}
