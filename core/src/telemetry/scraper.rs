//! The token a scraper of metrics shows. It stands in a file, so that it is in no list of
//! processes and no environment, and it opens the metrics and nothing else.

use std::path::Path;

use anyhow::{Context, ensure};
use ring::digest::{Digest, SHA256, digest};
use subtle::ConstantTimeEq;

use crate::store::files;

const SHORTEST: usize = 32;

/// Knows the token by its digest only.
pub struct Scraper(Option<Digest>);

impl Scraper {
    /// No file, no scraper.
    pub fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = file else { return Ok(Self(None)) };
        let octets = files::read_mounted(path)?;
        let text = std::str::from_utf8(&octets)
            .with_context(|| format!("{}: is no text", path.display()))?;
        let token = text.trim();
        let visible = token.bytes().all(|octet| octet.is_ascii_graphic());
        ensure!(
            token.len() >= SHORTEST && visible,
            "{}: the token has at least {SHORTEST} visible ASCII characters",
            path.display()
        );
        Ok(Self(Some(digest(&SHA256, token.as_bytes()))))
    }

    pub fn is_token(&self, shown: &str) -> bool {
        let shown = digest(&SHA256, shown.as_bytes());
        self.0.is_some_and(|known| known.as_ref().ct_eq(shown.as_ref()).into())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn scraper(text: &str, mode: u32) -> anyhow::Result<Scraper> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("token");
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
        Scraper::open(Some(&path))
    }

    #[test]
    fn only_the_token_of_the_file_is_the_token() {
        let token = "0123456789abcdef0123456789abcdef";
        let known = scraper(&format!("{token}\n"), 0o600).expect("opens");
        assert!(known.is_token(token));
        assert!(!known.is_token(&token[1..]) && !known.is_token(""));
        let none = Scraper::open(None).expect("opens");
        assert!(!none.is_token("") && !none.is_token(token));
    }

    #[test]
    fn a_short_token_and_a_file_that_others_read_are_refused() {
        assert!(scraper("short", 0o600).is_err());
        assert!(scraper("", 0o600).is_err());
        assert!(scraper("0123456789abcdef0123456789abcdef", 0o644).is_err());
    }
}
