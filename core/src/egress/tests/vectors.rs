//! The test vectors: the seed set where it lies beside the project, and our own table always.

use serde::Deserialize;

use super::*;
use crate::egress::location::Location;
use crate::egress::refusal::Layer;

const SEED_SET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/ssrf-vectors.json");

#[derive(Deserialize)]
struct Vector {
    id: String,
    url: String,
    expect: String,
    layer: String,
    #[serde(default)]
    fixture: Fixture,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Fixture {
    dns: Vec<Vec<String>>,
    status: Option<u16>,
    location: Option<String>,
    headers: Vec<String>,
    request: Option<Shape>,
    core_addr: Option<IpAddr>,
    plugin_addrs: Vec<IpAddr>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Shape {
    method: Option<String>,
    headers: Vec<(String, String)>,
    body: String,
    body_bytes: usize,
    traits: Option<Vec<String>>,
    tls: Option<String>,
}

/// `url`, the layer that must stop it (none: it must pass).
const OWN_TABLE: &[(&str, Option<Layer>)] = &[
    ("https://api.partner.test/", None),
    ("https://api.partner.test", None),
    ("HTTPS://API.partner.test:443/v1?q=a%20b", None),
    ("https://api.partner.test:8443/v1/x?y=1", None),
    ("https://one.cdn.partner.test/a%20b", None),
    ("https://xn--bcher-kva.test/", None),
    ("https://api.partner.test?x=1", None),
    ("http://api.partner.test/", Some(Layer::Parse)),
    ("https://user@api.partner.test/", Some(Layer::Parse)),
    ("https://api.partner.test/#part", Some(Layer::Parse)),
    ("https://api.partner.test./", Some(Layer::Parse)),
    ("https://api.partner.test:/", Some(Layer::Parse)),
    ("https://api.partner.test:0443/", Some(Layer::Parse)),
    ("https://api.partner.test//a", Some(Layer::Parse)),
    ("https://api.partner.test/a/./b", Some(Layer::Parse)),
    ("https://api.partner.test/a/%2e%2e/b", Some(Layer::Parse)),
    ("https://api.partner.test/a%2Fb", Some(Layer::Parse)),
    ("https://api.partner.test/a%5cb", Some(Layer::Parse)),
    ("https://api.partner.test/a%0d%0ab", Some(Layer::Parse)),
    ("https://api.partner.test/a%zz", Some(Layer::Parse)),
    ("https://api.partner.test\\@evil.test/", Some(Layer::Parse)),
    ("https:/api.partner.test/", Some(Layer::Parse)),
    (" https://api.partner.test/", Some(Layer::Parse)),
    ("https://api.partner.test/\u{e9}", Some(Layer::Parse)),
    ("https://api%2epartner.test/", Some(Layer::Parse)),
    ("https://0x7f000001/", Some(Layer::Parse)),
    ("https://2130706433/", Some(Layer::Parse)),
    ("https://127.1/", Some(Layer::Parse)),
    ("https://0177.0.0.1/", Some(Layer::Parse)),
    ("https://b\u{fc}cher.test/", Some(Layer::Parse)),
    ("https://[::FFFF:127.0.0.1]/", Some(Layer::Parse)),
    ("https://[fe80::1%25eth0]/", Some(Layer::Parse)),
    ("https://127.0.0.1/", Some(Layer::Allowlist)),
    ("https://[::1]/", Some(Layer::Allowlist)),
    ("https://8.8.8.8/", Some(Layer::Allowlist)),
    ("https://localhost/", Some(Layer::Allowlist)),
    ("https://evil.test/", Some(Layer::Allowlist)),
    ("https://partner.test/", Some(Layer::Allowlist)),
    ("https://cdn.partner.test/", Some(Layer::Allowlist)),
    ("https://a.b.cdn.partner.test/", Some(Layer::Allowlist)),
    ("https://evilapi.partner.test/", Some(Layer::Allowlist)),
    ("https://api.partner.test.evil.test/", Some(Layer::Allowlist)),
    ("https://api.partner.test:22/", Some(Layer::Allowlist)),
    ("https://xn--bcher-kva.test:8443/", Some(Layer::Allowlist)),
];

#[tokio::test]
async fn our_own_table_holds() {
    for (url, layer) in OWN_TABLE {
        let outcome = run(Script::default(), get(url)).await;
        match (outcome.result, layer) {
            (Ok(fetched), None) => assert_eq!(fetched.status, 200, "{url}"),
            (Err(Failure::Refused(refusal)), Some(layer)) => {
                assert_eq!(refusal.layer, *layer, "{url}: {}", refusal.rule);
                assert!(outcome.dialled.is_empty(), "{url}");
                assert_eq!(outcome.queries, 0, "{url}");
            }
            (result, _) => panic!("{url}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn the_seed_set_holds() {
    let Some(vectors) = seed_set() else { return };
    let mut faults = Vec::new();
    for vector in &vectors {
        if let Err(fault) = holds(vector).await {
            faults.push(format!("{}: {fault}", vector.id));
        }
    }
    assert!(faults.is_empty(), "of {} vectors:\n{}", vectors.len(), faults.join("\n"));
    println!("{} vectors of the seed set hold", vectors.len());
}

/// Ablation: with every other layer taken away, the layer a vector names still stops it.
#[test]
fn each_layer_stops_its_own_vectors_alone() {
    let Some(vectors) = seed_set() else { return };
    for vector in vectors.iter().filter(|vector| vector.expect == "deny") {
        let stopped = match vector.layer.as_str() {
            "parse" => Location::parse(&vector.url).is_err(),
            "allowlist" => lenient(&vector.url).is_none_or(|location| {
                super::super::rule::find(&rules(), demand(&location)).is_err()
            }),
            "address" => lenient(&vector.url).is_none_or(|location| !admitted(vector, &location)),
            _ => continue,
        };
        assert!(stopped, "{} is not stopped by {} alone", vector.id, vector.layer);
    }
}

/// The control: the same vectors do get through when their own layer is the one taken away.
#[test]
fn the_ablation_can_fail() {
    let location = lenient("https://user@api.partner.test./").expect("the lenient reading");
    assert_eq!(location.host, location::Host::Name("api.partner.test.".to_owned()));
    let private = vec!["10.0.0.5".parse().expect("an address")];
    let answer = Answer { addresses: private, aliases: 0 };
    assert!(address::admit(&answer, &Own::default()).is_err());
    assert!(lenient("https://127.1/").is_some_and(|location| {
        location.host == location::Host::Address("127.0.0.1".parse().expect("an address"))
    }));
}

async fn holds(vector: &Vector) -> Result<(), String> {
    let (script, call) = scene(vector);
    let outcome = run(script, call).await;
    let public = |address: &SocketAddr| address::special_range(address.ip()).is_none();
    if !outcome.dialled.iter().all(public) {
        return Err(format!("dialled {:?}", outcome.dialled));
    }
    if outcome.queries > 1 {
        return Err(format!("{} look-ups", outcome.queries));
    }
    match (vector.expect.as_str(), vector.layer.as_str(), &outcome.result) {
        ("allow", _, Ok(fetched)) if fetched.status == 200 => Ok(()),
        ("deny", "redirect", Ok(fetched)) => {
            let location = vector.fixture.location.clone().unwrap_or_default();
            let handed_back = fetched.headers.contains(&("location".to_owned(), location));
            let same = Some(fetched.status) == vector.fixture.status && handed_back;
            (same && outcome.dialled.len() == 1).then_some(()).ok_or("redirect not as sent".into())
        }
        ("deny", "connect" | "forward", Err(Failure::Unreachable(_))) => Ok(()),
        ("deny", _, Err(Failure::Refused(_))) if outcome.dialled.is_empty() => Ok(()),
        (_, _, result) => Err(format!("{result:?}")),
    }
}

fn scene(vector: &Vector) -> (Script, Outgoing) {
    let fixture = &vector.fixture;
    let mut script = Script::default();
    if !fixture.dns.is_empty() {
        script.dns = dns_answers(&fixture.dns);
    }
    if let Some(status) = fixture.status {
        let location = fixture.location.iter().map(|value| format!("Location: {value}"));
        let lines: Vec<String> = location.chain(fixture.headers.iter().cloned()).collect();
        script.response = format!(
            "HTTP/1.1 {status} Scripted\r\n{}\r\nContent-Length: 0\r\n\r\n",
            lines.join("\r\n")
        )
        .into_bytes();
    }
    script.own = own(fixture);
    let mut call = get(&vector.url);
    if let Some(shape) = &fixture.request {
        call.method = shape.method.clone().unwrap_or(call.method);
        call.headers = shape.headers.clone();
        call.body = shape.body.clone().into_bytes();
        if !call.body.is_empty() || shape.body_bytes > 0 {
            call.method = "POST".to_owned();
        }
        if shape.body_bytes > 0 {
            call.body = vec![b'x'; shape.body_bytes];
        }
        if let Some(traits) = &shape.traits {
            call.phi = true;
            call.may_handle_phi = traits.iter().any(|name| name == "handles_phi");
            script.rules = entry(json!({"host": "api.partner.test", "baa": true}));
        }
        script.certificate = match shape.tls.as_deref() {
            Some("wrong-name") => Certificate::WrongName,
            Some("self-signed") => Certificate::SelfSigned,
            _ => Certificate::Good,
        };
    }
    (script, call)
}

fn dns_answers(records: &[Vec<String>]) -> Vec<Result<Answer, LookupError>> {
    let mut answers = vec![Ok(Answer::default())];
    for record in records {
        let mut parts: Vec<&str> = record.iter().map(String::as_str).collect();
        if parts[0] == "THEN" {
            answers.push(Ok(Answer::default()));
            parts.remove(0);
        }
        let last = answers.last_mut().expect("one answer at least");
        match (parts[0], last) {
            ("A" | "AAAA", Ok(answer)) => answer.addresses.push(parts[1].parse().expect(parts[1])),
            ("CNAME", Ok(answer)) => answer.aliases += 1,
            ("CNAMES", Ok(answer)) => {
                answer.aliases = parts[1].parse().expect("a count");
                answer.addresses = vec!["93.184.215.14".parse().expect("an address")];
            }
            ("RCODE", last) => {
                *last = Err(match parts[1] {
                    "NXDOMAIN" => LookupError::NoSuchName,
                    "TIMEOUT" => LookupError::TimedOut,
                    _ => LookupError::Failed,
                });
            }
            (kind, _) => panic!("unknown record {kind}"),
        }
    }
    answers
}

fn admitted(vector: &Vector, location: &Location) -> bool {
    let answer = match &location.host {
        location::Host::Address(address) => Ok(Answer { addresses: vec![*address], aliases: 0 }),
        location::Host::Name(_) => dns_answers(&vector.fixture.dns).remove(0),
    };
    answer.is_ok_and(|answer| address::admit(&answer, &own(&vector.fixture)).is_ok())
}

fn own(fixture: &Fixture) -> Own {
    let addresses = fixture.plugin_addrs.iter().copied().chain(fixture.core_addr);
    Own { addresses: addresses.collect(), ..Own::default() }
}

/// The reading of a client without our parse layer.
fn lenient(url: &str) -> Option<Location> {
    Location::of(&url::Url::parse(url).ok()?)
}

fn demand(location: &Location) -> rule::Demand<'_> {
    rule::Demand { location, method: "GET", phi: false }
}

/// The URLs of the seed set where it lies beside the project, else of our own table.
pub fn urls() -> Vec<String> {
    match seed_set() {
        Some(vectors) => vectors.into_iter().map(|vector| vector.url).collect(),
        None => OWN_TABLE.iter().map(|(url, _)| (*url).to_owned()).collect(),
    }
}

fn seed_set() -> Option<Vec<Vector>> {
    let Ok(text) = std::fs::read_to_string(SEED_SET) else {
        println!("skipped: the seed set is not at ../shared/data/ssrf-vectors.json");
        return None;
    };
    Some(serde_json::from_str(&text).expect("the seed set is JSON of the known shape"))
}
