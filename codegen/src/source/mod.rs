//! Text of a document with the place of every value in it.
//!
//! A document is a tape of cells in reading order: a cell knows its parent, the cell behind its
//! last descendant and the offset it was read at. Walking is an index, a line, a column or a
//! JSON pointer is worked out only when somebody asks where a value stands.

mod json;
mod text;
mod toml;
mod yaml;

pub use text::{write_layered, write_string};

use crate::problem::{Location, Problems};
use serde_json::{Map, Number, Value};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

/// Largest document that is read, in octets.
pub const MAX_SIZE: u64 = 50 * 1024 * 1024;
/// Deepest nesting that is read: real documents stay below 60.
pub const MAX_DEPTH: usize = 128;
/// Most values in one document, aliases written out.
pub const MAX_VALUES: usize = 8_000_000;

/// Objects with more keys than this are searched by a sorted index.
const LARGE: usize = 16;
/// Octets in a block of the table that counts characters.
const BLOCK: usize = 1024;
const NONE: u32 = u32::MAX;
const IN_STRINGS: u32 = 1 << 31;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

/// A piece of the source text, or of the strings that had to be rewritten.
#[derive(Debug, Clone, Copy)]
struct Slice {
    start: u32,
    length: u32,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    kind: Kind,
    truth: bool,
    parent: u32,
    /// The cell behind the last descendant.
    end: u32,
    offset: u32,
    text: Slice,
    key: Slice,
    /// Offset of the key; `NONE` for the root and for array items.
    key_offset: u32,
}

/// One parsed document.
#[derive(Debug)]
pub struct Document {
    /// Path as problems show it.
    pub file: String,
    text: String,
    strings: String,
    cells: Vec<Cell>,
    /// YAML counts its marks in characters, JSON in octets.
    offsets_are_characters: bool,
    lines: OnceLock<Vec<u32>>,
    /// Characters before each block of octets.
    blocks: OnceLock<Vec<u32>>,
    /// Values of large objects, sorted by key.
    large: HashMap<u32, Box<[u32]>>,
}

/// One value of a document. Two nodes are equal when they are the same place.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    document: &'a Document,
    index: u32,
}

impl Document {
    /// Parses JSON or YAML, by the extension of the file, else by the first character.
    pub fn parse(file: &str, text: String, problems: &mut Problems) -> Option<Self> {
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        if text.len() as u64 > MAX_SIZE {
            let location =
                Location { file: file.to_owned(), line: 1, column: 1, ..Location::default() };
            problems.error(
                "document-too-large",
                &location,
                format!("the document has {} octets", text.len()),
                format!("split it; the limit is {MAX_SIZE} octets"),
            );
            return None;
        }
        let looks_like_json = text.trim_start().starts_with(['{', '[']);
        if file.ends_with(".json") || (looks_like_json && !is_yaml(file)) {
            json::parse(file, text, problems)
        } else {
            yaml::parse(file, text, problems)
        }
    }

    /// Parses TOML.
    pub fn parse_toml(file: &str, text: String, problems: &mut Problems) -> Option<Self> {
        toml::parse(file, text, problems)
    }

    pub fn root(&self) -> Node<'_> {
        Node { document: self, index: 0 }
    }

    /// The value a JSON pointer names.
    pub fn pointer(&self, pointer: &str) -> Option<Node<'_>> {
        let mut node = self.root();
        if pointer.is_empty() {
            return Some(node);
        }
        for token in pointer.strip_prefix('/')?.split('/') {
            let token = token.replace("~1", "/").replace("~0", "~");
            node = match node.kind() {
                Kind::Object => node.get(&token)?,
                Kind::Array => node.items().nth(token.parse().ok()?)?,
                _ => return None,
            };
        }
        Some(node)
    }

    fn new(file: &str, text: String, offsets_are_characters: bool) -> Self {
        Self {
            file: file.to_owned(),
            text,
            strings: String::new(),
            cells: Vec::new(),
            offsets_are_characters,
            lines: OnceLock::new(),
            blocks: OnceLock::new(),
            large: HashMap::new(),
        }
    }

    fn slice(&self, slice: Slice) -> &str {
        let from = (slice.start & !IN_STRINGS) as usize;
        let buffer = if slice.start & IN_STRINGS == 0 { &self.text } else { &self.strings };
        &buffer[from..from + slice.length as usize]
    }

    fn keep(&mut self, text: &str) -> Slice {
        let start = self.strings.len() as u32 | IN_STRINGS;
        self.strings.push_str(text);
        Slice { start, length: text.len() as u32 }
    }

    /// Opens a cell; `end` is set when the value is complete.
    fn push(&mut self, kind: Kind, parent: u32, offset: u32) -> u32 {
        let index = self.cells.len() as u32;
        let empty = Slice { start: 0, length: 0 };
        let mut key = empty;
        if let Some(list) =
            self.cells.get_mut(parent as usize).filter(|cell| cell.kind == Kind::Array)
        {
            // A list has no text and its items have no key: they hold length and position.
            key.start = list.text.length;
            list.text.length += 1;
        }
        let cell = Cell {
            kind,
            truth: false,
            parent,
            end: index + 1,
            offset,
            text: empty,
            key,
            key_offset: NONE,
        };
        self.cells.push(cell);
        index
    }

    /// Line and column of an offset, both from 1, the column in characters.
    fn line_and_column(&self, offset: u32) -> (usize, usize) {
        let lines = self.lines.get_or_init(|| {
            let mut starts = vec![0];
            if self.offsets_are_characters {
                let ends =
                    self.text.chars().enumerate().filter(|(_, character)| *character == '\n');
                starts.extend(ends.map(|(index, _)| index as u32 + 1));
            } else {
                let ends = self.text.bytes().enumerate().filter(|(_, octet)| *octet == b'\n');
                starts.extend(ends.map(|(index, _)| index as u32 + 1));
            }
            starts
        });
        let line = lines.partition_point(|start| *start <= offset);
        let start = lines[line - 1];
        let column = if self.offsets_are_characters {
            offset - start
        } else if (offset - start) as usize <= BLOCK {
            count_characters(
                self.text.as_bytes().get(start as usize..offset as usize).unwrap_or_default(),
            )
        } else {
            self.characters_before(offset) - self.characters_before(start)
        };
        (line, column as usize + 1)
    }

    /// Characters before an offset in octets. A document can be one line of megabytes, so the
    /// count starts at the nearest block.
    fn characters_before(&self, offset: u32) -> u32 {
        let blocks = self.blocks.get_or_init(|| {
            let mut total = 0;
            let counts = self.text.as_bytes().chunks(BLOCK).map(|block| {
                let before = total;
                total += count_characters(block);
                before
            });
            counts.collect()
        });
        let offset = (offset as usize).min(self.text.len());
        let block = (offset / BLOCK).min(blocks.len().saturating_sub(1));
        let rest = self.text.as_bytes().get(block * BLOCK..offset).unwrap_or_default();
        blocks.get(block).copied().unwrap_or(0) + count_characters(rest)
    }

    /// A place in the text that is not a value, such as a syntax error.
    fn place(&self, offset: u32, pointer: String) -> Location {
        let (line, column) = self.line_and_column(offset);
        Location { file: self.file.clone(), line, column, pointer }
    }

    /// Sorts the keys of large objects for [`Node::get`], and reports keys that stand twice in
    /// the same object.
    fn index(&mut self, problems: &mut Problems) {
        let mut large = HashMap::new();
        let mut repeated = Vec::new();
        let mut keys: Vec<(&str, u32)> = Vec::new();
        for index in 0..self.cells.len() as u32 {
            let node = Node { document: self, index };
            if node.kind() != Kind::Object {
                continue;
            }
            keys.clear();
            keys.extend(node.entries().map(|(key, child)| (key, child.index)));
            if keys.len() <= LARGE {
                let earlier = |at: usize| keys[..at].iter().any(|(key, _)| *key == keys[at].0);
                repeated.extend((1..keys.len()).filter(|at| earlier(*at)).map(|at| keys[at].1));
                continue;
            }
            keys.sort_unstable();
            repeated.extend(
                keys.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1),
            );
            large.insert(index, keys.iter().map(|(_, child)| *child).collect());
        }
        for index in repeated {
            let child = Node { document: self, index };
            problems.error(
                "duplicate-key",
                &child.key_location(),
                format!(
                    "the key `{}` stands twice in this object",
                    child.key().unwrap_or_default()
                ),
                "remove one of them, a reader would silently drop the other",
            );
        }
        self.large = large;
    }
}

/// Octets that open a character of UTF-8.
fn count_characters(octets: &[u8]) -> u32 {
    octets.iter().filter(|octet| (**octet & 0xc0) != 0x80).count() as u32
}

fn is_yaml(file: &str) -> bool {
    file.ends_with(".yaml") || file.ends_with(".yml")
}

impl<'a> Node<'a> {
    fn cell(self) -> &'a Cell {
        &self.document.cells[self.index as usize]
    }

    pub fn document(self) -> &'a Document {
        self.document
    }

    pub fn kind(self) -> Kind {
        self.cell().kind
    }

    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    pub fn as_str(self) -> Option<&'a str> {
        (self.kind() == Kind::String).then(|| self.document.slice(self.cell().text))
    }

    pub fn as_bool(self) -> Option<bool> {
        (self.kind() == Kind::Boolean).then(|| self.cell().truth)
    }

    pub fn as_f64(self) -> Option<f64> {
        (self.kind() == Kind::Number).then(|| self.number().as_f64()).flatten()
    }

    pub fn as_u64(self) -> Option<u64> {
        (self.kind() == Kind::Number).then(|| self.number().as_u64()).flatten()
    }

    fn number(self) -> Number {
        let text = self.document.slice(self.cell().text);
        if let Ok(whole) = text.parse::<i64>() {
            // `-0` is not the integer 0.
            if whole != 0 || !text.starts_with('-') {
                return whole.into();
            }
        }
        if let Ok(whole) = text.parse::<u64>() {
            return whole.into();
        }
        let real = text.parse::<f64>().unwrap_or(0.0);
        Number::from_f64(real.clamp(f64::MIN, f64::MAX)).unwrap_or_else(|| 0.into())
    }

    /// The value of a key, when this is an object that has it.
    pub fn get(self, key: &str) -> Option<Node<'a>> {
        let cell = self.cell();
        if (cell.end - self.index) as usize > LARGE
            && let Some(sorted) = self.document.large.get(&self.index)
        {
            let document = self.document;
            let key_of = |index: u32| document.slice(document.cells[index as usize].key);
            let at = sorted.partition_point(|index| key_of(*index) < key);
            let index = *sorted.get(at)?;
            return (key_of(index) == key).then_some(Node { document, index });
        }
        self.entries().find(|(name, _)| *name == key).map(|(_, node)| node)
    }

    /// The text of a key.
    pub fn text(self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str()
    }

    /// True when the key holds `true`.
    pub fn flag(self, key: &str) -> bool {
        self.get(key).and_then(Node::as_bool).unwrap_or(false)
    }

    /// Key and value pairs, in the order of the text; nothing when this is not an object.
    pub fn entries(self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        let is_object = self.is_object();
        self.children()
            .take_while(move |_| is_object)
            .map(|node| (node.document.slice(node.cell().key), node))
    }

    /// The items of an array; nothing when this is not an array.
    pub fn items(self) -> impl Iterator<Item = Node<'a>> {
        let is_array = self.kind() == Kind::Array;
        self.children().take_while(move |_| is_array)
    }

    fn children(self) -> impl Iterator<Item = Node<'a>> {
        let end = self.cell().end;
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let node = Node { document: self.document, index: next };
                next = node.cell().end;
                node
            })
        })
    }

    pub fn parent(self) -> Option<Node<'a>> {
        let parent = self.cell().parent;
        (parent != NONE).then_some(Node { document: self.document, index: parent })
    }

    /// The key this value stands under.
    pub fn key(self) -> Option<&'a str> {
        let cell = self.cell();
        (cell.key_offset != NONE).then(|| self.document.slice(cell.key))
    }

    /// Every value below this one and itself, in reading order.
    pub fn descendants(self) -> impl Iterator<Item = Node<'a>> {
        let document = self.document;
        (self.index..self.cell().end).map(move |index| Node { document, index })
    }

    /// JSON pointer inside the document.
    pub fn pointer(self) -> String {
        let mut chain = Vec::new();
        let mut node = self;
        while let Some(parent) = node.parent() {
            chain.push(node);
            node = parent;
        }
        let mut pointer = String::new();
        for node in chain.into_iter().rev() {
            pointer.push('/');
            match node.key() {
                Some(key) if key.contains(['~', '/']) => {
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                }
                Some(key) => pointer.push_str(key),
                None => pointer.push_str(&node.cell().key.start.to_string()),
            }
        }
        pointer
    }

    /// Where the value stands.
    pub fn location(self) -> Location {
        self.document.place(self.cell().offset, self.pointer())
    }

    /// Where the key of the value stands; the value itself when it has none.
    pub fn key_location(self) -> Location {
        let cell = self.cell();
        let offset = if cell.key_offset == NONE { cell.offset } else { cell.key_offset };
        self.document.place(offset, self.pointer())
    }

    /// The value as JSON.
    pub fn to_value(self) -> Value {
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::Boolean => Value::Bool(self.cell().truth),
            Kind::Number => Value::Number(self.number()),
            Kind::String => Value::String(self.document.slice(self.cell().text).to_owned()),
            Kind::Array => Value::Array(self.items().map(Node::to_value).collect()),
            Kind::Object => {
                let mut map = Map::new();
                for (key, node) in self.entries() {
                    map.insert(key.to_owned(), node.to_value());
                }
                Value::Object(map)
            }
        }
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && std::ptr::eq(self.document, other.document)
    }
}

impl Eq for Node<'_> {}

impl Hash for Node<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self.document).hash(state);
        self.index.hash(state);
    }
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}#{}", self.document.file, self.pointer())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
