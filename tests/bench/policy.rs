//! What one decision of the policy costs, on documents of several sizes.
//!
//! Requests are those of the lanes, allowed and denied, asked in turn so that no branch is
//! learned by heart. The figure is CPU time of the thread by one decision, the best of several
//! runs; with the sample means as the lanes ask, which is what the limit is for.

use std::fs;
use std::hint::black_box;
use std::process::ExitCode;

use serde_json::json;
use vivified_core::policy::{
    DataTrait, DataTraits, Document, Operation, Other, Party, PluginState, Policy, Request, Rules,
    Stated, Trait, Traits,
};

const DECISIONS: u64 = 400_000;
const RUNS: usize = 5;
/// Nanoseconds a decision may take.
const LIMIT: f64 = 2_000.0;

fn main() -> ExitCode {
    let requests = requests();
    println!(
        "{:24} {:>12} {:>14} {:>10}",
        "rules in the document", "pure ns", "in a lane ns", "limit"
    );
    let mut missed = false;
    for extra in [0, 16, 128, 500] {
        let document = document(extra);
        let rules = Rules::new(&document, 1);
        let policy = Policy::new(Rules::new(&document, 1));
        let pure = best(|number| drop(black_box(rules.decide(&requests[number % requests.len()]))));
        let lane =
            best(|number| drop(black_box(policy.decide(&requests[number % requests.len()]))));
        println!("{:24} {pure:>12.0} {lane:>14.0} {LIMIT:>10.0}", extra + 1);
        missed |= lane > LIMIT;
    }
    if missed {
        eprintln!("the limit is missed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn best(mut decide: impl FnMut(usize)) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..RUNS {
        let before = cpu_nanoseconds();
        for number in 0..DECISIONS {
            decide(usize::try_from(number).unwrap_or(0));
        }
        best = best.min((cpu_nanoseconds() - before) as f64 / DECISIONS as f64);
    }
    best
}

/// CPU time of this thread.
fn cpu_nanoseconds() -> u64 {
    // The kernel brings the figure up to date when the thread stops running.
    std::thread::sleep(std::time::Duration::from_millis(2));
    let schedule = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let first = schedule.split_whitespace().next().and_then(|first| first.parse().ok());
    first.expect("the figures need Linux with /proc/self/schedstat")
}

/// The built-in document with this many further rules, spread over lanes and conditions.
fn document(extra: usize) -> Document {
    let classes = ["phi", "pii", "financial", "credentials"];
    let lanes = ["canonical", "operator", "proxy", "control"];
    let traits: Vec<&str> = ["config_writer", "storage_user", "external_caller"].to_vec();
    let mut rules = vec![json!({ "id": "default.granted", "effect": "allow" })];
    rules.extend((0..extra).map(|number| {
        json!({
            "id": format!("rule{number}"),
            "effect": "deny",
            "when": {
                "lanes": [lanes[number % 4]],
                "data_has": [classes[number / 4 % 4]],
                "caller_has": [traits[number % 3]],
                "purposes": ["research"],
            },
        })
    }));
    Document::read(json!({ "rules": rules })).expect("a document")
}

fn requests() -> Vec<Request<'static>> {
    let operation = |id| Operation::find(id).expect("an operation of the contract");
    let plugin = |traits| Party::Plugin { plugin_id: "alpha", state: PluginState::Active, traits };
    let (all, few) = (Traits::all(), Traits::of(&[Trait::EventSubscriber]));
    let other = Other {
        plugin_id: "beta",
        state: PluginState::Active,
        traits: all,
        needs: Traits::of(&[Trait::RpcProvider]),
        demands: Traits::of(&[Trait::StorageUser]),
    };
    let phi = DataTraits::of(&[DataTrait::Phi]);
    let research = Stated::parse(Some("research"));
    let delivery = Request::new(Operation::delivery(), plugin(all));
    let call = Request::new(operation("call_plugin"), plugin(all));
    vec![
        Request::new(operation("publish_event"), plugin(all)),
        Request { data: phi, ..delivery },
        Request { data: phi, caller: plugin(few), ..delivery },
        Request { other: Some(other), data: phi, ..call },
        Request { other: Some(other), data: phi, purpose: research, ..call },
        Request { data: phi, ..Request::new(operation("call_external"), plugin(all)) },
        Request { claimed: Some("beta"), ..Request::new(operation("publish_event"), plugin(all)) },
    ]
}
