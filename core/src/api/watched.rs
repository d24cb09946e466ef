//! A body on its way to a plugin, which ends when the plugin may no longer have it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Lost rights are noticed within this time, also while nothing comes.
pub const LOOK: Duration = Duration::from_millis(500);

struct Watched<A> {
    body: Body,
    look: Interval,
    allowed: A,
}

/// The same body, broken off soon after `allowed` has become false.
pub fn watched(body: Body, allowed: impl Fn() -> bool + Send + Unpin + 'static) -> Body {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Body::new(Watched { body, look, allowed })
}

impl<A: Fn() -> bool + Unpin> HttpBody for Watched<A> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        while self.look.poll_tick(context).is_ready() {
            if !(self.allowed)() {
                self.body = Body::empty();
                return Poll::Ready(Some(Err("the reader lost its rights".into())));
            }
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(Into::into)
    }
}
