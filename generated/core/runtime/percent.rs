//! Percent-decoding (RFC 3986 section 2.1), strict: once, UTF-8 only, no NUL.

/// Decodes a path segment.
pub fn decode(text: &str) -> Option<String> {
    decode_octets(text, false)
}

/// Decodes a key or value of a query or form, where `+` is a space.
pub fn decode_form(text: &str) -> Option<String> {
    decode_octets(text, true)
}

fn decode_octets(text: &str, plus_is_space: bool) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => (hex(rest.next()?)? << 4) | hex(rest.next()?)?,
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    if octets.contains(&0) {
        return None;
    }
    String::from_utf8(octets).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_once() {
        assert_eq!(decode("a%2Fb").as_deref(), Some("a/b"));
        assert_eq!(decode("%252e").as_deref(), Some("%2e"));
        assert_eq!(decode("%C3%A9+").as_deref(), Some("é+"));
        assert_eq!(decode_form("a+b%2B").as_deref(), Some("a b+"));
    }

    #[test]
    fn refuses_what_is_not_clean_text() {
        for text in ["%", "%4", "%zz", "%00", "%ff", "%c0%af", "%ed%a0%80", "%+1"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
