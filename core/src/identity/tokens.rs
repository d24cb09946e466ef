//! Tokens of Core: compact JWS with EdDSA (RFC 7515, RFC 8037), one `typ` per kind.
//!
//! The verifier is our own and small, because its order is the point: each step may rely on the
//! one before, nothing is looked at before the signature but what the signature needs, and any
//! surprise is a refusal. A token of one kind is never one of another: `typ` and `aud` both differ.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

use super::keys::SigningKeys;
use crate::json::{hex, parse_json, sha256};
use crate::random;
use crate::store::StoreError;

/// Who signs.
pub const ISSUER: &str = "vivified-core";
/// The audience of tokens that Core itself takes.
pub const CORE_AUDIENCE: &str = "core";
/// Clocks may differ by this much, in seconds.
pub const SKEW: i64 = 30;
/// No token lives longer, in seconds.
pub(super) const LONGEST_LIFE: i64 = 1_800;
const LARGEST: usize = 4 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A signed-in person.
    Session,
    /// A registered plugin.
    Plugin,
    /// One call through the gateway, from Core to a callee.
    Call,
}

impl TokenKind {
    pub fn typ(self) -> &'static str {
        match self {
            Self::Session => "viv-session+jwt",
            Self::Plugin => "viv-plugin+jwt",
            Self::Call => "viv-call+jwt",
        }
    }

    /// Seconds; a token that claims to live longer is refused. That of a session ends with the
    /// idle limit, which an operator may set lower.
    pub fn life(self) -> i64 {
        match self {
            Self::Session => LONGEST_LIFE,
            Self::Plugin => 900,
            Self::Call => 60,
        }
    }

    /// Claims beside the registered ones; a token holds exactly these.
    fn own_claims(self) -> &'static [&'static str] {
        match self {
            Self::Session => &["sid"],
            Self::Plugin => &["gen"],
            Self::Call => &["act", "op", "body_sha256"],
        }
    }
}

/// A verified token. Exists only as the answer of [`verify`].
#[derive(Debug, Clone)]
pub struct Claims {
    pub subject: String,
    pub issued_at: i64,
    pub expires_at: i64,
    pub token_id: String,
    own: Map<String, Value>,
}

impl Claims {
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.own.get(claim).and_then(Value::as_str)
    }

    pub fn integer(&self, claim: &str) -> Option<i64> {
        self.own.get(claim).and_then(Value::as_i64)
    }

    /// The plugins a call has passed, the outermost caller first (RFC 8693 section 4.1).
    pub fn chain(&self) -> Vec<String> {
        let mut chain = Vec::new();
        let mut actor = self.own.get("act");
        while let Some(sub) = actor.and_then(|actor| actor.get("sub")).and_then(Value::as_str) {
            chain.push(sub.to_owned());
            actor = actor.and_then(|actor| actor.get("act"));
        }
        chain.reverse();
        chain
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token has ended")]
    Expired,
    #[error("the token is not valid")]
    Invalid,
}

/// A token as it travels. Prints nothing of it.
#[derive(Clone)]
pub struct IssuedToken {
    text: zeroize::Zeroizing<String>,
    pub expires_in: i64,
}

impl IssuedToken {
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "IssuedToken(expires in {} s)", self.expires_in)
    }
}

/// One call that Core forwards.
#[derive(Debug, Clone)]
pub struct CallGrant<'a> {
    pub caller: &'a str,
    pub callee: &'a str,
    pub operation: &'a str,
    pub body: &'a [u8],
    /// Plugins the call has passed before `caller`, the outermost first.
    pub chain: &'a [String],
}

pub fn issue_session(
    keys: &SigningKeys,
    now: i64,
    life: i64,
    user_id: &str,
    session_id: &str,
) -> Result<IssuedToken, StoreError> {
    let own = SessionClaims { sid: session_id };
    let kind = TokenKind::Session;
    issue(keys, kind, (now, life.min(kind.life())), user_id, CORE_AUDIENCE, own)
}

/// `generation` ends all older tokens of the plugin when it grows.
pub fn issue_plugin(
    keys: &SigningKeys,
    now: i64,
    plugin_id: &str,
    generation: i64,
) -> Result<IssuedToken, StoreError> {
    let (kind, own) = (TokenKind::Plugin, PluginClaims { generation });
    issue(keys, kind, (now, kind.life()), plugin_id, CORE_AUDIENCE, own)
}

pub fn issue_call(
    keys: &SigningKeys,
    now: i64,
    call: &CallGrant<'_>,
) -> Result<IssuedToken, StoreError> {
    let outer = call.chain.iter().fold(None, |act, sub| Some(Actor::new(sub, act)));
    let own = CallClaims {
        op: call.operation,
        body_sha256: hex(&sha256(call.body)),
        act: Actor::new(call.caller, outer),
    };
    let kind = TokenKind::Call;
    issue(keys, kind, (now, kind.life()), call.caller, call.callee, own)
}

fn issue(
    keys: &SigningKeys,
    kind: TokenKind,
    (now, life): (i64, i64),
    subject: &str,
    audience: &str,
    own: impl Serialize,
) -> Result<IssuedToken, StoreError> {
    let header = Header { alg: "EdDSA", kid: keys.kid(), typ: kind.typ() };
    let claims = RegisteredClaims {
        iss: ISSUER,
        sub: subject,
        aud: audience,
        iat: now,
        nbf: now,
        exp: now + life,
        jti: random::id("jti")?,
        own,
    };
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = URL_SAFE_NO_PAD.encode(keys.sign(signed.as_bytes()));
    Ok(IssuedToken { text: format!("{signed}.{signature}").into(), expires_in: life })
}

fn encode(value: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).expect("texts and numbers are JSON"))
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
}

/// RFC 7519 section 4.1, and what each kind adds.
#[derive(Serialize)]
struct RegisteredClaims<'a, Own> {
    iss: &'static str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    #[serde(flatten)]
    own: Own,
}

#[derive(Serialize)]
struct SessionClaims<'a> {
    sid: &'a str,
}

#[derive(Serialize)]
struct PluginClaims {
    #[serde(rename = "gen")]
    generation: i64,
}

#[derive(Serialize)]
struct CallClaims<'a> {
    op: &'a str,
    body_sha256: String,
    act: Actor<'a>,
}

/// Who acts, and for whom (RFC 8693 section 4.1).
#[derive(Serialize)]
struct Actor<'a> {
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Box<Actor<'a>>>,
}

impl<'a> Actor<'a> {
    fn new(sub: &'a str, act: Option<Self>) -> Self {
        Self { sub, act: act.map(Box::new) }
    }
}

/// The kind a token claims to be, before anything of it is believed.
pub fn claimed_kind(token: &str) -> Option<TokenKind> {
    let header = header_of(token)?;
    let typ = header.get("typ")?.as_str()?;
    [TokenKind::Session, TokenKind::Plugin, TokenKind::Call]
        .into_iter()
        .find(|kind| kind.typ() == typ)
}

fn header_of(token: &str) -> Option<Map<String, Value>> {
    if token.len() > LARGEST {
        return None;
    }
    object(token.split('.').next()?)
}

/// Verifies in the order: size, three segments, header, algorithm and type, key, signature,
/// claims and their types, issuer and audience, times, life.
pub fn verify(
    keys: &SigningKeys,
    now: i64,
    kind: TokenKind,
    audience: &str,
    token: &str,
) -> Result<Claims, TokenError> {
    let claims = signed_claims(keys, kind, token).ok_or(TokenError::Invalid)?;
    let claims = typed_claims(claims, kind, audience).ok_or(TokenError::Invalid)?;
    within_time(&claims, kind, now)?;
    Ok(claims)
}

/// What the token says, once the signature has been checked.
fn signed_claims(keys: &SigningKeys, kind: TokenKind, token: &str) -> Option<Map<String, Value>> {
    let header = header_of(token)?;
    let segments: Vec<&str> = token.split('.').collect();
    let [head, body, signature] = segments[..] else { return None };
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    if header.len() != 3 || text("alg") != Some("EdDSA") || text("typ") != Some(kind.typ()) {
        return None;
    }
    let key = keys.find(text("kid")?)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let signed = &token[..head.len() + 1 + body.len()];
    if !key.verifies(signed.as_bytes(), &signature) {
        return None;
    }
    object(body)
}

fn typed_claims(mut claims: Map<String, Value>, kind: TokenKind, audience: &str) -> Option<Claims> {
    let mut text = |name: &str| match claims.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let (issuer, given_audience) = (text("iss")?, text("aud")?);
    let (subject, token_id) = (text("sub")?, text("jti")?);
    if issuer != ISSUER || given_audience != audience {
        return None;
    }
    // Whole seconds only: `1e400`, `"1"` and `1.5` are none.
    let mut second = |name: &str| claims.remove(name).and_then(|value| value.as_i64());
    let (issued_at, not_before, expires_at) = (second("iat")?, second("nbf")?, second("exp")?);
    let own = kind.own_claims();
    let complete = claims.len() == own.len() && own.iter().all(|name| claims.contains_key(*name));
    if !complete || not_before != issued_at || issued_at < 0 || expires_at <= issued_at {
        return None;
    }
    Some(Claims { subject, issued_at, expires_at, token_id, own: claims })
}

pub(super) fn within_time(claims: &Claims, kind: TokenKind, now: i64) -> Result<(), TokenError> {
    if claims.expires_at.saturating_sub(claims.issued_at) > kind.life() {
        return Err(TokenError::Invalid);
    }
    if claims.issued_at > now + SKEW {
        return Err(TokenError::Invalid);
    }
    if claims.expires_at + SKEW <= now {
        return Err(TokenError::Expired);
    }
    Ok(())
}

fn object(segment: &str) -> Option<Map<String, Value>> {
    let octets = URL_SAFE_NO_PAD.decode(segment).ok()?;
    match parse_json(&octets) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
