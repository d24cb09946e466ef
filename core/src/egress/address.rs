//! Which addresses Core may dial: public unicast, and nothing else.
//!
//! The list follows the IANA special-purpose registries for IPv4 and IPv6 and is stricter: entries
//! the registries call globally reachable are refused too, and so is every IPv6 form that carries
//! an IPv4 address inside, because the machine that unwraps it is not ours to check. The check
//! runs on the answers of the resolver, never on text, so no notation can slip past it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::own::Own;
use super::refusal::{Layer, Refusal};
use super::resolve::Answer;

/// A longer chain of aliases is a sign of a loop or of a game.
const MAX_ALIASES: usize = 8;

const SPECIAL_V4: [(Ipv4Net, &str); 21] = [
    (v4(0, 0, 0, 0, 8), "this-network"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "shared"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(168, 63, 129, 16, 32), "metadata"),
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "protocol-assignment"),
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(192, 31, 196, 0, 24), "as112"),
    (v4(192, 52, 193, 0, 24), "amt"),
    (v4(192, 88, 99, 0, 24), "6to4-relay"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(192, 175, 48, 0, 24), "as112"),
    (v4(198, 18, 0, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(233, 252, 0, 0, 24), "documentation"),
    (v4(240, 0, 0, 0, 4), "reserved"),
    (v4(255, 255, 255, 255, 32), "broadcast"),
];

/// Global unicast is the only block addresses are assigned from; all others are special.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

const SPECIAL_V6: [(Ipv6Net, &str); 5] = [
    (v6(0x2001, 0, 0, 23), "protocol-assignment"),
    (v6(0x2001, 0xdb8, 0, 32), "documentation"),
    (v6(0x2002, 0, 0, 16), "6to4"),
    (v6(0x2620, 0x4f, 0x8000, 48), "as112"),
    (v6(0x3fff, 0, 0, 20), "documentation"),
];

/// The addresses to dial, in the order of the answer, if not a single one is bad.
///
/// One bad address denies the whole answer: the dialler, a retry or another family would
/// otherwise find it.
pub fn admit(answer: &Answer, own: &Own) -> Result<Vec<IpAddr>, Refusal> {
    let deny = |rule| Err(Refusal { layer: Layer::Address, rule });
    if answer.aliases > MAX_ALIASES {
        return deny("alias-chain");
    }
    if answer.addresses.is_empty() {
        return deny("no-address");
    }
    for address in &answer.addresses {
        if let Some(range) = special_range(*address) {
            return deny(range);
        }
        if own.addresses.contains(address) {
            return deny("own-address");
        }
        if own.networks.iter().any(|network| network.contains(address)) {
            return deny("denied-network");
        }
    }
    Ok(answer.addresses.clone())
}

/// The name of the special range an address lies in; `None` for public unicast.
pub fn special_range(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => {
            SPECIAL_V4.iter().find(|(net, _)| net.contains(&address)).map(|(_, name)| *name)
        }
        IpAddr::V6(address) => special_v6(&address),
    }
}

fn special_v6(address: &Ipv6Addr) -> Option<&'static str> {
    if !GLOBAL_V6.contains(address) {
        return Some("not-global-unicast");
    }
    if let Some((_, name)) = SPECIAL_V6.iter().find(|(net, _)| net.contains(address)) {
        return Some(name);
    }
    // ISATAP (RFC 5214) puts an IPv4 address behind this interface identifier in any prefix.
    let segments = address.segments();
    let isatap = matches!(segments[4], 0x0000 | 0x0200) && segments[5] == 0x5efe;
    isatap.then_some("isatap")
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}
