//! The text against a general JSON library, in both directions.

use super::*;
use crate::audit::record::{Actor, Entry};
use crate::json::{canonical, parse_json};

fn full() -> Entry {
    let mut entry = Entry::outcome(Actor::plugin("alpha"), "rpc.call", "ok")
        .about("beta")
        .detail("zebra", "last")
        .detail("prev", "not the \"prev\" of \\ the chain\n")
        .detail("ä", "ü\u{1}\u{7f}");
    entry.lane = Some("operator".into());
    entry.rule = Some("default.granted".into());
    entry.decision_id = Some("dec_1".into());
    entry.status = Some(200);
    entry.trace_id = Some("4bf92f3577b34da6a3ce929d0e0e4736".into());
    entry.request_bytes = Some(0);
    entry.response_bytes = Some(u64::MAX);
    entry
}

fn text(entry: &Entry, clock_went_back: bool) -> String {
    let mut out = String::new();
    let time = "2026-11-22T17:00:00.000Z";
    let prev = "0".repeat(64);
    write(&mut out, entry, Place { seq: 1_234, time, prev: &prev, clock_went_back });
    out
}

#[test]
fn the_text_is_the_canonical_form_of_what_it_says() {
    for entry in [full(), Entry::intent(Actor::anonymous(), "identity.login")] {
        for clock_went_back in [false, true] {
            let text = text(&entry, clock_went_back);
            let value = parse_json(text.as_bytes()).expect("is JSON");
            assert_eq!(canonical(&value), text);
            assert_eq!(value["seq"], 1_234);
            assert_eq!(value["detail"].get(CLOCK_WENT_BACK).is_some(), clock_went_back);
        }
    }
}

#[test]
fn a_view_says_what_was_written() {
    let text = text(&full(), true);
    let view = View::parse(text.as_bytes()).expect("has the shape");
    assert_eq!((view.action, view.actor_id, view.actor_kind), ("rpc.call", "alpha", "plugin"));
    assert_eq!((view.seq, view.status, view.request_bytes), (1_234, Some(200), Some(0)));
    assert_eq!(view.response_bytes, Some(u64::MAX));
    assert_eq!(view.prev, "0".repeat(64));
    assert_eq!(view.plugin_id, Some("beta"));
    assert!(view.clock_went_back());
    let short = self::text(&Entry::intent(Actor::system(), "core.start"), false);
    let view = View::parse(short.as_bytes()).expect("has the shape");
    assert_eq!((view.plugin_id, view.status, view.detail), (None, None, ""));
    assert!(!view.clock_went_back());
}

#[test]
fn other_shapes_are_no_records() {
    let text = text(&full(), false);
    for cut in 0..text.len() {
        assert_eq!(View::parse(&text.as_bytes()[..cut]), None, "{cut}");
    }
    let spaced = text.replace(",\"seq\"", ", \"seq\"");
    let more = format!("{text} ");
    let number = text.replace("1234", "x");
    for other in ["", "{}", "null", &spaced, &more, &number] {
        assert_eq!(View::parse(other.as_bytes()), None, "{other}");
    }
}
