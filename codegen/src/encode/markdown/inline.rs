//! Text within a line: code spans, bold and links are kept, all else is escaped.

use super::{code, is_invisible, spelled};

/// Octets a span may have; a longer one is plain text, so that open marks cost no time.
const LONGEST_SPAN: usize = 1_000;

/// Encodes text that stands in a paragraph, a list item or a cell.
pub fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    encode(text, &mut out, true);
    out
}

/// Escapes everything.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    push_plain(text, &mut out);
    out
}

fn encode(text: &str, out: &mut String, may_nest: bool) {
    let mut rest = text;
    let mut at = 0;
    while let Some(offset) = rest[at..].find(['`', '[', '*', '<', '!']) {
        at += offset;
        let tail = &rest[at..];
        match span(tail, may_nest) {
            Some((encoded, length)) => {
                push_plain(&rest[..at], out);
                out.push_str(&encoded);
                rest = &tail[length..];
                at = 0;
            }
            None => at += 1,
        }
    }
    push_plain(rest, out);
}

/// A code span, bold text or a link at the start of the text, with the length it was made from.
fn span(text: &str, may_nest: bool) -> Option<(String, usize)> {
    let text = &text[..text.floor_char_boundary(LONGEST_SPAN)];
    match text.as_bytes()[0] {
        b'`' => {
            let ticks = text.len() - text.trim_start_matches('`').len();
            let fence = &text[..ticks];
            let end = text[ticks..].find(fence)? + ticks;
            let inner = text[ticks..end].trim();
            let closes = !text[end + ticks..].starts_with('`');
            (closes && !inner.is_empty()).then(|| (code(inner), end + ticks))
        }
        b'*' if may_nest && text.starts_with("**") => {
            let end = text[2..].find("**")? + 2;
            let inner = &text[2..end];
            if inner.trim() != inner || inner.is_empty() || inner.contains('*') {
                return None;
            }
            let mut encoded = String::from("**");
            encode(inner, &mut encoded, false);
            encoded.push_str("**");
            Some((encoded, end + 2))
        }
        b'<' => {
            let end = text.find('>')?;
            let address = &text[1..end];
            Some((link(&escape(address), address)?, end + 1))
        }
        b'!' if text.as_bytes().get(1) == Some(&b'[') => {
            let (label, _, length) = label_and_address(&text[1..])?;
            Some((escape(label), length + 1))
        }
        b'[' => {
            let (label, address, length) = label_and_address(text)?;
            let mut encoded = String::new();
            encode(label, &mut encoded, false);
            Some((link(&encoded, address).unwrap_or(encoded), length))
        }
        _ => None,
    }
}

/// `[label](address "title")` at the start of the text.
fn label_and_address(text: &str) -> Option<(&str, &str, usize)> {
    let middle = text.find("](")?;
    let label = &text[1..middle];
    if label.contains(['[', ']']) {
        return None;
    }
    let end = text[middle..].find(')')? + middle;
    let address = text[middle + 2..end].split_whitespace().next().unwrap_or("");
    Some((label, address, end + 1))
}

/// A link, when the address is one readers may be sent to.
fn link(label: &str, address: &str) -> Option<String> {
    let host = address.strip_prefix("https://")?;
    if !host.starts_with(|first: char| first.is_ascii_alphanumeric()) || label.is_empty() {
        return None;
    }
    let mut encoded = String::with_capacity(address.len());
    for &octet in address.as_bytes() {
        match octet {
            b'&' => encoded.push_str("&amp;"),
            b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'?' | b'#' | b'@' | b'=' | b'%' | b'+'
            | b',' | b';' => encoded.push(char::from(octet)),
            _ if octet.is_ascii_alphanumeric() => encoded.push(char::from(octet)),
            _ => encoded.push_str(&format!("%{octet:02X}")),
        }
    }
    Some(format!("[{label}]({encoded})"))
}

/// Escapes what Markdown, its extensions or HTML could read as something else.
fn push_plain(text: &str, out: &mut String) {
    let starts_line = out.is_empty();
    let mut previous = None;
    let mut characters = text.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let first = starts_line && index == 0;
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '`' | '*' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '_' => {
                let within_word = previous.is_some_and(char::is_alphanumeric)
                    && next.is_some_and(char::is_alphanumeric);
                out.push_str(if within_word { "_" } else { "\\_" });
            }
            '|' | '{' | '}' | '~' | '^' | '$' => push_entity(character, out),
            '=' | '+' | '-' | ':' | '!' | '#'
                if first || previous == Some(character) || next == Some(character) =>
            {
                push_entity(character, out);
            }
            '.' | ')' if starts_line && is_number(&text[..index]) => push_entity(character, out),
            '\n' | '\t' => out.push(' '),
            _ if is_invisible(character) => {
                out.push('\\');
                out.push_str(&spelled(character));
            }
            _ if first && matches!(character, '?' | '%' | '@' | '/') => push_entity(character, out),
            _ => out.push(character),
        }
        previous = Some(character);
    }
}

fn push_entity(character: char, out: &mut String) {
    out.push_str(&format!("&#{};", u32::from(character)));
}

/// The text before a full stop or a parenthesis that would make it the mark of a list.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_shown_and_not_run() {
        assert_eq!(
            inline("a <script>x()</script> &amp;"),
            "a &lt;script&gt;x()&lt;/script&gt; &amp;amp;"
        );
        assert_eq!(inline("x{: onclick=y }"), "x&#123;: onclick=y &#125;");
    }

    #[test]
    fn only_https_links_stay_links() {
        assert_eq!(
            inline("[a *b*](https://x.org/a_(b)?c=1&d)"),
            "[a \\*b\\*](https://x.org/a_%28b)?c=1&amp;d)"
        );
        assert_eq!(inline("[a](javascript:alert(1))"), "a)");
        assert_eq!(inline("![a](http://x.org/i.png)"), "a");
        assert_eq!(inline("<https://x.org>"), "[https://x.org](https://x.org)");
        assert_eq!(inline("[a](https://\" onclick=x)"), "a");
    }

    #[test]
    fn names_stay_readable() {
        assert_eq!(inline("the plugin_id of `call_plugin`"), "the plugin_id of `call_plugin`");
        assert_eq!(inline("**never** _sure_"), "**never** \\_sure\\_");
        assert_eq!(inline("a | b"), "a &#124; b");
        assert_eq!(inline("1. one"), "1&#46; one");
    }

    #[test]
    fn open_marks_are_text() {
        assert_eq!(inline("a ` b"), "a \\` b");
        assert_eq!(inline("a ** b [c"), "a \\*\\* b \\[c");
    }
}
