//! The page of the SDKs: packages, and every symbol with its form in each language.

use super::operations;
use super::types::{Links, Place, yes_or_no};
use super::view::{MethodView, SdkView, SymbolView};
use crate::config::{Target, TargetName};
use crate::contract::{ParityMethod, ParitySymbol};
use crate::emit::Job;
use crate::encode::markdown::{anchor, blocks, code, line, row};
use crate::names;
use std::collections::HashMap;

const LANGUAGES: [(TargetName, &str); 3] =
    [(TargetName::Python, "Python"), (TargetName::Node, "TypeScript"), (TargetName::Go, "Go")];

pub fn has_packages(job: &Job<'_>) -> bool {
    LANGUAGES.iter().any(|(name, _)| job.config.targets.contains_key(name))
}

pub fn view(job: &Job<'_>, links: &Links<'_>) -> SdkView {
    let operations: HashMap<String, String> = operations::pages(job.contract)
        .into_iter()
        .flat_map(|page| {
            let file = format!("operations/{}.md", page.stem);
            page.operations.into_iter().map(move |(operation, name)| {
                let link = format!("[{name}]({file}#{})", anchor(&name));
                (operation.id.clone(), link)
            })
        })
        .collect();
    let languages = languages(job);
    let symbols = job.contract.parity.iter().flat_map(|parity| &parity.symbols);
    SdkView {
        packages: languages
            .iter()
            .map(|(name, label, target)| package(*name, label, target))
            .collect(),
        symbols: symbols.map(|found| symbol(found, &languages, &operations, links)).collect(),
    }
}

type Language<'a> = (TargetName, &'static str, &'a Target);

fn languages<'a>(job: &Job<'a>) -> Vec<Language<'a>> {
    LANGUAGES
        .into_iter()
        .filter_map(|(name, label)| Some((name, label, job.config.targets.get(&name)?)))
        .collect()
}

fn package(name: TargetName, label: &str, target: &Target) -> String {
    let package = target.package.as_deref().or(target.module.as_deref()).unwrap_or("client");
    let install = match name {
        TargetName::Python => format!("pip install {package}"),
        TargetName::Node => format!("npm install {package}"),
        _ => format!("go get {package}"),
    };
    row(&[
        label,
        &code(package),
        &code(&install),
        &code(target.client.as_deref().unwrap_or("Client")),
    ])
}

fn symbol(
    symbol: &ParitySymbol,
    languages: &[Language<'_>],
    operations: &HashMap<String, String>,
    links: &Links<'_>,
) -> SymbolView {
    let methods = symbol.methods.iter();
    SymbolView {
        heading: names::pascal(&symbol.name),
        description: blocks(&symbol.description),
        methods: methods.map(|found| method(symbol, found, languages, operations, links)).collect(),
    }
}

fn method(
    symbol: &ParitySymbol,
    method: &ParityMethod,
    languages: &[Language<'_>],
    operations: &HashMap<String, String>,
    links: &Links<'_>,
) -> MethodView {
    let place = Place::Page("sdk.md");
    let names = languages.iter().map(|(name, label, _)| {
        let cased = match name {
            TargetName::Python => names::snake(&method.name),
            TargetName::Node => names::camel(&method.name),
            _ => names::pascal(&method.name),
        };
        row(&[label, &code(&format!("{}.{cased}", names::pascal(&symbol.name)))])
    });
    let parameters = method.parameters.iter().map(|parameter| {
        row(&[
            &code(&parameter.name),
            &links.words(&parameter.ty, place),
            yes_or_no(parameter.required),
            &line(&parameter.description),
        ])
    });
    let errors: Vec<String> = method.errors.iter().map(|name| code(name)).collect();
    MethodView {
        heading: names::snake(&method.name),
        description: blocks(&method.description),
        names: names.collect(),
        operation: operations
            .get(&method.operation)
            .cloned()
            .unwrap_or_else(|| code(&method.operation)),
        parameters: parameters.collect(),
        returns: method
            .returns
            .as_ref()
            .map_or_else(|| "nothing".to_owned(), |ty| links.words(ty, place)),
        errors: errors.join(", "),
    }
}
