//! From `codegen.toml` to a [`Config`], all faults at once.
//!
//! Names that end up in package metadata or paths are checked here against the grammar of the
//! place they go to, so that no emitter has to distrust its configuration.

use super::{Config, Lint, Target, TargetName, default_lock};
use crate::load::documents::read_text;
use crate::load::nearest::nearest;
use crate::problem::{Location, Problems, Severity};
use crate::rules;
use crate::source::{Document, Kind, Node};
use indexmap::IndexMap;
use std::path::Path;

const ROOT: &[&str] = &[
    "spec",
    "templates",
    "lock",
    "manifest",
    "events",
    "parity",
    "output",
    "generator",
    "lint",
    "targets",
];
const LINT: &[&str] = &["require", "vocabulary", "deny", "allow"];
const TARGET: &[&str] =
    &["output", "package", "module", "alias", "client", "version", "environment_prefix"];
const TARGETS: [(&str, TargetName); 5] = [
    ("core", TargetName::Core),
    ("python", TargetName::Python),
    ("node", TargetName::Node),
    ("go", TargetName::Go),
    ("docs", TargetName::Docs),
];
/// What `lint.require` may ask for beside extensions.
const REQUIRABLE: [&str; 6] =
    ["summary", "description", "security", "examples", "operationId", "tags"];

/// Reads a configuration file. There is a configuration when no problem is an error.
pub fn read(path: &Path) -> (Option<Config>, Problems) {
    let mut problems = Problems::default();
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = match read_text(path) {
        Ok(text) => text,
        Err(reason) => {
            let place = Location { file, line: 1, column: 1, pointer: String::new() };
            problems.error(
                "file-unreadable",
                &place,
                reason,
                "name an existing configuration file",
            );
            return (None, problems);
        }
    };
    let Some(document) = Document::parse_toml(&file, text, &mut problems) else {
        return (None, problems);
    };
    let mut reader = Reader { problems };
    let config = reader.config(document.root());
    let problems = reader.problems;
    (config.filter(|_| !problems.has_errors()), problems)
}

struct Reader {
    problems: Problems,
}

impl Reader {
    fn config(&mut self, root: Node<'_>) -> Option<Config> {
        self.known(root, ROOT);
        if root.get("spec").is_none() {
            self.fault(root, "the configuration names no `spec`", "add `spec = \"openapi.yaml\"`");
        }
        let lint = root.get("lint").map_or_else(Lint::default, |node| self.lint(node));
        let mut targets = IndexMap::new();
        match root.get("targets") {
            None => self.fault(
                root,
                "the configuration names no target",
                "add a table such as `[targets.python]`",
            ),
            Some(node) => {
                self.known(node, &TARGETS.map(|(name, _)| name));
                for (name, target) in TARGETS {
                    if let Some(table) = node.get(name)
                        && let Some(read) = self.target(table, target)
                    {
                        targets.insert(target, (table, read));
                    }
                }
                let position =
                    |table: &Node<'_>| node.entries().position(|(_, entry)| entry == *table);
                targets.sort_by(|_, (left, _), _, (right, _)| position(left).cmp(&position(right)));
            }
        }
        Some(Config {
            spec: self.path(root, "spec").unwrap_or_default(),
            templates: self.path(root, "templates"),
            lock: self.path(root, "lock").unwrap_or_else(default_lock),
            manifest: self.path(root, "manifest"),
            events: self.path(root, "events"),
            parity: self.path(root, "parity"),
            output: self.path(root, "output"),
            generator: self.texts(root, "generator"),
            lint,
            targets: targets.into_iter().map(|(name, (_, target))| (name, target)).collect(),
        })
    }

    fn lint(&mut self, node: Node<'_>) -> Lint {
        self.known(node, LINT);
        for name in node.get("require").into_iter().flat_map(Node::items) {
            let text = name.as_str().unwrap_or_default();
            if !text.starts_with("x-") && !REQUIRABLE.contains(&text) {
                let near = nearest(text, REQUIRABLE);
                self.unknown(
                    name,
                    &format!("nothing called `{text}` can be required"),
                    near,
                    &REQUIRABLE.join(", "),
                );
            }
        }
        self.rules(node, "deny", |_| true, "");
        let only_warnings = "this rule guards the output and cannot be silenced";
        self.rules(node, "allow", |severity| severity == Severity::Warning, only_warnings);
        let mut vocabulary = IndexMap::new();
        if let Some(table) = node.get("vocabulary") {
            for (name, _) in table.entries() {
                vocabulary.insert(name.to_owned(), self.texts(table, name));
            }
        }
        Lint {
            require: self.texts(node, "require"),
            vocabulary,
            deny: self.texts(node, "deny"),
            allow: self.texts(node, "allow"),
        }
    }

    fn rules(&mut self, lint: Node<'_>, key: &str, fits: impl Fn(Severity) -> bool, refusal: &str) {
        for node in lint.get(key).into_iter().flat_map(Node::items) {
            let id = node.as_str().unwrap_or_default();
            match rules::find(id) {
                None => {
                    let near = nearest(id, rules::all().map(|rule| rule.id));
                    self.unknown(
                        node,
                        &format!("there is no rule `{id}`"),
                        near,
                        "`explain` lists all rules",
                    );
                }
                Some(rule) if !fits(rule.severity) => {
                    self.fault(node, &format!("`{id}`: {refusal}"), "mend what it reports instead");
                }
                Some(_) => {}
            }
        }
    }

    fn target(&mut self, node: Node<'_>, name: TargetName) -> Option<Target> {
        self.known(node, TARGET);
        let output = self.path(node, "output");
        if output.is_none() {
            self.fault(node, "the target names no `output` folder", "add `output = \"...\"`");
        }
        Some(Target {
            output: output.unwrap_or_default(),
            package: self.named(
                node,
                "package",
                |text| is_package(name, text),
                "a package name of this ecosystem",
            ),
            module: self.named(
                node,
                "module",
                is_module,
                "lower-case letters, digits and underscores",
            ),
            alias: self.named(
                node,
                "alias",
                is_module,
                "lower-case letters, digits and underscores",
            ),
            client: self.named(node, "client", is_class, "a name in PascalCase"),
            version: self.named(node, "version", is_version, "letters, digits, `.`, `-` and `+`"),
            environment_prefix: self.named(
                node,
                "environment_prefix",
                is_prefix,
                "capitals, digits and underscores",
            ),
        })
    }

    fn known(&mut self, node: Node<'_>, keys: &[&str]) {
        if !node.is_object() {
            self.fault(node, "expected a table", "write it as a TOML table");
        }
        for (key, value) in node.entries() {
            if !keys.contains(&key) {
                let near = nearest(key, keys.iter().copied());
                let place = value.key_location();
                let help = near.map_or_else(
                    || format!("known here: {}", keys.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.problems.error(
                    "config-invalid",
                    &place,
                    format!("`{key}` is not known here"),
                    help,
                );
            }
        }
    }

    /// A path inside the project, with `/` between folders.
    fn path(&mut self, node: Node<'_>, key: &str) -> Option<String> {
        let is_path = |text: &str| {
            !text.is_empty() && !text.contains(['\\', '\0', '\n', '"']) && !text.starts_with('/')
        };
        self.named(node, key, is_path, "a path relative to this file, with `/` between folders")
    }

    fn named(
        &mut self,
        node: Node<'_>,
        key: &str,
        fits: impl Fn(&str) -> bool,
        wanted: &str,
    ) -> Option<String> {
        let value = node.get(key)?;
        match value.as_str() {
            Some(text) if fits(text) => Some(text.to_owned()),
            _ => {
                self.fault(value, &format!("`{key}` must be {wanted}"), "correct it");
                None
            }
        }
    }

    fn texts(&mut self, node: Node<'_>, key: &str) -> Vec<String> {
        let Some(list) = node.get(key) else { return Vec::new() };
        if list.kind() != Kind::Array || list.items().any(|item| item.as_str().is_none()) {
            self.fault(list, &format!("`{key}` must be a list of texts"), "write `[\"...\"]`");
        }
        list.items().filter_map(Node::as_str).map(str::to_owned).collect()
    }

    fn unknown(&mut self, node: Node<'_>, message: &str, near: Option<&str>, otherwise: &str) {
        let help =
            near.map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{near}`?"));
        self.problems.error("config-invalid", &node.location(), message, help);
    }

    fn fault(&mut self, node: Node<'_>, message: &str, help: &str) {
        self.problems.error("config-invalid", &node.location(), message, help);
    }
}

fn is_package(target: TargetName, text: &str) -> bool {
    let octets = |allowed: &[u8]| {
        text.bytes().all(|octet| octet.is_ascii_alphanumeric() || allowed.contains(&octet))
    };
    let edges = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.ends_with(|last: char| last.is_ascii_alphanumeric())
    };
    let plain_parts = |text: &str| {
        text.split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with('.'))
    };
    match target {
        TargetName::Node => {
            let (scope, name) = match text.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
                Some((scope, name)) => (scope, name),
                None => ("scope", text),
            };
            let is_part = |part: &str| {
                edges(part)
                    && part.bytes().all(|octet| {
                        octet.is_ascii_lowercase()
                            || octet.is_ascii_digit()
                            || b"-._~".contains(&octet)
                    })
            };
            is_part(scope) && is_part(name)
        }
        TargetName::Go => octets(b"./_~-") && plain_parts(text) && edges(text),
        _ => octets(b"._-") && edges(text),
    }
}

fn is_module(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'_')
}

fn is_class(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric())
}

fn is_version(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.len() <= 64
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b".-+".contains(&octet))
}

fn is_prefix(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text
            .bytes()
            .all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit() || octet == b'_')
}
