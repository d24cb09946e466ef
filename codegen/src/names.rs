//! The one place that cases names.
//!
//! A name of the wire becomes words, words become a cased ASCII identifier, and an identifier
//! that a language reserves gets a trailing underscore. Clashes are settled by [`Scope`].

use std::collections::{HashMap, HashSet};

/// Splits any wire name into lower-case ASCII words; never empty (`value` when nothing is left).
pub fn words(wire_name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for_each_word(wire_name, |word| words.push(word.to_owned()));
    words
}

/// Hands on each word, without a list of them: names are cased more often than anything else
/// is done.
fn for_each_word(wire_name: &str, mut take: impl FnMut(&str)) {
    let mut word = String::with_capacity(wire_name.len());
    let mut previous = '\0';
    let mut is_empty = true;
    let mut characters = wire_name.chars().peekable();
    while let Some(character) = characters.next() {
        let next_is_lower = characters.peek().is_some_and(char::is_ascii_lowercase);
        let starts_word = character.is_ascii_uppercase()
            && (previous.is_ascii_lowercase()
                || previous.is_ascii_digit()
                || (previous.is_ascii_uppercase() && next_is_lower));
        if (starts_word || !character.is_ascii_alphanumeric()) && !word.is_empty() {
            take(&word);
            word.clear();
            is_empty = false;
        }
        if character.is_ascii_alphanumeric() {
            word.push(character.to_ascii_lowercase());
        }
        previous = character;
    }
    if !word.is_empty() {
        take(&word);
    } else if is_empty {
        take("value");
    }
}

/// `list_pets`
pub fn snake(wire_name: &str) -> String {
    let mut name = String::with_capacity(wire_name.len() + 4);
    for_each_word(wire_name, |word| {
        if !name.is_empty() {
            name.push('_');
        }
        name.push_str(word);
    });
    guard_digit(name, "_")
}

/// `LIST_PETS`
pub fn screaming(wire_name: &str) -> String {
    snake(wire_name).to_ascii_uppercase()
}

/// `ListPets`
pub fn pascal(wire_name: &str) -> String {
    let mut name = String::with_capacity(wire_name.len());
    for_each_word(wire_name, |word| push_capitalised(&mut name, word));
    guard_digit(name, "N")
}

/// `listPets`
pub fn camel(wire_name: &str) -> String {
    guard_digit(first_small(wire_name, push_capitalised), "_")
}

/// `ListPetsByID`: PascalCase with the initialisms that Go readers expect.
pub fn go_pascal(wire_name: &str) -> String {
    let mut name = String::with_capacity(wire_name.len());
    for_each_word(wire_name, |word| push_go_capitalised(&mut name, word));
    guard_digit(name, "N")
}

/// `petID`, `urlOfPet`: camelCase with the same initialisms; the first word stays small.
pub fn go_camel(wire_name: &str) -> String {
    guard_digit(first_small(wire_name, push_go_capitalised), "n")
}

fn first_small(wire_name: &str, push: impl Fn(&mut String, &str)) -> String {
    let mut name = String::with_capacity(wire_name.len());
    for_each_word(wire_name, |word| {
        if name.is_empty() {
            name.push_str(word);
        } else {
            push(&mut name, word);
        }
    });
    name
}

/// Initialisms of the Go code review guide, and those of this field.
const GO_INITIALISMS: [&str; 47] = [
    "acl", "api", "ascii", "cpu", "css", "dns", "eof", "guid", "html", "http", "https", "id", "ip",
    "json", "jwt", "lhs", "mfa", "phi", "pii", "qps", "ram", "rhs", "rpc", "sdk", "sla", "smtp",
    "sql", "ssh", "sse", "tcp", "tls", "totp", "ttl", "udp", "ui", "uid", "uri", "url", "utf8",
    "uuid", "vm", "xml", "xmpp", "xsrf", "xss", "jwks", "os",
];

/// Initialisms that are also written in the plural: `IDs`.
const GO_PLURALS: [&str; 7] = ["api", "id", "ip", "uri", "url", "uuid", "vm"];

fn push_go_capitalised(name: &mut String, word: &str) {
    let plural = word.strip_suffix('s').filter(|stem| GO_PLURALS.contains(stem));
    let upper = |letter: char| letter.to_ascii_uppercase();
    match plural {
        Some(stem) => {
            name.extend(stem.chars().map(upper));
            name.push('s');
        }
        None if GO_INITIALISMS.contains(&word) => name.extend(word.chars().map(upper)),
        None => push_capitalised(name, word),
    }
}

/// `pets` becomes `Pets`; a word that opens with a digit stays.
pub fn capitalise(word: &str) -> String {
    let mut name = String::with_capacity(word.len());
    push_capitalised(&mut name, word);
    name
}

fn push_capitalised(name: &mut String, word: &str) {
    let mut characters = word.chars();
    if let Some(first) = characters.next() {
        name.push(first.to_ascii_uppercase());
        name.push_str(characters.as_str());
    }
}

/// No language lets an identifier open with a digit.
fn guard_digit(name: String, prefix: &str) -> String {
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        format!("{prefix}{name}")
    } else {
        name
    }
}

/// Names already taken in one scope; compares without case, so that files and fields never
/// differ in case alone.
#[derive(Debug, Default)]
pub struct Scope {
    taken: HashSet<String>,
    /// The number to try next for a name that was asked for before.
    next: HashMap<String, usize>,
}

impl Scope {
    pub fn with_reserved<'a>(reserved: impl IntoIterator<Item = &'a str>) -> Self {
        let taken = reserved.into_iter().map(str::to_ascii_lowercase).collect();
        Self { taken, next: HashMap::new() }
    }

    pub fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(&name.to_ascii_lowercase())
    }

    /// The name itself when free, else the name with the first free number behind it.
    pub fn claim(&mut self, name: &str) -> String {
        let key = name.to_ascii_lowercase();
        if self.taken.insert(key.clone()) {
            return name.to_owned();
        }
        let next = self.next.entry(key).or_insert(2);
        let mut candidate = format!("{name}{next}");
        while !self.taken.insert(candidate.to_ascii_lowercase()) {
            *next += 1;
            candidate = format!("{name}{next}");
        }
        *next += 1;
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_names_have_the_initialisms_of_go() {
        assert_eq!(go_pascal("plugin_id"), "PluginID");
        assert_eq!(go_pascal("photoUrls"), "PhotoURLs");
        assert_eq!(go_pascal("get_jwks.json"), "GetJWKSJSON");
        assert_eq!(go_pascal("2fa"), "N2fa");
        assert_eq!(go_camel("id"), "id");
        assert_eq!(go_camel("plugin-id"), "pluginID");
    }

    #[test]
    fn words_split_where_a_reader_would() {
        assert_eq!(words("HTTPServer2Name"), ["http", "server2", "name"]);
        assert_eq!(words("--"), ["value"]);
    }

    #[test]
    fn any_name_becomes_words() {
        assert_eq!(words("listPets"), ["list", "pets"]);
        assert_eq!(words("HTTPValidationError"), ["http", "validation", "error"]);
        assert_eq!(words("user_name-v2.x"), ["user", "name", "v2", "x"]);
        assert_eq!(words("*/ \u{202e}"), ["value"]);
        assert_eq!(words(""), ["value"]);
    }

    #[test]
    fn cases_are_ascii_identifiers() {
        for name in ["2fa", "日本", "", "a b", "x'; DROP", "__init__", "ÄÖ"] {
            for cased in [snake(name), screaming(name), pascal(name), camel(name)] {
                let is_identifier =
                    cased.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_');
                assert!(
                    is_identifier && !cased.starts_with(|first: char| first.is_ascii_digit()),
                    "{name}: {cased}"
                );
            }
        }
        assert_eq!((snake("2fa"), pascal("2fa")), ("_2fa".to_owned(), "N2fa".to_owned()));
        assert_eq!(camel("list_all-pets"), "listAllPets");
    }

    #[test]
    fn a_scope_gives_each_name_once() {
        let mut scope = Scope::with_reserved(["Class"]);
        assert_eq!(scope.claim("class"), "class2");
        assert_eq!(scope.claim("CLASS"), "CLASS3");
        assert_eq!(scope.claim("pet"), "pet");
        assert_eq!(scope.claim("pet3"), "pet3");
        assert_eq!([scope.claim("pet"), scope.claim("pet")], ["pet2", "pet4"]);
        assert!(scope.is_taken("PET4"));
    }
}
