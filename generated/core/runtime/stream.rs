//! The body of an answer whose size is not known before its end.
//!
//! The outcome of a stream is written when the stream ends, so that it can say how much was
//! released. The end itself waits for that record: when it cannot be written the connection
//! breaks, and nobody takes what came for the whole. A caller who hangs up ends the stream too.

use super::guard::{Guard, Leaving, Outcome};
use super::problem::Problem;
use super::request::RequestInfo;
use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The code of an outcome that says: the stream did not come to its end.
const INTERRUPTED: &str = "interrupted";

/// What is written down when the stream ends.
pub struct Ending<A: Guard> {
    pub api: Arc<A>,
    pub info: Arc<RequestInfo>,
    pub caller: Option<A::Caller>,
    pub receipt: Option<A::Receipt>,
    pub outcome: Outcome,
    /// The request is over when the stream is.
    pub leaving: Option<Leaving<A>>,
}

type Closing = Pin<Box<dyn Future<Output = Result<(), Problem>> + Send>>;

pub struct Stream<A: Guard> {
    body: Body,
    octets: u64,
    ending: Option<Ending<A>>,
    closing: Option<Closing>,
}

impl<A: Guard> Stream<A> {
    pub fn new(body: Body, ending: Ending<A>) -> Self {
        Self { body, octets: 0, ending: Some(ending), closing: None }
    }

    fn close(&mut self, code: Option<&'static str>) -> Option<Closing> {
        let mut ending = self.ending.take()?;
        ending.outcome.response_octets = Some(self.octets);
        ending.outcome.code = code.map(Into::into);
        Some(Box::pin(async move {
            let Ending { api, info, caller, receipt, outcome, leaving } = ending;
            let closed = api.close(&info, caller.as_ref(), receipt, &outcome).await;
            drop(leaving);
            closed
        }))
    }
}

// No field is pinned in place: both bodies and closings are boxed.
impl<A: Guard> Unpin for Stream<A> {}

impl<A: Guard> HttpBody for Stream<A> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        while this.closing.is_none() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    this.octets += frame.data_ref().map_or(0, Bytes::len) as u64;
                    return Poll::Ready(Some(Ok(frame)));
                }
                Some(Err(error)) => {
                    if let Some(closing) = this.close(Some(INTERRUPTED)) {
                        tokio::spawn(closing);
                    }
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => match this.close(None) {
                    Some(closing) => this.closing = Some(closing),
                    None => return Poll::Ready(None),
                },
            }
        }
        let Some(closing) = &mut this.closing else { return Poll::Ready(None) };
        let closed = ready!(closing.as_mut().poll(context));
        this.closing = None;
        Poll::Ready(closed.err().map(|problem| Err(problem.into())))
    }
}

impl<A: Guard> Drop for Stream<A> {
    fn drop(&mut self) {
        // A closing under way is finished rather than dropped: the record must be written.
        let closing = self.closing.take().or_else(|| self.close(Some(INTERRUPTED)));
        if let (Some(closing), Ok(runtime)) = (closing, tokio::runtime::Handle::try_current()) {
            runtime.spawn(closing);
        }
    }
}
