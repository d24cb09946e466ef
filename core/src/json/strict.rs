//! Strict JSON (RFC 8259): duplicate keys, deep nesting, bad UTF-8 and lone surrogates are
//! refused, so that nobody behind this reads another meaning out of the same octets.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Arrays and objects inside each other, at most.
pub const MAXIMUM_DEPTH: usize = 64;

const DUPLICATE: &str = "duplicate key";
const DEPTH: &str = "nesting too deep";

/// Why a text is no JSON for us, and where. Holds nothing of the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonFault {
    Syntax { line: usize, column: usize },
    DuplicateKey { line: usize, column: usize },
    TooDeep { line: usize, column: usize },
}

impl JsonFault {
    /// The id of the broken rule.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Syntax { .. } => "json",
            Self::DuplicateKey { .. } => "duplicate_key",
            Self::TooDeep { .. } => "depth",
        }
    }
}

impl fmt::Display for JsonFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column } => {
                write!(out, "is not valid JSON at line {line}, column {column}")
            }
            Self::DuplicateKey { line, column } => {
                write!(out, "repeats a key of an object at line {line}, column {column}")
            }
            Self::TooDeep { line, column } => write!(
                out,
                "nests more than {MAXIMUM_DEPTH} levels at line {line}, column {column}"
            ),
        }
    }
}

impl std::error::Error for JsonFault {}

/// Reads exactly one JSON value.
pub fn parse_json(text: &[u8]) -> Result<Value, JsonFault> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    Strict { depth: 0 }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| fault(&error))
}

fn fault(error: &serde_json::Error) -> JsonFault {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    if text.starts_with(DUPLICATE) {
        JsonFault::DuplicateKey { line, column }
    } else if text.starts_with(DEPTH) || text.starts_with("recursion limit") {
        JsonFault::TooDeep { line, column }
    } else {
        JsonFault::Syntax { line, column }
    }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inside<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAXIMUM_DEPTH {
            return Err(E::custom(DEPTH));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(inside)?;
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom(DUPLICATE));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(text: &[u8]) -> &'static str {
        parse_json(text).map_or_else(JsonFault::rule, |_| "accepted")
    }

    #[test]
    fn plain_documents_are_read_as_serde_reads_them() {
        let text = br#"{"a":[1,-2,1.5,true,null,"\u00e9"],"b":{},"c":18446744073709551615}"#;
        assert_eq!(parse_json(text).unwrap(), serde_json::from_slice::<Value>(text).unwrap());
        assert_eq!(parse_json(b" 1 ").unwrap(), json!(1));
    }

    #[test]
    fn duplicate_keys_are_refused_also_when_escaped() {
        assert_eq!(rule(br#"{"a":1,"a":2}"#), "duplicate_key");
        assert_eq!(rule(br#"{"x":{"a":1,"\u0061":2}}"#), "duplicate_key");
    }

    #[test]
    fn depth_is_bounded_at_its_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(rule(nested(MAXIMUM_DEPTH).as_bytes()), "accepted");
        assert_eq!(rule(nested(MAXIMUM_DEPTH + 1).as_bytes()), "depth");
        assert_eq!(rule("[".repeat(100_000).as_bytes()), "depth");
        assert_eq!(rule("{\"a\":".repeat(100_000).as_bytes()), "depth");
    }

    #[test]
    fn malformed_texts_are_refused() {
        for text in [
            &b""[..],
            b"{",
            b"1 2",
            b"\xef\xbb\xbf{}",
            b"\"\\ud800\"",
            b"\"\xff\"",
            b"\"\xc0\xaf\"",
            b"1e309",
            b"NaN",
            b"{'a':1}",
            b"[1,]",
            b"01",
            b"\"\n\"",
        ] {
            assert_eq!(rule(text), "json", "{text:?}");
        }
    }

    #[test]
    fn a_fault_says_where_and_never_what() {
        let fault = parse_json(b"{\n  \"secret\": \"value\" x}").unwrap_err();
        assert_eq!(fault.to_string(), "is not valid JSON at line 2, column 21");
    }
}
