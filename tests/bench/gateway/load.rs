//! A load generator with keep-alive connections, one request at a time on each.
//!
//! Every connection has a loopback address and a token of its own, so that the limits of Core per
//! address and per plugin stay on and are not what is measured.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;

const BODY: &str = r#"{"greeting":"hello"}"#;

pub struct Plan {
    pub address: SocketAddr,
    pub path: String,
    pub seconds: f64,
    pub connections: usize,
    /// Bearer tokens; connections take them in turn.
    pub tokens: Vec<String>,
    /// Each token is used for one request only, and the run ends with the last.
    pub once: bool,
}

struct State {
    plan: Plan,
    end: Instant,
    next: Cell<usize>,
    failed: Cell<u64>,
    micros: RefCell<Vec<u32>>,
}

pub fn read_tokens(path: &str) -> Vec<String> {
    if path == "-" {
        return Vec::new();
    }
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

/// Runs the plan and prints what came of it as one line of JSON.
pub async fn run(plan: Plan) {
    let start = Instant::now();
    let state = Rc::new(State {
        end: start + Duration::from_secs_f64(plan.seconds),
        plan,
        next: Cell::new(0),
        failed: Cell::new(0),
        micros: RefCell::default(),
    });
    let tasks = LocalSet::new();
    for number in 0..state.plan.connections {
        let state = state.clone();
        tasks.spawn_local(async move {
            if connection(&state, number).await.is_none() {
                state.failed.set(state.failed.get() + 1);
            }
        });
    }
    tasks.await;
    let seconds = start.elapsed().as_secs_f64();
    let mut micros = state.micros.take();
    micros.sort_unstable();
    let at = |share: f64| micros.get((micros.len() as f64 * share) as usize).copied().unwrap_or(0);
    println!(
        r#"{{"requests":{},"failed":{},"seconds":{seconds:.3},"p50_us":{},"p99_us":{}}}"#,
        micros.len(),
        state.failed.get(),
        at(0.5),
        at(0.99),
    );
}

async fn connection(state: &State, number: usize) -> Option<()> {
    let socket = TcpSocket::new_v4().ok()?;
    let own = Ipv4Addr::new(127, 0, 1, (number % 200 + 1) as u8);
    socket.bind(SocketAddr::from((own, 0))).ok()?;
    let mut stream = socket.connect(state.plan.address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let mut request = request(state, number)?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    while Instant::now() < state.end {
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await.ok()?;
        let status = answer(&mut stream, &mut buffer).await?;
        let micros = u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX);
        match status {
            200 => state.micros.borrow_mut().push(micros),
            _ => state.failed.set(state.failed.get() + 1),
        }
        if state.plan.once {
            let Some(next) = self::request(state, number) else { break };
            request = next;
        }
    }
    Some(())
}

/// The text of a request; `None` when every token has been used.
fn request(state: &State, number: usize) -> Option<String> {
    let tokens = &state.plan.tokens;
    let token = if state.plan.once {
        let next = state.next.get();
        state.next.set(next + 1);
        Some(tokens.get(next)?)
    } else if tokens.is_empty() {
        None
    } else {
        tokens.get(number % tokens.len())
    };
    let bearer =
        token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    Some(format!(
        "POST {} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{bearer}content-length: {}\r\n\r\n{BODY}",
        state.plan.path,
        BODY.len(),
    ))
}

/// Reads one answer with a length and says its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<u16> {
    buffer.clear();
    loop {
        if let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = std::str::from_utf8(&buffer[..head]).ok()?;
            let status = text.get(9..12)?.parse().ok()?;
            let mut lines = text.lines();
            let length: usize = lines.find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let named = name.eq_ignore_ascii_case("content-length");
                named.then(|| value.trim().parse().ok())?
            })?;
            if buffer.len() >= head + 4 + length {
                return Some(status);
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
