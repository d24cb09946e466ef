//! A stop under load: what was taken is answered, the rest is turned away at the door.
//!
//! `EDGE_DRAINS` says how many stops are tried; the usual few keep the tests quick.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::harness::{Edge, HEALTH, Tls, exchange_whole};

const CLIENTS: usize = 8;
const FAST: &str = "[rates.public]\nper_second = 100000\nburst = 100000\n";

#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    broken: AtomicU64,
    told: AtomicBool,
}

/// Asks on one connection until Core says that it ends, or breaks it.
fn client(mut stream: Tls, tally: &Tally) {
    loop {
        match exchange_whole(&mut stream, HEALTH) {
            Ok((head, _)) => {
                tally.answered.fetch_add(1, Ordering::Relaxed);
                if head.contains("connection: close") {
                    return;
                }
            }
            Err(_) => {
                tally.broken.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
        // Two hundred requests a second in all.
        std::thread::park_timeout(Duration::from_millis(40));
    }
}

fn load(edge: &Edge) -> (Arc<Tally>, Vec<std::thread::JoinHandle<()>>) {
    let tally = Arc::<Tally>::default();
    let threads = (0..CLIENTS).map(|_| {
        let (tally, mut stream) = (tally.clone(), edge.tls());
        assert!(exchange_whole(&mut stream, HEALTH).is_ok());
        std::thread::spawn(move || client(stream, &tally))
    });
    let threads = threads.collect();
    (tally, threads)
}

#[test]
fn a_stop_under_load_breaks_no_request() {
    let rounds = std::env::var("EDGE_DRAINS").ok().and_then(|count| count.parse().ok());
    let rounds: u64 = rounds.unwrap_or(3);
    let (mut answered, mut slowest) = (0, Duration::ZERO);
    let mut edge = Edge::start(FAST);
    for round in 0..rounds {
        if edge.child.is_none() {
            edge.run();
        }
        let (tally, threads) = load(&edge);
        while tally.answered.load(Ordering::Relaxed) < 20 + round % 17 {
            std::thread::yield_now();
        }
        let start = Instant::now();
        edge.signal("-TERM");
        tally.told.store(true, Ordering::Release);
        assert_eq!(edge.wait(), 0);
        slowest = slowest.max(start.elapsed());
        threads.into_iter().for_each(|thread| thread.join().expect("joins"));
        assert_eq!(tally.broken.load(Ordering::Relaxed), 0, "round {round}");
        answered += tally.answered.load(Ordering::Relaxed);
        assert!(std::net::TcpStream::connect(edge.address).is_err(), "the door is closed");
        audit_ends_with_the_stop(&edge);
    }
    println!("{rounds} stops, {answered} requests answered, 0 broken, slowest {slowest:?}");
}

/// The control: a process that is killed breaks what it has taken.
#[test]
fn a_kill_under_load_breaks_requests() {
    let mut edge = Edge::start(FAST);
    let (tally, threads) = load(&edge);
    while tally.answered.load(Ordering::Relaxed) < 20 {
        std::thread::yield_now();
    }
    let mut child = edge.child.take().expect("runs");
    child.kill().expect("kills");
    child.wait().expect("ends");
    threads.into_iter().for_each(|thread| thread.join().expect("joins"));
    assert!(tally.broken.load(Ordering::Relaxed) > 0);
}

fn audit_ends_with_the_stop(edge: &Edge) {
    let data = edge.path("data");
    let connection = rusqlite::Connection::open(data.join("core.db")).expect("opens");
    let key = vivified_core::audit::AuditKey::read(&data.join("audit.key")).expect("a key");
    let report = vivified_core::audit::folder::verify(&connection, key.public(), Vec::new());
    assert_eq!(report.expect("reads").fault, None);
    let text: String = connection
        .query_row(
            "SELECT CAST(record AS TEXT) FROM audit_log ORDER BY seq DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .expect("a record");
    assert!(text.contains("core.stop"), "{text}");
}
