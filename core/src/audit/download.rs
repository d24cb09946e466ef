//! A body that is made while it is sent: one piece at a time, and none before the one before it
//! was taken.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::export::Export;
use super::fhir::Events;
use crate::store::StoreError;

/// What is sent piece by piece.
pub trait Pieces: Send + 'static {
    fn piece(&mut self) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;
}

impl Pieces for Export {
    async fn piece(&mut self) -> Result<Option<String>, StoreError> {
        Self::piece(self).await
    }
}

impl Pieces for Events {
    async fn piece(&mut self) -> Result<Option<String>, StoreError> {
        Self::piece(self).await
    }
}

/// Sends the pieces. One that cannot be made cuts the body off, so that nobody takes it for whole.
pub fn body(mut pieces: impl Pieces) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let piece = match pieces.piece().await {
                Ok(Some(piece)) => Ok(Bytes::from(piece)),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            let is_last = piece.is_err();
            if sender.send(piece).await.is_err() || is_last {
                return;
            }
        }
    });
    Body::new(Download { receiver })
}

struct Download {
    receiver: mpsc::Receiver<Result<Bytes, StoreError>>,
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        let piece = ready!(self.receiver.poll_recv(context));
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }
}
