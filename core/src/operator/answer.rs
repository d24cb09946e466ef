//! The body of an answer: JSON whole and checked, everything else as a stream under a cap.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming};
use serde_json::Value;
use tokio::time::{Instant, Sleep, sleep_until};

use super::CallError;
use super::catalogue::Operation;
use super::forward::{Broken, Head};
use super::pool::{Callee, Loan};
use crate::json::parse_json;
use crate::schemas::Fault;

/// An answer that is read whole, because it is checked whole.
const MAX_JSON: usize = 8 * 1024 * 1024;
const MAX_STREAM: u64 = 256 * 1024 * 1024;

/// What a callee answered.
pub enum Answer {
    /// JSON text as it came, without a key twice and as the manifest wants it.
    Json(Bytes),
    /// Anything else, while it comes.
    Stream { media_type: String, body: Body },
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Json(_) => "Json(***)",
            Self::Stream { .. } => "Stream(***)",
        })
    }
}

/// Reads an answer that succeeded. Nothing at all is JSON `null`.
pub async fn read(
    head: Head,
    operation: &Operation,
    callee: Arc<Callee>,
    deadline: Instant,
) -> Result<Answer, CallError> {
    let is_empty = head.status == 204 || head.length == Some(0);
    match &head.media_type {
        Some(media_type) if !is_empty && !is_json(media_type) => {
            if operation.answers_json() {
                return Err(CallError::InvalidResponse(vec![fault("media_type", "is not JSON")]));
            }
            if head.ends_by_closing {
                return Err(CallError::CalleeFailed);
            }
            if head.length.is_some_and(|length| length > MAX_STREAM) {
                return Err(CallError::TooLarge);
            }
            let media_type = media_type.clone();
            Ok(Answer::Stream { media_type, body: Download::body(head, callee, deadline) })
        }
        _ => read_json(head, operation).await,
    }
}

async fn read_json(head: Head, operation: &Operation) -> Result<Answer, CallError> {
    let mut octets = whole(head).await?;
    if octets.is_empty() {
        octets = Bytes::from_static(b"null");
    }
    let broken = |_| CallError::InvalidResponse(vec![fault("json", "is not well-formed JSON")]);
    let value: Value = parse_json(&octets).map_err(broken)?;
    let faults = operation.output_faults(&value);
    if faults.is_empty() {
        Ok(Answer::Json(octets))
    } else {
        Err(CallError::InvalidResponse(faults))
    }
}

async fn whole(head: Head) -> Result<Bytes, CallError> {
    let Head { mut body, mut loan, length, .. } = head;
    if length.is_some_and(|length| length > MAX_JSON as u64) {
        return Err(CallError::TooLarge);
    }
    let mut pieces: Vec<Bytes> = Vec::new();
    let mut total = 0;
    while let Some(piece) =
        std::future::poll_fn(|context| loan.line.poll_piece(&mut body, context)).await
    {
        let piece = piece.map_err(|_| CallError::from(Broken))?;
        total += piece.len();
        if total > MAX_JSON {
            return Err(CallError::TooLarge);
        }
        pieces.push(piece);
    }
    drop(body);
    loan.give_back();
    // A short answer comes in one piece, which needs no copy.
    match pieces.pop() {
        Some(only) if pieces.is_empty() => Ok(only),
        last => Ok(pieces.into_iter().chain(last).flatten().collect()),
    }
}

/// Reads away what a callee says beside a refusal, so that its connection can be used again.
pub async fn discard(head: Head) {
    const MOST: u64 = 16 * 1024;
    let short = head.length.is_some_and(|length| length <= MOST) || head.status == 204;
    if short {
        let _ = whole(head).await;
    }
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

fn fault(rule: &str, message: &str) -> Fault {
    Fault { pointer: String::new(), rule: rule.to_owned(), message: message.to_owned() }
}

/// A body on its way through: never held whole, cut off at its cap, at the deadline and when the
/// callee loses its rights.
struct Download {
    body: Incoming,
    loan: Option<Loan>,
    left: u64,
    end: Pin<Box<Sleep>>,
    gone: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Download {
    fn body(head: Head, callee: Arc<Callee>, deadline: Instant) -> Body {
        let download = Self {
            body: head.body,
            loan: Some(head.loan),
            left: MAX_STREAM,
            end: Box::pin(sleep_until(deadline)),
            gone: Box::pin(async move { callee.is_gone().await }),
        };
        Body::new(download.map_err(axum::Error::new))
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.end.as_mut().poll(context).is_ready() {
            this.loan = None;
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        if this.gone.as_mut().poll(context).is_ready() {
            this.loan = None;
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        }
        let Some(loan) = &mut this.loan else { return Poll::Ready(None) };
        match std::task::ready!(loan.line.poll_piece(&mut this.body, context)) {
            Some(Ok(piece)) if piece.len() as u64 > this.left => {
                this.loan = None;
                Poll::Ready(Some(Err(io::ErrorKind::FileTooLarge.into())))
            }
            Some(Ok(piece)) => {
                this.left -= piece.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Some(Err(error)) => {
                this.loan = None;
                Poll::Ready(Some(Err(error)))
            }
            None => {
                if let Some(loan) = this.loan.take() {
                    loan.give_back();
                }
                Poll::Ready(None)
            }
        }
    }
}
