//! Hands spans to a collector: a bounded queue, one request at a time, no second try.
//!
//! A collector that is slow or gone costs spans and nothing else; what is dropped is counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::otlp;
use crate::egress::connect::{BoxStream, Tls};
use crate::telemetry::metrics::{SPANS, Span};

const QUEUE: usize = 4_096;
const BATCH: usize = 512;
const PATIENCE: Duration = Duration::from_secs(5);

struct Exporter {
    endpoint: Url,
    tls: Tls,
    queue: Mutex<VecDeque<Value>>,
    busy: AtomicBool,
}

static EXPORTER: OnceLock<Exporter> = OnceLock::new();

/// From now on spans go to this collector. The first call in a process counts.
pub fn export_to(endpoint: &Url, tls: &Tls) {
    let exporter = Exporter {
        endpoint: endpoint.clone(),
        tls: tls.clone(),
        queue: Mutex::default(),
        busy: AtomicBool::new(false),
    };
    let _ = EXPORTER.set(exporter);
}

pub fn is_on() -> bool {
    EXPORTER.get().is_some()
}

pub(super) fn queue(span: Value) {
    let Some(exporter) = EXPORTER.get() else { return };
    let mut queue = exporter.queue.lock().unwrap_or_else(PoisonError::into_inner);
    if queue.len() >= QUEUE {
        SPANS.count(Span::Dropped);
    } else {
        queue.push_back(span);
    }
}

/// Sends what has gathered, unless that is under way already.
pub async fn flush() {
    let Some(exporter) = EXPORTER.get() else { return };
    if exporter.busy.swap(true, Ordering::AcqRel) {
        return;
    }
    loop {
        let spans: Vec<Value> = {
            let mut queue = exporter.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let count = queue.len().min(BATCH);
            queue.drain(..count).collect()
        };
        if spans.is_empty() {
            break;
        }
        let count = spans.len() as u64;
        let sent = timeout(PATIENCE, exporter.send(spans)).await;
        let outcome = if matches!(sent, Ok(Some(()))) { Span::Exported } else { Span::Dropped };
        SPANS.add(outcome, count);
        if outcome == Span::Dropped {
            break;
        }
    }
    exporter.busy.store(false, Ordering::Release);
}

impl Exporter {
    /// One request on a connection of its own.
    async fn send(&self, spans: Vec<Value>) -> Option<()> {
        let host = self.endpoint.host_str()?;
        let port = self.endpoint.port_or_known_default()?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let socket = TcpStream::connect((bare, port)).await.ok()?;
        let mut stream: BoxStream = Box::new(socket);
        if self.endpoint.scheme() == "https" {
            stream = self.tls.secure(stream, bare).await.ok()?;
        }
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        let path = format!("{}/v1/traces", self.endpoint.path().trim_end_matches('/'));
        let request = Request::post(path)
            .header(header::HOST, format!("{host}:{port}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(otlp::request(spans).to_string())))
            .ok()?;
        let exchange = async {
            let answer = sender.send_request(request).await.ok()?;
            let good = answer.status().is_success();
            drop(answer.into_body().collect().await);
            good.then_some(())
        };
        tokio::pin!(connection);
        tokio::pin!(exchange);
        tokio::select! {
            sent = &mut exchange => sent,
            _ = &mut connection => exchange.await,
        }
    }
}
