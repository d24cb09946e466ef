//! Credentials that Core adds on the way out.
//!
//! The manifest names a header and a secret; the value is taken from the secrets of the plugin
//! when the request is made and goes nowhere else. What comes back is searched for it, because a
//! host that repeats its request would hand the plugin what it must not see.

use axum::http::{HeaderName, HeaderValue};
use serde_json::Value;
use zeroize::Zeroizing;

use super::headers::is_framing;
use super::refusal::{Layer, Refusal};
use super::resolve::BoxFuture;
use crate::settings::secrets::REFERENCE;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Where the secrets of one plugin come from.
pub trait Secrets: Send + Sync {
    /// None when there is no such secret.
    fn reveal<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Zeroizing<String>>>;

    fn is_there<'a>(&'a self, name: &'a str) -> BoxFuture<'a, bool>;
}

/// A header and the secret that it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub header: HeaderName,
    /// Name of the secret, without `secret://`.
    pub secret: String,
    /// `Bearer` and the like; none when the secret stands alone.
    pub scheme: Option<String>,
}

impl Credential {
    pub fn parse(entry: &Value) -> Result<Self, &'static str> {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let header = text("header").and_then(|name| HeaderName::try_from(name).ok());
        let header = header.filter(|name| !is_framing(name)).ok_or("bad-credential-header")?;
        let secret = text("secret").and_then(|reference| reference.strip_prefix(REFERENCE));
        let is_name = |name: &&str| {
            let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
            !name.is_empty() && name.bytes().all(allowed)
        };
        let secret = secret.filter(is_name).ok_or("bad-credential-secret")?.to_owned();
        let word = |scheme: &&str| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let scheme = text("scheme").filter(|scheme| !scheme.is_empty());
        if scheme.is_some_and(|scheme| !word(&scheme)) {
            return Err("bad-credential-scheme");
        }
        Ok(Self { header, secret, scheme: scheme.map(str::to_owned) })
    }

    /// The value of the header.
    pub fn value(&self, secret: &str) -> Result<HeaderValue, Refusal> {
        let text = match &self.scheme {
            Some(scheme) => Zeroizing::new(format!("{scheme} {secret}")),
            None => Zeroizing::new(secret.to_owned()),
        };
        let deny = Refusal { layer: Layer::Forward, rule: "secret-unusable" };
        let plain = text.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        let mut value = HeaderValue::from_str(&text).ok().filter(|_| plain).ok_or(deny)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// A header value without the secret.
pub fn mask_text(text: &str, secret: &str) -> String {
    text.replace(secret, MASK)
}

/// A body without the secret and with its length. What is compressed stays as it is.
pub fn mask_octets(octets: &mut [u8], secret: &str) {
    let secret = secret.as_bytes();
    if secret.is_empty() || octets.len() < secret.len() {
        return;
    }
    let mut at = 0;
    while at + secret.len() <= octets.len() {
        if &octets[at..at + secret.len()] == secret {
            octets[at..at + secret.len()].fill(b'*');
            at += secret.len();
        } else {
            at += 1;
        }
    }
}
