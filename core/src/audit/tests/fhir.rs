//! AuditEvents against the structure of FHIR R4: which elements may stand where, how often, of
//! which form, and which codes a required binding allows.

use serde_json::Value;

use super::*;
use crate::audit::fhir::audit_event;

#[derive(Clone, Copy)]
enum Form {
    Code(&'static [&'static str]),
    Id,
    Instant,
    Boolean,
    Text,
    Uri,
    Object(&'static [Element]),
}

/// Name, least, most (0 for any number, which makes it a list), form.
type Element = (&'static str, usize, usize, Form);

const MANY: usize = 0;
const CODING: &[Element] =
    &[("system", 1, 1, Form::Uri), ("code", 1, 1, Form::Text), ("display", 0, 1, Form::Text)];
const CONCEPT: &[Element] = &[("coding", 1, MANY, Form::Object(CODING))];
const IDENTIFIER: &[Element] = &[("system", 0, 1, Form::Uri), ("value", 1, 1, Form::Text)];
const REFERENCE: &[Element] =
    &[("identifier", 0, 1, Form::Object(IDENTIFIER)), ("display", 0, 1, Form::Text)];
const AGENT: &[Element] = &[
    ("type", 0, 1, Form::Object(CONCEPT)),
    ("who", 0, 1, Form::Object(REFERENCE)),
    ("requestor", 1, 1, Form::Boolean),
];
const SOURCE: &[Element] =
    &[("observer", 1, 1, Form::Object(REFERENCE)), ("type", 0, MANY, Form::Object(CODING))];
const DETAIL: &[Element] = &[("type", 1, 1, Form::Text), ("valueString", 1, 1, Form::Text)];
const ENTITY: &[Element] = &[
    ("what", 0, 1, Form::Object(REFERENCE)),
    ("type", 0, 1, Form::Object(CODING)),
    ("name", 0, 1, Form::Text),
    ("detail", 0, MANY, Form::Object(DETAIL)),
];
const AUDIT_EVENT: &[Element] = &[
    ("resourceType", 1, 1, Form::Code(&["AuditEvent"])),
    ("id", 0, 1, Form::Id),
    ("type", 1, 1, Form::Object(CODING)),
    ("subtype", 0, MANY, Form::Object(CODING)),
    ("action", 0, 1, Form::Code(&["C", "R", "U", "D", "E"])),
    ("recorded", 1, 1, Form::Instant),
    ("outcome", 0, 1, Form::Code(&["0", "4", "8", "12"])),
    ("outcomeDesc", 0, 1, Form::Text),
    ("purposeOfEvent", 0, MANY, Form::Object(CONCEPT)),
    ("agent", 1, MANY, Form::Object(AGENT)),
    ("source", 1, 1, Form::Object(SOURCE)),
    ("entity", 0, MANY, Form::Object(ENTITY)),
];

fn faults(path: &str, value: &Value, elements: &[Element], found: &mut Vec<String>) {
    let Some(object) = value.as_object().filter(|object| !object.is_empty()) else {
        return found.push(format!("{path} is no object with content"));
    };
    for key in object.keys() {
        if !elements.iter().any(|(name, ..)| name == key) {
            found.push(format!("{path}.{key} is unknown"));
        }
    }
    for (name, least, most, form) in elements {
        let path = format!("{path}.{name}");
        match (object.get(*name), *most) {
            (None, _) if *least > 0 => found.push(format!("{path} is missing")),
            (None, _) => {}
            (Some(Value::Array(items)), MANY) if !items.is_empty() => {
                items.iter().for_each(|item| check(&path, item, *form, found));
            }
            (Some(_), MANY) => found.push(format!("{path} is no list with content")),
            (Some(value), _) => check(&path, value, *form, found),
        }
    }
}

fn check(path: &str, value: &Value, form: Form, found: &mut Vec<String>) {
    let text = value.as_str().unwrap_or_default();
    let id = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'.';
    let good = match form {
        Form::Object(elements) => return faults(path, value, elements, found),
        Form::Code(codes) => codes.contains(&text),
        Form::Id => (1..=64).contains(&text.len()) && text.bytes().all(id),
        Form::Instant => text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T',
        Form::Boolean => value.is_boolean(),
        Form::Text => !text.trim().is_empty(),
        Form::Uri => text.contains(':') && !text.contains(char::is_whitespace),
    };
    if !good {
        found.push(format!("{path} has not the form of its type"));
    }
}

fn all_faults(event: &Value) -> Vec<String> {
    let mut found = Vec::new();
    faults("AuditEvent", event, AUDIT_EVENT, &mut found);
    found
}

async fn events() -> Vec<Value> {
    let bench = bench().await;
    let person = Actor { kind: ActorKind::User, id: bench.log.pseudonym("user", "first_admin") };
    let mut denied = Entry::outcome(person.clone(), "admin.approve", "trait_missing").about("beta");
    denied.decision = "deny";
    denied.status = Some(403);
    let mut failed = Entry::outcome(Actor::plugin("alpha"), "rpc.call", "callee_failed");
    failed.status = Some(502);
    let told = Entry::outcome(Actor::plugin("alpha"), "app.chart.viewed", "ok")
        .detail("subject", bench.log.pseudonym("patient", "alpha\0MRN-0042"))
        .detail("purpose", "treatment")
        .detail("note", "");
    let start = Entry::outcome(Actor::system(), "core.start", "ok");
    let login = Entry::intent(Actor::anonymous(), "identity.login");
    for entry in [
        start,
        login,
        Entry::outcome(person, "identity.login", "ok"),
        denied,
        failed,
        told,
        entry(0),
    ] {
        bench.log.append(entry).await.expect("appends");
    }
    let mut events = bench.log.events(Filter::default());
    let mut lines = String::new();
    while let Some(piece) = events.piece().await.expect("reads") {
        lines.push_str(&piece);
    }
    lines.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect()
}

#[tokio::test]
async fn every_kind_of_record_is_a_valid_audit_event() {
    let events = events().await;
    assert_eq!(events.len(), 7);
    for event in &events {
        assert_eq!(all_faults(event), Vec::<String>::new(), "{event}");
    }
    let outcomes: Vec<_> = events.iter().map(|event| event["outcome"].as_str()).collect();
    assert_eq!(outcomes, [Some("0"), None, Some("0"), Some("4"), Some("8"), Some("0"), Some("0")]);
    assert_eq!(events[0]["type"]["code"], "110100");
    assert_eq!(events[2]["subtype"][0]["code"], "110122");
    assert_eq!(events[3]["agent"][1]["who"]["identifier"]["value"], "beta");
    assert_eq!(events[5]["purposeOfEvent"][0]["coding"][0]["code"], "TREAT");
    let text = serde_json::to_string(&events).expect("prints");
    assert!(text.contains("patient_") && text.contains("user_"), "control: pseudonyms are there");
    assert!(!text.contains("MRN-0042") && !text.contains("first_admin"));
}

#[tokio::test]
async fn the_rules_find_what_is_wrong() {
    let good = &events().await[3];
    for (pointer, value) in [
        ("/recorded", Value::from("2026-11-22")),
        ("/outcome", "1".into()),
        ("/action", "X".into()),
        ("/agent/0/requestor", "true".into()),
        ("/agent", Value::Array(Vec::new())),
        ("/source/observer", Value::Null),
        ("/id", "a b".into()),
        ("/entity/0/detail/0/valueString", "".into()),
        ("/type/system", "no uri".into()),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).expect(pointer) = value;
        assert_eq!(all_faults(&bad).len(), 1, "{pointer}");
    }
    let mut more = good.clone();
    more["patient"] = "x".into();
    assert_eq!(all_faults(&more), ["AuditEvent.patient is unknown"]);
    assert!(!all_faults(&audit_event(&Value::Null)).is_empty());
}
