//! The network edge: TLS 1.3 or, in development, plain HTTP on loopback; limits; a clean end.
//!
//! Every connection is bounded in time and size before a request reaches the router. At the end
//! Core says first that it is not ready, then takes no new connection, sends waiting requests
//! home and lets the running ones finish.

mod connection;
mod gate;
mod pulse;
pub mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
#[cfg(feature = "dev")]
use axum::http::{HeaderName, HeaderValue};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};
#[cfg(feature = "dev")]
use tower_http::set_header::SetResponseHeaderLayer;

use crate::Core;
use crate::config::{Config, EdgeLimits};
use connection::Shared;
use gate::Gate;
use tls::Tls;

/// Connections the kernel holds for us.
const BACKLOG: u32 = 1_024;
/// How often the files of the certificate are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// After an error of the listener, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound address, ready to serve.
pub struct Listener {
    socket: TcpListener,
    pub address: SocketAddr,
    tls: Option<Tls>,
    limits: EdgeLimits,
}

impl Listener {
    /// Must be called within the runtime.
    pub fn bind(config: &Config) -> anyhow::Result<Self> {
        let tls = config.tls.as_ref().map(Tls::open).transpose()?;
        // The configuration says so already; here is where it would matter.
        if tls.is_none() && !(config.development && config.listen.ip().is_loopback()) {
            bail!("plain HTTP is for development on a loopback address only");
        }
        let socket =
            listen(config.listen).with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, tls, limits: config.limits.clone() })
    }

    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `stop` resolves, then lets running requests finish.
    pub async fn serve(
        self,
        core: Arc<Core>,
        development: bool,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let (stopping, stopped) = watch::channel(false);
        let limits = self.limits.clone();
        let shared = Arc::new(Shared {
            router: router(core.clone(), development),
            tls: self.tls,
            limits: self.limits,
            stopping: stopped,
        });
        let mut accepting = Accepting {
            gate: Gate::new(limits.connections, limits.connections_per_address),
            socket: self.socket,
            shared,
            connections: JoinSet::new(),
            hangup: signal(SignalKind::hangup())?,
        };
        let draining = core.clone();
        let end = async move {
            stop.await;
            draining.load.drain();
            sleep(limits.drain_delay).await;
        };
        accepting.run(end).await;
        let mut connections = accepting.connections;
        drop(accepting.socket);
        core.events.drain();
        let _ = stopping.send(true);
        drain(&mut connections, &core, Instant::now() + limits.drain).await;
        Ok(())
    }
}

/// All operations of the contract, answered by this Core.
#[cfg(not(feature = "dev"))]
pub fn router(core: Arc<Core>, _: bool) -> Router {
    vivified_contract::router(core)
}

/// The same; every answer of development mode says what it is.
#[cfg(feature = "dev")]
pub fn router(core: Arc<Core>, development: bool) -> Router {
    let router = vivified_contract::router(core);
    if !development {
        return router;
    }
    let name = HeaderName::from_static("vivified-dev-mode");
    router.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static("true")))
}

struct Accepting {
    gate: Gate,
    socket: TcpListener,
    shared: Arc<Shared>,
    connections: JoinSet<()>,
    hangup: Signal,
}

impl Accepting {
    async fn run(&mut self, end: impl Future<Output = ()>) {
        tokio::pin!(end);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut end => return,
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => self.take(stream, peer),
                    Err(_) => sleep(PAUSE).await,
                },
                _ = self.connections.join_next(), if !self.connections.is_empty() => {}
                _ = self.hangup.recv() => self.shared.tls.iter().for_each(Tls::reload),
                _ = look.tick() => self.shared.tls.iter().for_each(Tls::reload_changed),
            }
        }
    }

    fn take(&mut self, stream: TcpStream, peer: SocketAddr) {
        let Some(place) = self.gate.enter(peer) else { return };
        let shared = self.shared.clone();
        self.connections.spawn(async move {
            connection::serve(shared, stream, peer).await;
            drop(place);
        });
    }
}

/// Waits for every connection and for requests whose caller has gone, at most until `deadline`.
async fn drain(connections: &mut JoinSet<()>, core: &Core, deadline: Instant) {
    let finished = async {
        while connections.join_next().await.is_some() {}
        while core.load.open() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    if timeout_at(deadline, finished).await.is_err() {
        connections.shutdown().await;
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
