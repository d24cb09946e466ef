//! Encoder for Markdown: text of a spec becomes text of a page, and nothing else.
//!
//! Descriptions may use a small part of Markdown: paragraphs, lists, fenced code, code spans,
//! bold, and links to `https`. Everything else is shown as it was written: HTML, attributes,
//! tables and macros have no effect. Anything a reader could not see is spelled out.

mod inline;

pub use inline::inline;

use std::borrow::Cow;

/// A description as blocks: paragraphs, lists and code.
pub fn blocks(text: &str) -> String {
    let mut out = Blocks::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if let Some(fence) = fence_of(line) {
            let mut code = Vec::new();
            for inner in lines.by_ref() {
                if inner.trim().starts_with(fence)
                    && inner.trim().trim_start_matches(&fence[..1]).is_empty()
                {
                    break;
                }
                code.push(inner);
            }
            out.block(&code_block("", &code.join("\n")));
        } else if line.is_empty() {
            out.end();
        } else if let Some(item) = list_item(line) {
            out.end_paragraph();
            out.item(item);
        } else if let Some(heading) = heading(line) {
            out.block(&format!("**{}**", inline(heading).replace("**", "")));
        } else {
            out.line(line);
        }
    }
    out.end();
    out.text
}

/// A description in one line, for a cell of a table or an item of a list.
pub fn line(text: &str) -> String {
    let joined: Vec<&str> = text.split_whitespace().collect();
    inline(&joined.join(" "))
}

/// A code span; text that would not survive in one is shown as plain text.
pub fn code(text: &str) -> String {
    let fits = !text.is_empty()
        && text.trim() == text
        && !text.contains(['`', '|'])
        && !text.ends_with('\\')
        && !text.chars().any(is_invisible);
    if fits { format!("`{text}`") } else { inline::escape(text) }
}

/// Fenced code. The fence is longer than any run of backticks inside.
pub fn code_block(language: &str, text: &str) -> String {
    let mut longest = 2;
    if text.contains("```") {
        for run in text.split(|character| character != '`') {
            longest = longest.max(run.len());
        }
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence}{language}\n{}\n{fence}", visible(text.trim_end_matches('\n')))
}

/// One row of a table, from finished cells.
pub fn row(cells: &[&str]) -> String {
    let mut row = String::from("|");
    for cell in cells {
        row.push(' ');
        row.push_str(cell);
        row.push_str(" |");
    }
    row
}

/// The anchor that a heading of word characters gets from every Markdown renderer.
pub fn anchor(heading: &str) -> String {
    heading.to_ascii_lowercase()
}

/// Characters nobody sees, spelled `\uXXXX`; line ends and tabs stay.
fn visible(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|octet| matches!(octet, b'\n' | b'\t' | b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_invisible(character) && character != '\n' && character != '\t' {
            shown.push_str(&spelled(character));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

fn spelled(character: char) -> String {
    format!("\\u{:04x}", u32::from(character))
}

/// Control, direction and zero-width characters, and line ends of other alphabets.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

fn fence_of(line: &str) -> Option<&'static str> {
    ["```", "~~~"].into_iter().find(|fence| line.starts_with(fence))
}

fn list_item(line: &str) -> Option<&str> {
    let bullet = ["- ", "* ", "+ "].iter().find_map(|mark| line.strip_prefix(mark));
    bullet.or_else(|| {
        let digits =
            line.find(|c: char| !c.is_ascii_digit()).filter(|end| (1..=3).contains(end))?;
        line[digits..].strip_prefix(". ").or_else(|| line[digits..].strip_prefix(") "))
    })
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    (1..=6).contains(&level).then(|| text.strip_prefix(' ')).flatten().map(str::trim)
}

/// Blocks being put together.
#[derive(Default)]
struct Blocks {
    text: String,
    paragraph: String,
    in_list: bool,
}

impl Blocks {
    fn line(&mut self, line: &str) {
        if !self.paragraph.is_empty() {
            self.paragraph.push(' ');
        }
        self.paragraph.push_str(line);
    }

    fn item(&mut self, item: &str) {
        if !self.in_list && !self.text.is_empty() {
            self.text.push_str("\n\n");
        } else if self.in_list {
            self.text.push('\n');
        }
        self.in_list = true;
        self.paragraph.push_str(item);
    }

    fn block(&mut self, block: &str) {
        self.end();
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.text.push_str(block);
    }

    fn end_paragraph(&mut self) {
        if self.paragraph.is_empty() {
            return;
        }
        let text = inline(&std::mem::take(&mut self.paragraph));
        if self.in_list {
            self.text.push_str("- ");
        } else if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.text.push_str(&text);
    }

    fn end(&mut self) {
        self.end_paragraph();
        self.in_list = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_keep_their_blocks() {
        let text = "# Pets\nAll\nof them:\n\n* one\n* two\n  more\n\n```sh\nls *\n```\nEnd.";
        assert_eq!(
            blocks(text),
            "**Pets**\n\nAll of them:\n\n- one\n- two more\n\n```\nls *\n```\n\nEnd."
        );
    }

    #[test]
    fn no_line_of_a_description_opens_a_block_of_its_own() {
        for line in ["> quote", "=== tab", "!!! note", "    code", "| a |", "1) x", "[TOC]", ": d"]
        {
            let encoded = blocks(line);
            let first = encoded.chars().next().unwrap();
            assert!(first.is_alphanumeric() || matches!(first, '&' | '\\' | '-'), "{encoded}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(code_block("", "a\n````\nb"), "`````\na\n````\nb\n`````");
    }

    #[test]
    fn what_nobody_sees_is_spelled_out() {
        assert_eq!(code_block("", "a\u{202e}b\u{0}"), "```\na\\u202eb\\u0000\n```");
        assert_eq!(line("a\u{2028}b"), "a b");
        assert_eq!(code("a`b"), "a\\`b");
    }
}
