//! The negative matrix: everything that is nearly a token and must be refused. Each row is built
//! from a good token by one change, and re-signed where the change is under the signature, so
//! that exactly the step under test can refuse it. The control is the unchanged token.

use ring::hmac;
use serde_json::json;

use super::*;

mod corpus;

const NOW: i64 = 1_795_000_000;

fn keys() -> SigningKeys {
    SigningKeys::from_seed(&[9; 32])
}

fn plugin_token() -> String {
    issue_plugin(&keys(), NOW, "alpha", 1).expect("issues").expose().to_owned()
}

fn check(token: &str) -> Result<Claims, TokenError> {
    verify(&keys(), NOW, TokenKind::Plugin, CORE_AUDIENCE, token)
}

fn segments(token: &str) -> (Value, Value, String) {
    let parts: Vec<&str> = token.split('.').collect();
    let value = |part: &str| {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    (value(parts[0]), value(parts[1]), parts[2].to_owned())
}

/// A token with any header and claims, properly signed.
fn signed(header: &str, claims: &str) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(keys().sign(text.as_bytes()));
    format!("{text}.{signature}")
}

/// The same signature with S + L: the same point, not in canonical form (RFC 8032 section 5.1.7).
fn malleable(signature: &[u8]) -> Vec<u8> {
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut malleable = signature.to_vec();
    let mut carry = 0_u16;
    for (place, part) in order.iter().enumerate() {
        let sum = u16::from(malleable[32 + place]) + u16::from(*part) + carry;
        malleable[32 + place] = u8::try_from(sum & 0xff).expect("masked");
        carry = sum >> 8;
    }
    malleable
}

fn with_header(change: impl FnOnce(&mut Value)) -> String {
    let (mut header, claims, _) = segments(&plugin_token());
    change(&mut header);
    signed(&header.to_string(), &claims.to_string())
}

fn with_claims(change: impl FnOnce(&mut Value)) -> String {
    let (header, mut claims, _) = segments(&plugin_token());
    change(&mut claims);
    signed(&header.to_string(), &claims.to_string())
}

#[test]
fn control_good_tokens_of_each_kind_verify_as_their_kind_only() {
    let keys = keys();
    let chain = ["outer".to_owned()];
    let call = CallGrant {
        caller: "alpha",
        callee: "beta",
        operation: "ping",
        body: b"{}",
        chain: &chain,
    };
    let tokens = [
        (TokenKind::Session, CORE_AUDIENCE, issue_session(&keys, NOW, 900, "usr_1", "ses_1")),
        (TokenKind::Plugin, CORE_AUDIENCE, issue_plugin(&keys, NOW, "alpha", 1)),
        (TokenKind::Call, "beta", issue_call(&keys, NOW, &call)),
    ];
    for (kind, audience, token) in &tokens {
        let token = token.as_ref().expect("issues");
        assert_eq!(claimed_kind(token.expose()), Some(*kind));
        for (other, other_audience, _) in &tokens {
            let result = verify(&keys, NOW, *other, other_audience, token.expose());
            assert_eq!(result.is_ok(), kind == other && audience == other_audience);
        }
    }
    let call = tokens[2].2.as_ref().expect("issues");
    let claims = verify(&keys, NOW, TokenKind::Call, "beta", call.expose()).expect("verifies");
    assert_eq!(claims.subject, "alpha");
    assert_eq!(claims.chain(), ["outer", "alpha"]);
    assert_eq!(claims.text("op"), Some("ping"));
    assert_eq!(claims.text("body_sha256"), Some(hex(&sha256(b"{}")).as_str()));
    assert_eq!(claims.expires_at - claims.issued_at, 60);
    assert!(verify(&keys, NOW, TokenKind::Call, "alpha", call.expose()).is_err());
}

#[test]
fn algorithms_other_than_eddsa_are_refused() {
    for alg in [
        "none", "None", "NONE", "nOnE", "noNe", "nonE", "NoNe", "nONE", "HS256", "HS512", "RS256",
        "ES256", "PS256", "Ed25519", "eddsa", "EDDSA", "EdDSA ", "",
    ] {
        let token = with_header(|header| header["alg"] = alg.into());
        assert_eq!(check(&token).err(), Some(TokenError::Invalid), "{alg}");
        let (head, body) = token
            .rsplit_once('.')
            .map(|(signed, _)| signed)
            .and_then(|signed| signed.split_once('.'))
            .expect("segments");
        assert!(check(&format!("{head}.{body}.")).is_err(), "{alg} without a signature");
    }
    for alg in [json!(["EdDSA"]), json!(1), json!(null), json!({ "alg": "EdDSA" })] {
        assert!(check(&with_header(|header| header["alg"] = alg.clone())).is_err(), "{alg}");
    }
    let missing = with_header(|header| {
        header.as_object_mut().expect("object").remove("alg");
    });
    assert!(check(&missing).is_err());
}

#[test]
fn the_public_key_is_no_shared_secret() {
    let keys = keys();
    let raw = URL_SAFE_NO_PAD.decode(&keys.public()[0].x).expect("base64url");
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, keys.public()[0].x);
    for secret in [raw.as_slice(), keys.public()[0].x.as_bytes(), jwk.as_bytes(), b""] {
        let (mut header, claims, _) = segments(&plugin_token());
        header["alg"] = "HS256".into();
        let text = format!("{}.{}", encode(&header), encode(&claims));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
        let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
        assert_eq!(check(&token).err(), Some(TokenError::Invalid));
    }
}

#[test]
fn headers_hold_exactly_three_members() {
    for (name, value) in [
        ("jwk", json!({ "kty": "OKP", "crv": "Ed25519", "x": keys().public()[0].x })),
        ("jku", json!("https://keys.example/jwks.json")),
        ("x5u", json!("https://keys.example/chain.pem")),
        ("x5c", json!(["AA=="])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("p2c", json!(2_147_483_647)),
        ("cty", json!("JWT")),
    ] {
        assert!(check(&with_header(|header| header[name] = value.clone())).is_err(), "{name}");
    }
    for kid in [
        json!("../../etc/passwd"),
        json!("' OR 1=1 --"),
        json!("a\u{0}b"),
        json!("k".repeat(65_536)),
        json!(1),
        json!(null),
        json!(""),
        json!(PublicKey::new(&[1; 32]).kid),
    ] {
        assert!(check(&with_header(|header| header["kid"] = kid.clone())).is_err());
    }
    for typ in ["JWT", "at+jwt", "viv-session+jwt", "viv-call+jwt", "VIV-PLUGIN+JWT", ""] {
        assert!(check(&with_header(|header| header["typ"] = typ.into())).is_err(), "{typ}");
    }
}

#[test]
fn claims_are_complete_typed_and_nothing_else() {
    for name in ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "gen"] {
        let missing = with_claims(|claims| {
            claims.as_object_mut().expect("object").remove(name);
        });
        assert_eq!(check(&missing).err(), Some(TokenError::Invalid), "{name} is missing");
        for wrong in [json!(null), json!(["core"]), json!({}), json!(true), json!(1.5)] {
            if name == "gen" {
                continue;
            }
            let token = with_claims(|claims| claims[name] = wrong.clone());
            assert_eq!(check(&token).err(), Some(TokenError::Invalid), "{name} = {wrong}");
        }
    }
    for aud in ["Core", "core ", "cor", "core/", "alpha", "https://core", "core,alpha", ""] {
        assert!(check(&with_claims(|claims| claims["aud"] = aud.into())).is_err(), "{aud}");
    }
    for iss in ["vivified-core/", "Vivified-core", "https://vivified-core", "other", ""] {
        assert!(check(&with_claims(|claims| claims["iss"] = iss.into())).is_err(), "{iss}");
    }
    assert!(check(&with_claims(|claims| claims["sub"] = "".into())).is_err());
    assert!(check(&with_claims(|claims| claims["admin"] = true.into())).is_err());
    assert!(check(&with_claims(|claims| claims["sid"] = "ses_1".into())).is_err());
}

#[test]
fn times_are_whole_seconds_within_skew_and_life() {
    let at = |name: &'static str, value: i64| with_claims(|claims| claims[name] = value.into());
    for value in ["\"9999999999\"", "1e400", "9.9e9", "-1", "\"\"", "9999999999.5"] {
        let (header, claims, _) = segments(&plugin_token());
        let text = claims
            .to_string()
            .replace(&format!("\"exp\":{}", NOW + 900), &format!("\"exp\":{value}"));
        assert!(text.contains(value), "the row changes the token");
        assert!(check(&signed(&header.to_string(), &text)).is_err(), "exp = {value}");
    }
    let issued = |shift: i64, life: i64| {
        with_claims(|claims| {
            claims["iat"] = (NOW + shift).into();
            claims["nbf"] = (NOW + shift).into();
            claims["exp"] = (NOW + shift + life).into();
        })
    };
    assert!(check(&issued(30, 900)).is_ok(), "a clock 30 s ahead");
    assert_eq!(check(&issued(31, 900)).err(), Some(TokenError::Invalid));
    assert!(check(&issued(-929, 900)).is_ok(), "ended 29 s ago");
    assert_eq!(check(&issued(-931, 900)).err(), Some(TokenError::Expired), "ended 31 s ago");
    assert_eq!(check(&issued(0, 901)).err(), Some(TokenError::Invalid), "lives too long");
    assert_eq!(check(&issued(0, 86_400)).err(), Some(TokenError::Invalid));
    assert_eq!(check(&issued(0, 0)).err(), Some(TokenError::Invalid));
    assert_eq!(check(&at("nbf", NOW + 3_600)).err(), Some(TokenError::Invalid));
    assert_eq!(check(&at("exp", i64::MAX)).err(), Some(TokenError::Invalid));
    assert_eq!(check(&at("iat", i64::MIN)).err(), Some(TokenError::Invalid));
}

#[test]
fn duplicate_members_are_refused_whichever_would_win() {
    let (header, claims, _) = segments(&plugin_token());
    let (header, claims) = (header.to_string(), claims.to_string());
    for (old, new) in [
        ("\"sub\":\"alpha\"", "\"sub\":\"alpha\",\"sub\":\"beta\""),
        ("\"sub\":\"alpha\"", "\"sub\":\"beta\",\"sub\":\"alpha\""),
        ("\"sub\":\"alpha\"", "\"sub\":\"alpha\",\"s\\u0075b\":\"alpha\""),
    ] {
        let twice = claims.replace(old, new);
        assert_ne!(twice, claims);
        assert!(check(&signed(&header, &twice)).is_err(), "{new}");
    }
    let twice = header.replace("\"alg\":\"EdDSA\"", "\"alg\":\"none\",\"alg\":\"EdDSA\"");
    assert_ne!(twice, header);
    assert!(check(&signed(&twice, &claims)).is_err());
}

#[test]
fn the_signature_covers_every_octet() {
    let token = plugin_token();
    for position in 0..token.len() {
        let mut octets = token.clone().into_bytes();
        octets[position] = if octets[position] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(octets).expect("ASCII");
        if changed != token {
            assert!(check(&changed).is_err(), "octet {position}");
        }
    }
    let other = issue_plugin(&keys(), NOW, "beta", 1).expect("issues");
    let (signed, _) = token.rsplit_once('.').expect("segments");
    let (_, stolen) = other.expose().rsplit_once('.').expect("segments");
    assert!(check(&format!("{signed}.{stolen}")).is_err());
    let foreign = SigningKeys::from_seed(&[8; 32]);
    let forged = issue_plugin(&foreign, NOW, "alpha", 1).expect("issues");
    assert!(check(forged.expose()).is_err());
}

#[test]
fn a_signature_in_another_form_is_another_text_and_refused() {
    let token = plugin_token();
    let (signed, signature) = token.rsplit_once('.').expect("segments");
    let octets = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    for broken in [
        malleable(&octets),
        Vec::new(),
        vec![0; 64],
        octets[..63].to_vec(),
        [octets.as_slice(), &[0]].concat(),
    ] {
        let text = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(broken));
        assert!(check(&text).is_err());
    }
}

#[test]
fn base64_is_strict_and_segments_are_three() {
    let token = plugin_token();
    let parts: Vec<&str> = token.split('.').collect();
    let mut broken = vec![
        String::new(),
        ".".into(),
        "..".into(),
        ".".repeat(1024 * 1024),
        parts[0].into(),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{}", parts[2]),
        format!("{token}.{}.{}", parts[1], parts[2]),
        format!(" {token}"),
        format!("{token}\n"),
        token.replace('.', "%2e"),
        format!("{{\"protected\":\"{}\",\"payload\":\"{}\"}}", parts[0], parts[1]),
    ];
    for place in 0..3 {
        for padding in ["=", "==", "\n", " ", "\t", "\0", "+", "/", "é"] {
            let mut changed: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            changed[place].push_str(padding);
            broken.push(changed.join("."));
            changed[place] = format!("{padding}{}", parts[place]);
            broken.push(changed.join("."));
        }
    }
    for token in &broken {
        assert!(check(token).is_err(), "{} octets", token.len());
    }
}

#[test]
fn trailing_bits_of_base64_are_refused() {
    let token = plugin_token();
    let (signed, signature) = token.rsplit_once('.').expect("segments");
    // 64 octets leave four unused bits in the last character.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = signature.chars().last().expect("not empty");
    let place = alphabet.find(last).expect("in the alphabet");
    for bits in 1..16 {
        let other = alphabet.as_bytes()[(place & !15) | ((place + bits) & 15)] as char;
        let changed = format!("{signed}.{}{other}", &signature[..signature.len() - 1]);
        assert!(check(&changed).is_err());
    }
}

#[test]
fn huge_and_deep_tokens_are_refused_before_they_are_read() {
    let many = with_claims(|claims| {
        for number in 0..1_000 {
            claims[format!("claim-{number}")] = number.into();
        }
    });
    assert!(many.len() > LARGEST);
    assert!(check(&many).is_err());
    let (header, _, _) = segments(&plugin_token());
    let deep = format!("{{\"sub\":{}{}}}", "[".repeat(500), "]".repeat(500));
    assert!(check(&signed(&header.to_string(), &deep)).is_err());
    for claims in ["[]", "null", "\"text\"", "1", "{\"sub\":\"\\ud800\"}", "{} {}", "\u{feff}{}"] {
        assert!(check(&signed(&header.to_string(), claims)).is_err(), "{claims}");
    }
}

#[test]
fn a_second_library_reads_our_tokens_the_same_way() {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation};
    install_oracle();
    let keys = keys();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let token = issue_plugin(&keys, now, "alpha", 7).expect("issues");
    let header = jsonwebtoken::decode_header(token.expose()).expect("decodes");
    assert_eq!(header.kid.as_deref(), Some(keys.kid()));
    let key = DecodingKey::from_ed_components(&keys.public()[0].x).expect("a key");
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&[CORE_AUDIENCE]);
    rules.set_issuer(&[ISSUER]);
    let data = jsonwebtoken::decode::<Value>(token.expose(), &key, &rules).expect("verifies");
    assert_eq!(data.claims["sub"], "alpha");
    rules.set_audience(&["other"]);
    assert!(jsonwebtoken::decode::<Value>(token.expose(), &key, &rules).is_err());
    rules.set_audience(&[CORE_AUDIENCE]);
    rules.set_issuer(&["other"]);
    assert!(jsonwebtoken::decode::<Value>(token.expose(), &key, &rules).is_err());
}

/// The library leaves the arithmetic to a provider; this one verifies Ed25519 by ring.
fn install_oracle() {
    use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
    use jsonwebtoken::{Algorithm, DecodingKey, errors};

    struct Oracle(Vec<u8>);

    impl signature::Verifier<Vec<u8>> for Oracle {
        fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
            let valid = PublicKey::new(&self.0).verifies(message, signature);
            if valid { Ok(()) } else { Err(signature::Error::new()) }
        }
    }

    impl JwtVerifier for Oracle {
        fn algorithm(&self) -> Algorithm {
            Algorithm::EdDSA
        }
    }

    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |_, _| Err(errors::ErrorKind::InvalidAlgorithm.into()),
        verifier_factory: |algorithm: &Algorithm, key: &DecodingKey| {
            if *algorithm != Algorithm::EdDSA {
                return Err(errors::ErrorKind::InvalidAlgorithm.into());
            }
            Ok(Box::new(Oracle(key.try_get_as_bytes()?.to_vec())))
        },
        key_utils: KeyUtils::new_unimplemented(),
    };
    let _ = PROVIDER.install_default();
}

use super::super::keys::PublicKey;
