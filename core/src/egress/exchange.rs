//! One HTTP/1.1 request over one fresh connection, with caps on what comes back.
//!
//! The connection is never shared between plugins or calls and is closed after the answer, so
//! that leftovers of one exchange cannot become the start of another. Bodies pass unexpanded, and
//! redirects, `Alt-Svc` and `Refresh` are headers like any other: handed back, never acted on.

use axum::body::{Bytes, HttpBody as _};
use axum::http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;

use super::connect::BoxStream;
use super::credential;
use super::refusal::Failure;

const MAX_HEADERS: usize = 100;
const MAX_HEAD: usize = 64 * 1024;

/// A request whose every part has been checked.
pub struct Checked {
    pub method: String,
    pub host: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// What the far side answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Fetched {
    /// Takes an echoed secret out of what came back.
    pub(super) fn hide(&mut self, secret: &str) {
        for (_, value) in &mut self.headers {
            *value = credential::mask_text(value, secret);
        }
        credential::mask_octets(&mut self.body, secret);
    }
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Fetched(status {}, {} octets)", self.status, self.body.len())
    }
}

/// Sends and reads; the caller holds the deadline over it.
pub async fn exchange(
    stream: BoxStream,
    call: Checked,
    max_answer: usize,
) -> Result<Fetched, Failure> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| Failure::Unreachable("handshake"))?;
    let request = request(call).map_err(|_| Failure::BadAnswer("unsendable-request"))?;
    let send = async move {
        let answer =
            sender.send_request(request).await.map_err(|_| Failure::BadAnswer("not-http"))?;
        let (head, body) = answer.into_parts();
        // An honest length over the cap is refused before a single octet of it is read.
        if body.size_hint().lower() > max_answer as u64 {
            return Err(Failure::BadAnswer("answer-too-large"));
        }
        let body = Limited::new(body, max_answer).collect().await.map_err(|error| {
            let too_large = error.is::<http_body_util::LengthLimitError>();
            Failure::BadAnswer(if too_large { "answer-too-large" } else { "broken-answer" })
        })?;
        Ok(Fetched {
            status: head.status.as_u16(),
            headers: super::headers::incoming(&head.headers),
            body: body.to_bytes().to_vec(),
        })
    };
    // Both run here: when this future is dropped at the deadline, so is the connection.
    tokio::pin!(connection);
    tokio::pin!(send);
    let mut open = true;
    loop {
        tokio::select! {
            answer = &mut send => return answer,
            _ = &mut connection, if open => open = false,
        }
    }
}

fn request(call: Checked) -> Result<Request<Full<Bytes>>, axum::http::Error> {
    let bodyless = call.body.is_empty() && matches!(call.method.as_str(), "GET" | "HEAD");
    let length = call.body.len();
    let mut request = Request::builder()
        .method(call.method.as_str())
        .uri(call.target)
        .body(Full::new(Bytes::from(call.body)))?;
    let headers = request.headers_mut();
    *headers = call.headers;
    headers.insert(header::HOST, HeaderValue::try_from(call.host)?);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if !bodyless {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    headers
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("vivified-core/", env!("CARGO_PKG_VERSION"))));
    Ok(request)
}
