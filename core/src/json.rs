//! Canonical JSON: one text per value, for digests and signatures.
//!
//! Keys stand in byte order and nothing is optional, because the maps of `serde_json` keep the
//! order of their input here and would give one value many digests. For keys in ASCII and numbers
//! that are integers, which is all that Core hashes of its own, this is RFC 8785.

use ring::digest::{SHA256, digest};
use serde_json::Value;

pub use vivified_contract::runtime::parse_json;

/// The value with sorted keys and no white space.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

/// SHA-256 over the canonical text.
pub fn canonical_digest(value: &Value) -> [u8; 32] {
    sha256(canonical(value).as_bytes())
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 octets")
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for digit in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.push(char::from(DIGITS[usize::from(digit)]));
    }
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<_> = object.iter().collect();
            keys.sort_unstable_by_key(|(key, _)| key.as_bytes());
            text.push('{');
            for (position, (key, value)) in keys.into_iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                text.push_str(&Value::String(key.clone()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_change_the_digest() {
        let one: Value = serde_json::from_str(r#"{"b":[{"z":1,"a":null}],"a":"\u000a"}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{ "a":"\n", "b":[{"a":null,"z":1}] }"#).unwrap();
        assert_eq!(canonical(&one), r#"{"a":"\n","b":[{"a":null,"z":1}]}"#);
        assert_eq!(canonical_digest(&one), canonical_digest(&two));
        let other: Value = serde_json::from_str(r#"{"a":"\n","b":[{"a":null,"z":2}]}"#).unwrap();
        assert_ne!(canonical_digest(&one), canonical_digest(&other));
    }

    #[test]
    fn hex_is_lower_case_and_keeps_zeros() {
        assert_eq!(hex(&[0, 15, 160, 255]), "000fa0ff");
    }
}
