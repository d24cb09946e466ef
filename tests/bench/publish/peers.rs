//! Servers that acknowledge what they have on the disk, each spoken to in its own protocol with
//! one connection for each publisher.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::{Lane, text};

struct Wire(BufReader<TcpStream>);

impl Wire {
    async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("connects");
        stream.set_nodelay(true).expect("a setting");
        Self(BufReader::new(stream))
    }

    async fn send(&mut self, octets: &[u8]) {
        self.0.get_mut().write_all(octets).await.expect("sends");
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let octets = self.0.read_line(&mut line).await.expect("reads");
        assert!(octets > 0, "the server hung up");
        line.truncate(line.trim_end().len());
        line
    }
}

pub struct OnNats {
    wire: Wire,
    request: Vec<u8>,
}

/// NATS JetStream, a file stream on one server; its `sync_interval: always` is in its file.
pub async fn nats(address: &str, publishers: usize) -> Vec<OnNats> {
    let mut lanes = Vec::new();
    for number in 0..publishers {
        let mut wire = Wire::open(address).await;
        let inbox = format!("_INBOX.b{number}");
        let hello = r#"{"verbose":false,"pedantic":false,"headers":true,"no_responders":true}"#;
        wire.send(format!("CONNECT {hello}\r\nSUB {inbox} 1\r\nPING\r\n").as_bytes()).await;
        while wire.line().await != "PONG" {}
        let mut lane = OnNats { wire, request: Vec::new() };
        if number == 0 {
            let stream = r#"{"name":"BENCH","subjects":["bench.>"],"storage":"file","retention":"limits","discard":"old","num_replicas":1}"#;
            let subject = "$JS.API.STREAM.CREATE.BENCH";
            let answer = lane.ask(&put(subject, &inbox, stream)).await;
            assert!(answer.contains("stream_create_response"), "{answer}");
        }
        lane.request = put("bench.note", &inbox, &text());
        lanes.push(lane);
    }
    lanes
}

fn put(subject: &str, inbox: &str, text: &str) -> Vec<u8> {
    format!("PUB {subject} {inbox} {}\r\n{text}\r\n", text.len()).into_bytes()
}

impl OnNats {
    async fn ask(&mut self, request: &[u8]) -> String {
        self.wire.send(request).await;
        loop {
            let line = self.wire.line().await;
            if line == "PING" {
                self.wire.send(b"PONG\r\n").await;
            } else if line.starts_with("MSG") {
                return self.wire.line().await;
            } else {
                assert!(!line.starts_with("-ERR"), "{line}");
            }
        }
    }
}

impl Lane for OnNats {
    async fn publish(&mut self) {
        let request = std::mem::take(&mut self.request);
        let answer = self.ask(&request).await;
        assert!(answer.contains("\"seq\""), "{answer}");
        self.request = request;
    }
}

pub struct OnRedis {
    wire: Wire,
    request: Vec<u8>,
}

/// A Redis stream; `appendonly yes` and `appendfsync always` are on its command line.
pub async fn redis(address: &str, publishers: usize) -> Vec<OnRedis> {
    let text = text();
    let words = ["XADD", "bench", "*", "text", &text];
    let words = words.map(|word| format!("${}\r\n{word}\r\n", word.len()));
    let request = format!("*{}\r\n{}", words.len(), words.concat()).into_bytes();
    let mut lanes = Vec::new();
    for _ in 0..publishers {
        lanes.push(OnRedis { wire: Wire::open(address).await, request: request.clone() });
    }
    lanes
}

impl Lane for OnRedis {
    async fn publish(&mut self) {
        self.wire.send(&self.request).await;
        let line = self.wire.line().await;
        let length: usize =
            line.strip_prefix('$').and_then(|length| length.parse().ok()).expect("an id");
        let mut id = vec![0; length + 2];
        self.wire.0.read_exact(&mut id).await.expect("reads");
    }
}

pub struct OnCore {
    wire: Wire,
    request: Vec<u8>,
}

/// The whole of Core over HTTP: token, rate, policy, schema, intent, event and outcome. `place` is
/// its address and the token of a plugin that declares the event type `Note`.
pub async fn core(place: &str, publishers: usize) -> Vec<OnCore> {
    let (address, token) = place.split_once(' ').expect("an address and a token");
    let body = format!(r#"{{"event_type":"Note","payload":{{"text":"{}"}}}}"#, text());
    let request = format!(
        "POST /events/publish HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
         authorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len(),
    )
    .into_bytes();
    let mut lanes = Vec::new();
    for _ in 0..publishers {
        lanes.push(OnCore { wire: Wire::open(address).await, request: request.clone() });
    }
    lanes
}

impl Lane for OnCore {
    async fn publish(&mut self) {
        self.wire.send(&self.request).await;
        let status = self.wire.line().await;
        let mut length = 0;
        loop {
            let line = self.wire.line().await;
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().expect("a length");
            }
        }
        let mut answer = vec![0; length];
        self.wire.0.read_exact(&mut answer).await.expect("reads");
        assert!(status.starts_with("HTTP/1.1 202"), "{status}");
    }
}
