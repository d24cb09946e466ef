//! One connection to a callee, driven by the call that uses it.
//!
//! No task stands behind a connection: the call polls it together with its own exchange, and an
//! idle one rests in the pool until the next call looks at it. So a callee can neither push an
//! answer before it was asked nor close unnoticed: both show before the next request is written.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::body::{Bytes, HttpBody as _};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::address::{Address, Dialled};
use crate::egress::connect::{BoxStream, Tls};

const MAX_FIELDS: usize = 64;
const MAX_HEAD: usize = 32 * 1024;
const BUFFER: usize = 64 * 1024;

pub struct Line {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<BoxStream>, Full<Bytes>>,
    over: bool,
}

/// Why a request has no answer.
pub enum Silence {
    /// Not a byte of the request left, so it may be sent again whatever it is.
    Unsent(Box<Request<Full<Bytes>>>),
    Broken,
}

impl Line {
    pub async fn open(address: &Address, tls: &Tls) -> io::Result<Self> {
        let stream = match &address.host {
            Dialled::Address(ip) => TcpStream::connect((*ip, address.port)).await?,
            Dialled::Name(name) => TcpStream::connect((name.as_str(), address.port)).await?,
        };
        stream.set_nodelay(true)?;
        let stream: BoxStream = Box::new(stream);
        let stream = match &address.tls_name {
            Some(name) => tls.secure(stream, name).await?,
            None => stream,
        };
        let (sender, connection) = Builder::new()
            .max_headers(MAX_FIELDS)
            .max_header_size(MAX_HEAD)
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        Ok(Self { sender, connection, over: false })
    }

    /// Whether the next request can be written: open, quiet and done with the last one.
    pub fn is_idle(&mut self) -> bool {
        // Nobody is to be woken by a connection that rests.
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.over && self.sender.is_ready()
    }

    /// Writes a request and reads the head of its answer.
    pub async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Silence> {
        let mut answer = std::pin::pin!(self.sender.try_send_request(request));
        let (connection, over) = (&mut self.connection, &mut self.over);
        let answered = poll_fn(|context| {
            if !*over {
                *over = Pin::new(&mut *connection).poll(context).is_ready();
            }
            match answer.as_mut().poll(context) {
                // A connection that has ended will not answer any more.
                Poll::Pending if *over => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
                Poll::Ready(answered) => Poll::Ready(Some(answered)),
            }
        });
        match answered.await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(mut error)) => Err(error
                .take_message()
                .map_or(Silence::Broken, |request| Silence::Unsent(Box::new(request)))),
            None => Err(Silence::Broken),
        }
    }

    /// The next piece of an answer; `None` is its end.
    pub fn poll_piece(
        &mut self,
        body: &mut Incoming,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        let mut driven = false;
        loop {
            match Pin::new(&mut *body).poll_frame(context) {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(io::Error::other(error))));
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) => return Poll::Ready(Some(Ok(piece))),
                    // Trailers say nothing that is handed on.
                    Err(_) => continue,
                },
                Poll::Pending if self.over => {
                    let error = io::Error::from(io::ErrorKind::UnexpectedEof);
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Pending if driven => return Poll::Pending,
                Poll::Pending => {}
            }
            self.drive(context);
            driven = true;
        }
    }

    fn drive(&mut self, context: &mut Context<'_>) {
        if !self.over {
            self.over = Pin::new(&mut self.connection).poll(context).is_ready();
        }
    }
}
