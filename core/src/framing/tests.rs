use std::time::Duration;

use axum::http::HeaderValue;

use super::*;

/// Octets that belong to messages in order, and whether all do, however they are cut.
fn follow(octets: &[u8]) -> bool {
    let whole = Follower::default().follow(octets).is_ok();
    let mut follower = Follower::default();
    let apart = octets.chunks(1).all(|octet| follower.follow(octet).is_ok());
    assert_eq!(whole, apart, "the cut decides: {}", octets.escape_ascii());
    whole
}

#[test]
fn messages_with_one_meaning_pass_in_any_cut() {
    let messages: [&[u8]; 9] = [
        b"GET / HTTP/1.1\r\nhost: core\r\n\r\n",
        b"\r\nGET /a?b=%20 HTTP/1.1\r\nHost:core:8443\r\nx: a\tb\r\n\r\n",
        b"GET http://core/ HTTP/1.1\r\nhost: CORE\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: [::1]:8443\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 03\r\n\r\n\n\0\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n3;a=b\r\n\n\0\n\r\n00\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\n\n",
    ];
    for message in messages {
        assert!(follow(message), "{}", message.escape_ascii());
        if !message.starts_with(b"PRI") {
            assert!(follow(&message.repeat(3)), "{}", message.escape_ascii());
        }
    }
}

#[test]
fn a_fault_says_where_the_messages_in_order_end() {
    let good = b"GET / HTTP/1.1\r\nhost: core\r\n\r\n";
    let octets = [good.as_slice(), b"GET / HTTP/1.1\r\n\r\n"].concat();
    assert_eq!(Follower::default().follow(&octets), Err(good.len()));
    let binary_later = [good.as_slice(), b"PRI * HTTP/2.0\r\n\r\n"].concat();
    assert_eq!(Follower::default().follow(&binary_later), Err(good.len()));
}

#[tokio::test]
async fn what_the_server_holds_already_becomes_a_head_it_must_refuse() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    for pieces in [vec!["GET / HT", "TP/1.1\n\n"], vec!["GET / HTTP/1.1\r\n", "\r\nGET /"]] {
        let (mut client, server) = tokio::io::duplex(64);
        let mut screen = Screen::new(server);
        let mut seen = Vec::new();
        for piece in &pieces {
            client.write_all(piece.as_bytes()).await.expect("writes");
            let mut buffer = [0; 3];
            while seen.len() < pieces[0].len() {
                let count = screen.read(&mut buffer).await.expect("reads");
                seen.extend_from_slice(&buffer[..count]);
            }
        }
        screen.read_to_end(&mut seen).await.expect("reads");
        let expected = [pieces[0].as_bytes(), b"\0\r\n\r\n"].concat();
        assert!(seen.starts_with(pieces[0].as_bytes()) && seen.ends_with(b"\0\r\n\r\n"));
        assert!(seen.len() <= expected.len() + 16, "{}", seen.escape_ascii());
    }
}

#[test]
fn a_request_of_http2_names_one_host() {
    let names = |authority: &str, hosts: &[&'static str]| {
        let uri = format!("http://{authority}/a");
        let uri = if authority.is_empty() { "/a" } else { &uri }.parse().expect("a target");
        let host = |host: &&'static str| (header::HOST, HeaderValue::from_static(host));
        names_one_host(&uri, &hosts.iter().map(host).collect())
    };
    assert!(names("core:8443", &[]) && names("", &["core"]) && names("core", &["Core"]));
    assert!(!names("", &[]) && !names("a@core", &[]) && !names("", &["a@core"]));
    assert!(!names("core", &["other"]) && !names("core", &["core", "core"]));
    assert!(!names("", &["core", "core"]));
}

#[test]
fn frames_that_ask_for_nothing_have_a_stock_that_fills_again() {
    let start = Instant::now();
    let mut frames = frames::Frames::new(start);
    let ping = [&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[7; 8]].concat();
    let answers = b"\0\0\x03\x01\x05\0\0\0\x01abc\0\0\x01\0\x01\0\0\0\x01a";
    let stock = frames::STOCK as usize;
    assert_eq!(frames.follow(b"SM\r\n\r\n", start), Ok(()));
    for piece in ping.repeat(stock).chunks(1_000) {
        assert_eq!(frames.follow(piece, start), Ok(()));
    }
    assert_eq!(frames.follow(&answers.repeat(10_000), start), Ok(()), "headers and data");
    frames.sent(4 * 1024);
    assert_eq!(frames.follow(&ping.repeat(4), start), Ok(()), "what is sent is acknowledged");
    let later = start + Duration::from_millis(100);
    assert_eq!(frames.follow(&ping.repeat(10), later), Ok(()), "time passes");
    assert_eq!(frames.follow(&ping, later), Err(Ambiguous));
}
