//! Patterns of ECMA-262, as far as a Rust parser can judge them.

use super::Loader;
use crate::source::Node;
use regex_syntax::ast::ErrorKind;
use regex_syntax::ast::parse::Parser;

impl<'a> Loader<'a> {
    /// Reports a pattern that is no regular expression. What ECMA-262 has and Rust has not
    /// (look-around, references to groups, escapes of any letter) is taken as it is.
    pub(super) fn check_pattern(&mut self, node: Node<'a>) {
        let Some(pattern) = node.as_str() else {
            self.wrong_kind(node, "a regular expression in quotes");
            return;
        };
        let Err(error) = Parser::new().parse(pattern) else { return };
        let only_ecma_has_it = matches!(
            error.kind(),
            ErrorKind::UnsupportedLookAround
                | ErrorKind::UnsupportedBackreference
                | ErrorKind::EscapeUnrecognized
                | ErrorKind::ClassEscapeInvalid
                | ErrorKind::RepetitionCountUnclosed
                | ErrorKind::RepetitionCountDecimalEmpty
        );
        if !only_ecma_has_it {
            self.problems.error(
                "pattern-invalid",
                &node.location(),
                format!("the pattern is not a regular expression: {}", error.kind()),
                "mend it; a backslash needs doubling inside double quotes",
            );
        }
    }
}
