//! The gateway of Core behind its pipeline, with all checks, with the token alone, or with none.
//!
//! The guard of the product is asked where the mode says so and passed by elsewhere. What remains
//! without checks is the hop: decode, mint a call token, forward, answer.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use vivified_contract::api::{CallPluginParams, OperatorApi as _};
use vivified_contract::operations;
use vivified_contract::runtime::{
    self, Acting, Call, Credentials, Guard, Input, Outcome, Place, Problem, Raw, RequestInfo, Route,
};
use vivified_core::config::Flags;
use vivified_core::operator::{self, Answer};
use vivified_core::registry::Plugin;
use vivified_core::{Caller, Clock, Config, Core};

#[derive(Clone, Copy, PartialEq)]
enum Checks {
    None,
    Token,
    All,
}

struct Hop {
    core: Core,
    checks: Checks,
    /// Who calls when nobody asks.
    caller: Arc<Plugin>,
}

pub fn config(folder: &str) -> Config {
    let flags = Flags {
        listen: Some("127.0.0.1:0".to_owned()),
        data_dir: Some(folder.into()),
        ..Flags::default()
    };
    let environment = |name: &str| (name == "DEV_MODE").then(|| "true".to_owned());
    Config::resolve(flags, environment).unwrap()
}

/// Serves until it is ended; prints its port first.
pub async fn serve(folder: &str, checks: &str) {
    let checks = match checks {
        "none" => Checks::None,
        "token" => Checks::Token,
        _ => Checks::All,
    };
    let core = Core::open(&config(folder), Clock::system()).await.unwrap();
    let caller = core.registry.get("caller_0").unwrap();
    let hop = Arc::new(Hop { core, checks, caller });
    let router =
        runtime::router(hop, vec![Route { operation: &operations::CALL_PLUGIN, act: call }]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        stream.set_nodelay(true).unwrap();
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).await.unwrap();
}

fn call<'a>(hop: &'a Hop, call: &'a mut Call<'_, Caller>, mut input: Input) -> Acting<'a> {
    Box::pin(async move {
        let plugin_id: String = input.take(Place::Path, "plugin_id")?;
        let operation: String = input.take(Place::Path, "operation")?;
        if hop.checks == Checks::All {
            let params = CallPluginParams {
                vivified_timeout_ms: None,
                vivified_call_token: None,
                vivified_purpose: None,
            };
            let body = input.optional_body()?;
            let answer = hop.core.call_plugin(call, plugin_id, operation, params, body).await?;
            return runtime::raw_answer(200, answer);
        }
        let callee = hop.core.registry.get(&plugin_id).unwrap();
        let forwarded = operator::Call {
            caller: hop.caller.plugin_id.clone(),
            base_url: callee.base_url.clone().unwrap(),
            operation: hop.core.gateway.operation(&callee, &operation).unwrap(),
            callee: plugin_id,
            body: Bytes::copy_from_slice(call.body_octets()),
            trace_id: call.request.trace.trace_id.clone(),
            traceparent: call.request.trace.traceparent(),
            tracestate: None,
            purpose: None,
            idempotency_key: None,
            timeout: None,
            shown_chain: None,
        };
        match hop.core.gateway.call(&forwarded).await.unwrap() {
            Answer::Json(text) => runtime::raw_answer(200, Raw::new("application/json", text)),
            Answer::Stream { .. } => unreachable!("the callee answers JSON"),
        }
    })
}

impl Guard for Hop {
    type Caller = Caller;
    type Receipt = Option<<Core as Guard>::Receipt>;

    async fn authenticate(
        &self,
        request: &RequestInfo,
        credentials: Credentials<'_>,
    ) -> Result<Caller, Problem> {
        match self.checks {
            Checks::None => Ok(Caller::Plugin(self.caller.clone())),
            Checks::Token | Checks::All => self.core.authenticate(request, credentials).await,
        }
    }

    async fn authorize(&self, request: &RequestInfo, caller: &Caller) -> Result<(), Problem> {
        match self.checks {
            Checks::All => self.core.authorize(request, caller).await,
            Checks::None | Checks::Token => Ok(()),
        }
    }

    async fn limit(&self, request: &RequestInfo, caller: Option<&Caller>) -> Result<(), Problem> {
        match self.checks {
            Checks::All => self.core.limit(request, caller).await,
            Checks::None | Checks::Token => Ok(()),
        }
    }

    async fn open(&self, request: &RequestInfo, caller: &Caller) -> Result<Self::Receipt, Problem> {
        match self.checks {
            Checks::All => self.core.open(request, caller).await.map(Some),
            Checks::None | Checks::Token => Ok(None),
        }
    }

    async fn close(
        &self,
        request: &RequestInfo,
        caller: Option<&Caller>,
        receipt: Option<Self::Receipt>,
        outcome: &Outcome,
    ) -> Result<(), Problem> {
        match self.checks {
            Checks::All => {
                Guard::close(&self.core, request, caller, receipt.flatten(), outcome).await
            }
            Checks::None | Checks::Token => Ok(()),
        }
    }
}
