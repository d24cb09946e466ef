//! `lib.rs` and, for a target that is published on its own, `Cargo.toml`.

use crate::emit::Job;
use crate::encode::rust;
use serde::Serialize;

#[derive(Serialize)]
pub struct LibraryView {
    pub doc: String,
    pub manifest: bool,
    pub events: bool,
}

#[derive(Serialize)]
pub struct PackageView {
    pub name: String,
    pub version: String,
    /// Dependencies beyond those that every server has.
    pub license: Option<String>,
}

pub fn library(job: &Job<'_>) -> LibraryView {
    let info = &job.contract.info;
    let doc = format!("{}: routes, wire types and the trait a server implements.", info.title);
    LibraryView {
        doc: rust::module_comment(&doc),
        manifest: job.contract.manifest.is_some(),
        events: !job.contract.events.is_empty(),
    }
}

/// None when the output is a library of a package that lives elsewhere.
pub fn manifest(job: &Job<'_>) -> Option<PackageView> {
    let name = job.target.package.as_ref()?;
    let info = &job.contract.info;
    let version = job.target.version.as_ref().unwrap_or(&info.version);
    Some(PackageView {
        name: rust::string(name),
        version: rust::string(&semantic(version)),
        license: info.license.as_deref().map(rust::string),
    })
}

/// Cargo wants three numbers; a version that has other ones is padded with zeros.
fn semantic(version: &str) -> String {
    let core = version.trim_start_matches('v');
    let core = core.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = core.split('.').map(|part| part.parse::<u64>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    format!("{}.{}.{}", next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::semantic;

    #[test]
    fn any_version_becomes_one_that_cargo_takes() {
        assert_eq!(semantic("1.2.3"), "1.2.3");
        assert_eq!(semantic("v1.1-rc.4"), "1.1.0");
        assert_eq!(semantic("2024-01"), "2024.0.0");
        assert_eq!(semantic(""), "0.0.0");
    }
}
