//! TOML into a tape, so that a configuration has places like every other document.

use super::{Document, Kind, NONE};
use crate::problem::Problems;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) fn parse(file: &str, text: String, problems: &mut Problems) -> Option<Document> {
    let mut document = Document::new(file, String::new(), false);
    let errors = {
        let (table, errors) = DeTable::parse_recoverable(&text);
        let root = document.push(Kind::Object, NONE, 0);
        write_table(&mut document, root, table.get_ref());
        errors
    };
    document.text = text;
    for error in &errors {
        let offset = error.span().map_or(0, |span| span.start) as u32;
        let rule =
            if error.message().starts_with("duplicate key") { "duplicate-key" } else { "syntax" };
        problems.error(
            rule,
            &document.place(offset, String::new()),
            error.message().lines().next().unwrap_or("this is not TOML"),
            "mend the TOML here",
        );
    }
    document.index(problems);
    errors.is_empty().then_some(document)
}

fn write_table(document: &mut Document, cell: u32, table: &DeTable<'_>) {
    // The parser sorts by key; the order of the text is the order people meant.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let child = write_value(document, cell, value);
        let slice = document.keep(key.get_ref());
        let cell = &mut document.cells[child as usize];
        cell.key = slice;
        cell.key_offset = key.span().start as u32;
    }
    document.cells[cell as usize].end = document.cells.len() as u32;
}

fn write_value(document: &mut Document, parent: u32, value: &Spanned<DeValue<'_>>) -> u32 {
    let offset = value.span().start as u32;
    let (kind, text) = match value.get_ref() {
        DeValue::Boolean(truth) => {
            let cell = document.push(Kind::Boolean, parent, offset);
            document.cells[cell as usize].truth = *truth;
            return cell;
        }
        DeValue::Array(items) => {
            let cell = document.push(Kind::Array, parent, offset);
            for item in items.iter() {
                write_value(document, cell, item);
            }
            document.cells[cell as usize].end = document.cells.len() as u32;
            return cell;
        }
        DeValue::Table(table) => {
            let cell = document.push(Kind::Object, parent, offset);
            write_table(document, cell, table);
            return cell;
        }
        DeValue::String(text) => (Kind::String, text.to_string()),
        DeValue::Integer(number) => (Kind::Number, number.as_str().to_owned()),
        DeValue::Float(number) => (Kind::Number, number.as_str().to_owned()),
        DeValue::Datetime(time) => (Kind::String, time.to_string()),
    };
    let cell = document.push(kind, parent, offset);
    document.cells[cell as usize].text = document.keep(&text);
    cell
}
