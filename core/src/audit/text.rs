//! The canonical text of a record: written straight into one buffer, read without allocating.
//!
//! The text is canonical JSON (RFC 8785 for the values that occur here): keys in byte order and no
//! white space, so it has one known shape and neither side needs a general JSON library. What is
//! hashed is exactly what is stored.

use super::record::Entry;

/// Writes the record at its place in the chain.
pub fn write(out: &mut String, entry: &Entry, place: Place<'_>) {
    out.push_str("{\"action\":");
    quoted(out, &entry.action);
    out.push_str(",\"actor\":{\"id\":");
    quoted(out, &entry.actor.id);
    out.push_str(",\"kind\":");
    quoted(out, entry.actor.kind.name());
    out.push_str("},\"decision\":");
    quoted(out, entry.decision);
    optional(out, ",\"decision_id\":", entry.decision_id.as_deref());
    out.push_str(",\"detail\":");
    details(out, entry, place.clock_went_back);
    optional(out, ",\"lane\":", entry.lane.as_deref());
    out.push_str(",\"outcome\":");
    quoted(out, &entry.outcome);
    out.push_str(",\"phase\":");
    quoted(out, entry.phase.name());
    optional(out, ",\"plugin_id\":", entry.plugin_id.as_deref());
    out.push_str(",\"prev\":\"");
    out.push_str(place.prev);
    out.push('"');
    optional_number(out, ",\"request_bytes\":", entry.request_bytes);
    optional_number(out, ",\"response_bytes\":", entry.response_bytes);
    optional(out, ",\"rule\":", entry.rule.as_deref());
    out.push_str(",\"seq\":");
    number(out, place.seq.unsigned_abs());
    optional_number(out, ",\"status\":", entry.status.map(u64::from));
    out.push_str(",\"time\":\"");
    out.push_str(place.time);
    out.push('"');
    optional(out, ",\"trace_id\":", entry.trace_id.as_deref());
    out.push('}');
}

/// What the log itself says of a record.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub seq: i64,
    pub time: &'a str,
    /// Hash of the record before, in hex.
    pub prev: &'a str,
    pub clock_went_back: bool,
}

/// The detail that says that the clock of the machine went back before this record.
pub const CLOCK_WENT_BACK: &str = "clock_went_back";

fn details(out: &mut String, entry: &Entry, clock_went_back: bool) {
    let mut members: Vec<(&str, &str)> = Vec::new();
    if clock_went_back {
        members.push((CLOCK_WENT_BACK, "true"));
    }
    let own = entry.detail.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    members.extend(own.filter(|(key, _)| !clock_went_back || *key != CLOCK_WENT_BACK));
    members.sort_unstable();
    out.push('{');
    for (position, (key, value)) in members.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        quoted(out, key);
        out.push(':');
        quoted(out, value);
    }
    out.push('}');
}

fn optional(out: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.push_str(key);
        quoted(out, value);
    }
}

fn optional_number(out: &mut String, key: &str, value: Option<u64>) {
    if let Some(value) = value {
        out.push_str(key);
        number(out, value);
    }
}

/// A JSON string. Nearly every value is an id and needs no escape.
pub fn quoted(out: &mut String, text: &str) {
    if text.bytes().all(|octet| octet >= 0x20 && octet != b'"' && octet != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

fn number(out: &mut String, mut value: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend(digits[start..].iter().map(|digit| char::from(*digit)));
}

/// A record as it stands in its text. Strings are as written, so what needs an escape keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View<'a> {
    pub action: &'a str,
    pub actor_id: &'a str,
    pub actor_kind: &'a str,
    pub decision: &'a str,
    pub decision_id: Option<&'a str>,
    /// The members between the braces.
    pub detail: &'a str,
    pub lane: Option<&'a str>,
    pub outcome: &'a str,
    pub phase: &'a str,
    pub plugin_id: Option<&'a str>,
    pub prev: &'a str,
    pub request_bytes: Option<u64>,
    pub response_bytes: Option<u64>,
    pub rule: Option<&'a str>,
    pub seq: i64,
    pub status: Option<u64>,
    pub time: &'a str,
    pub trace_id: Option<&'a str>,
}

impl<'a> View<'a> {
    /// None when the text has another shape than the log writes.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let mut rest = Rest { text: std::str::from_utf8(text).ok()?, at: 0 };
        let view = Self {
            action: rest.string("{\"action\":\"")?,
            actor_id: rest.string(",\"actor\":{\"id\":\"")?,
            actor_kind: rest.string(",\"kind\":\"")?,
            decision: rest.string("},\"decision\":\"")?,
            decision_id: rest.maybe_string(",\"decision_id\":\"")?,
            detail: rest.detail()?,
            lane: rest.maybe_string(",\"lane\":\"")?,
            outcome: rest.string(",\"outcome\":\"")?,
            phase: rest.string(",\"phase\":\"")?,
            plugin_id: rest.maybe_string(",\"plugin_id\":\"")?,
            prev: rest.string(",\"prev\":\"")?,
            request_bytes: rest.maybe_number(",\"request_bytes\":")?,
            response_bytes: rest.maybe_number(",\"response_bytes\":")?,
            rule: rest.maybe_string(",\"rule\":\"")?,
            seq: rest.maybe_number(",\"seq\":")?.and_then(|seq| i64::try_from(seq).ok())?,
            status: rest.maybe_number(",\"status\":")?,
            time: rest.string(",\"time\":\"")?,
            trace_id: rest.maybe_string(",\"trace_id\":\"")?,
        };
        (rest.skip("}") && rest.at == text.len()).then_some(view)
    }

    pub fn clock_went_back(&self) -> bool {
        self.detail.contains("\"clock_went_back\":\"true\"")
    }
}

struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn skip(&mut self, literal: &str) -> bool {
        let found = self.text.as_bytes()[self.at..].starts_with(literal.as_bytes());
        if found {
            self.at += literal.len();
        }
        found
    }

    fn string(&mut self, key: &str) -> Option<&'a str> {
        if self.skip(key) { self.string_rest() } else { None }
    }

    fn maybe_string(&mut self, key: &str) -> Option<Option<&'a str>> {
        if self.skip(key) { self.string_rest().map(Some) } else { Some(None) }
    }

    /// To the closing quote, the opening one being read already.
    fn string_rest(&mut self) -> Option<&'a str> {
        let octets = self.text.as_bytes();
        let start = self.at;
        loop {
            match octets.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
        let end = self.at;
        self.at += 1;
        self.text.get(start..end)
    }

    fn maybe_number(&mut self, key: &str) -> Option<Option<u64>> {
        if !self.skip(key) {
            return Some(None);
        }
        let octets = self.text.as_bytes();
        let start = self.at;
        let mut value = 0_u64;
        while let Some(digit) = octets.get(self.at).filter(|octet| octet.is_ascii_digit()) {
            value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            self.at += 1;
        }
        (self.at > start).then_some(Some(value))
    }

    fn detail(&mut self) -> Option<&'a str> {
        if !self.skip(",\"detail\":{") {
            return None;
        }
        let start = self.at;
        if self.skip("}") {
            return Some("");
        }
        loop {
            self.string("\"")?;
            self.string(":\"")?;
            if self.skip("}") {
                return self.text.get(start..self.at - 1);
            }
            if !self.skip(",") {
                return None;
            }
        }
    }
}

#[cfg(test)]
#[path = "text_test.rs"]
mod tests;
