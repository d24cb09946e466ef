//! A million random decisions without a disagreement, and the proof that one would be seen.
//!
//! `PROVE` asks for the million, `VIVIFIED_ORACLE_DECISIONS` for any other number, and `VIVIFIED_ORACLE_SEED` repeats a run.

use std::time::{SystemTime, UNIX_EPOCH};

use vivified_core::policy::{Document, Effect, Request, Rules};
use vivified_oracle::random::Dice;
use vivified_oracle::{FLOOR, Oracle, Verdict};

/// What a normal run compares, and a proof (with `PROVE` in the environment).
const DECISIONS: u64 = 60_000;
const PROOF: u64 = 1_000_000;
/// Requests for each document.
const EACH: u64 = 400;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn wanted() -> u64 {
    let normal = if std::env::var_os("PROVE").is_some() { PROOF } else { DECISIONS };
    number("VIVIFIED_ORACLE_DECISIONS").unwrap_or(normal)
}

fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_secs());
    number("VIVIFIED_ORACLE_SEED").unwrap_or(now)
}

fn ours(rules: &Rules, request: &Request<'_>) -> Verdict {
    match rules.decide(request).effect {
        Effect::Allow => Verdict::Allow,
        Effect::Deny => Verdict::Deny,
        Effect::Mask(classes) => Verdict::Mask(classes),
    }
}

#[test]
fn two_engines_agree() {
    let (seed, wanted) = (seed(), wanted());
    println!("seed {seed}, {wanted} decisions; VIVIFIED_ORACLE_SEED={seed} repeats them");
    let mut dice = Dice::new(seed);
    let (mut made, mut documents) = (0_u64, 0_u64);
    let [mut allowed, mut denied, mut masked] = [0_u64; 3];
    while made < wanted {
        let document = if documents == 0 { Document::built_in() } else { dice.document() };
        let (rules, oracle) = (Rules::new(&document, 1), Oracle::new(&document));
        documents += 1;
        for _ in 0..EACH.min(wanted - made) {
            let request = dice.request();
            let (ours, theirs) = (ours(&rules, &request), oracle.verdict(&request));
            assert_eq!(ours, theirs, "seed {seed}: {request:#?}\n{}", document.to_value());
            match ours {
                Verdict::Allow => allowed += 1,
                Verdict::Deny => denied += 1,
                Verdict::Mask(_) => masked += 1,
            }
            made += 1;
        }
    }
    println!(
        "{made} decisions over {documents} documents: {allowed} allowed, {denied} denied, \
         {masked} masked, 0 disagreements"
    );
    let share = |count: u64| count * 100 / made;
    assert!(share(allowed) >= 5 && share(denied) >= 20 && masked * 1_000 >= made);
}

/// The control: an oracle that lacks any one rule of the floor is caught.
#[test]
fn a_missing_rule_of_the_floor_is_seen() {
    let seed = seed();
    let document = Document::built_in();
    let rules = Rules::new(&document, 1);
    let policies: Vec<&str> = FLOOR.split_inclusive("};").collect();
    let policies: Vec<&str> = policies.into_iter().filter(|text| text.contains("forbid")).collect();
    assert_eq!(policies.len(), 21);
    for (index, left_out) in policies.iter().enumerate() {
        let rest: String = policies
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != index)
            .map(|(_, text)| *text)
            .collect();
        // The floor about masking needs a rule that masks.
        let masking = document_that_masks();
        let about_masks = left_out.contains("maskable");
        let (rules, document) = match about_masks {
            true => (&Rules::new(&masking, 1), &masking),
            false => (&rules, &document),
        };
        let oracle = Oracle::with_floor(document, &rest);
        let mut dice = Dice::new(seed);
        let seen = (0..20_000_u32).find(|_| {
            let request = dice.request();
            ours(rules, &request) != oracle.verdict(&request)
        });
        assert!(seen.is_some(), "seed {seed}: nobody missed\n{left_out}");
    }
}

fn document_that_masks() -> Document {
    let text = r#"{ "rules": [
        { "id": "default.granted", "effect": "allow" },
        { "id": "mask", "effect": "mask", "classes": ["phi"] }
    ] }"#;
    Document::read(serde_json::from_str(text).expect("JSON")).expect("a document")
}

/// The control: one changed condition of a document is caught.
#[test]
fn a_changed_rule_of_a_document_is_seen() {
    let seed = seed();
    let written = |when: &str| {
        let text = format!(
            r#"{{ "rules": [
                {{ "id": "default.granted", "effect": "allow" }},
                {{ "id": "tried", "effect": "deny", "when": {when} }}
            ] }}"#
        );
        Document::read(serde_json::from_str(&text).expect("JSON")).expect("a document")
    };
    for (ours_says, theirs_says) in [
        (r#"{ "data_has": ["phi"] }"#, r#"{ "data_has": ["pii"] }"#),
        (r#"{ "caller_has": ["rpc_caller"] }"#, r#"{ "caller_lacks": ["rpc_caller"] }"#),
        (r#"{ "other_lacks": ["handles_pii"] }"#, r#"{ "other_lacks": ["handles_phi"] }"#),
        (r#"{ "purposes_not": ["research"] }"#, r#"{ "purposes_not": ["payment"] }"#),
        (r#"{ "lanes": ["proxy"] }"#, r#"{ "lanes": ["operator"] }"#),
    ] {
        let rules = Rules::new(&written(ours_says), 1);
        let oracle = Oracle::new(&written(theirs_says));
        let mut dice = Dice::new(seed);
        let differ = (0..5_000_u32).filter(|_| {
            let request = dice.request();
            ours(&rules, &request) != oracle.verdict(&request)
        });
        let differ = differ.count();
        println!("{ours_says} against {theirs_says}: {differ} of 5000 differ");
        assert!(differ > 0, "seed {seed}");
    }
}
