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
        self.0.read_line(&mut line).await.expect("reads");
        assert!(!line.is_empty(), "the server hung up");
        line.trim_end().to_owned()
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
