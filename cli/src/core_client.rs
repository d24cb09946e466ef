//! Calls to a running Core. Paths and methods come from the operations table of the contract.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use std::time::Duration;
use vivified_contract::operations::OPERATIONS;

/// A connection to one Core; operations are named as in the contract.
pub struct CoreClient {
    base_url: String,
    http: reqwest::blocking::Client,
    token: Option<String>,
}

impl CoreClient {
    pub fn new(base_url: &str) -> Result<Self> {
        // An error means that a provider is there already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::blocking::Client::builder()
            .timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { base_url: base_url.trim_end_matches('/').to_owned(), http, token: None })
    }

    #[must_use]
    pub fn with_token(mut self, token: String) -> Self {
        self.token = Some(token);
        self
    }

    /// Calls an operation without path parameters and returns its answer.
    pub fn call(&self, operation: &str, body: Option<&Value>) -> Result<Value> {
        let entry = OPERATIONS
            .iter()
            .find(|entry| entry.id == operation)
            .ok_or_else(|| anyhow!("the contract has no operation {operation}"))?;
        let method = reqwest::Method::from_bytes(entry.method.as_bytes())?;
        let mut request = self.http.request(method, format!("{}{}", self.base_url, entry.path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response =
            request.send().with_context(|| format!("no answer from {}", self.base_url))?;
        let status = response.status();
        let text = response.text()?;
        let answer: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if !status.is_success() {
            let field = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
            bail!("{operation} answered {status}: {} ({})", field("title"), field("hint"));
        }
        Ok(answer)
    }
}

/// A text field of an answer.
pub fn text(answer: &Value, field: &str) -> Result<String> {
    answer[field]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| anyhow!("the answer has no field {field}"))
}
