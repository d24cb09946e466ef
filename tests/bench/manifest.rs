//! What validating a manifest costs, against the bare `jsonschema` crate with the same file.
//!
//! The bare side knows the structure only; ours also applies the rules under `x-rules` and says
//! what is wrong in words. Both run in turn in one process and the quickest round of each counts.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::{Value, json};
use vivified_contract::manifest;

const ROUNDS: usize = 25;
const CALLS: u32 = 2_000;
const RATIO_LIMIT: f64 = 1.3;

fn main() -> ExitCode {
    let schema: Value = serde_json::from_str(manifest::SCHEMA).expect("the schema is JSON");
    let bare = jsonschema::draft202012::options()
        .should_validate_formats(true)
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(&schema)
        .expect("the schema compiles");
    let document = document();
    assert_eq!(manifest::validate(&document), [], "the sample is valid");
    assert!(bare.is_valid(&document), "the sample is valid");
    let (mut own, mut floor) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        own = own.min(microseconds(|| manifest::validate(&document).len()));
        floor = floor.min(microseconds(|| bare.iter_errors(&document).count()));
    }
    let ratio = own / floor;
    let verdict = if ratio <= RATIO_LIMIT { "ok" } else { "MISSED" };
    println!("manifest validation: {own:.2} us, bare jsonschema {floor:.2} us");
    println!("ratio {ratio:.2} (limit {RATIO_LIMIT}) {verdict}");
    ExitCode::from(u8::from(ratio > RATIO_LIMIT))
}

/// Microseconds of one call.
fn microseconds(mut work: impl FnMut() -> usize) -> f64 {
    let start = Instant::now();
    for _ in 0..CALLS {
        black_box(work());
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
}

/// A manifest of the usual size that uses every lane.
fn document() -> Value {
    json!({
        "id": "email_gateway", "name": "Email gateway", "version": "2.4.1", "type": "communication",
        "description": "Sends appointment mails.", "language": "python", "contracts": ["vivified/1"],
        "traits": ["event_publisher", "event_subscriber", "external_caller", "rpc_provider", "handles_phi"],
        "allowed_domains": [
            { "host": "api.mail.example", "methods": ["POST"], "path_prefix": "/v1/", "baa": true }
        ],
        "endpoints": { "health": "/health" },
        "operations": [{
            "name": "send", "description": "Queues one mail.", "idempotent": true, "timeout_ms": 5000,
            "input_schema": { "type": "object", "required": ["to"], "properties": { "to": { "type": "string" } } },
            "output_schema": { "type": "object" }
        }],
        "events": { "subscribes": ["EmailQueued"], "publishes": ["EmailSent"] },
        "security": { "authentication_required": true, "data_classification": ["internal", "phi"] },
        "compliance": { "hipaa_controls": ["164.312(a)(1)", "164.312(b)"], "audit_level": "detailed" }
    })
}
