//! Strict JSON (RFC 8259) into a tape: no recursion, no copy of text that needs none.

use super::{Document, Kind, MAX_DEPTH, MAX_VALUES, NONE, Slice};
use crate::problem::Problems;

/// Where and why reading stopped.
struct Fault {
    offset: usize,
    rule: &'static str,
    message: String,
}

pub(super) fn parse(file: &str, text: String, problems: &mut Problems) -> Option<Document> {
    let mut document = Document::new(file, String::new(), false);
    document.cells.reserve(text.len() / 20);
    let mut reader = Reader { text: &text, octets: text.as_bytes(), at: 0, document };
    let outcome = reader.document();
    let mut document = reader.document;
    document.text = text;
    if let Err(fault) = outcome {
        let help = match fault.rule {
            "nesting-too-deep" => format!("flatten it; the limit is {MAX_DEPTH} levels"),
            "document-too-large" => "split the document".to_owned(),
            "number-out-of-range" => "write a number that fits 64 bits".to_owned(),
            _ => "mend the JSON here; nothing behind this place was read".to_owned(),
        };
        problems.error(
            fault.rule,
            &document.place(fault.offset as u32, String::new()),
            fault.message,
            help,
        );
        return None;
    }
    document.index(problems);
    Some(document)
}

struct Reader<'t> {
    text: &'t str,
    octets: &'t [u8],
    at: usize,
    document: Document,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<(), Fault> {
        let mut open: Vec<u32> = Vec::new();
        let mut key: Option<(Slice, u32)> = None;
        loop {
            self.space();
            let parent = open.last().copied().unwrap_or(NONE);
            let cell = self.value_start(parent)?;
            if let Some((slice, offset)) = key.take() {
                let cell = &mut self.document.cells[cell as usize];
                cell.key = slice;
                cell.key_offset = offset;
            }
            let kind = self.document.cells[cell as usize].kind;
            let mut needs_separator = true;
            if matches!(kind, Kind::Array | Kind::Object) {
                if open.len() == MAX_DEPTH {
                    return Err(self.fault_as("nesting-too-deep", "values nest too deep"));
                }
                open.push(cell);
                needs_separator = false;
            }
            loop {
                self.space();
                let Some(&innermost) = open.last() else {
                    return match self.peek() {
                        None => Ok(()),
                        Some(_) => Err(self.fault("text behind the end of the document")),
                    };
                };
                let is_object = self.document.cells[innermost as usize].kind == Kind::Object;
                let close = if is_object { b'}' } else { b']' };
                match self.peek() {
                    Some(octet) if octet == close => {
                        self.at += 1;
                        self.document.cells[innermost as usize].end =
                            self.document.cells.len() as u32;
                        open.pop();
                        needs_separator = true;
                        continue;
                    }
                    Some(b',') if needs_separator => {
                        self.at += 1;
                        self.space();
                    }
                    None => return Err(self.fault("the document ends too early")),
                    _ if needs_separator => {
                        return Err(self.fault(format!("expected `,` or `{}`", close as char)));
                    }
                    _ => {}
                }
                if is_object {
                    key = Some(self.key()?);
                }
                break;
            }
        }
    }

    fn value_start(&mut self, parent: u32) -> Result<u32, Fault> {
        let offset = self.at as u32;
        let Some(octet) = self.peek() else {
            return Err(self.fault("the document ends where a value is due"));
        };
        let kind = match octet {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::String,
            b't' | b'f' => Kind::Boolean,
            b'n' => Kind::Null,
            b'-' | b'0'..=b'9' => Kind::Number,
            _ => return Err(self.fault("expected a value")),
        };
        if self.document.cells.len() >= MAX_VALUES {
            return Err(self.fault_as("document-too-large", "too many values"));
        }
        let cell = self.document.push(kind, parent, offset);
        match kind {
            Kind::Object | Kind::Array => self.at += 1,
            Kind::String => self.document.cells[cell as usize].text = self.string()?,
            Kind::Number => self.document.cells[cell as usize].text = self.number()?,
            Kind::Null => self.word("null")?,
            Kind::Boolean => {
                self.document.cells[cell as usize].truth = octet == b't';
                self.word(if octet == b't' { "true" } else { "false" })?;
            }
        }
        Ok(cell)
    }

    fn key(&mut self) -> Result<(Slice, u32), Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("expected a key in double quotes"));
        }
        let offset = self.at as u32;
        let key = self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.fault("expected `:` behind the key"));
        }
        self.at += 1;
        Ok((key, offset))
    }

    fn string(&mut self) -> Result<Slice, Fault> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let slice = Slice { start: start as u32, length: (self.at - start) as u32 };
                    self.at += 1;
                    return Ok(slice);
                }
                Some(b'\\') => return self.escaped_string(start),
                Some(0..=0x1f) => return Err(self.fault("a control character in a string")),
                Some(_) => self.at += 1,
                None => return Err(self.fault("the string has no end")),
            }
        }
    }

    fn escaped_string(&mut self, start: usize) -> Result<Slice, Fault> {
        let mut plain = self.text[start..self.at].to_owned();
        let mut from = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    plain.push_str(&self.text[from..self.at]);
                    self.at += 1;
                    return Ok(self.document.keep(&plain));
                }
                Some(b'\\') => {
                    plain.push_str(&self.text[from..self.at]);
                    plain.push(self.escape()?);
                    from = self.at;
                }
                Some(0..=0x1f) => return Err(self.fault("a control character in a string")),
                Some(_) => self.at += 1,
                None => return Err(self.fault("the string has no end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let escaped = self.octets.get(self.at + 1).copied();
        let character = match escaped {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.fault("unknown escape in a string")),
        };
        self.at += 2;
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Result<char, Fault> {
        let Some(high) = self.hexadecimal(self.at) else {
            return Err(self.fault("`\\u` needs four hexadecimal digits"));
        };
        self.at += 6;
        if !(0xd800..0xe000).contains(&high) {
            return char::from_u32(high).ok_or_else(|| self.fault("not a character"));
        }
        let low =
            if self.octets.get(self.at) == Some(&b'\\') { self.hexadecimal(self.at) } else { None };
        match low {
            Some(low) if high < 0xdc00 && (0xdc00..0xe000).contains(&low) => {
                self.at += 6;
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                char::from_u32(code).ok_or_else(|| self.fault("not a character"))
            }
            _ => Err(self.fault("half of a surrogate pair")),
        }
    }

    /// The four digits of a `\uXXXX` that starts at `from`.
    fn hexadecimal(&self, from: usize) -> Option<u32> {
        if self.octets.get(from + 1) != Some(&b'u') {
            return None;
        }
        let digits = self.text.get(from + 2..from + 6)?;
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Result<Slice, Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.at;
        self.digits()?;
        if self.octets[whole] == b'0' && self.at > whole + 1 {
            return Err(self.fault("a number opens with a zero"));
        }
        let mut is_real = false;
        if self.peek() == Some(b'.') {
            is_real = true;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            is_real = true;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        if is_real && !self.text[start..self.at].parse::<f64>().is_ok_and(f64::is_finite) {
            self.at = start;
            return Err(self.fault_as("number-out-of-range", "the number is too large"));
        }
        Ok(Slice { start: start as u32, length: (self.at - start) as u32 })
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.fault("expected a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &str) -> Result<(), Fault> {
        if self.octets[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        Err(self.fault("expected a value"))
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        self.fault_as("syntax", message)
    }

    fn fault_as(&self, rule: &'static str, message: impl Into<String>) -> Fault {
        Fault { offset: self.at, rule, message: message.into() }
    }
}
