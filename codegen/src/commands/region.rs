//! Where in a changed input the change stands.
//!
//! The lock knows only digests, so the place is found from the effect: words that the new
//! output has and the old one lacks are looked up in the input. It is a pointer for a person,
//! and silent when more than one place fits.

use std::collections::BTreeSet;

/// More matching lines than this say nothing about a place.
const LINES: usize = 12;

/// Words of the new lines of a diff that its old lines lack.
pub fn new_words(before: &str, after: &str) -> BTreeSet<String> {
    let old: BTreeSet<&str> = before.lines().collect();
    let old_words: BTreeSet<&str> = before.split(|c: char| !is_word(c)).collect();
    after
        .lines()
        .filter(|line| !old.contains(line))
        .flat_map(|line| line.split(|c: char| !is_word(c)))
        .filter(|word| word.len() > 2 && !old_words.contains(word))
        .map(str::to_owned)
        .collect()
}

/// First and last line (from 1) of the input with the most of these words.
pub fn find(input: &str, words: &BTreeSet<String>) -> Option<(usize, usize)> {
    let mut best = 0;
    let mut lines = Vec::new();
    for (index, line) in input.lines().enumerate() {
        let found: BTreeSet<&str> =
            line.split(|c: char| !is_word(c)).filter(|word| words.contains(*word)).collect();
        if found.len() > best {
            best = found.len();
            lines.clear();
        }
        if best > 0 && found.len() == best {
            lines.push(index + 1);
        }
    }
    let (first, last) = (*lines.first()?, *lines.last()?);
    (last - first < LINES).then_some((first, last))
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_found_by_its_new_words() {
        let words = new_words("# Lists pets.\nrun()\n", "# Lists xpets.\nrun()\n");
        let spec = "summary: Lists all.\nother: pets\nsummary: Lists xpets.\n";
        assert_eq!(find(spec, &words), Some((3, 3)));
        assert_eq!(find("nothing: here\n", &words), None);
    }
}
