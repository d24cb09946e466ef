//! Certificates: read again while serving, and asked of clients.

use crate::harness::{Authority, Edge, HEALTH, Tls, exchange, install, private};

fn shown(stream: &Tls) -> Vec<u8> {
    stream.conn.peer_certificates().expect("a certificate")[0].as_ref().to_vec()
}

/// Connects until the certificate is the one that is waited for.
fn until_shown(edge: &Edge, wanted: &[u8]) {
    for _ in 0..10_000 {
        let mut stream = edge.tls();
        assert_eq!(exchange(&mut stream, HEALTH).expect("answers").0, 200);
        if shown(&stream) == wanted {
            return;
        }
    }
    panic!("the new certificate was never shown");
}

const FAST: &str = "[rates.public]\nper_second = 100000\nburst = 100000\n";

#[test]
fn a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let edge = Edge::start(FAST);
    let mut old = edge.tls();
    assert_eq!(exchange(&mut old, HEALTH).expect("answers").0, 200);
    let first = shown(&old);
    let second = install(edge.folder.path(), &edge.authority);
    assert_ne!(first, second.as_ref(), "control: it is another one");
    edge.signal("-HUP");
    until_shown(&edge, &second);
    // Nobody says anything: the change of the file is seen.
    let third = install(edge.folder.path(), &edge.authority);
    until_shown(&edge, &third);
    assert_eq!(exchange(&mut old, HEALTH).expect("the old connection goes on").0, 200);
    assert_eq!(shown(&old), first);

    private(&edge.path("key.pem"), "no key");
    edge.signal("-HUP");
    until_shown(&edge, &third);
    let kept = r#"vivified_certificate_reloads_total{outcome="kept"}"#;
    while edge.figure(kept) < 1.0 {}
    until_shown(&edge, &third);
}

#[test]
fn with_an_authority_for_clients_nobody_gets_in_without_its_certificate() {
    let edge = Edge::start("tls_client_ca = CLIENT_CA\n");
    let known = edge.authority.issue("hello_py");
    assert_eq!(exchange(&mut edge.tls_as(Some(&known)), HEALTH).expect("answers").0, 200);
    assert!(exchange(&mut edge.tls(), HEALTH).is_err(), "no certificate");
    let stranger = Authority::new().issue("hello_py");
    assert!(exchange(&mut edge.tls_as(Some(&stranger)), HEALTH).is_err(), "another authority");

    let control = Edge::start("");
    assert_eq!(exchange(&mut control.tls(), HEALTH).expect("answers").0, 200);
}
