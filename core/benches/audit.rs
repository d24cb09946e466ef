//! What a record costs and how fast a log is verified. Times are CPU of this process, so that
//! other work on the machine does not count.
//!
//! `VIVIFIED_AUDIT_RECORDS` sets how many; a million when absent.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write};
use std::process::ExitCode;
use std::sync::Arc;

use time::OffsetDateTime;
use vivified_core::audit::{self, Actor, AuditKey, AuditLog, Chain, Entry, Settings, offline};
use vivified_core::{Clock, MasterKey, Store};

/// The allocator of Core.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Records that one transaction holds under load.
const GROUP: usize = 100;
/// Microseconds of CPU that chaining a record may take.
const MOST_CHAINING: f64 = 1.5;
/// Millions of records that are verified in a second of CPU.
const LEAST_VERIFIED: f64 = 1.0;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let records = std::env::var("VIVIFIED_AUDIT_RECORDS").ok();
    let records = records.map_or(Ok(1_000_000), |records| records.parse::<usize>())?;
    let folder = tempfile::tempdir()?;
    let key = AuditKey::open(&folder.path().join("audit.key"))?;
    let public = key.public();

    let mut chain = Chain::empty(&Arc::new(key));
    let entry = entry();
    let now = OffsetDateTime::now_utc();
    let chaining = cost(records, || (0..records).for_each(|_| chain.link(&entry, now)))?;
    println!("audit: chaining {chaining:.2} us CPU a record (at most {MOST_CHAINING})");

    let store = Store::open(&folder.path().join("core.db"), &[audit::MIGRATIONS])?;
    let master = MasterKey::open(&folder.path().join("master.key"))?;
    let key = AuditKey::read(&folder.path().join("audit.key"))?;
    let log =
        AuditLog::open(store.clone(), Clock::system(), &master, key, Settings::default()).await?;
    let before = cpu()?;
    for _ in 0..records / GROUP {
        for _ in 1..GROUP {
            log.announce(entry.clone())?;
        }
        log.append(entry.clone()).await?;
    }
    let storing = (cpu()? - before) / records as f64 / 1_000.0;
    println!("audit: chained, stored and durable {storing:.2} us CPU a record, {GROUP} a sync");

    let path = folder.path().join("export.jsonl");
    let mut file = std::io::BufWriter::new(File::create(&path)?);
    let mut pieces = log.export(0, None).await?.ok_or("nothing to export")?;
    while let Some(piece) = pieces.piece().await? {
        file.write_all(piece.as_bytes())?;
    }
    file.flush()?;
    let size = std::fs::metadata(&path)?.len();
    let mut verdict = None;
    let verifying = cost(records, || {
        let lines = File::open(&path).map(|file| BufReader::with_capacity(1 << 20, file));
        verdict = lines.and_then(|lines| offline::verify_export(lines, public, Vec::new(), 0)).ok();
    })?;
    let export = report("export", verdict, verifying, records)?;
    println!("audit: the export is {:.0} MB/s of CPU", size as f64 / records as f64 / verifying);

    store.close().await;
    let database = folder.path().join("core.db");
    let mut verdict = None;
    let verifying = cost(records, || {
        verdict = offline::verify_database(&database, public, Vec::new()).ok();
    })?;
    let database = report("database", verdict, verifying, records)?;
    let holds = chaining <= MOST_CHAINING && export.min(database) >= LEAST_VERIFIED;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A record as the gateway writes it.
fn entry() -> Entry {
    let mut entry = Entry::outcome(Actor::plugin("caller_0"), "rpc.call", "ok")
        .about("callee_0")
        .detail("operation", "ping");
    entry.lane = Some("operator".into());
    entry.rule = Some("default.granted".into());
    entry.status = Some(200);
    entry.trace_id = Some("4bf92f3577b34da6a3ce929d0e0e4736".into());
    entry.request_bytes = Some(256);
    entry.response_bytes = Some(1_024);
    entry
}

/// Verifies what stands there; answers millions of records a second.
fn report(
    what: &str,
    verdict: Option<offline::Verdict>,
    micros: f64,
    records: usize,
) -> Result<f64, Box<dyn Error>> {
    let Some(offline::Verdict::Sound(report)) = verdict else {
        return Err(format!("the untouched {what} does not verify: {verdict:?}").into());
    };
    assert!(usize::try_from(report.records)? >= records / GROUP * GROUP);
    let rate = 1.0 / micros;
    let (records, checkpoints) = (report.records, report.checkpoints);
    println!(
        "audit: {what} of {records} records and {checkpoints} checkpoints verifies at {rate:.2} \
         million records a second of CPU (at least {LEAST_VERIFIED})"
    );
    Ok(rate)
}

/// Microseconds of CPU for one record.
fn cost(records: usize, work: impl FnOnce()) -> Result<f64, Box<dyn Error>> {
    let before = cpu()?;
    work();
    Ok((cpu()? - before) / records as f64 / 1_000.0)
}

/// Nanoseconds that the threads of this process have run.
fn cpu() -> Result<f64, Box<dyn Error>> {
    let mut nanos = 0.0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let spent = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += spent.split(' ').next().unwrap_or_default().parse::<f64>()?;
    }
    Ok(nanos)
}
