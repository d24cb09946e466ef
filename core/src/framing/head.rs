//! The head of a request: its lines, its target, its host, its framing.

use super::{Ambiguous, Framing};

/// More than the server reads of a head. What is shorter and still too long gets its answer there.
const LONGEST_HEAD: usize = 64 * 1024;
/// How HTTP/2 opens a connection (RFC 9113, 3.4), up to its first empty line.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

/// Takes octets up to the end of the head. Says how many, and whether the end was reached.
pub fn gather(head: &mut Vec<u8>, octets: &[u8]) -> Result<(usize, bool), Ambiguous> {
    let mut taken = 0;
    while taken < octets.len() {
        let rest = &octets[taken..];
        let Some(end) = rest.iter().position(|octet| *octet == b'\n') else {
            head.extend_from_slice(rest);
            taken = octets.len();
            break;
        };
        head.extend_from_slice(&rest[..=end]);
        taken += end + 1;
        if !head.ends_with(b"\r\n") {
            return Err(Ambiguous);
        }
        if head == b"\r\n" {
            // An empty line before a request is to be ignored (RFC 9112, 2.2).
            head.clear();
        } else if head.ends_with(b"\r\n\r\n") {
            return Ok((taken, true));
        }
    }
    if head.len() > LONGEST_HEAD { Err(Ambiguous) } else { Ok((taken, false)) }
}

/// What the head says of its body, when it says it in one way only.
pub fn judge(head: &[u8], first: bool) -> Result<Framing, Ambiguous> {
    if head == PREFACE {
        return if first { Ok(Framing::Binary) } else { Err(Ambiguous) };
    }
    let head = head.strip_suffix(b"\r\n\r\n").ok_or(Ambiguous)?;
    let mut lines = split(head);
    let line = RequestLine::read(lines.next().ok_or(Ambiguous)?)?;
    let mut fields = Fields::default();
    for field in lines {
        fields.take(field)?;
    }
    fields.host_agrees(&line)?;
    match (fields.coding, fields.length) {
        (None, length) => Ok(Framing::Length(length.unwrap_or(0))),
        (Some(()), None) if line.is_1_1 => Ok(Framing::Chunked),
        (Some(()), _) => Err(Ambiguous),
    }
}

/// Lines between CRLF. A carriage return elsewhere stays in its line, where it is refused.
fn split(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|octet| *octet == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

struct RequestLine<'a> {
    /// Of a target in absolute form.
    authority: Option<&'a [u8]>,
    is_1_1: bool,
}

impl<'a> RequestLine<'a> {
    fn read(line: &'a [u8]) -> Result<Self, Ambiguous> {
        let mut parts = line.split(|octet| *octet == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Ambiguous);
        };
        let is_1_1 = match version {
            b"HTTP/1.1" => true,
            b"HTTP/1.0" => false,
            _ => return Err(Ambiguous),
        };
        let clean = target.iter().all(|octet| octet.is_ascii_graphic() && *octet != b'#');
        if !is_token(method) || method == b"CONNECT" || !clean {
            return Err(Ambiguous);
        }
        Ok(Self { authority: authority(target)?, is_1_1 })
    }
}

/// None for a path. Other forms than path and absolute are for proxies.
fn authority(target: &[u8]) -> Result<Option<&[u8]>, Ambiguous> {
    if target.first() == Some(&b'/') || target == b"*" {
        return Ok(None);
    }
    let after = [b"http://".as_slice(), b"https://"]
        .into_iter()
        .find_map(|scheme| strip_prefix_ignoring_case(target, scheme))
        .ok_or(Ambiguous)?;
    let end = after.iter().position(|octet| b"/?".contains(octet)).unwrap_or(after.len());
    Ok(Some(&after[..end]))
}

#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    coding: Option<()>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, field: &'a [u8]) -> Result<(), Ambiguous> {
        let colon = field.iter().position(|octet| *octet == b':').ok_or(Ambiguous)?;
        let (name, value) = (&field[..colon], field[colon + 1..].trim_ascii());
        // A tab inside a value is white space; every other control octet has no business here.
        if !is_token(name) || value.iter().any(|octet| octet.is_ascii_control() && *octet != b'\t')
        {
            return Err(Ambiguous);
        }
        if name.eq_ignore_ascii_case(b"host") {
            once(&mut self.host, is_host(value).then_some(value))
        } else if name.eq_ignore_ascii_case(b"content-length") {
            once(&mut self.length, number(value))
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            once(&mut self.coding, value.eq_ignore_ascii_case(b"chunked").then_some(()))
        } else {
            Ok(())
        }
    }

    fn host_agrees(&self, line: &RequestLine<'_>) -> Result<(), Ambiguous> {
        match (self.host, line.authority) {
            (None, _) if line.is_1_1 => Err(Ambiguous),
            (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
                Err(Ambiguous)
            }
            (None, Some(authority)) if !is_host(authority) => Err(Ambiguous),
            _ => Ok(()),
        }
    }
}

/// A field that frames or names may stand once, with a value that can be read.
fn once<T>(place: &mut Option<T>, value: Option<T>) -> Result<(), Ambiguous> {
    match (&place, value) {
        (None, Some(value)) => {
            *place = Some(value);
            Ok(())
        }
        _ => Err(Ambiguous),
    }
}

fn number(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(value).ok()?.parse().ok()).flatten()
}

/// Host and port as they stand in certificates and URLs: no user, no path, no list.
pub fn is_host(value: &[u8]) -> bool {
    let (name, port) = match value.strip_prefix(b"[") {
        Some(inner) => match inner.iter().position(|octet| *octet == b']') {
            Some(end) => (&inner[..end], &inner[end + 1..]),
            None => return false,
        },
        None => {
            let end = value.iter().position(|octet| *octet == b':').unwrap_or(value.len());
            (&value[..end], &value[end..])
        }
    };
    let literal = value.first() == Some(&b'[');
    let letter = |octet: &u8| {
        octet.is_ascii_alphanumeric() || b"-._".contains(octet) || (literal && *octet == b':')
    };
    let has_port = match port.strip_prefix(b":") {
        Some(digits) => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        None => port.is_empty(),
    };
    !name.is_empty() && name.iter().all(letter) && has_port
}

/// A token of RFC 9110, 5.6.2.
fn is_token(text: &[u8]) -> bool {
    let letter = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    !text.is_empty() && text.iter().all(letter)
}

fn strip_prefix_ignoring_case<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}
