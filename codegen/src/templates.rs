//! Finds templates: in the folder the configuration names, else in those inside the compiler.

use crate::config::Config;
use crate::emit::render::Templates;
use crate::inputs::files_below;
use crate::problem::{Location, Problems};
use crate::project::{Project, slashes};
use rust_embed::Embed;
use std::collections::BTreeMap;
use std::fs;

#[derive(Embed)]
#[folder = "../templates"]
#[allow_missing = true]
struct Embedded;

/// How the lock and messages name a template that is inside the compiler.
const EMBEDDED_FOLDER: &str = "(built in) templates";

/// Templates of the configured targets.
pub fn read(project: &Project, config: &Config, problems: &mut Problems) -> Option<Templates> {
    let sources = match &config.templates {
        Some(folder) => from_disk(project, config, folder, problems)?,
        None => from_compiler(config),
    };
    Templates::new(sources)
        .map_err(|error| {
            problems.error(
                "template-broken",
                &place(project, config),
                format!("a template cannot be read: {error}"),
                "mend the template at the line shown",
            );
        })
        .ok()
}

/// The folder that holds the template of a generated file, as shown in the lock.
pub fn folder_shown(project: &Project, config: &Config) -> String {
    match &config.templates {
        Some(folder) => {
            let root = project.root(config);
            let folder = project.absolute(folder);
            slashes(folder.strip_prefix(root).unwrap_or(&folder))
        }
        None => EMBEDDED_FOLDER.to_owned(),
    }
}

fn from_compiler(config: &Config) -> BTreeMap<String, String> {
    Embedded::iter()
        .filter(|path| {
            let folder = path.split('/').next();
            config.targets.keys().any(|target| folder == Some(target.as_str()))
        })
        .filter_map(|path| {
            let file = Embedded::get(&path)?;
            Some((path.into_owned(), String::from_utf8_lossy(&file.data).into_owned()))
        })
        .collect()
}

fn from_disk(
    project: &Project,
    config: &Config,
    folder: &str,
    problems: &mut Problems,
) -> Option<BTreeMap<String, String>> {
    let place = place(project, config);
    let top = project.absolute(folder);
    let mut sources = BTreeMap::new();
    let mut complete = true;
    for target in config.targets.keys() {
        let files = files_below(&top.join(target.as_str())).unwrap_or_default();
        if files.is_empty() {
            complete = false;
            problems.error(
                "template-missing",
                &place,
                format!("no templates for the target {} in {folder}", target.as_str()),
                "correct `templates`, or leave it out to use the templates inside the compiler",
            );
        }
        for file in files {
            let path = slashes(file.strip_prefix(&top).unwrap_or(&file));
            match fs::read_to_string(&file) {
                Ok(text) => {
                    sources.insert(path, text);
                }
                Err(error) => {
                    complete = false;
                    problems.error(
                        "template-unreadable",
                        &place,
                        format!("{folder}/{path} cannot be read: {error}"),
                        "templates are UTF-8 text",
                    );
                }
            }
        }
    }
    complete.then_some(sources)
}

/// The line of the configuration that names the templates.
fn place(project: &Project, config: &Config) -> Location {
    project.place_of(config.templates.as_deref().unwrap_or_default())
}
