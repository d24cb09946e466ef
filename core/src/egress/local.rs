//! The addresses of this machine, so that no name can lead back to it.
//!
//! A public address of Core's own is not in any special range; only the machine knows it. On
//! Linux the kernel's tables are read; elsewhere the operator configures what must be protected.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};

/// Every address a local interface holds, as far as the system tells.
pub fn addresses() -> HashSet<IpAddr> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let mut found = local_v4(&read("/proc/net/fib_trie"));
    found.extend(local_v6(&read("/proc/net/if_inet6")));
    found
}

/// In the routing trie an address line is followed by the kinds of its routes; `LOCAL` is ours.
fn local_v4(table: &str) -> HashSet<IpAddr> {
    let mut found = HashSet::new();
    let mut last = None;
    for line in table.lines() {
        if let Some((_, address)) = line.split_once("|-- ") {
            last = address.trim().parse::<IpAddr>().ok();
        } else if line.contains("/32 host LOCAL") {
            found.extend(last);
        }
    }
    found
}

/// Each line opens with the address as 32 hexadecimal digits.
fn local_v6(table: &str) -> HashSet<IpAddr> {
    table
        .lines()
        .filter_map(|line| u128::from_str_radix(line.split(' ').next()?, 16).ok())
        .map(|bits| IpAddr::V6(Ipv6Addr::from(bits)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tables_are_read() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
                    Local:\n     |-- 127.0.0.1\n        /32 host LOCAL\n\
                    \x20    |-- 198.41.0.4\n        /32 host LOCAL\n";
        let expected: HashSet<IpAddr> =
            ["127.0.0.1", "198.41.0.4"].map(|text| text.parse().unwrap()).into();
        assert_eq!(local_v4(trie), expected);
        let table = "00000000000000000000000000000001 01 80 10 80       lo\n";
        assert_eq!(local_v6(table), HashSet::from([IpAddr::V6(Ipv6Addr::LOCALHOST)]));
    }
}
