//! The lanes from outside: what plugins may do to each other and to the world, what they are told
//! when they may not, and what the audit log says of it.

#[allow(dead_code, reason = "each test crate uses its part of it")]
#[path = "../support/mod.rs"]
mod support;

mod administered;
mod audit;
mod calls;
#[cfg(feature = "dev")]
mod credentials;
mod events;
mod gateway;
mod lives;
mod own_data;
mod policy;
mod streams;
mod traces;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use axum::routing::post;
use serde_json::{Value, json};
use support::{Answer, Bench, manifest, request};

const EVERYTHING: [&str; 8] = [
    "event_publisher",
    "event_subscriber",
    "rpc_caller",
    "rpc_provider",
    "external_caller",
    "config_reader",
    "config_writer",
    "storage_user",
];

/// A plugin with every trait but those of data, and these further parts of its manifest.
async fn plugin(bench: &Bench, plugin_id: &str, data: &[&str], parts: Value) -> String {
    let traits: Vec<&str> = EVERYTHING.iter().chain(data).copied().collect();
    let mut manifest = manifest(plugin_id, &traits);
    if data.contains(&"handles_phi") {
        manifest["security"]["data_classification"] = json!(["phi"]);
        manifest["compliance"]["hipaa_controls"] = json!(["164.312(b)"]);
    }
    for (key, part) in parts.as_object().expect("an object") {
        manifest[key] = part.clone();
    }
    let token = bench.enrollment(plugin_id).await;
    let answer = bench.post("/plugins/register", Some(&token), &manifest).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["token"].as_str().expect("a token").to_owned()
}

fn told(answer: &Answer) -> (u16, &str) {
    (answer.status.as_u16(), answer.code())
}

async fn keyed(bench: &Bench, token: &str, path: &str, key: &str, body: &Value) -> Answer {
    let mut request = request("POST", path, Some(token), Some(body));
    request.headers_mut().insert("idempotency-key", key.parse().expect("a value"));
    bench.send(request).await
}

/// What a callee saw.
type Seen = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

async fn callee() -> (String, Seen) {
    async fn answer(State(seen): State<Seen>, request: Request<Body>) -> axum::Json<Value> {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("reads");
        seen.lock().expect("locks").push((head.headers, body));
        axum::Json(json!({ "pong": true }))
    }
    let seen = Seen::default();
    let router = Router::new().route("/rpc/{name}", post(answer)).with_state(seen.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seen)
}

fn offering(url: &str) -> Value {
    json!({
        "endpoints": { "base_url": url },
        "operations": [
            { "name": "ping" },
            { "name": "chart", "required_traits": ["handles_phi"], "data_traits": ["phi"] },
            { "name": "strict", "input_schema": { "type": "object", "required": ["n"] } },
        ],
    })
}
