//! The gateway against plugins that are small servers on loopback.

mod breaking;
mod chains;
mod forwarding;
mod hostile;
mod secure;
mod streaming;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::*;
use crate::identity::SigningKeys;
use crate::policy::{DataTraits, Traits};
use crate::registry::Offer;
use crate::{MasterKey, Store};

/// What the callee does with one request.
#[derive(Clone)]
pub enum Act {
    Answer(u16, &'static str),
    With(u16, &'static str, &'static str),
    /// Another media type.
    Typed(&'static str, &'static str),
    /// A first piece of a stream, and nothing more.
    Pieces,
    Endless,
    Hang,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

#[derive(Clone, Default)]
struct Script {
    acts: Arc<Mutex<VecDeque<Act>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

pub struct Bench {
    pub gateway: Arc<Gateway>,
    pub identity: Identity,
    pub clock: Clock,
    pub base_url: String,
    script: Script,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// A callee that does `acts` in order and then answers `{}`.
    pub async fn new(acts: &[Act]) -> Self {
        Self::with_tls(acts, &Tls::new(None).unwrap()).await
    }

    async fn with_tls(acts: &[Act], tls: &Tls) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Store::open(&folder.path().join("core.db"), &[crate::identity::MIGRATIONS]).unwrap();
        let clock = Clock::manual(time::macros::datetime!(2026-11-22 17:00 UTC));
        let master = MasterKey::from_bytes(&[3; 32]).unwrap();
        let keys = SigningKeys::from_seed(&[9; 32]);
        let identity = Identity::new(store, clock.clone(), &master, keys, false);
        let mut gateway = Gateway::new(identity.clone(), clock.clone(), tls);
        gateway.backoff = Backoff { base: Duration::ZERO, most: Duration::ZERO };
        let script =
            Script { acts: Arc::new(Mutex::new(acts.to_vec().into())), ..Script::default() };
        let router = Router::new().fallback(act).with_state(script.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { gateway: Arc::new(gateway), identity, clock, base_url, script, _folder: folder }
    }

    pub fn call(&self) -> Call {
        Call {
            caller: "alpha".to_owned(),
            callee: "beta".to_owned(),
            base_url: self.base_url.clone(),
            operation: Arc::new(Operation::new(ping())),
            body: Bytes::from_static(br#"{"n":1}"#),
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
            tracestate: None,
            purpose: None,
            idempotency_key: None,
            timeout: None,
            shown_chain: None,
        }
    }

    pub fn idempotent(&self) -> Call {
        self.offering(|offer| offer.idempotent = true)
    }

    /// A call of an operation that differs from `ping`.
    pub fn offering(&self, change: impl FnOnce(&mut Offer)) -> Call {
        let mut offer = ping();
        change(&mut offer);
        Call { operation: Arc::new(Operation::new(offer)), ..self.call() }
    }

    /// Calls and answers the JSON that comes back.
    pub async fn json(&self, call: &Call) -> Result<Value, CallError> {
        match self.gateway.call(call).await? {
            Answer::Json(text) => Ok(serde_json::from_slice(&text).unwrap()),
            Answer::Stream { .. } => panic!("the answer is a stream"),
        }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }
}

fn ping() -> Offer {
    Offer {
        name: "ping".to_owned(),
        description: None,
        path: "/rpc/ping".to_owned(),
        idempotent: false,
        timeout_ms: 10_000,
        required_traits: Traits::EMPTY,
        data_traits: DataTraits::EMPTY,
        input_schema: None,
        output_schema: None,
    }
}

async fn act(State(script): State<Script>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let path = head.uri.to_string();
    script.seen.lock().unwrap().push(Seen { path, headers: head.headers, body });
    let act = script.acts.lock().unwrap().pop_front();
    let status = |status: u16| axum::http::StatusCode::from_u16(status).unwrap();
    match act.unwrap_or(Act::Answer(200, "{}")) {
        Act::Answer(code, body) => {
            (status(code), [("content-type", "application/json")], body).into_response()
        }
        Act::With(code, name, value) => (status(code), [(name, value)], "{}").into_response(),
        Act::Typed(media_type, body) => {
            (status(200), [("content-type", media_type)], body).into_response()
        }
        Act::Pieces => {
            let first = one_piece();
            (status(200), [("content-type", "application/x-ndjson")], first).into_response()
        }
        Act::Endless => {
            let headers = [("content-type", "application/json")];
            (status(200), headers, vec![b'1'; 9 * 1024 * 1024]).into_response()
        }
        Act::Hang => std::future::pending().await,
    }
}

/// A body that says one thing and then waits.
fn one_piece() -> axum::body::Body {
    struct Pieces(bool);
    impl axum::body::HttpBody for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            if std::mem::replace(&mut self.0, true) {
                return std::task::Poll::Pending;
            }
            let frame = hyper::body::Frame::data(Bytes::from_static(b"first"));
            std::task::Poll::Ready(Some(Ok(frame)))
        }
    }
    axum::body::Body::new(Pieces(false))
}
