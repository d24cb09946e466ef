//! The log as FHIR R4 AuditEvent (<https://hl7.org/fhir/R4/auditevent.html>).
//!
//! Agents are named as records name them, people by pseudonym only, and a record has no field that
//! could hold a value of a payload. What has no place of its own in the resource stands in the
//! details of its entity, so that nothing of a record is lost.

use serde_json::{Map, Value, json};

use super::{AuditLog, Filter};
use crate::store::StoreError;

const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const ACTIONS: &str = "urn:vivified:audit:action";
const PIECE: usize = 1_000;

/// Events that are still to be sent.
pub struct Events {
    log: AuditLog,
    filter: Filter,
    is_done: bool,
}

impl AuditLog {
    /// Every record that the filter finds, as an AuditEvent.
    pub fn events(&self, filter: Filter) -> Events {
        Events { log: self.clone(), filter: Filter { limit: PIECE, ..filter }, is_done: false }
    }
}

impl Events {
    /// The next lines; none at the end.
    pub async fn piece(&mut self) -> Result<Option<String>, StoreError> {
        if self.is_done {
            return Ok(None);
        }
        let page = self.log.search(self.filter.clone()).await?;
        self.filter.after = page.next;
        self.is_done = page.next.is_none();
        let lines = page.records.iter().map(|record| audit_event(record).to_string() + "\n");
        Ok(Some(lines.collect()))
    }
}

/// One record with its hash as a resource.
pub fn audit_event(record: &Value) -> Value {
    let text = |key: &str| record[key].as_str().unwrap_or_default();
    let action = text("action");
    let mut event = json!({
        "resourceType": "AuditEvent",
        "id": text("hash"),
        "type": event_type(action),
        "subtype": subtypes(action),
        "action": verb(action),
        "recorded": text("time"),
    });
    // An intent has no outcome yet; one that never gets it shows a process that died.
    if text("phase") == "outcome" {
        event["outcome"] = severity(record).into();
        event["outcomeDesc"] = text("outcome").into();
    }
    if let Some(purpose) = record["detail"]["purpose"].as_str().and_then(purpose) {
        event["purposeOfEvent"] = json!([{ "coding": [purpose] }]);
    }
    event["agent"] = agents(record);
    event["source"] = json!({
        "observer": { "display": "Vivified Core" },
        "type": [coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")],
    });
    event["entity"] = entities(record);
    event
}

fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({ "system": system, "code": code, "display": display })
}

fn event_type(action: &str) -> Value {
    let (code, display) = match action {
        "core.start" | "core.stop" => ("110100", "Application Activity"),
        "admin.audit_export" => ("110106", "Export"),
        _ if action.starts_with("identity.") => ("110114", "User Authentication"),
        _ if action.starts_with("admin.audit") => ("110101", "Audit Log Used"),
        _ if action.starts_with("admin.") => ("110113", "Security Alert"),
        _ => {
            let system = "http://terminology.hl7.org/CodeSystem/audit-event-type";
            return coding(system, "rest", "RESTful Operation");
        }
    };
    coding(DICOM, code, display)
}

fn subtypes(action: &str) -> Value {
    let known = match action {
        "core.start" => Some(("110120", "Application Start")),
        "core.stop" => Some(("110121", "Application Stop")),
        "identity.login" => Some(("110122", "Login")),
        "identity.logout" => Some(("110123", "Logout")),
        _ => None,
    };
    let mut subtypes: Vec<Value> =
        known.into_iter().map(|(code, display)| coding(DICOM, code, display)).collect();
    subtypes.push(coding(ACTIONS, action, action));
    subtypes.into()
}

/// Create, read, update, delete or execute.
fn verb(action: &str) -> &'static str {
    let last = action.rsplit('.').next().unwrap_or_default();
    match last {
        "publish" | "register" | "enroll" | "setup" | "record" | "created" => "C",
        "get" | "list" | "me" | "discover" | "types" | "audit" | "plugins" | "viewed" | "read" => {
            "R"
        }
        "set" | "put" | "approve" | "revoke" | "suspend" | "resume" | "heartbeat" | "settle"
        | "updated" => "U",
        "delete" | "deregister" | "deleted" => "D",
        _ => "E",
    }
}

/// 0 success, 4 minor failure (the caller's), 8 serious failure (ours).
fn severity(record: &Value) -> &'static str {
    match (record["outcome"].as_str(), record["status"].as_u64()) {
        (Some("ok"), _) => "0",
        (_, Some(500..)) => "8",
        _ => "4",
    }
}

fn purpose(purpose: &str) -> Option<Value> {
    let (code, display) = match purpose {
        "treatment" => ("TREAT", "treatment"),
        "payment" => ("HPAYMT", "healthcare payment"),
        "operations" => ("HOPERAT", "healthcare operations"),
        "research" => ("HRESCH", "healthcare research"),
        "public_health" => ("PUBHLTH", "public health"),
        "emergency" => ("ETREAT", "Emergency Treatment"),
        "legal" => ("HLEGAL", "legal"),
        "patient_request" => ("PATRQT", "patient requested"),
        _ => return None,
    };
    Some(coding("http://terminology.hl7.org/CodeSystem/v3-ActReason", code, display))
}

fn agents(record: &Value) -> Value {
    let (kind, id) = (&record["actor"]["kind"], &record["actor"]["id"]);
    let kind = kind.as_str().unwrap_or("system");
    let mut agents = vec![json!({
        "type": { "coding": [coding(DICOM, "110153", "Source Role ID")] },
        "who": { "identifier": { "system": format!("urn:vivified:audit:{kind}"), "value": id } },
        "requestor": true,
    })];
    if let Some(plugin_id) = record["plugin_id"].as_str().filter(|plugin| id != plugin) {
        agents.push(json!({
            "type": { "coding": [coding(DICOM, "110152", "Destination Role ID")] },
            "who": { "identifier": { "system": "urn:vivified:audit:plugin", "value": plugin_id } },
            "requestor": false,
        }));
    }
    agents.into()
}

fn entities(record: &Value) -> Value {
    let types = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
    let mut entities = Vec::new();
    for (key, code, display) in [("subject", "1", "Person"), ("resource", "2", "System Object")] {
        if let Some(pseudonym) = record["detail"][key].as_str() {
            let system = "urn:vivified:audit:pseudonym";
            entities.push(json!({
                "what": { "identifier": { "system": system, "value": pseudonym } },
                "type": coding(types, code, display),
            }));
        }
    }
    entities.push(json!({
        "type": coding(types, "4", "Other"),
        "name": "audit record",
        "detail": details(record),
    }));
    entities.into()
}

/// All that stands nowhere else.
fn details(record: &Value) -> Value {
    let own = [
        "seq",
        "phase",
        "decision",
        "rule",
        "decision_id",
        "lane",
        "status",
        "trace_id",
        "request_bytes",
        "response_bytes",
        "prev",
    ];
    let empty = Map::new();
    let told = record["detail"].as_object().unwrap_or(&empty).iter();
    let told = told.filter(|(key, _)| !["subject", "resource"].contains(&key.as_str()));
    let own = own.iter().filter_map(|key| record.get(*key).map(|value| ((*key).to_owned(), value)));
    let own = own.chain(told.map(|(key, value)| (format!("detail.{key}"), value)));
    let detail = |(key, value): (String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        // FHIR has no empty strings.
        (!value.is_empty()).then(|| json!({ "type": key, "valueString": value }))
    };
    own.filter_map(detail).collect::<Vec<_>>().into()
}
