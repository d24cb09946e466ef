//! `vivified stub`: a host on this machine that stands in for one outside, for development.

use anyhow::Result;
use axum::extract::Request;
use axum::{Json, Router};
use clap::Args as ClapArgs;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Stand in for an outside host on this machine
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Loopback address to listen on.
    #[arg(long)]
    pub listen: SocketAddr,
}

pub fn run(arguments: &Args) -> Result<()> {
    anyhow::ensure!(arguments.listen.ip().is_loopback(), "the stub listens on loopback only");
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
        axum::serve(listener, Router::new().fallback(answer)).await?;
        Ok(())
    })
}

/// Says what arrived: method, path and the names of the headers.
async fn answer(request: Request) -> Json<Value> {
    let mut headers: Vec<&str> = request.headers().keys().map(|name| name.as_str()).collect();
    headers.sort_unstable();
    Json(json!({
        "up": true,
        "method": request.method().as_str(),
        "path": request.uri().path(),
        "headers": headers,
    }))
}
