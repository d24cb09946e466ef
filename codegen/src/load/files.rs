//! Schema files beside the document: events and the manifest.

use super::Loader;
use super::documents::Documents;
use super::keywords::Dialect;
use crate::config::Config;
use crate::contract::{Contract, EventDeclaration, SchemaDocument};
use crate::names::{self, Scope};
use crate::problem::{Location, Problems};
use crate::source::Node;
use std::path::Path;

const SUFFIX: &str = ".schema.json";

pub(super) fn load(config: &Config, root: &Path, contract: &mut Contract, problems: &mut Problems) {
    let mut taken: Vec<String> = contract.types.keys().cloned().collect();
    if let Some(file) = &config.manifest {
        contract.manifest =
            read(root, file, "Manifest", &mut taken, problems).map(|(schema, _)| schema);
    }
    let Some(folder) = &config.events else { return };
    for file in event_files(root, folder, problems) {
        let stem = file.rsplit('/').next().unwrap_or(&file).trim_end_matches(SUFFIX).to_owned();
        if let Some((schema, event)) = read(root, &file, &stem, &mut taken, problems) {
            contract.events.push(EventDeclaration { schema, ..event });
        }
    }
    report_repeated_events(contract, problems);
}

fn event_files(root: &Path, folder: &str, problems: &mut Problems) -> Vec<String> {
    let folder = folder.trim_end_matches('/');
    let entries = match std::fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(error) => {
            let location =
                Location { file: folder.to_owned(), line: 1, column: 1, pointer: String::new() };
            let message = format!("cannot read the folder of events: {error}");
            problems.error(
                "file-unreadable",
                &location,
                message,
                "name an existing folder in the configuration",
            );
            return Vec::new();
        }
    };
    let mut files: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(SUFFIX))
        .map(|name| format!("{folder}/{name}"))
        .collect();
    files.sort();
    files
}

/// One schema file, and what it says about an event.
fn read(
    root: &Path,
    file: &str,
    name: &str,
    taken: &mut Vec<String>,
    problems: &mut Problems,
) -> Option<(SchemaDocument, EventDeclaration)> {
    let documents = Documents::read(root, file, problems)?;
    let node = documents.main().root();
    if !node.is_object() {
        problems.error(
            "schema-invalid",
            &node.location(),
            "a schema must be an object",
            "write a JSON Schema here",
        );
        return None;
    }
    let mut loader = Loader::new(&documents, Dialect::V31, std::mem::take(problems));
    loader.names = Scope::with_reserved(taken.iter().map(String::as_str));
    let mut wanted = names::pascal(name);
    if loader.names.is_taken(&wanted) {
        wanted.push_str(if node.get("x-event-type").is_some() { "Event" } else { "Model" });
    }
    let (name, types) = loader.schema_types(&wanted);
    *problems = loader.problems;
    taken.extend(types.keys().cloned());
    let schema = SchemaDocument {
        name,
        description: node.text("description").map(str::to_owned),
        file: documents.main().file.clone(),
        schema: node.to_value(),
        types,
        location: node.location(),
    };
    let texts = |key: &str| {
        node.get(key).into_iter().flat_map(Node::items).filter_map(Node::as_str).map(str::to_owned)
    };
    let event = EventDeclaration {
        event_type: node.text("x-event-type").map(str::to_owned),
        schema: schema.clone(),
        data_traits: texts("x-data-traits").collect(),
        examples: node
            .get("examples")
            .into_iter()
            .flat_map(Node::items)
            .map(Node::to_value)
            .collect(),
    };
    Some((schema, event))
}

fn report_repeated_events(contract: &Contract, problems: &mut Problems) {
    for (index, event) in contract.events.iter().enumerate() {
        let Some(event_type) = &event.event_type else { continue };
        if let Some(other) = contract.events[..index]
            .iter()
            .find(|other| other.event_type.as_ref() == Some(event_type))
        {
            problems.error(
                "event-repeated",
                &event.schema.location,
                format!("the event type `{event_type}` is also declared in {}", other.schema.file),
                "give each event type one schema",
            );
        }
    }
}
