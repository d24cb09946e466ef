//! What makes a package of the modules: its names and what it gives to the outside.

use super::layout;
use crate::config::Target;
use crate::contract::Contract;
use crate::emit::{errors, render::PREAMBLE};
use crate::encode::python as encode;
use crate::names;
use serde::Serialize;
use serde_json::Value;

/// What every template is given.
#[derive(Serialize)]
pub struct Package {
    pub preamble: &'static str,
    /// `vivified-sdk`
    pub distribution: String,
    /// `vivified`
    pub module: String,
    pub alias: Option<String>,
    pub version: String,
    /// One line of prose for the metadata.
    pub summary: String,
    pub license: Option<String>,
    pub title: String,
    pub client: String,
}

pub fn package(contract: &Contract, target: &Target) -> Package {
    let distribution = target
        .package
        .clone()
        .unwrap_or_else(|| names::snake(&contract.info.title).replace('_', "-"));
    let module = target.module.clone().unwrap_or_else(|| module_name(&distribution));
    let version = target.version.clone().unwrap_or_else(|| contract.info.version.clone());
    Package {
        preamble: PREAMBLE,
        summary: toml_string(&format!("Client of {}", contract.info.title)),
        license: contract.info.license.as_deref().filter(|name| is_spdx(name)).map(str::to_owned),
        title: one_line(&contract.info.title),
        client: target.client.clone().unwrap_or_else(|| "Client".to_owned()),
        version: version_number(&version),
        alias: target.alias.clone(),
        distribution,
        module,
    }
}

fn module_name(distribution: &str) -> String {
    let name = names::snake(distribution);
    let name = if name.starts_with('_') { format!("sdk{name}") } else { name };
    encode::identifier(&name)
}

/// A version PEP 440 accepts: digits with dots between, from whatever the document says.
fn version_number(version: &str) -> String {
    let numbers: Vec<&str> = version
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .take(3)
        .collect();
    let plain =
        version.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if plain {
        version.to_owned()
    } else if numbers.is_empty() {
        "0".to_owned()
    } else {
        numbers.join(".")
    }
}

fn is_spdx(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte))
}

/// A TOML basic string: JSON escapes are a subset of its own.
fn toml_string(text: &str) -> String {
    Value::String(one_line(text)).to_string()
}

/// ASCII letters, digits and plain punctuation on one line.
pub fn one_line(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|letter| {
            let allowed = letter.is_ascii_alphanumeric() || " .,:;()/+-_'&".contains(letter);
            if allowed { letter } else { ' ' }
        })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Public names with the module each one lives in, sorted as isort sorts `__all__`.
pub fn public(contract: &Contract, package: &Package) -> Vec<(String, &'static str)> {
    let mut names = vec![
        (package.client.clone(), "client"),
        (format!("Async{}", package.client), "client"),
        ("UNSET".to_owned(), "runtime.unset"),
        ("Unset".to_owned(), "runtime.unset"),
        ("errors".to_owned(), "errors"),
        ("models".to_owned(), "models"),
    ];
    let tree = errors::error_tree(contract);
    names.extend(tree.into_iter().map(|class| (class.name, "errors")));
    names.sort();
    names
}

pub fn public_imports(public: &[(String, &'static str)]) -> Vec<String> {
    let line = |module: &str, home: &str| {
        let names = public.iter().filter(|(name, known)| *known == home && name != known);
        let names: Vec<String> = names.map(|(name, _)| name.clone()).collect();
        layout::indented_import(module, &names)
    };
    vec![
        "from . import errors, models".to_owned(),
        line(".client", "client"),
        line(".errors", "errors"),
        line(".runtime.unset", "runtime.unset"),
    ]
}
