//! Which passwords are refused (NIST SP 800-63B-4 section 3.1.1): short ones, common ones, and
//! those made of what everybody knows about the account. There are no rules of composition.

use secrecy::SecretString;

use super::passwords::normalised;

/// Length in characters.
const SHORTEST: usize = 12;
const LONGEST: usize = 128;
/// Words an attacker tries first here.
const CONTEXT: [&str; 2] = ["vivified", "bootstrap"];
/// A user name shorter than this is part of too many words to be looked for.
const SHORTEST_NAME: usize = 4;
/// A text that repeats so few characters is as good as those characters alone.
const LONGEST_UNIT: usize = 6;
/// Fewer different characters are a repetition.
const FEWEST_CHARACTERS: usize = 5;
/// Words that people put digits and signs around, and whole passwords of twelve and more.
const COMMON: &str = include_str!("common_passwords.txt");
/// Rows and orders that people run along with a finger.
const RUNS: [&str; 6] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
];

/// Why a password is refused. No variant holds a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordFault {
    Short,
    Long,
    Common,
    NamesAccount,
    Repeats,
    Unchanged,
}

impl PasswordFault {
    /// The rule as a word, and what it asks for.
    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Short => ("min_length", "has fewer than 12 characters"),
            Self::Long => ("max_length", "has more than 128 characters"),
            Self::Common => ("common", "is one of the passwords that are tried first"),
            Self::NamesAccount => ("context", "holds the user name or the name of the product"),
            Self::Repeats => ("repetition", "is a repetition or a run of the keyboard"),
            Self::Unchanged => ("unchanged", "is the present password"),
        }
    }
}

/// Every rule the password breaks.
pub(super) fn faults(password: &SecretString, username: &str) -> Vec<PasswordFault> {
    let text = normalised(password);
    let length = text.chars().count();
    let lower = zeroize::Zeroizing::new(text.to_lowercase());
    let mut faults = Vec::new();
    if length < SHORTEST {
        faults.push(PasswordFault::Short);
    }
    if length > LONGEST {
        faults.push(PasswordFault::Long);
    }
    if is_common(&lower) {
        faults.push(PasswordFault::Common);
    }
    let names = username.chars().count() >= SHORTEST_NAME && lower.contains(username);
    if names || CONTEXT.iter().any(|word| lower.contains(word)) {
        faults.push(PasswordFault::NamesAccount);
    }
    if is_repetition(&lower) {
        faults.push(PasswordFault::Repeats);
    }
    faults
}

/// Common as it stands, or a common word with digits and signs around it, also written twice.
fn is_common(lower: &str) -> bool {
    let core = |text: &str| text.trim_matches(|letter: char| !letter.is_alphabetic()).to_owned();
    let plain = |text: &str| text.chars().map(unleet).collect::<String>();
    let candidates =
        [lower.to_owned(), core(lower), plain(lower), core(&plain(lower)), plain(&core(lower))]
            .map(zeroize::Zeroizing::new);
    let listed = |text: &str| !text.is_empty() && COMMON.lines().any(|line| line == text);
    candidates.iter().any(|text| {
        let half = text.len() / 2;
        let doubled = text.is_char_boundary(half) && text[..half] == text[half..];
        listed(text) || (doubled && listed(&text[..half]))
    })
}

/// Signs that stand for letters.
fn unleet(letter: char) -> char {
    match letter {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

fn is_repetition(lower: &str) -> bool {
    let mut seen: Vec<char> = lower.chars().collect();
    let letters = seen.clone();
    seen.sort_unstable();
    seen.dedup();
    let is_period =
        |period: usize| letters.iter().zip(&letters[period..]).all(|(one, other)| one == other);
    let periodic = (1..=LONGEST_UNIT.min(letters.len() / 2)).any(is_period);
    let backwards: String = lower.chars().rev().collect();
    let run = |run: &&str| run.contains(lower) || run.contains(&backwards);
    !letters.is_empty() && (seen.len() < FEWEST_CHARACTERS || periodic || RUNS.iter().any(run))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Vec<PasswordFault> {
        faults(&password.into(), "night_operator")
    }

    #[test]
    fn long_passwords_of_any_composition_are_good() {
        for good in [
            "correct horse battery staple",
            "twelve chars",
            "ünïcödé wörds",
            "k7mq-8zpw-1vxt",
            "only lower case letters here",
            "493817205566",
            &"many different words ".repeat(6),
        ] {
            assert_eq!(check(good), [], "{good}");
        }
    }

    #[test]
    fn what_is_tried_first_is_refused_with_its_reason() {
        use PasswordFault::{Common, Long, NamesAccount, Repeats, Short};
        for (bad, fault) in [
            ("elevenchars", Short),
            ("", Short),
            (&"a long sentence ".repeat(9), Long),
            ("password1234", Common),
            ("Password2026!", Common),
            ("P@ssw0rd!2026", Common),
            ("passwordpassword", Common),
            ("administrator1", Common),
            ("letmein123456", Common),
            ("correcthorsebatterystaple", Common),
            ("iloveyou12345!", Common),
            ("welcome123456", Common),
            ("my Night_Operator key", NamesAccount),
            ("vivified rocks 7", NamesAccount),
            ("aaaaaaaaaaaaa", Repeats),
            ("abcabcabcabcabc", Repeats),
            ("121212121212", Repeats),
            ("abcdefghijklmn", Repeats),
            ("123456789012", Repeats),
            ("qwertyuiopas", Repeats),
            ("poiuytrewq12", Common),
            ("1qaz2wsx3edc", Repeats),
        ] {
            assert!(check(bad).contains(&fault), "{bad}: {:?}", check(bad));
        }
    }

    #[test]
    fn a_short_user_name_is_part_of_too_many_words_to_be_looked_for() {
        assert_eq!(faults(&"the maximum of seven".into(), "max"), []);
        assert!(!faults(&"the maxim of seven".into(), "maxi").is_empty());
    }

    #[test]
    fn the_list_is_lower_case_and_without_repetition() {
        let mut lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.iter().all(|line| *line == line.to_lowercase() && line.trim() == *line));
        let all = lines.len();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), all);
        assert!(all > 200);
    }
}
