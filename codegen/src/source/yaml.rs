//! YAML 1.2 (core schema) into a tape.
//!
//! Anchors are written out, so that what follows sees plain values; a document that grows out of
//! proportion by its aliases is refused. Keys become text, whatever they were.

use super::{Cell, Document, Kind, MAX_DEPTH, MAX_VALUES, NONE, Slice};
use crate::problem::{Location, Problems};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

pub(super) fn parse(file: &str, text: String, problems: &mut Problems) -> Option<Document> {
    let mut builder = Builder {
        document: Document::new(file, String::new(), true),
        open: Vec::new(),
        key: None,
        anchors: HashMap::new(),
        merges: Vec::new(),
    };
    let outcome = builder.read(&text);
    let Builder { mut document, merges, .. } = builder;
    document.text = text;
    match outcome {
        Err(fault) => {
            let location = Location {
                file: file.to_owned(),
                line: fault.line,
                column: fault.column,
                pointer: String::new(),
            };
            problems.error(fault.rule, &location, fault.message, fault.help);
            None
        }
        Ok(()) => {
            document.index(problems);
            for offset in merges {
                problems.error(
                    "merge-key",
                    &document.place(offset, String::new()),
                    "`<<` is a key of YAML 1.1 only",
                    "use `$ref` or `allOf`, or write the members out",
                );
            }
            Some(document)
        }
    }
}

struct Fault {
    line: usize,
    column: usize,
    rule: &'static str,
    message: String,
    help: String,
}

struct Builder {
    document: Document,
    open: Vec<u32>,
    /// The key that waits for its value.
    key: Option<(Slice, u32)>,
    /// First cell of each anchored value; none while the value is still open.
    anchors: HashMap<usize, Option<u32>>,
    /// Where merge keys stand.
    merges: Vec<u32>,
}

impl Builder {
    fn read(&mut self, text: &str) -> Result<(), Fault> {
        let mut parser = Parser::new_from_str(text);
        let mut pending_anchors: Vec<(u32, usize)> = Vec::new();
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| syntax(&error))?;
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(fault(
                            span,
                            "syntax",
                            "a second document begins here",
                            "keep one document in a file",
                        ));
                    }
                }
                Event::Scalar(value, style, anchor, tag) => {
                    self.scalar(&value, style, tag.as_deref(), anchor, span)?;
                }
                Event::SequenceStart(anchor, _) => {
                    self.open(Kind::Array, anchor, span, &mut pending_anchors)?
                }
                Event::MappingStart(anchor, _) => {
                    self.open(Kind::Object, anchor, span, &mut pending_anchors)?
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(cell) = self.open.pop() {
                        self.document.cells[cell as usize].end = self.document.cells.len() as u32;
                        while let Some((_, anchor)) = pending_anchors.pop_if(|(at, _)| *at == cell)
                        {
                            self.anchors.insert(anchor, Some(cell));
                        }
                    }
                }
                Event::Alias(anchor) => self.alias(anchor, span)?,
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        if self.document.cells.is_empty() {
            let help = "write an OpenAPI document here";
            return Err(Fault {
                line: 1,
                column: 1,
                rule: "syntax",
                message: "the document is empty".to_owned(),
                help: help.to_owned(),
            });
        }
        Ok(())
    }

    fn open(
        &mut self,
        kind: Kind,
        anchor: usize,
        span: Span,
        pending_anchors: &mut Vec<(u32, usize)>,
    ) -> Result<(), Fault> {
        if self.open.len() == MAX_DEPTH {
            return Err(fault(
                span,
                "nesting-too-deep",
                "values nest too deep",
                &format!("flatten it; the limit is {MAX_DEPTH} levels"),
            ));
        }
        if self.key.is_none() && self.parent_is_object() {
            return Err(fault(span, "syntax", "a key must be a scalar", "write a text as key"));
        }
        let cell = self.push(kind, span)?;
        self.open.push(cell);
        if anchor != 0 {
            self.anchors.insert(anchor, None);
            pending_anchors.push((cell, anchor));
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        anchor: usize,
        span: Span,
    ) -> Result<(), Fault> {
        if self.key.is_none() && self.parent_is_object() {
            if value == "<<" && style == ScalarStyle::Plain {
                self.merges.push(offset(span));
            }
            let slice = self.document.keep(value);
            self.key = Some((slice, offset(span)));
            return Ok(());
        }
        let (kind, value) = typed(value, style, tag);
        if kind == Kind::Number && !value.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(fault(
                span,
                "number-out-of-range",
                "the number is too large",
                "write a number that fits 64 bits",
            ));
        }
        let cell = self.push(kind, span)?;
        self.document.cells[cell as usize].truth =
            kind == Kind::Boolean && value.starts_with(['t', 'T']);
        if matches!(kind, Kind::String | Kind::Number) {
            self.document.cells[cell as usize].text = self.document.keep(&value);
        }
        if anchor != 0 {
            self.anchors.insert(anchor, Some(cell));
        }
        Ok(())
    }

    /// Copies the cells of an anchored value to where its alias stands.
    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fault> {
        let Some(&Some(from)) = self.anchors.get(&anchor) else {
            return Err(fault(
                span,
                "alias-cycle",
                "the alias stands inside the value it names",
                "write the value out",
            ));
        };
        let source = self.document.cells[from as usize];
        if self.key.is_none() && self.parent_is_object() {
            if source.kind != Kind::String {
                return Err(fault(span, "syntax", "a key must be a scalar", "write a text as key"));
            }
            self.key = Some((source.text, offset(span)));
            return Ok(());
        }
        let length = (source.end - from) as usize;
        let depth = self.open.len() + self.height(from, source.end);
        if self.document.cells.len() + length > MAX_VALUES || depth > MAX_DEPTH {
            return Err(fault(
                span,
                "alias-bomb",
                "aliases make the document too large",
                "use `$ref` instead of YAML aliases",
            ));
        }
        let top = self.push(source.kind, span)?;
        let shift = top - from;
        let (key, key_offset) = {
            let cell = &self.document.cells[top as usize];
            (cell.key, cell.key_offset)
        };
        let parent = self.document.cells[top as usize].parent;
        self.document.cells[top as usize] = Cell {
            parent,
            key,
            key_offset,
            end: source.end + shift,
            offset: offset(span),
            ..source
        };
        for index in from + 1..source.end {
            let cell = self.document.cells[index as usize];
            self.document.cells.push(Cell {
                parent: cell.parent + shift,
                end: cell.end + shift,
                ..cell
            });
        }
        Ok(())
    }

    /// Levels of nesting below a value.
    fn height(&self, from: u32, end: u32) -> usize {
        let mut open: Vec<u32> = Vec::new();
        let mut height = 0;
        for index in from..end {
            while open.last().is_some_and(|last| *last <= index) {
                open.pop();
            }
            let cell = &self.document.cells[index as usize];
            if matches!(cell.kind, Kind::Array | Kind::Object) {
                open.push(cell.end);
                height = height.max(open.len());
            }
        }
        height
    }

    fn push(&mut self, kind: Kind, span: Span) -> Result<u32, Fault> {
        if self.document.cells.len() >= MAX_VALUES {
            return Err(fault(span, "document-too-large", "too many values", "split the document"));
        }
        let parent = self.open.last().copied().unwrap_or(NONE);
        let cell = self.document.push(kind, parent, offset(span));
        if let Some((slice, key_offset)) = self.key.take() {
            let cell = &mut self.document.cells[cell as usize];
            cell.key = slice;
            cell.key_offset = key_offset;
        }
        Ok(cell)
    }

    fn parent_is_object(&self) -> bool {
        self.open
            .last()
            .is_some_and(|cell| self.document.cells[*cell as usize].kind == Kind::Object)
    }
}

/// What a scalar is in the core schema of YAML 1.2, section 10.3.2; numbers come back as JSON
/// writes them.
fn typed<'v>(value: &'v str, style: ScalarStyle, tag: Option<&Tag>) -> (Kind, Cow<'v, str>) {
    let text = Cow::Borrowed(value);
    if let Some(tag) = tag.filter(|tag| tag.is_yaml_core_schema()) {
        if tag.suffix == "str" {
            return (Kind::String, text);
        }
    } else if style != ScalarStyle::Plain {
        return (Kind::String, text);
    }
    match value {
        "" | "~" | "null" | "Null" | "NULL" => (Kind::Null, text),
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => (Kind::Boolean, text),
        _ => number(value).map_or((Kind::String, text), |number| (Kind::Number, number)),
    }
}

fn number(value: &str) -> Option<Cow<'_, str>> {
    if let Some(digits) = value.strip_prefix("0x") {
        return Some(u64::from_str_radix(digits, 16).ok()?.to_string().into());
    }
    if let Some(digits) = value.strip_prefix("0o") {
        return Some(u64::from_str_radix(digits, 8).ok()?.to_string().into());
    }
    let bare = value.strip_prefix(['-', '+']).unwrap_or(value);
    let opens_as_number = bare.starts_with(|first: char| first.is_ascii_digit())
        || (bare.starts_with('.') && bare[1..].starts_with(|next: char| next.is_ascii_digit()));
    let is_number = opens_as_number
        && bare.bytes().all(|octet| octet.is_ascii_digit() || b".eE+-".contains(&octet))
        && bare.parse::<f64>().is_ok();
    is_number.then(|| value.strip_prefix('+').unwrap_or(value).into())
}

fn offset(span: Span) -> u32 {
    span.start.index() as u32
}

fn syntax(error: &ScanError) -> Fault {
    Fault {
        line: error.marker().line(),
        column: error.marker().col() + 1,
        rule: "syntax",
        message: error.info().to_owned(),
        help: "mend the YAML here; nothing behind this place was read".to_owned(),
    }
}

fn fault(span: Span, rule: &'static str, message: &str, help: &str) -> Fault {
    Fault {
        line: span.start.line(),
        column: span.start.col() + 1,
        rule,
        message: message.to_owned(),
        help: help.to_owned(),
    }
}
