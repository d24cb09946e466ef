//! Answers whose size is not known before their end: they are closed once, at their end, with the
//! octets that were released, and their end waits for that.

#![allow(clippy::unwrap_used)]

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use http_body::Frame;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::sync::Notify;
use tower::ServiceExt;
use vivified_contract::runtime::{
    self, Acting, Call, Credentials, Guard, Input, Outcome, Problem, Raw, RequestInfo, Route,
};
use vivified_contract::{operations, problems};

/// Answers with these pieces, and keeps how it was closed.
#[derive(Default)]
struct Streamer {
    pieces: Vec<Option<&'static str>>,
    refuses_to_close: bool,
    outcomes: Mutex<Vec<Outcome>>,
    closed: Notify,
}

impl Guard for Streamer {
    type Caller = ();
    type Receipt = ();

    async fn authenticate(&self, _: &RequestInfo, _: Credentials<'_>) -> Result<(), Problem> {
        Ok(())
    }

    async fn authorize(&self, _: &RequestInfo, (): &()) -> Result<(), Problem> {
        Ok(())
    }

    async fn limit(&self, _: &RequestInfo, _: Option<&()>) -> Result<(), Problem> {
        Ok(())
    }

    async fn open(&self, _: &RequestInfo, (): &()) -> Result<(), Problem> {
        Ok(())
    }

    async fn close(
        &self,
        _: &RequestInfo,
        caller: Option<&()>,
        receipt: Option<()>,
        outcome: &Outcome,
    ) -> Result<(), Problem> {
        assert!(caller.is_some() && receipt.is_some(), "the stream knows what it belongs to");
        self.outcomes.lock().unwrap().push(outcome.clone());
        self.closed.notify_one();
        if self.refuses_to_close { Err(problems::audit_unavailable()) } else { Ok(()) }
    }
}

/// Pieces; `None` breaks off.
struct Pieces(VecDeque<Option<&'static str>>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(self.0.pop_front().map(|piece| match piece {
            Some(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
            None => Err(io::ErrorKind::ConnectionReset.into()),
        }))
    }
}

fn stream<'a>(api: &'a Streamer, call: &'a mut Call<'_, ()>, _: Input) -> Acting<'a> {
    Box::pin(async move {
        call.note("operation", "ping");
        let body = Body::new(Pieces(api.pieces.clone().into()));
        runtime::raw_answer(200, Raw::new("text/csv", body))
    })
}

async fn send(api: &Arc<Streamer>) -> Response<Body> {
    let route = Route { operation: &operations::CALL_PLUGIN, act: stream };
    let request = Request::post("/gateway/beta/ping").body(Body::empty()).unwrap();
    runtime::router(Arc::clone(api), vec![route]).oneshot(request).await.unwrap()
}

fn streamer(pieces: &[Option<&'static str>]) -> Arc<Streamer> {
    Arc::new(Streamer { pieces: pieces.to_vec(), ..Streamer::default() })
}

fn outcome(api: &Streamer) -> Outcome {
    let outcomes = api.outcomes.lock().unwrap();
    assert_eq!(outcomes.len(), 1, "every stream is closed exactly once");
    outcomes[0].clone()
}

#[tokio::test]
async fn a_stream_is_closed_at_its_end_with_its_size() {
    let api = streamer(&[Some("one"), Some("three")]);
    let response = send(&api).await;
    assert!(api.outcomes.lock().unwrap().is_empty(), "nothing is known of the size yet");
    let octets = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert_eq!(octets, "onethree");
    let outcome = outcome(&api);
    assert_eq!((outcome.status, outcome.code, outcome.response_octets), (200, None, Some(8)));
    assert_eq!(outcome.notes.len(), 1);
}

#[tokio::test]
async fn the_end_of_a_stream_waits_for_its_record() {
    let api = Streamer { refuses_to_close: true, ..Streamer::default() };
    let api = Arc::new(Streamer { pieces: vec![Some("one")], ..api });
    let body = send(&api).await.into_body();
    assert!(axum::body::to_bytes(body, usize::MAX).await.is_err());
    assert_eq!(outcome(&api).response_octets, Some(3));
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_closed_as_interrupted() {
    let api = streamer(&[Some("one"), None]);
    let body = send(&api).await.into_body();
    assert!(axum::body::to_bytes(body, usize::MAX).await.is_err());
    api.closed.notified().await;
    let outcome = outcome(&api);
    assert_eq!((outcome.code.as_deref(), outcome.response_octets), (Some("interrupted"), Some(3)));
}

#[tokio::test]
async fn a_caller_who_hangs_up_leaves_a_record() {
    let api = streamer(&[Some("one"), Some("three")]);
    let mut body = send(&api).await.into_body();
    let first = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
    assert_eq!(first.unwrap().unwrap().into_data().unwrap(), "one");
    drop(body);
    api.closed.notified().await;
    let outcome = outcome(&api);
    assert_eq!((outcome.code.as_deref(), outcome.response_octets), (Some("interrupted"), Some(3)));
}
