//! The chunked coding (RFC 9112, 7.1), read strictly: no trailers, since nothing here asks for any.

use super::Ambiguous;

/// A size, an extension that nobody reads, and the line end.
const LONGEST_LINE: usize = 256;
const MOST_DIGITS: usize = 16;

/// Where in a chunked body a connection is.
#[derive(Debug)]
pub enum Chunks {
    Size(Vec<u8>),
    Data(u64),
    /// The line end after data, with the number of its octets seen.
    DataEnd(u8),
    /// The empty line that ends the body.
    End(u8),
}

impl Default for Chunks {
    fn default() -> Self {
        Self::Size(Vec::new())
    }
}

impl Chunks {
    /// Says how many octets were taken, and whether the body has ended with them.
    pub fn follow(&mut self, octets: &[u8]) -> Result<(usize, bool), Ambiguous> {
        let mut at = 0;
        while at < octets.len() {
            let octet = octets[at];
            match self {
                Self::Data(left) => {
                    let rest = octets.len() - at;
                    let taken = usize::try_from(*left).map_or(rest, |left| left.min(rest));
                    *left -= taken as u64;
                    at += taken;
                    if *left == 0 {
                        *self = Self::DataEnd(0);
                    }
                    continue;
                }
                Self::Size(line) => {
                    line.push(octet);
                    if octet == b'\n' {
                        *self = match size(line)? {
                            0 => Self::End(0),
                            size => Self::Data(size),
                        };
                    } else if line.len() > LONGEST_LINE {
                        return Err(Ambiguous);
                    }
                }
                Self::DataEnd(seen) | Self::End(seen) => {
                    if octet != b"\r\n"[usize::from(*seen)] {
                        return Err(Ambiguous);
                    }
                    *seen += 1;
                    if *seen == 2 {
                        if matches!(self, Self::End(_)) {
                            return Ok((at + 1, true));
                        }
                        *self = Self::default();
                    }
                }
            }
            at += 1;
        }
        Ok((at, false))
    }
}

fn size(line: &[u8]) -> Result<u64, Ambiguous> {
    let line = line.strip_suffix(b"\r\n").ok_or(Ambiguous)?;
    let end = line.iter().position(|octet| *octet == b';').unwrap_or(line.len());
    let (digits, extension) = line.split_at(end);
    let clean = extension.iter().all(|octet| !octet.is_ascii_control());
    if !clean || digits.len() > MOST_DIGITS || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Ambiguous);
    }
    let text = std::str::from_utf8(digits).map_err(|_| Ambiguous)?;
    u64::from_str_radix(text, 16).map_err(|_| Ambiguous)
}
