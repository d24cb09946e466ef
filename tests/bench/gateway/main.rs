//! The parts of the gateway benchmark that have to be fast themselves: a callee, a load
//! generator, a maker of tokens, and the hop of Core with some or none of its checks.
//!
//! `tests/bench/gateway.py` starts them, and the peers, and compares. The hop without checks
//! exists only here: the product has no switch that takes a check away.

#![allow(clippy::unwrap_used)]

mod hop;
mod load;
mod tokens;
mod upstream;

/// That of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // Cargo adds a flag of its own when it starts a bench itself.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["upstream"] => single_threaded(upstream::serve()),
        ["load", address, path, seconds, connections, tokens, mode] => {
            let plan = load::Plan {
                address: address.parse().unwrap(),
                path: (*path).to_owned(),
                seconds: seconds.parse().unwrap(),
                connections: connections.parse().unwrap(),
                tokens: load::read_tokens(tokens),
                once: *mode == "once",
            };
            single_threaded(load::run(plan));
        }
        ["tokens", folder, count] => {
            single_threaded(tokens::plugins(folder, count.parse().unwrap()))
        }
        ["es256", folder, count] => tokens::es256(folder, count.parse().unwrap()),
        ["hop", folder, checks] => single_threaded(hop::serve(folder, checks)),
        _ => println!("part of `make bench`; run tests/bench/gateway.py"),
    }
}

/// One worker, as the peers have.
fn single_threaded(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}
