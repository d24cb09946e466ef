//! A whole Core behind its router, on a clock that only the test moves.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};
use tower::ServiceExt;
use vivified_core::{Clock, Config, Core, server};

pub const ADMIN: &str = "first_admin";
pub const PASSWORD: &str = "correct horse battery staple";

pub struct Bench {
    pub folder: tempfile::TempDir,
    pub clock: Clock,
    pub core: Arc<Core>,
    pub router: Router,
    pub secret: Vec<u8>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

pub fn config(folder: &Path) -> Config {
    Config {
        dns_servers: vec!["127.0.0.1:9".parse().expect("an address")],
        ..Config::in_folder(folder)
    }
}

impl Bench {
    /// A Core with its first administrator set up.
    pub async fn new() -> Self {
        Self::with(|config| config).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(Config) -> Config) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let clock = Clock::manual(time::macros::datetime!(2026-11-22 17:00 UTC));
        let config = change(config(folder.path()));
        let core = Core::open(&config, clock.clone()).await.expect("opens");
        let core = Arc::new(core);
        let code = core.identity.make_setup_code().await.expect("makes").expect("a code");
        let enrolment = core.identity.set_up(&code, ADMIN, PASSWORD.into()).await.expect("sets up");
        let router = server::router(core.clone(), false);
        Self { folder, clock, core, router, secret: enrolment.secret.to_vec() }
    }

    pub fn mfa_code(&self) -> String {
        let secret = Secret::new(self.secret.as_slice().into());
        let totp = Builder::new().with_secret(secret).build_noncompliant();
        totp.generate(u64::try_from(self.clock.unix()).expect("after 1970")).to_string()
    }

    pub async fn admin(&self) -> String {
        let body = json!({ "username": ADMIN, "password": PASSWORD, "mfa_code": self.mfa_code() });
        let answer = self.post("/auth/login", None, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["token"].as_str().expect("a token").to_owned()
    }

    /// An approved plugin with these traits, and its token.
    pub async fn plugin(&self, plugin_id: &str, traits: &[&str]) -> String {
        let token = self.enrollment(plugin_id).await;
        let answer =
            self.post("/plugins/register", Some(&token), &manifest(plugin_id, traits)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["token"].as_str().expect("a token").to_owned()
    }

    pub async fn enrollment(&self, plugin_id: &str) -> String {
        let enrollment = self.core.registry.enroll(plugin_id, true, 3_600).await;
        enrollment.expect("enrols").token.expose_secret().to_owned()
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.send(request("GET", path, token, None)).await
    }

    pub async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        self.send(request("POST", path, token, Some(body))).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.expect("answers");
        read(answer).await
    }

    pub async fn audit(&self) -> Vec<Value> {
        let filter = vivified_core::audit::Filter { limit: 1_000, ..Default::default() };
        self.core.audit.search(filter).await.expect("reads").records
    }
}

pub async fn read(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let octets = axum::body::to_bytes(body, 1 << 20).await.expect("reads");
    let body = serde_json::from_slice(&octets).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, body }
}

pub fn request(
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = match body {
        Some(body) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    request.body(body).expect("a request")
}

pub fn manifest(plugin_id: &str, traits: &[&str]) -> Value {
    json!({
        "id": plugin_id,
        "name": "Test",
        "version": "1.0.0",
        "contracts": ["vivified/1"],
        "traits": traits,
        "security": { "authentication_required": true, "data_classification": ["internal"] },
        "compliance": { "hipaa_controls": [], "audit_level": "standard" },
    })
}
