//! One message is one message: what two HTTP/1 parsers could read differently ends the connection.
//!
//! The parser of the server is lenient where RFC 9112 lets it be: it takes a bare line feed for a
//! line end, drops a length that stands beside a transfer coding, ignores fragments, accepts any
//! number of hosts. A proxy in front may read the same octets otherwise, and the difference is a
//! smuggled request. So the octets pass a [`Screen`] first, which knows only framing and only
//! refuses: it never repairs, and what it lets through is parsed by the server as before. Of HTTP/2,
//! which has one framing, it counts the frames that ask for nothing.

mod chunks;
mod frames;
mod head;
mod screen;

use std::time::Instant;

use axum::http::{HeaderMap, Uri, header};

pub use screen::Screen;

/// A message that is not let through. There is one answer for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ambiguous;

/// Whether a request of HTTP/2 names one host. Its library sees to the frames and the fields, and
/// leaves this to us (RFC 9113, 8.3.1).
pub fn names_one_host(uri: &Uri, headers: &HeaderMap) -> bool {
    let authority = uri.authority().map(|authority| authority.as_str().as_bytes());
    let mut hosts = headers.get_all(header::HOST).iter().map(|host| host.as_bytes());
    match (authority, hosts.next(), hosts.next()) {
        (Some(name), None, _) | (None, Some(name), None) => head::is_host(name),
        (Some(name), Some(host), None) => head::is_host(name) && name.eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// How the body of a message is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    /// What follows is HTTP/2, which frames itself.
    Binary,
}

/// Follows one connection, octet after octet.
#[derive(Debug, Default)]
struct Follower {
    state: State,
    head: Vec<u8>,
    later: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Body(u64),
    Chunks(chunks::Chunks),
    Binary(Box<frames::Frames>),
}

impl Follower {
    /// Takes octets in the order they arrive. An error says how many of them belong to messages
    /// that are in order.
    fn follow(&mut self, octets: &[u8]) -> Result<(), usize> {
        let mut at = 0;
        while at < octets.len() {
            let rest = &octets[at..];
            let taken = match &mut self.state {
                State::Binary(frames) => {
                    frames.follow(rest, Instant::now()).map_err(|_| at)?;
                    rest.len()
                }
                State::Body(left) => {
                    let taken =
                        usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::Head;
                    }
                    taken
                }
                State::Chunks(chunks) => {
                    let (taken, ended) = chunks.follow(rest).map_err(|_| at)?;
                    if ended {
                        self.state = State::Head;
                    }
                    taken
                }
                State::Head => self.follow_head(rest).map_err(|_| at)?,
            };
            at += taken;
        }
        Ok(())
    }

    /// So many octets have gone the other way.
    fn sent(&mut self, octets: usize) {
        if let State::Binary(frames) = &mut self.state {
            frames.sent(octets);
        }
    }

    fn is_binary(&self) -> bool {
        matches!(self.state, State::Binary(_))
    }

    fn follow_head(&mut self, octets: &[u8]) -> Result<usize, Ambiguous> {
        let (taken, ended) = head::gather(&mut self.head, octets)?;
        if ended {
            let framing = head::judge(&self.head, !self.later)?;
            self.head.clear();
            self.later = true;
            self.state = match framing {
                Framing::Length(0) => State::Head,
                Framing::Length(length) => State::Body(length),
                Framing::Chunked => State::Chunks(chunks::Chunks::default()),
                Framing::Binary => State::Binary(Box::new(frames::Frames::new(Instant::now()))),
            };
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests;
