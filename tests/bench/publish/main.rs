//! Durable publishing at full speed: the bus of Core, and what it is measured against.
//!
//! `publish KIND PUBLISHERS SECONDS PLACE` prints one line of JSON. Each publisher sends one
//! kilobyte, waits for the acknowledgement and sends the next. PLACE is a folder for what runs in
//! this process and an address for a server. Every kind acknowledges only what is on the disk.

mod local;
mod peers;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// That of Core: an event is made in one thread and freed in another, which the usual one of the
/// system pays for with a lock.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZE: usize = 1_024;

/// A way to publish one event durably; each publisher has its own.
trait Lane: Send + 'static {
    fn publish(&mut self) -> impl Future<Output = ()> + Send;
}

fn main() {
    let words: Vec<String> = std::env::args().filter(|word| word != "--bench").collect();
    let [_, kind, publishers, seconds, place] = words.as_slice() else {
        eprintln!("run tests/bench/publish.py; it knows the words");
        return;
    };
    let publishers: usize = publishers.parse().expect("a number of publishers");
    let length = Duration::from_secs_f64(seconds.parse().expect("a number of seconds"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = PathBuf::from(place);
    runtime.block_on(async {
        match kind.as_str() {
            "bus" => run(local::bus(&folder, publishers, false).await, length).await,
            "delivered" => run(local::bus(&folder, publishers, true).await, length).await,
            "sqlite" => run(local::sqlite(&folder, publishers), length).await,
            "file" => run(local::files(&folder, publishers), length).await,
            "core" => run(peers::core(place, publishers).await, length).await,
            "nats" => run(peers::nats(place, publishers).await, length).await,
            "redis" => run(peers::redis(place, publishers).await, length).await,
            other => panic!("unknown kind {other}"),
        }
    });
}

async fn run<L: Lane>(lanes: Vec<L>, length: Duration) {
    let start = Instant::now();
    let work: Vec<_> = lanes
        .into_iter()
        .map(|mut lane| {
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while start.elapsed() < length {
                    let sent = Instant::now();
                    lane.publish().await;
                    waits.push(sent.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for publisher in work {
        waits.extend(publisher.await.expect("a publisher ends"));
    }
    let seconds = start.elapsed().as_secs_f64();
    waits.sort_unstable();
    let place = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_micros();
    let (half, most) = (place(50), place(99));
    let count = waits.len();
    println!(r#"{{"acks": {count}, "seconds": {seconds}, "p50_us": {half}, "p99_us": {most}}}"#);
}

/// Text that does not compress to nothing, as payloads do not.
fn text() -> String {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + u8::try_from(state % 26).expect("below 26"))
    })
    .take(SIZE)
    .collect()
}
