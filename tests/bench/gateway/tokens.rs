//! Tokens in number: of registered plugins, signed by the key of a Core folder, and for the peer
//! that verifies ES256.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use vivified_core::{Clock, Core};

use crate::hop;

/// What stands before the point in the DER of a P-256 public key (RFC 5480).
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Prints fresh tokens of the callers that are registered in this folder, in turn.
pub async fn plugins(folder: &str, count: usize) {
    let core = Core::open(&hop::config(folder), Clock::system()).await.unwrap();
    let callers: Vec<_> = core
        .registry
        .all()
        .into_iter()
        .filter(|plugin| plugin.plugin_id.starts_with("caller"))
        .collect();
    for plugin in callers.iter().cycle().take(count) {
        let token = core.identity.plugin_token(&plugin.plugin_id, plugin.generation).unwrap();
        println!("{}", token.expose());
    }
    core.close().await;
}

/// Writes `es256.pem` and prints tokens that it verifies.
pub fn es256(folder: &str, count: usize) {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pair.as_ref(), &random).unwrap();
    let der = [&SPKI[..], pair.public_key().as_ref()].concat();
    let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        writeln!(pem, "{}", std::str::from_utf8(line).unwrap()).unwrap();
    }
    pem.push_str("-----END PUBLIC KEY-----\n");
    std::fs::write(Path::new(folder).join("es256.pem"), pem).unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"bench","typ":"viv-plugin+jwt"}"#);
    for number in 0..count {
        // As many claims as a plugin token of Core has.
        let claims = format!(
            r#"{{"iss":"vivified-core","sub":"caller_{number}","aud":"core","iat":1,"nbf":1,"exp":9999999999,"jti":"jti_{number:032}","gen":1}}"#
        );
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = pair.sign(&random, signed.as_bytes()).unwrap();
        println!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
    }
}
