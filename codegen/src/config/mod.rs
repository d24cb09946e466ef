//! `codegen.toml`: which documents go in, which targets come out and under which names.
//!
//! Five lines suffice for a stranger's document:
//!
//! ```toml
//! spec = "openapi.yaml"
//! [targets.python]
//! output = "sdk/python"
//! package = "petstore"
//! ```

mod read;

pub use read::read;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A project of the contract compiler. Paths are relative to this file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The OpenAPI document, YAML or JSON.
    pub spec: String,
    /// Folder with templates; those inside the compiler when absent.
    #[serde(default)]
    pub templates: Option<String>,
    /// The lock file with the digests of inputs and outputs.
    #[serde(default = "default_lock")]
    pub lock: String,
    /// The JSON Schema of the plugin manifest.
    #[serde(default)]
    pub manifest: Option<String>,
    /// Folder of event schemas, `*.schema.json`.
    #[serde(default)]
    pub events: Option<String>,
    /// The SDK parity document.
    #[serde(default)]
    pub parity: Option<String>,
    /// A folder that holds output and nothing else: a file there that no target wrote is an
    /// orphan. For projects that keep all targets in one folder, such as `generated`.
    #[serde(default)]
    pub output: Option<String>,
    /// Files and folders of the compiler itself, where it lives beside the spec: the lock holds
    /// their digests, so that a changed compiler asks for a new run.
    #[serde(default)]
    pub generator: Vec<String>,
    #[serde(default)]
    pub lint: Lint,
    /// What comes out, by target name: `core`, `python`, `node`, `go`, `docs`.
    pub targets: IndexMap<TargetName, Target>,
}

/// House rules for the spec.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lint {
    /// What every operation must declare: `summary`, `description`, `security`, `examples`,
    /// `x-lane`, `x-audit-action`, `x-rate-limit-class`, `x-body-limit`, `x-idempotency`, `x-problems`.
    pub require: Vec<String>,
    /// Values a vendor extension may take, such as `x-lane = ["canonical", "operator"]`.
    pub vocabulary: IndexMap<String, Vec<String>>,
    /// Rules that are errors though they are warnings by default.
    pub deny: Vec<String>,
    /// Rules that are not reported. Rules that guard output cannot stand here.
    pub allow: Vec<String>,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TargetName {
    Core,
    Python,
    Node,
    Go,
    Docs,
}

impl TargetName {
    /// Its name in the configuration, which is the name of its templates folder, too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Python => "python",
            Self::Node => "node",
            Self::Go => "go",
            Self::Docs => "docs",
        }
    }
}

/// One target.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Folder that the target owns whole: what the compiler did not write there is an orphan.
    pub output: String,
    /// Name the package is published under: a Python distribution, an npm name, a Go module path.
    #[serde(default)]
    pub package: Option<String>,
    /// Name in source: the Python import, the Go package clause. Made from `package` when absent.
    #[serde(default)]
    pub module: Option<String>,
    /// Another import name for the same Python package.
    #[serde(default)]
    pub alias: Option<String>,
    /// Name of the client class; `Client` when absent.
    #[serde(default)]
    pub client: Option<String>,
    /// Version of the package; the version of the document when absent.
    #[serde(default)]
    pub version: Option<String>,
    /// Prefix of environment variables the client reads (`PREFIX_BASE_URL`, `PREFIX_TOKEN`).
    #[serde(default)]
    pub environment_prefix: Option<String>,
}

fn default_lock() -> String {
    "contract.lock".to_owned()
}
