//! What the process is told at its start: flags, environment, file, in this order.
//!
//! Every contradiction is reported at once and the start refused. Development mode needs three
//! things together (the cargo feature, `DEV_MODE=true`, a loopback address) and nothing turns it
//! on by itself; outside it there is no plain HTTP at all.

mod check;
mod edge;
mod keys;
mod source;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use url::Url;

#[cfg(feature = "dev")]
use crate::egress::stub::EgressStub;
use crate::{audit, identity};

pub use check::check_files;
pub use edge::{EdgeLimits, RATES, Rate};
pub use keys::{KEYS, Key};
use source::{Given, Sources};

const USUAL_ADDRESS: &str = "0.0.0.0:8443";
const DEVELOPMENT_ADDRESS: &str = "127.0.0.1:8000";
const USUAL_FOLDER: &str = "vivified-data";

/// What the command line says.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct Flags {
    /// Address to listen on; port 0 takes a free one [env: VIVIFIED_LISTEN]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Folder that holds everything Core keeps [env: VIVIFIED_DATA_DIR]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// TOML file with the same settings
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Certificate chain in PEM [env: VIVIFIED_TLS_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key in PEM [env: VIVIFIED_TLS_KEY]
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Answer one host of the Proxy lane from a local server, HOST=IP:PORT [env: VIVIFIED_EGRESS_STUB]
    #[cfg(feature = "dev")]
    #[arg(long, global = true, value_name = "HOST=IP:PORT")]
    pub egress_stub: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    /// None in development mode only.
    pub tls: Option<TlsFiles>,
    pub development: bool,
    pub dns_servers: Vec<SocketAddr>,
    pub egress_roots: Option<PathBuf>,
    /// Networks that no request may reach, such as our own public addresses behind a translator.
    pub egress_denied: Vec<ipnet::IpNet>,
    /// Holds the token that may read the metrics and nothing else.
    pub metrics_token_file: Option<PathBuf>,
    /// Base URL of an OpenTelemetry collector; no traces leave without it.
    pub otlp_endpoint: Option<Url>,
    pub limits: EdgeLimits,
    pub rates: Vec<(&'static str, Rate)>,
    pub audit: audit::Settings,
    pub identity: identity::Settings,
    #[cfg(feature = "dev")]
    pub egress_stubs: Vec<EgressStub>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Authorities of client certificates; every connection needs one when it is set.
    pub client_ca: Option<PathBuf>,
}

impl Config {
    /// The usual settings for one folder, on a free port of loopback.
    pub fn in_folder(data_dir: &Path) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data_dir: data_dir.to_owned(),
            tls: None,
            development: false,
            dns_servers: Vec::new(),
            egress_roots: None,
            egress_denied: Vec::new(),
            metrics_token_file: None,
            otlp_endpoint: None,
            limits: EdgeLimits::default(),
            rates: RATES.to_vec(),
            audit: audit::Settings::default(),
            identity: identity::Settings::default(),
            #[cfg(feature = "dev")]
            egress_stubs: Vec::new(),
        }
    }

    /// The data folder alone, for commands that need nothing else.
    pub fn resolve_folder(
        flags: Flags,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<PathBuf, Vec<String>> {
        let mut sources = Sources::read(flags.config.as_deref(), &environment);
        let folder = sources.path("data_dir", flags.data_dir);
        if sources.faults.is_empty() {
            Ok(folder.unwrap_or_else(|| USUAL_FOLDER.into()))
        } else {
            Err(sources.faults)
        }
    }

    /// Resolves everything, or says all that is wrong.
    pub fn resolve(
        flags: Flags,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<String>> {
        let mut sources = Sources::read(flags.config.as_deref(), &environment);
        let development = development(sources.variable("DEV_MODE"), &mut sources.faults);
        let usual = if development { DEVELOPMENT_ADDRESS } else { USUAL_ADDRESS };
        let listen = sources.text("listen", flags.listen);
        let listen = listen
            .unwrap_or_else(|| Given { value: usual.to_owned(), origin: "listen".to_owned() });
        let listen = parse_address(&listen, &mut sources.faults);
        let tls = tls_files(&mut sources, flags.tls_cert, flags.tls_key, development);
        if development && listen.is_some_and(|address| !address.ip().is_loopback()) {
            sources.faults.push(
                "DEV_MODE=true needs a loopback address; listen on 127.0.0.1 or [::1]".to_owned(),
            );
        }
        let data_dir = sources.path("data_dir", flags.data_dir);
        let otlp_endpoint = otlp_endpoint(&mut sources);
        let dns_servers = sources.list("dns_servers", "addresses with a port");
        let egress_roots = sources.path("egress_roots", None);
        let egress_denied = sources.list("egress_denied", "networks such as 198.41.0.0/24");
        let metrics_token_file = sources.path("metrics_token_file", None);
        let limits = edge::limits(&mut sources);
        let rates = edge::rates(&mut sources);
        let audit = audit_settings(&mut sources);
        let identity = identity_settings(&mut sources);
        #[cfg(feature = "dev")]
        let egress_stubs = egress_stubs(
            flags.egress_stub,
            sources.variable("VIVIFIED_EGRESS_STUB"),
            development,
            &mut sources.faults,
        );
        match listen {
            Some(listen) if sources.faults.is_empty() => Ok(Self {
                listen,
                data_dir: data_dir.unwrap_or_else(|| USUAL_FOLDER.into()),
                tls,
                development,
                dns_servers,
                egress_roots,
                egress_denied,
                metrics_token_file,
                otlp_endpoint,
                limits,
                rates,
                audit,
                identity,
                #[cfg(feature = "dev")]
                egress_stubs,
            }),
            _ => Err(sources.faults),
        }
    }
}

/// A shorter retention than the law asks for is refused with its range.
fn audit_settings(sources: &mut Sources<'_>) -> audit::Settings {
    let floor = u64::from(audit::RETENTION_FLOOR_YEARS);
    let years = sources.number("audit_retention_years", floor, floor..=100);
    audit::Settings {
        heads: sources.path("audit_checkpoints", None),
        retention_years: u16::try_from(years).expect("in a small range"),
    }
}

fn identity_settings(sources: &mut Sources<'_>) -> identity::Settings {
    let mut number = |key, usual, most| {
        i64::try_from(sources.number(key, usual, 1..=most)).expect("in a small range")
    };
    identity::Settings {
        session_idle: number("session_idle_minutes", 15, 30) * 60,
        key_rotation: number("key_rotation_days", 90, 366) * 86_400,
    }
}

fn development(value: Option<String>, faults: &mut Vec<String>) -> bool {
    match value.as_deref() {
        None | Some("false") => false,
        Some("true") if cfg!(feature = "dev") => true,
        Some("true") => {
            faults.push("DEV_MODE=true: this build has no development mode; unset it".to_owned());
            false
        }
        Some(_) => {
            faults.push("DEV_MODE must be true or false".to_owned());
            false
        }
    }
}

fn parse_address(given: &Given<String>, faults: &mut Vec<String>) -> Option<SocketAddr> {
    let address = given.value.parse().ok();
    if address.is_none() {
        let message = "the address to listen on must be IP:PORT, such as 127.0.0.1:8000";
        faults.push(given.fault(message));
    }
    address
}

fn tls_files(
    sources: &mut Sources<'_>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    development: bool,
) -> Option<TlsFiles> {
    let certificate = sources.path("tls_cert", certificate);
    let key = sources.path("tls_key", key);
    let client_ca = sources.path("tls_client_ca", None);
    let fault = match (certificate, key) {
        (Some(certificate), Some(key)) => return Some(TlsFiles { certificate, key, client_ca }),
        (None, None) if development && client_ca.is_none() => return None,
        (None, None) => "a certificate and its key are needed; set --tls-cert and --tls-key",
        _ => "--tls-cert and --tls-key go together",
    };
    sources.faults.push(fault.to_owned());
    None
}

/// Traces tell who calls whom, so they cross a network only under TLS.
fn otlp_endpoint(sources: &mut Sources<'_>) -> Option<Url> {
    let url: Url = sources.parsed("otlp_endpoint", "a URL")?;
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        let message = "otlp_endpoint must be https, or http to a loopback address";
        sources.faults.push(message.to_owned());
    }
    Some(url)
}

#[cfg(feature = "dev")]
fn egress_stubs(
    flags: Vec<String>,
    environment: Option<String>,
    development: bool,
    faults: &mut Vec<String>,
) -> Vec<EgressStub> {
    let listed = environment.as_deref().unwrap_or_default().split(',').map(str::to_owned);
    let texts: Vec<String> =
        if flags.is_empty() { listed.filter(|text| !text.is_empty()).collect() } else { flags };
    if !texts.is_empty() && !development {
        faults.push("egress stubs are for development mode only".to_owned());
    }
    let parse = |text: &String| {
        text.parse().map_err(|fault| faults.push(format!("egress stub: {fault}"))).ok()
    };
    texts.iter().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn resolve(listen: &str, dev_mode: Option<&str>, tls: bool) -> Result<Config, Vec<String>> {
        let file = tls.then(|| PathBuf::from("file.pem"));
        let flags = Flags {
            listen: (!listen.is_empty()).then(|| listen.to_owned()),
            tls_cert: file.clone(),
            tls_key: file,
            ..Flags::default()
        };
        Config::resolve(flags, |name| {
            (name == "DEV_MODE").then(|| dev_mode.map(str::to_owned)).flatten()
        })
    }

    #[test]
    fn development_needs_its_three_keys_together() {
        let built = cfg!(feature = "dev");
        let addresses = [
            "",
            "127.0.0.1:0",
            "[::1]:8000",
            "127.8.8.8:80",
            "0.0.0.0:8000",
            "[::]:8000",
            "10.0.0.1:80",
        ];
        let modes =
            [None, Some(""), Some("false"), Some("true"), Some("TRUE"), Some("1"), Some("yes")];
        for address in addresses {
            let loopback = !["0.0.0.0:8000", "[::]:8000", "10.0.0.1:80"].contains(&address);
            for mode in modes {
                for tls in [false, true] {
                    let result = resolve(address, mode, tls);
                    let expected = match mode {
                        Some("true") => built && loopback,
                        None | Some("" | "false") => tls,
                        Some(_) => false,
                    };
                    assert_eq!(
                        result.is_ok(),
                        expected,
                        "{address} {mode:?} tls={tls}: {result:?}"
                    );
                    if let Ok(config) = result {
                        assert_eq!(config.development, mode == Some("true"));
                        assert!(config.tls.is_some() || config.development, "no plain HTTP");
                    }
                }
            }
        }
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("core.toml");
        fs::write(&path, "listen = 'x'\nsurprise = 1\n").expect("writes");
        let flags = Flags {
            listen: Some("localhost".into()),
            tls_cert: Some("cert.pem".into()),
            config: Some(path.clone()),
            ..Flags::default()
        };
        let faults = Config::resolve(flags, |name| (name == "DEV_MODE").then(|| "maybe".into()))
            .expect_err("refused");
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(faults.contains(&format!("{}:2: unknown setting surprise", path.display())));
    }

    #[test]
    fn a_fault_of_the_file_names_its_line() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("core.toml");
        let text = "tls_cert = 'c'\ntls_key = 'k'\nlisten = 'localhost'\n\n[limits]\n\
                    conections = 5\nidle_seconds = 'long'\nrequests = 0\n[rates.lane]\nburst = -1\n";
        fs::write(&path, text).expect("writes");
        let flags = Flags { config: Some(path.clone()), ..Flags::default() };
        let faults = Config::resolve(flags, |_| None).expect_err("refused");
        let lines: Vec<&str> = faults
            .iter()
            .filter_map(|fault| fault.strip_prefix(path.to_str()?)?.get(1..)?.split(':').next())
            .collect();
        assert_eq!(lines, ["6", "3", "8", "7", "10"], "{faults:?}");
        assert!(faults[0].ends_with("did you mean limits.connections?"), "{faults:?}");
    }

    #[test]
    fn every_setting_can_be_written_in_the_environment() {
        let environment = |name: &str| match name {
            "VIVIFIED_TLS_CERT" => Some("c".to_owned()),
            "VIVIFIED_TLS_KEY" => Some("k".to_owned()),
            "VIVIFIED_LIMITS_CONNECTIONS" => Some("7".to_owned()),
            "VIVIFIED_RATES_LANE_BURST" => Some("9".to_owned()),
            "VIVIFIED_DNS_SERVERS" => Some("127.0.0.1:53, [::1]:53".to_owned()),
            _ => None,
        };
        let config = Config::resolve(Flags::default(), environment).expect("resolves");
        assert_eq!((config.limits.connections, config.dns_servers.len()), (7, 2));
        let lane = config.rates.iter().find(|(name, _)| *name == "lane").expect("a rate").1;
        assert_eq!(lane, Rate { per_second: 1_000, burst: 9 });
    }

    #[test]
    fn traces_cross_a_network_only_under_tls() {
        let resolve = |endpoint: &str| {
            Config::resolve(Flags::default(), |name| match name {
                "VIVIFIED_TLS_CERT" | "VIVIFIED_TLS_KEY" => Some("f".to_owned()),
                "VIVIFIED_OTLP_ENDPOINT" => Some(endpoint.to_owned()),
                _ => None,
            })
        };
        for endpoint in ["http://127.0.0.1:4318", "http://[::1]:4318/", "https://collect.test"] {
            assert!(resolve(endpoint).is_ok(), "{endpoint}");
        }
        for endpoint in ["http://10.0.0.1:4318", "http://localhost:4318", "ftp://127.0.0.1", "x"] {
            assert!(resolve(endpoint).is_err(), "{endpoint}");
        }
    }

    #[test]
    fn flags_win_over_environment_and_environment_over_file() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("core.toml");
        let text = "listen = '127.0.0.3:3'\ndata_dir = 'file'\ntls_cert = 'c'\ntls_key = 'k'\n";
        fs::write(&path, text).expect("writes");
        let flags = |listen: Option<&str>| Flags {
            listen: listen.map(str::to_owned),
            config: Some(path.clone()),
            ..Flags::default()
        };
        let environment =
            |name: &str| (name == "VIVIFIED_LISTEN").then(|| "127.0.0.2:2".to_owned());
        let port = |config: Result<Config, _>| config.expect("resolves").listen.port();
        assert_eq!(port(Config::resolve(flags(Some("127.0.0.1:1")), environment)), 1);
        assert_eq!(port(Config::resolve(flags(None), environment)), 2);
        assert_eq!(port(Config::resolve(flags(None), |_| None)), 3);
    }

    #[cfg(feature = "dev")]
    #[test]
    fn egress_stubs_need_development_mode() {
        let flags = || Flags {
            tls_cert: Some("c".into()),
            tls_key: Some("k".into()),
            egress_stub: vec!["api.partner.example=127.0.0.1:9000".into()],
            ..Flags::default()
        };
        let dev = |name: &str| (name == "DEV_MODE").then(|| "true".to_owned());
        assert_eq!(Config::resolve(flags(), dev).expect("resolves").egress_stubs.len(), 1);
        assert!(Config::resolve(flags(), |_| None).is_err());
        let far = Flags { egress_stub: vec!["host=10.0.0.1:80".into()], ..flags() };
        assert!(Config::resolve(far, dev).is_err());
    }
}
