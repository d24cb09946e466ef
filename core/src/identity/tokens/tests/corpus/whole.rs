//! Cases that are wrong as a whole: another kind of token, a size nobody may read, a good token in
//! a call that it is not for.

use super::*;

/// Another last character that decodes to the same octets when its unused bits are not looked at.
pub fn trailing_bits(token: &str) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = token.chars().last().expect("not empty");
    let place = alphabet.find(last).expect("in the alphabet");
    let other = char::from(alphabet.as_bytes()[place ^ 1]);
    format!("{}{other}", &token[..token.len() - 1])
}

/// Five segments of an encrypted token whose key is derived so slowly that nobody may begin.
pub fn encrypted() -> String {
    let header = json!({ "alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "zip": "DEF",
        "p2s": "c2FsdA", "p2c": 2_147_483_647, "typ": "viv-call+jwt", "kid": keys().kid() });
    let part = |length: usize| URL_SAFE_NO_PAD.encode(vec![7; length]);
    format!("{}.{}.{}.{}.{}", encode(&header), part(24), part(12), part(200), part(16))
}

/// The public key as the secret of a tag, in every form in which it lies about.
pub fn secrets(corpus: &mut Corpus) {
    let text = keys().public()[0].x.clone();
    let raw = URL_SAFE_NO_PAD.decode(&text).expect("base64url");
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let der = [prefix.as_slice(), &raw].concat();
    let lines = base64::engine::general_purpose::STANDARD.encode(&der);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n");
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{text}"}}"#);
    for (id, secret) in [
        ("raw", raw.as_slice()),
        ("text", text.as_bytes()),
        ("der", der.as_slice()),
        ("pem", pem.as_bytes()),
        ("jwk", jwk.as_bytes()),
        ("empty", b""),
    ] {
        let mut header = header();
        header["alg"] = "HS256".into();
        let message = format!("{}.{}", encode(&header), encode(&claims()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
        corpus.refuse("secret", &format!("secret-{id}"), token);
    }
}

pub fn sizes(corpus: &mut Corpus) {
    const MEBIBYTE: usize = 1024 * 1024;
    corpus.refuse_repeated("size-dots", ".", MEBIBYTE);
    corpus.refuse_repeated("size-letters", "A", MEBIBYTE);
    corpus.refuse_repeated("size-segments", "e30.", MEBIBYTE / 4);
    corpus.refuse_repeated("size-spaces", " ", MEBIBYTE);
    let mut many = claims();
    for number in 0..400 {
        many[format!("claim-{number}")] = number.into();
    }
    corpus.refuse("size", "size-claims", signed(&header().to_string(), &many.to_string()));
}

pub fn calls(corpus: &mut Corpus) {
    for (id, operation) in [("other", "fail"), ("case", "Ping"), ("longer", "ping2"), ("empty", "")]
    {
        corpus.refuse_call("operation", &format!("operation-{id}"), "operation", operation);
    }
    for (id, body) in [("space", "{ }"), ("member", r#"{"a":1}"#), ("empty", ""), ("line", "{}\n")]
    {
        corpus.refuse_call("body", &format!("body-{id}"), "body", body);
    }
    corpus.refuse_call("replay", "replay-second", "after", "good");
}
