//! Callees that speak HTTP badly or with intent. Each answer is written by hand on a raw socket;
//! after each of them the next call must be answered with its own answer and nothing else.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What a raw callee writes once it has read a request.
#[derive(Clone)]
enum Wire {
    /// These octets, and then it reads on.
    Text(String),
    /// These octets, and then it closes.
    Last(String),
    /// Before it has read the body of the request.
    Early(String),
    /// These octets first, then this again and again.
    Endless(String, String),
    Silent,
}

const GOOD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{\"n\": 1}";

fn head(lines: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{lines}\r\n")
}

/// A callee that does `acts` in order, one for each request on any connection.
struct Raw {
    bench: Bench,
    connections: Arc<Mutex<usize>>,
}

impl Raw {
    async fn new(acts: Vec<Wire>) -> Self {
        let mut bench = Bench::new(&[]).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        bench.base_url = format!("http://{}", listener.local_addr().unwrap());
        let acts = Arc::new(Mutex::new(VecDeque::from(acts)));
        let connections = Arc::new(Mutex::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _): (TcpStream, SocketAddr) = listener.accept().await.unwrap();
                *count.lock().unwrap() += 1;
                tokio::spawn(talk(stream, acts.clone()));
            }
        });
        Self { bench, connections }
    }

    fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn talk(mut stream: TcpStream, acts: Arc<Mutex<VecDeque<Wire>>>) -> Option<()> {
    loop {
        let length = read_head(&mut stream).await?;
        let act = acts.lock().unwrap().pop_front().unwrap_or(Wire::Text(GOOD.to_owned()));
        if let Wire::Early(text) = &act {
            stream.write_all(text.as_bytes()).await.ok()?;
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        match act {
            Wire::Text(text) => stream.write_all(text.as_bytes()).await.ok()?,
            Wire::Last(text) => {
                stream.write_all(text.as_bytes()).await.ok()?;
                return None;
            }
            Wire::Endless(first, more) => {
                stream.write_all(first.as_bytes()).await.ok()?;
                loop {
                    stream.write_all(more.as_bytes()).await.ok()?;
                }
            }
            Wire::Early(_) => {}
            Wire::Silent => std::future::pending().await,
        }
    }
}

/// Reads up to the end of a head and answers the length of the body that follows.
async fn read_head(stream: &mut TcpStream) -> Option<usize> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    Some(length.parse().unwrap())
}

async fn bad_then_good(acts: Vec<Wire>, expected: fn(&CallError) -> bool, what: &str) {
    let raw = Raw::new(acts).await;
    let refused = raw.bench.json(&raw.bench.call()).await;
    assert!(refused.as_ref().is_err_and(expected), "{what}: {refused:?}");
    // The connection of a doubtful answer is never used again.
    assert_eq!(raw.bench.json(&raw.bench.call()).await.unwrap(), json!({"n": 1}), "{what}");
    assert_eq!(raw.connections(), 2, "{what}");
}

#[tokio::test]
async fn two_good_answers_come_over_one_connection() {
    // The control of this file: without a doubt about an answer its connection is kept.
    let raw = Raw::new(Vec::new()).await;
    for _ in 0..3 {
        assert_eq!(raw.bench.json(&raw.bench.call()).await.unwrap(), json!({"n": 1}));
    }
    assert_eq!(raw.connections(), 1);
}

#[tokio::test]
async fn an_answer_that_can_be_read_in_two_ways_is_refused() {
    let body = "{\"n\": 2}";
    let chunked = "8\r\n{\"n\": 2}\r\n0\r\n\r\n";
    for (what, text) in [
        ("two lengths", head("content-length: 8\r\ncontent-length: 7\r\n") + body),
        ("the same length twice", head("content-length: 8\r\ncontent-length: 8\r\n") + body),
        ("a list of lengths", head("content-length: 8, 8\r\n") + body),
        ("a signed length", head("content-length: +8\r\n") + body),
        ("a hex length", head("content-length: 0x8\r\n") + body),
        ("a huge length", head("content-length: 18446744073709551624\r\n") + body),
        (
            "length and chunks",
            head("content-length: 8\r\ntransfer-encoding: chunked\r\n") + chunked,
        ),
        (
            "chunks and length",
            head("transfer-encoding: chunked\r\ncontent-length: 8\r\n") + chunked,
        ),
        ("coded twice", head("transfer-encoding: gzip, chunked\r\n") + chunked),
        ("coding in two lines", {
            head("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n") + chunked
        }),
        ("an unknown coding", head("transfer-encoding: xchunked\r\n") + chunked),
        ("a folded line", head("x-note: a\r\n b\r\ncontent-length: 8\r\n") + body),
        ("a space before the colon", head("content-length : 8\r\n") + body),
        ("a bare carriage return", head("x-note: a\rb\r\ncontent-length: 8\r\n") + body),
        ("a nul in a name", head("x\0y: a\r\ncontent-length: 8\r\n") + body),
        (
            "a chunk size with a sign",
            head("transfer-encoding: chunked\r\n") + "+8\r\n{\"n\": 2}\r\n0\r\n\r\n",
        ),
        ("a chunk size beyond all bounds", {
            head("transfer-encoding: chunked\r\n") + "ffffffffffffffffff\r\n{\"n\": 2}\r\n0\r\n\r\n"
        }),
        ("chunks in HTTP/1.0", {
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned() + chunked
        }),
        ("two media types", { head("content-type: text/plain\r\ncontent-length: 8\r\n") + body }),
        ("no status line", "{\"n\": 2}\r\n\r\n".to_owned()),
        ("a status of two digits", "HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n".to_owned()),
        (
            "another protocol",
            "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n".to_owned(),
        ),
    ] {
        let failed = |error: &CallError| matches!(error, CallError::CalleeFailed);
        bad_then_good(vec![Wire::Last(text)], failed, what).await;
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_failure() {
    let failed = |error: &CallError| matches!(error, CallError::CalleeFailed);
    for (what, text) in [
        ("short of its length", head("content-length: 80\r\n") + "{\"n\": 2}"),
        ("without the last chunk", head("transfer-encoding: chunked\r\n") + "8\r\n{\"n\": 2}\r\n"),
        ("within its head", "HTTP/1.1 200 OK\r\ncontent-".to_owned()),
        ("before its head", String::new()),
    ] {
        bad_then_good(vec![Wire::Last(text)], failed, what).await;
    }
}

#[tokio::test]
async fn what_follows_an_answer_is_not_the_answer_of_the_next_call() {
    let smuggled = GOOD.replace("{\"n\": 1}", "{\"n\": 9}");
    for text in [GOOD.to_owned() + &smuggled, GOOD.to_owned() + "x"] {
        let raw = Raw::new(vec![Wire::Text(text)]).await;
        assert_eq!(raw.bench.json(&raw.bench.call()).await.unwrap(), json!({"n": 1}));
        assert_eq!(raw.bench.json(&raw.bench.call()).await.unwrap(), json!({"n": 1}));
        assert_eq!(raw.connections(), 2);
    }
}

#[tokio::test]
async fn a_body_where_none_belongs_is_not_the_answer_of_the_next_call() {
    let text = format!("HTTP/1.1 204 No Content\r\n\r\n{}", GOOD.replace("1}", "9}"));
    let raw = Raw::new(vec![Wire::Text(text)]).await;
    assert_eq!(raw.bench.json(&raw.bench.call()).await.unwrap(), Value::Null);
    assert_eq!(raw.bench.json(&raw.bench.call()).await.unwrap(), json!({"n": 1}));
    assert_eq!(raw.connections(), 2);
}

#[tokio::test]
async fn an_early_answer_leaves_no_connection_behind_on_which_bodies_mix() {
    let raw = Raw::new(vec![Wire::Early(GOOD.to_owned())]).await;
    let mut call = raw.bench.call();
    call.body = Bytes::from(format!("{{\"text\":\"{}\"}}", "x".repeat(1_000_000)));
    // Answered or refused, but never mixed with what comes next.
    let _ = raw.bench.json(&call).await;
    for _ in 0..3 {
        assert_eq!(raw.bench.json(&raw.bench.call()).await.unwrap(), json!({"n": 1}));
    }
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let failed = |error: &CallError| matches!(error, CallError::CalleeFailed);
    let many: String = (0..500).map(|number| format!("x-{number}: y\r\n")).collect();
    bad_then_good(vec![Wire::Last(head(&many))], failed, "many fields").await;
    let long = format!("x-long: {}\r\n", "y".repeat(200_000));
    bad_then_good(vec![Wire::Last(head(&long))], failed, "one long field").await;
    let endless =
        Wire::Endless(head("").trim_end().to_owned() + "\r\n", "x-more: y\r\n".repeat(64));
    bad_then_good(vec![endless], failed, "fields without end").await;
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let piece = format!("{:x}\r\n{}\r\n", 65_536, "1".repeat(65_536));
    let endless = Wire::Endless(head("transfer-encoding: chunked\r\n"), piece);
    let large = |error: &CallError| matches!(error, CallError::TooLarge);
    bad_then_good(vec![endless], large, "chunks without end").await;
    let declared = Wire::Text(head("content-length: 9000000000\r\n"));
    bad_then_good(vec![declared], large, "a declared length beyond the cap").await;
}

#[tokio::test(start_paused = true)]
async fn who_drips_or_says_nothing_meets_the_deadline() {
    let late = |error: &CallError| matches!(error, CallError::TimedOut);
    for (what, act) in [
        ("silence", Wire::Silent),
        ("half a head", Wire::Text("HTTP/1.1 200 OK\r\nx-".to_owned())),
        ("half a body", Wire::Text(head("content-length: 8\r\n") + "{")),
        ("interim answers only", Wire::Text("HTTP/1.1 103 Early Hints\r\n\r\n".to_owned())),
    ] {
        let start = Instant::now();
        bad_then_good(vec![act], late, what).await;
        let took = start.elapsed();
        assert!((Duration::from_secs(10)..Duration::from_secs(11)).contains(&took), "{what}");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_rested_costs_no_failure() {
    let raw = Raw::new(vec![Wire::Last(GOOD.to_owned()), Wire::Last(GOOD.to_owned())]).await;
    for _ in 0..3 {
        assert_eq!(raw.bench.json(&raw.bench.call()).await.unwrap(), json!({"n": 1}));
        // The closing has to arrive before the next call looks.
        tokio::task::yield_now().await;
    }
    assert_eq!(raw.connections(), 3);
}

#[tokio::test]
async fn the_answer_of_a_withdrawn_call_reaches_nobody() {
    let raw = Raw::new(vec![Wire::Silent]).await;
    let (gateway, call) = (raw.bench.gateway.clone(), raw.bench.call());
    let withdrawn = tokio::spawn(async move { gateway.call(&call).await.map(drop) });
    while raw.connections() == 0 {
        tokio::task::yield_now().await;
    }
    withdrawn.abort();
    let _ = withdrawn.await;
    assert_eq!(raw.bench.json(&raw.bench.call()).await.unwrap(), json!({"n": 1}));
    assert_eq!(raw.connections(), 2);
}
