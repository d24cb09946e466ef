//! The documents of a spec: the one that is named and every local file it refers to.
//!
//! All files are read before anything is understood, so that the rest of the loader works on
//! borrowed text. Nothing is fetched from a network, and no reference leaves the folder of the
//! project or of the document.

use crate::problem::{Location, Problems};
use crate::source::{Document, Kind, MAX_SIZE, Node};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Most files a spec may be split into.
const MAX_FILES: usize = 10_000;

#[derive(Debug, Default)]
pub struct Documents {
    list: Vec<Document>,
    by_file: HashMap<String, usize>,
    /// Text files named by a reference, such as Markdown for a description.
    texts: HashMap<String, String>,
    unreadable: HashMap<String, Unresolved>,
}

/// Why a reference leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unresolved {
    Remote,
    Outside,
    NoFile(String),
    NoValue,
}

impl Documents {
    /// Reads `file` (relative to `root`) and all that it refers to.
    pub fn read(root: &Path, file: &str, problems: &mut Problems) -> Option<Self> {
        let file = normalise(file);
        let start = Location { file: file.clone(), line: 1, column: 1, pointer: String::new() };
        let mut documents = Self::default();
        let text = match read_text(&root.join(&file)) {
            Ok(text) => text,
            Err(reason) => {
                problems.error(
                    "file-unreadable",
                    &start,
                    reason,
                    "name an existing file in the configuration",
                );
                return None;
            }
        };
        let folders = allowed_folders(root, &file);
        let document = Document::parse(&file, text, problems)?;
        documents.add(document);
        let mut next = 0;
        while next < documents.list.len() && documents.list.len() < MAX_FILES {
            for file in documents.files_named_by(next) {
                documents.read_referenced(root, &folders, file, problems);
            }
            next += 1;
        }
        Some(documents)
    }

    pub fn main(&self) -> &Document {
        &self.list[0]
    }

    pub fn all(&self) -> impl Iterator<Item = &Document> {
        self.list.iter()
    }

    /// Every file that was read, relative to the configuration file.
    pub fn files(&self) -> Vec<String> {
        self.list.iter().map(|found| found.file.clone()).chain(self.texts.keys().cloned()).collect()
    }

    pub fn is_single(&self) -> bool {
        self.list.len() == 1
    }

    /// True when a text file stands in for a description.
    pub fn has_texts(&self) -> bool {
        !self.texts.is_empty()
    }

    /// The value that a reference written at `from` names.
    pub fn resolve<'a>(&'a self, from: Node<'a>, reference: &str) -> Result<Node<'a>, Unresolved> {
        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let document = if file.is_empty() {
            from.document()
        } else if file.starts_with("file:") {
            return Err(Unresolved::Outside);
        } else if is_remote(file) {
            return Err(Unresolved::Remote);
        } else {
            let file = beside(&from.document().file, file);
            match self.by_file.get(&file) {
                Some(index) => &self.list[*index],
                None => {
                    return Err(self
                        .unreadable
                        .get(&file)
                        .cloned()
                        .unwrap_or(Unresolved::NoFile(file)));
                }
            }
        };
        document.pointer(&percent_decoded(fragment)).ok_or(Unresolved::NoValue)
    }

    /// The text file that a reference written at `from` names.
    pub fn text(&self, from: Node<'_>, reference: &str) -> Option<&str> {
        self.texts.get(&beside(&from.document().file, reference)).map(String::as_str)
    }

    fn add(&mut self, document: Document) {
        self.by_file.insert(document.file.clone(), self.list.len());
        self.list.push(document);
    }

    fn files_named_by(&self, index: usize) -> Vec<String> {
        let document = &self.list[index];
        let mut files = Vec::new();
        for node in document.root().descendants() {
            if node.kind() != Kind::String {
                continue;
            }
            let is_mapping = || node.parent().is_some_and(|parent| parent.key() == Some("mapping"));
            if node.key() != Some("$ref") && !is_mapping() {
                continue;
            }
            let reference = node.as_str().unwrap_or_default();
            let file = reference.split('#').next().unwrap_or_default();
            let is_bare_name = node.key() != Some("$ref") && !file.contains(['/', '.']);
            if file.is_empty() || is_remote(file) || is_bare_name {
                continue;
            }
            let file = beside(&document.file, file);
            if !files.contains(&file) {
                files.push(file);
            }
        }
        files
    }

    fn read_referenced(
        &mut self,
        root: &Path,
        folders: &[PathBuf],
        file: String,
        problems: &mut Problems,
    ) {
        let known = self.by_file.contains_key(&file)
            || self.texts.contains_key(&file)
            || self.unreadable.contains_key(&file);
        if known {
            return;
        }
        let path = root.join(&file);
        let real = path.canonicalize();
        if let Ok(real) = &real
            && !folders.iter().any(|folder| real.starts_with(folder))
        {
            self.unreadable.insert(file, Unresolved::Outside);
            return;
        }
        match read_text(&path) {
            Err(reason) => {
                self.unreadable.insert(file, Unresolved::NoFile(reason));
            }
            Ok(text) if is_document(&file) => match Document::parse(&file, text, problems) {
                Some(document) => self.add(document),
                None => {
                    let reason = format!("{file} cannot be parsed");
                    self.unreadable.insert(file, Unresolved::NoFile(reason));
                }
            },
            Ok(text) => {
                self.texts.insert(file, text);
            }
        }
    }
}

/// Reads one text file under the limits every input has.
pub fn read_text(path: &Path) -> Result<String, String> {
    let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let size =
        std::fs::metadata(path).map_err(|error| format!("cannot read {shown}: {error}"))?.len();
    if size > MAX_SIZE {
        return Err(format!("{shown} has {size} octets, the limit is {MAX_SIZE}"));
    }
    let octets = std::fs::read(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    String::from_utf8(octets).map_err(|_| format!("{shown} is not UTF-8 text"))
}

fn allowed_folders(root: &Path, file: &str) -> Vec<PathBuf> {
    let own = root.join(file).parent().map(Path::to_path_buf);
    [Some(root.to_path_buf()), own]
        .into_iter()
        .flatten()
        .filter_map(|folder| folder.canonicalize().ok())
        .collect()
}

fn is_document(file: &str) -> bool {
    [".yaml", ".yml", ".json"]
        .iter()
        .any(|extension| file.to_ascii_lowercase().ends_with(extension))
}

fn is_remote(file: &str) -> bool {
    file.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet))
    }) || file.starts_with("//")
}

/// Path of `reference` as seen from the file `from`, `.` and `..` taken out.
fn beside(from: &str, reference: &str) -> String {
    let reference = percent_decoded(reference);
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    if reference.starts_with('/') || folder.is_empty() {
        normalise(&reference)
    } else {
        normalise(&format!("{folder}/{reference}"))
    }
}

fn normalise(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

fn percent_decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let octets = text.as_bytes();
    let mut plain = Vec::with_capacity(octets.len());
    let mut at = 0;
    while at < octets.len() {
        let escaped =
            text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (octets[at], escaped) {
            (b'%', Some(octet)) => {
                plain.push(octet);
                at += 3;
            }
            (octet, _) => {
                plain.push(octet);
                at += 1;
            }
        }
    }
    String::from_utf8(plain).unwrap_or_else(|_| text.to_owned())
}
