//! Caps and time-outs, each with a control that shows what passes.

use std::io::{Read, Write};

use crate::harness::{Edge, HEALTH, closed_after, exchange, exchange_whole};

const SHORT: &str = "[limits]\nhandshake_seconds = 1\nheader_seconds = 1\nidle_seconds = 3\n";

#[test]
fn who_does_not_shake_hands_is_cut_off() {
    let edge = Edge::start(SHORT);
    let waited = closed_after(&mut edge.tcp());
    assert!((0.8..3.0).contains(&waited), "{waited}");
    assert!(edge.figure(r#"vivified_connections_total{outcome="handshake_timeout"}"#) >= 1.0);
}

#[test]
fn who_drips_a_header_is_cut_off_and_who_is_quiet_gets_longer() {
    let edge = Edge::start(SHORT);
    let mut dripping = edge.tls();
    dripping.write_all(b"GET /health HTTP/1.1\r\nhost: loc").expect("writes");
    let waited = closed_after(&mut dripping);
    assert!((0.8..2.8).contains(&waited), "{waited}");

    let mut quiet = edge.tls();
    assert_eq!(exchange(&mut quiet, HEALTH).expect("answers").0, 200);
    let waited = closed_after(&mut quiet);
    assert!((2.8..6.0).contains(&waited), "{waited}");

    let mut second = edge.tls();
    assert_eq!(exchange(&mut second, HEALTH).expect("answers").0, 200);
    second.write_all(b"GET /health HTTP/1.1\r\n").expect("writes");
    let waited = closed_after(&mut second);
    assert!((0.8..2.8).contains(&waited), "{waited}");
    assert!(edge.figure(r#"vivified_connections_total{outcome="header_timeout"}"#) >= 2.0);
    assert!(edge.figure(r#"vivified_connections_total{outcome="idle_timeout"}"#) >= 1.0);
}

#[test]
fn one_address_holds_so_many_connections_and_no_more() {
    let edge = Edge::start("[limits]\nconnections_per_address = 3\n");
    let mut open: Vec<_> = (0..3).map(|_| edge.tls()).collect();
    for stream in &mut open {
        assert_eq!(exchange(stream, HEALTH).expect("answers").0, 200);
    }
    assert!(exchange(&mut edge.tls(), HEALTH).is_err(), "the fourth is refused");
    for stream in &mut open {
        assert_eq!(exchange(stream, HEALTH).expect("the others go on").0, 200);
    }
    drop(open.pop());
    let freed = (0..200).any(|_| exchange(&mut edge.tls(), HEALTH).is_ok());
    assert!(freed, "a place that is given back can be taken");
}

#[test]
fn a_long_line_and_large_headers_get_an_answer_of_their_own() {
    let edge = Edge::start("");
    let ask = |path: &str, more: &str| {
        edge.ask(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{more}\r\n"))
    };
    let long = |length: usize| format!("/health?{}", "a".repeat(length));
    assert_eq!(ask(&long(9_000), "").0, 414);
    assert!(ask(&long(9_000), "").1.contains("request_line_too_long"));
    assert_ne!(ask(&long(7_000), "").0, 414);
    let header = |length: usize| format!("x-large: {}\r\n", "a".repeat(length));
    let (status, body) = ask("/health", &header(17_000));
    assert!(status == 431 && body.contains("headers_too_large"), "{status} {body}");
    assert_eq!(ask("/health", &header(15_000)).0, 200);
    let many = |count: usize| (0..count).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    assert_eq!(ask("/health", &many(120)).0, 431);
    assert_eq!(ask("/health", &many(90)).0, 200);
}

#[test]
fn every_answer_tells_what_is_left_and_a_refusal_when_to_come_back() {
    let edge = Edge::start("[rates.public]\nper_second = 1\nburst = 3\n");
    let mut stream = edge.tls();
    let mut left = Vec::new();
    let mut refused = None;
    for number in 0..5 {
        // No header a client writes moves it to another bucket.
        let request = format!(
            "GET /health HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: 192.0.2.{number}\r\n\
             forwarded: for=192.0.2.{number}\r\nx-real-ip: 192.0.2.{number}\r\n\r\n"
        );
        let (head, _) = exchange_whole(&mut stream, &request).expect("answers");
        assert!(head.contains("ratelimit-policy: \"public\";q=3;w=3\r\n"), "{head}");
        let field = head.lines().find_map(|line| line.strip_prefix("ratelimit: "));
        left.push(field.expect("a field").to_owned());
        if head.starts_with("http/1.1 429") {
            refused.get_or_insert(head);
        }
    }
    assert!(left[0].starts_with("\"public\";r=2;t="), "{left:?}");
    let refused = refused.expect("the fourth is over the bound");
    assert!(refused.contains("\r\nretry-after: ") && refused.contains("r=0;"), "{refused}");
}

#[test]
fn figures_are_for_those_who_may_read_them() {
    let edge = Edge::start("");
    let ask = |path: &str, authorization: &str| {
        edge.ask(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{authorization}\r\n")).0
    };
    assert_eq!(ask("/metrics", ""), 401);
    assert_eq!(ask("/metrics", "authorization: Bearer synthetic-scrape-token-9876543210\r\n"), 401);
    let token = format!("authorization: Bearer {}\r\n", crate::harness::SCRAPE_TOKEN);
    assert_eq!(ask("/metrics", &token), 200);
    assert_eq!(ask("/admin/plugins", &token), 401, "the token reads the metrics only");
    let text = edge.metrics();
    assert!(text.contains(r#"vivified_requests_total{operation="get_metrics",status="4xx"} 2"#));
    assert!(edge.figure(r#"vivified_requests_total{operation="none",status="4xx"}"#) < 1.0);
    assert_eq!(ask("/nowhere/jane-doe", ""), 404);
    assert!(edge.figure(r#"vivified_requests_total{operation="none",status="4xx"}"#) > 0.0);
    assert!(!edge.metrics().contains("jane"), "no text of a caller is a label");
}

#[test]
fn ready_says_no_as_soon_as_the_process_is_told_to_stop() {
    let mut edge = Edge::start("[limits]\ndrain_delay_seconds = 2\n");
    let ready = "GET /ready HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let (status, body) = edge.ask(ready);
    assert!(status == 200 && body.contains("\"keys\""), "{status} {body}");
    edge.signal("-TERM");
    let mut status = 200;
    while status == 200 {
        status = edge.ask(ready).0;
    }
    assert_eq!((status, edge.ask(HEALTH).0), (503, 200));
    assert_eq!(edge.wait(), 0);
}

#[test]
fn an_old_protocol_ends_before_a_byte_of_http() {
    let edge = Edge::start("");
    let mut socket = edge.tcp();
    socket.write_all(HEALTH.as_bytes()).expect("writes");
    let mut answer = Vec::new();
    drop(socket.read_to_end(&mut answer));
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}
