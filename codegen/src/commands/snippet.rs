//! Shows a place in a source document: the line, with a caret below the column.
//!
//! Text of a document never reaches a terminal raw: control characters are spelled out, and a
//! line that is very long is shown as a window around the column.

const WIDTH: usize = 100;

/// A line of a text and the caret below it, ready to print.
pub fn snippet(source: &str, line: usize, column: usize) -> String {
    let column = column.max(1) - 1;
    let length = source.chars().count();
    let from = if length > WIDTH { column.saturating_sub(WIDTH / 2) } else { 0 };
    let window: String = source.chars().skip(from).take(WIDTH).collect();
    let before = if from > 0 { "..." } else { "" };
    let after = if from + WIDTH < length { "..." } else { "" };
    let lead: String = source.chars().skip(from).take(column - from).collect();
    let indent = before.len() + printable(&lead).chars().count();
    let margin = " ".repeat(line.to_string().len());
    format!(
        "{margin} |\n{line} | {before}{}{after}\n{margin} | {}^",
        printable(&window),
        " ".repeat(indent)
    )
}

/// Control and direction-changing characters as escapes, tabs as one blank.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => shown.push(' '),
            _ if is_unprintable(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    shown
}

fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_column() {
        let shown = snippet("\tb: {", 2, 5);
        assert_eq!(shown, "  |\n2 |  b: {\n  |     ^");
    }

    #[test]
    fn a_long_line_is_shown_around_the_column() {
        let shown = snippet(&"x".repeat(5000), 1, 2500);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].starts_with("1 | ...x") && lines[1].ends_with("x..."));
        assert_eq!(lines[2].len() - 1, "  | ...".len() + WIDTH / 2);
    }

    #[test]
    fn a_document_cannot_drive_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}"), "a\\u{1b}[2Jb\\u{202e}");
    }

    #[test]
    fn a_column_behind_the_line_stands_at_its_end() {
        assert_eq!(snippet("a", 1, 9), "  |\n1 | a\n  |  ^");
    }
}
