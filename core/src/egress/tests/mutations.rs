//! Ten thousand strange URLs made from the vectors: whatever is let through has one reading, and
//! another reader, simpler than ours, reads the same host and port in it.

use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::vectors::urls;
use super::*;

const ROUNDS: usize = 10_000;

#[test]
fn mutations_of_the_vectors_open_nothing() {
    let given = std::env::var("EGRESS_SEED").ok().and_then(|text| text.parse::<u64>().ok());
    let seed = given.unwrap_or_else(|| {
        let mut bytes = [0; 8];
        crate::random::fill(&mut bytes).expect("randomness");
        u64::from_le_bytes(bytes)
    });
    println!("seed of the mutations: {seed} (EGRESS_SEED repeats it)");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut generator = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let (bases, rules) = (urls(), rules());
    let mut let_through = 0;
    for _ in 0..ROUNDS {
        let mut url = bases[generator.random_range(0..bases.len())].clone();
        for _ in 0..generator.random_range(1..=3) {
            url = mutate(&url, &mut generator);
        }
        let Ok(location) = Location::parse(&url) else { continue };
        let demand = rule::Demand { location: &location, method: "GET", phi: false };
        if rule::find(&rules, demand).is_err() {
            continue;
        }
        let_through += 1;
        let (host, port) = plain_reading(&url).unwrap_or_else(|| panic!("{url:?} is let through"));
        assert_eq!(Host::Name(host.clone()), location.host, "{url:?}");
        assert_eq!(port, location.port, "{url:?}");
        let known = ["api.partner.test", "xn--bcher-kva.test"].contains(&host.as_str());
        let below =
            host.strip_suffix(".cdn.partner.test").is_some_and(|label| !label.contains('.'));
        assert!(known || below, "{url:?}");
    }
    println!("{let_through} of {ROUNDS} mutations were let through, all read alike");
    assert!(let_through > 0, "mutations that stay good must pass, else nothing is tested");
}

/// `https`, a name of letters, a port, and a path: anything else this reader does not know.
fn plain_reading(url: &str) -> Option<(String, u16)> {
    let url = url.to_ascii_lowercase();
    let rest = url.strip_prefix("https://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, port) = match rest[..end].split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (&rest[..end], 443),
    };
    let name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    (name && rest.is_ascii()).then(|| (host.to_owned(), port))
}

fn mutate(url: &str, generator: &mut TestRng) -> String {
    const PIECES: [&str; 34] = [
        "@",
        "%",
        "%2e",
        "%2f",
        "%00",
        "%0d%0a",
        "\\",
        "/",
        "//",
        ".",
        "..",
        "#",
        "?",
        ":",
        ":443",
        ":8443",
        ":22",
        "[",
        "]",
        "::1",
        "127.0.0.1",
        "0x7f",
        "localhost",
        "\t",
        "\n",
        "\u{0}",
        " ",
        "\u{3002}",
        "\u{ff0f}",
        "\u{200b}",
        "\u{130}",
        "xn--",
        "*",
        "api.partner.test",
    ];
    let chars: Vec<char> = url.chars().collect();
    let at = generator.random_range(0..=chars.len());
    let (head, tail) = (chars[..at].iter().collect::<String>(), &chars[at..]);
    let rest: String = tail.iter().collect();
    match generator.random_range(0..7) {
        0 => format!("{head}{}{rest}", PIECES[generator.random_range(0..PIECES.len())]),
        1 => format!("{head}{}", tail.iter().skip(1).collect::<String>()),
        2 => match tail.split_first() {
            Some((first, tail)) => {
                let turned = if first.is_ascii_lowercase() {
                    first.to_ascii_uppercase()
                } else {
                    first.to_ascii_lowercase()
                };
                format!("{head}{turned}{}", tail.iter().collect::<String>())
            }
            None => head,
        },
        3 => match tail.split_first() {
            Some((first, tail)) if first.is_ascii() => {
                format!("{head}%{:02x}{}", *first as u32, tail.iter().collect::<String>())
            }
            _ => format!("{head}{rest}"),
        },
        4 => format!("{head}{}{rest}", "a".repeat(generator.random_range(1..300))),
        5 => format!("{rest}{head}"),
        _ => {
            let code = generator.random_range(0..0x3000u32);
            format!("{head}{}{rest}", char::from_u32(code).unwrap_or('-'))
        }
    }
}
