//! Encoder for shell samples: words of a command line that a person can paste into any POSIX
//! shell. Text of a spec is always one quoted word; nothing in it is ever expanded.

/// One word. Plain words stay bare, all else is quoted; a single quote closes, is escaped and
/// opens again.
pub fn word(text: &str) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._/:=@%+,".contains(&octet);
    if !text.is_empty() && text.bytes().all(plain) && !text.starts_with(['-', '=']) {
        return text.to_owned();
    }
    quoted(text)
}

/// A word in single quotes.
pub fn quoted(text: &str) -> String {
    format!("'{}'", printable(text).replace('\'', "'\\''"))
}

/// Text inside double quotes, next to variables of ours.
pub fn within_double_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in printable(text).chars() {
        if matches!(character, '"' | '\\' | '$' | '`' | '!') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// A comment that its text cannot leave.
pub fn comment(text: &str) -> String {
    let joined: Vec<&str> = text.split_whitespace().collect();
    format!("# {}", printable(&joined.join(" ")))
}

/// Control characters have no place on a command line.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control() || *character == '\n').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_be_left() {
        assert_eq!(word("a/b:c=1"), "a/b:c=1");
        assert_eq!(word("-o"), "'-o'");
        assert_eq!(word("$(id) 'x'"), "'$(id) '\\''x'\\'''");
        assert_eq!(within_double_quotes("$(id)\"`"), "\\$(id)\\\"\\`");
        assert_eq!(comment("a\nrm -rf"), "# a rm -rf");
    }
}
