//! The negative matrix as data, so that every verifier reads the very same tokens.
//!
//! `tests/corpus/tokens.json` is made here from one seed and one moment: each case is a call token
//! with one change. This test makes it again, compares, and lets Core judge it. With
//! `VIVIFIED_WRITE_CORPUS=1` the file is written.
//!
//! What only the called plugin can see stands there too: a good token with another operation, with
//! another body, or for the second time.

mod whole;

use super::*;
use whole::{calls, encrypted, secrets, sizes, trailing_bits};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/tokens.json");
const CALLEE: &str = "beta";
const ABOUT: &str = "Call tokens for the plugin `beta`, each with one change. Verify at the time \
    `now`, in the call that `call` describes. A case with `times` is its token so many times in a \
    row. In a case with `call` the token verifies and the call is to be refused, because of another \
    operation, another body, or because the case named by `after` has used the token.";

struct Corpus(Vec<Value>);

impl Corpus {
    fn add(&mut self, class: &str, id: &str, token: String, accept: bool) {
        self.0.push(json!({ "id": id, "class": class, "accept": accept, "token": token }));
    }

    /// A text that is too long for a file: this one so many times in a row.
    fn refuse_repeated(&mut self, id: &str, text: &str, times: usize) {
        self.refuse("size", id, text.to_owned());
        self.0.last_mut().expect("just added")["times"] = times.into();
    }

    /// A token that verifies, in a call that has to be refused.
    fn refuse_call(&mut self, class: &str, id: &str, name: &str, value: &str) {
        self.refuse(class, id, good());
        self.0.last_mut().expect("just added")["call"] = json!({ name: value });
    }

    fn refuse(&mut self, class: &str, id: &str, token: String) {
        self.add(class, id, token, false);
    }
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "kid": keys().kid(), "typ": "viv-call+jwt" })
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "alpha", "aud": CALLEE, "iat": NOW, "nbf": NOW, "exp": NOW + 60,
        "jti": "jti_corpus", "op": "ping", "body_sha256": hex(&sha256(b"{}")),
        "act": { "sub": "alpha" },
    })
}

fn good() -> String {
    signed(&header().to_string(), &claims().to_string())
}

/// One member of the header or the claims with another value, or without it.
fn changed(mut value: Value, name: &str, new: Option<Value>) -> String {
    let object = value.as_object_mut().expect("an object");
    match new {
        Some(new) => drop(object.insert(name.to_owned(), new)),
        None => drop(object.remove(name)),
    }
    value.to_string()
}

fn headers(corpus: &mut Corpus) {
    let mut row = |class: &str, id: &str, name: &str, new: Option<Value>| {
        let token = signed(&changed(header(), name, new), &claims().to_string());
        corpus.refuse(class, &format!("header-{name}-{id}"), token);
    };
    for alg in [
        "none", "None", "NONE", "nOnE", "noNe", "nonE", "NoNe", "nONE", "HS256", "HS512", "RS256",
        "ES256", "PS256", "Ed25519", "eddsa", "EdDSA ", "",
    ] {
        row("algorithm", if alg.is_empty() { "empty" } else { alg }, "alg", Some(alg.into()));
    }
    row("algorithm", "absent", "alg", None);
    row("algorithm", "array", "alg", Some(json!(["EdDSA"])));
    row("algorithm", "number", "alg", Some(json!(1)));
    row("key", "absent", "kid", None);
    let kids = ["../../etc/passwd", "' OR 1=1 --", "a\u{0}b", "", "unknown"];
    for (number, kid) in kids.into_iter().enumerate() {
        row("key", &number.to_string(), "kid", Some(kid.into()));
    }
    row("key", "number", "kid", Some(json!(1)));
    row("key", "long", "kid", Some("k".repeat(5_000).into()));
    row("kind", "absent", "typ", None);
    for typ in ["JWT", "at+jwt", "viv-plugin+jwt", "viv-session+jwt", "VIV-CALL+JWT", ""] {
        row("kind", if typ.is_empty() { "empty" } else { typ }, "typ", Some(typ.into()));
    }
    let x = keys().public()[0].x.clone();
    row("member", "embedded", "jwk", Some(json!({ "kty": "OKP", "crv": "Ed25519", "x": x })));
    row("member", "remote", "jku", Some("https://keys.example/jwks.json".into()));
    row("member", "remote", "x5u", Some("https://keys.example/chain.pem".into()));
    row("member", "chain", "x5c", Some(json!(["AA=="])));
    row("member", "unknown", "crit", Some(json!(["exp"])));
    row("member", "empty", "crit", Some(json!([])));
    row("member", "false", "b64", Some(json!(false)));
    row("member", "deflate", "zip", Some("DEF".into()));
    row("member", "encryption", "enc", Some("A256GCM".into()));
    row("member", "huge", "p2c", Some(json!(2_147_483_647)));
}

fn members(corpus: &mut Corpus) {
    let mut row = |class: &str, id: &str, name: &str, new: Option<Value>| {
        let token = signed(&header().to_string(), &changed(claims(), name, new));
        corpus.refuse(class, &format!("claim-{name}-{id}"), token);
    };
    for name in ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "op", "body_sha256", "act"] {
        row("missing", "absent", name, None);
    }
    for name in ["iss", "sub", "aud", "iat", "nbf", "exp", "jti"] {
        for (id, new) in [
            ("null", json!(null)),
            ("array", json!([CALLEE])),
            ("object", json!({})),
            ("true", json!(true)),
        ] {
            row("type", id, name, Some(new));
        }
    }
    for name in ["iat", "nbf", "exp"] {
        row("type", "text", name, Some(json!("1795000060")));
        row("type", "fraction", name, Some(json!(1_795_000_060.5)));
        row("type", "negative", name, Some(json!(-1)));
    }
    for (id, aud) in [
        ("case", "Beta"),
        ("prefix", "bet"),
        ("longer", "beta2"),
        ("space", "beta "),
        ("core", "core"),
        ("list", "beta,core"),
        ("empty", ""),
    ] {
        row("audience", id, "aud", Some(aud.into()));
    }
    for (id, iss) in [("slash", "vivified-core/"), ("case", "Vivified-Core"), ("other", "other")] {
        row("issuer", id, "iss", Some(iss.into()));
    }
    row("subject", "empty", "sub", Some("".into()));
    row("extra", "unknown", "admin", Some(json!(true)));
    row("time", "day", "exp", Some(json!(NOW + 86_400)));
    row("time", "longer", "exp", Some(json!(NOW + 61)));
    row("time", "none", "exp", Some(json!(NOW)));
    row("time", "future", "nbf", Some(json!(NOW + 3_600)));
    row("time", "huge", "exp", Some(json!(i64::MAX)));
}

/// The same life at another time.
fn shifted(seconds: i64) -> String {
    let mut claims = claims();
    for (name, time) in [("iat", NOW), ("nbf", NOW), ("exp", NOW + 60)] {
        claims[name] = (time + seconds).into();
    }
    signed(&header().to_string(), &claims.to_string())
}

fn shapes(corpus: &mut Corpus) {
    let token = good();
    let parts: Vec<&str> = token.split('.').collect();
    let [head, body, signature] = parts[..] else { panic!("three segments") };
    let other = signed(&header().to_string(), &changed(claims(), "sub", Some("gamma".into())));
    let stolen = other.rsplit_once('.').expect("segments").1;
    let octets = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let with = |bytes: &[u8]| format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(bytes));
    let foreign = SigningKeys::from_seed(&[8; 32]).sign(format!("{head}.{body}").as_bytes());
    for (id, token) in [
        ("none", format!("{head}.{body}.")),
        ("stolen", format!("{head}.{body}.{stolen}")),
        ("zero", with(&[0; 64])),
        ("short", with(&octets[..63])),
        ("long", with(&[octets.as_slice(), &[0]].concat())),
        ("foreign-key", with(&foreign)),
        ("not-canonical", with(&malleable(&octets))),
        ("trailing-bits", trailing_bits(&token)),
    ] {
        corpus.refuse("signature", &format!("signature-{id}"), token);
    }
    for (id, token) in [
        ("empty", String::new()),
        ("one", head.to_owned()),
        ("two", format!("{head}.{body}")),
        ("four", format!("{token}.{signature}")),
        ("five", format!("{token}.{body}.{signature}")),
        ("leading-space", format!(" {token}")),
        ("trailing-newline", format!("{token}\n")),
        ("dots", ".".repeat(5_000)),
        ("escaped-dots", token.replace('.', "%2e")),
        ("encrypted", encrypted()),
        ("json", json!({ "protected": head, "payload": body, "signature": signature }).to_string()),
    ] {
        corpus.refuse("segments", &format!("segments-{id}"), token);
    }
    for (place, name) in ["header", "claims", "signature"].into_iter().enumerate() {
        for (id, padding) in [("one", "="), ("two", "=="), ("plus", "+"), ("newline", "\n")] {
            let mut changed: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            changed[place].push_str(padding);
            corpus.refuse("base64", &format!("base64-{name}-{id}"), changed.join("."));
        }
    }
    let (header, claims) = (header().to_string(), claims().to_string());
    for (id, new) in [
        ("first", r#""sub":"gamma","sub":"alpha""#),
        ("last", r#""sub":"alpha","sub":"gamma""#),
        ("escaped", r#""sub":"alpha","s\u0075b":"alpha""#),
    ] {
        let twice = claims.replace(r#""sub":"alpha","aud""#, &format!(r#"{new},"aud""#));
        assert_ne!(twice, claims);
        corpus.refuse("duplicate", &format!("duplicate-{id}"), signed(&header, &twice));
    }
    for (id, text) in
        [("array", "[]"), ("null", "null"), ("two", "{} {}"), ("surrogate", r#"{"sub":"\ud800"}"#)]
    {
        corpus.refuse("json", &format!("json-{id}"), signed(&header, text));
    }
    let deep = format!("{{\"sub\":{}{}}}", "[".repeat(500), "]".repeat(500));
    corpus.refuse("json", "json-deep", signed(&header, &deep));
}

fn corpus() -> Value {
    let mut corpus = Corpus(Vec::new());
    corpus.add("control", "good", good(), true);
    for (id, seconds, accept) in [
        ("ahead-30", 30, true),
        ("ahead-31", 31, false),
        ("ended-29", -89, true),
        ("ended-31", -91, false),
    ] {
        corpus.add("time", id, shifted(seconds), accept);
    }
    headers(&mut corpus);
    members(&mut corpus);
    shapes(&mut corpus);
    secrets(&mut corpus);
    sizes(&mut corpus);
    calls(&mut corpus);
    let key = keys().public()[0].clone();
    json!({
        "about": ABOUT, "call": { "operation": "ping", "body": "{}" },
        "now": NOW, "issuer": ISSUER, "audience": CALLEE, "typ": "viv-call+jwt", "skew": SKEW,
        "jwks": { "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
            "kid": key.kid, "x": key.x }] },
        "cases": corpus.0,
    })
}

/// What a called plugin asks of a token that verifies: this operation, this body, and not yet seen.
fn is_for(claims: &Claims, usual: &Value, call: &Value, seen: &[String]) -> bool {
    let part = |name: &str| call.get(name).unwrap_or(&usual[name]).as_str().unwrap_or_default();
    claims.text("op") == Some(part("operation"))
        && claims.text("body_sha256") == Some(&hex(&sha256(part("body").as_bytes())))
        && !seen.contains(&claims.token_id)
}

#[test]
fn every_case_of_the_corpus_is_judged_as_it_says() {
    let made = corpus();
    let text = format!("{}\n", serde_json::to_string_pretty(&made).expect("prints"));
    if std::env::var_os("VIVIFIED_WRITE_CORPUS").is_some() {
        std::fs::write(FILE, &text).expect("writes");
    }
    let kept = std::fs::read_to_string(FILE).expect("the corpus is there");
    assert!(kept == text, "the corpus is stale; run this test with VIVIFIED_WRITE_CORPUS=1");
    let cases = made["cases"].as_array().expect("a list");
    let first = verify(&keys(), NOW, TokenKind::Call, CALLEE, &good()).expect("verifies");
    let mut ids = std::collections::BTreeSet::new();
    let (mut accepted, mut refused, mut refused_calls) = (0, 0, 0);
    for case in cases {
        let id = case["id"].as_str().expect("a name");
        assert!(ids.insert(id), "{id} stands twice");
        let times = case["times"].as_u64().map_or(1, |times| times as usize);
        let token = case["token"].as_str().expect("a token").repeat(times);
        let claims = verify(&keys(), NOW, TokenKind::Call, CALLEE, &token).ok();
        if case["call"].is_object() {
            let claims = claims.expect("verifies but for the call");
            let seen = case["call"]["after"].as_str().map(|_| first.token_id.clone());
            assert!(!is_for(&claims, &made["call"], &case["call"], seen.as_slice()), "{id}");
            refused_calls += 1;
            continue;
        }
        let good = claims.is_some();
        assert_eq!(good, case["accept"] == true, "{id}");
        *(if good { &mut accepted } else { &mut refused }) += 1;
    }
    assert_eq!(accepted, 3, "control: good ones pass");
    assert!(refused > 140, "{refused}");
    assert!(
        is_for(&first, &made["call"], &json!({}), &[]),
        "control: the call of a good token is taken"
    );
    println!("{accepted} accepted, {refused} refused, {refused_calls} refused by the call alone");
}
