//! A request before and after decoding.

use super::allowance::Allowance;
use super::answer::Raw;
use super::operation::{OperationInfo, Place};
use super::problem::Problem;
use super::trace::Trace;
use crate::problems;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// What is known of a request before its body is read. Prints no value of the caller.
pub struct RequestInfo {
    pub operation: &'static OperationInfo,
    /// Path parameters by wire name, decoded.
    pub path: Vec<(&'static str, String)>,
    /// The address of the peer, when the server hands it on (`ConnectInfo`).
    pub peer: Option<SocketAddr>,
    pub trace: Trace,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// The `Vivified-Purpose` header: why the caller says it needs this.
    pub purpose: Option<String>,
    pub user_agent: Option<String>,
    /// `Content-Length`, when the caller declared it.
    pub declared_length: Option<u64>,
    /// The certificate the peer proved to hold, when the server asked for one.
    pub client_certificate: Option<ClientCertificate>,
    pub(super) allowances: Mutex<Vec<Allowance>>,
}

/// A verified end-entity certificate in DER, which the server adds to the request.
#[derive(Debug, Clone)]
pub struct ClientCertificate(pub Arc<[u8]>);

impl RequestInfo {
    /// A path parameter by its wire name.
    pub fn path_value(&self, name: &str) -> Option<&str> {
        self.path.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Has the answer tell what is left of a quota, whatever the answer is.
    pub fn tell(&self, allowance: Allowance) {
        self.allowances.lock().unwrap_or_else(PoisonError::into_inner).push(allowance);
    }
}

impl std::fmt::Debug for RequestInfo {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("RequestInfo")
            .field("operation", &self.operation.id)
            .field("trace_id", &self.trace.trace_id)
            .finish_non_exhaustive()
    }
}

/// A decoded and validated request: one JSON object for each place, and the body.
#[derive(Default)]
pub struct Input {
    pub(super) values: Map<String, Value>,
    pub(super) body: Option<Value>,
    pub(super) raw: Option<Raw>,
}

impl Input {
    /// Takes the value of a parameter that is required or has a default.
    pub fn take<T: DeserializeOwned>(&mut self, place: Place, name: &str) -> Result<T, Problem> {
        let value = self.remove(place, name).unwrap_or(Value::Null);
        serde_json::from_value(value).map_err(|_| unreadable(place, name))
    }

    /// Takes the value of a parameter that may be absent.
    pub fn take_optional<T: DeserializeOwned>(
        &mut self,
        place: Place,
        name: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.remove(place, name) else { return Ok(None) };
        serde_json::from_value(value).map(Some).map_err(|_| unreadable(place, name))
    }

    /// Takes a body that is required.
    pub fn body<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        let value = self.body.take().unwrap_or(Value::Null);
        serde_json::from_value(value).map_err(|_| unreadable_body())
    }

    /// Takes a body that may be absent.
    pub fn optional_body<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Problem> {
        let Some(value) = self.body.take() else { return Ok(None) };
        serde_json::from_value(value).map(Some).map_err(|_| unreadable_body())
    }

    /// Takes a body that is not JSON and is required.
    pub fn raw(&mut self) -> Result<Raw, Problem> {
        self.raw.take().ok_or_else(unreadable_body)
    }

    /// Takes a body that is not JSON and may be absent.
    pub fn optional_raw(&mut self) -> Result<Option<Raw>, Problem> {
        Ok(self.raw.take())
    }

    fn remove(&mut self, place: Place, name: &str) -> Option<Value> {
        self.values.get_mut(place.as_str())?.as_object_mut()?.remove(name)
    }
}

/// The schema let it pass and the type did not, such as an integer beyond 64 bits.
fn unreadable(place: Place, name: &str) -> Problem {
    let pointer = format!("/{}/{}", place.as_str(), name.replace('~', "~0").replace('/', "~1"));
    problems::invalid_request().with_violation(pointer, "type", "cannot be represented")
}

fn unreadable_body() -> Problem {
    problems::invalid_request().with_violation("/body", "type", "cannot be represented")
}
