//! What the process is told at its start: flags, environment, file, in this order.
//!
//! Every contradiction is reported at once and the start refused. Development mode needs three
//! things together (the cargo feature, `DEV_MODE=true`, a loopback address) and nothing turns it
//! on by itself; outside it there is no plain HTTP at all.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

#[cfg(feature = "dev")]
use crate::egress::stub::EgressStub;

const USUAL_ADDRESS: &str = "0.0.0.0:8443";
const DEVELOPMENT_ADDRESS: &str = "127.0.0.1:8000";
const USUAL_FOLDER: &str = "vivified-data";

/// The Core of a Vivified installation.
#[derive(Debug, Default, clap::Parser)]
#[command(name = "vivified-core", version)]
pub struct Flags {
    /// Address to listen on; port 0 takes a free one [env: VIVIFIED_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Folder that holds everything Core keeps [env: VIVIFIED_DATA_DIR]
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// TOML file with the same settings
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Certificate chain in PEM [env: VIVIFIED_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key in PEM [env: VIVIFIED_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Answer one host of the Proxy lane from a local server, HOST=IP:PORT [env: VIVIFIED_EGRESS_STUB]
    #[cfg(feature = "dev")]
    #[arg(long, value_name = "HOST=IP:PORT")]
    pub egress_stub: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<String>,
    data_dir: Option<PathBuf>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    /// Name servers of the Proxy lane; those of the system when absent.
    dns_servers: Option<Vec<SocketAddr>>,
    /// Further roots, in PEM, for hosts outside that are not publicly certified.
    egress_roots: Option<PathBuf>,
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
    #[cfg(feature = "dev")]
    pub egress_stubs: Vec<EgressStub>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Config {
    /// Resolves everything, or says all that is wrong.
    pub fn resolve(
        flags: Flags,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let environment = |name: &str| environment(name).filter(|value| !value.is_empty());
        let file = read_file(flags.config.as_ref(), &mut faults);
        let development = development(environment("DEV_MODE"), &mut faults);
        let usual = if development { DEVELOPMENT_ADDRESS } else { USUAL_ADDRESS };
        let listen = flags.listen.or_else(|| environment("VIVIFIED_LISTEN")).or(file.listen);
        let listen = parse_address(listen.as_deref().unwrap_or(usual), &mut faults);
        let path = |flag: Option<PathBuf>, name: &str, file: Option<PathBuf>| {
            flag.or_else(|| environment(name).map(PathBuf::from)).or(file)
        };
        let certificate = path(flags.tls_cert, "VIVIFIED_TLS_CERT", file.tls_cert);
        let key = path(flags.tls_key, "VIVIFIED_TLS_KEY", file.tls_key);
        let tls = tls_files(certificate, key, development, &mut faults);
        if development && listen.is_some_and(|address| !address.ip().is_loopback()) {
            faults.push(
                "DEV_MODE=true needs a loopback address; listen on 127.0.0.1 or [::1]".to_owned(),
            );
        }
        let data_dir = path(flags.data_dir, "VIVIFIED_DATA_DIR", file.data_dir);
        #[cfg(feature = "dev")]
        let egress_stubs = egress_stubs(
            flags.egress_stub,
            environment("VIVIFIED_EGRESS_STUB"),
            development,
            &mut faults,
        );
        match listen {
            Some(listen) if faults.is_empty() => Ok(Self {
                listen,
                data_dir: data_dir.unwrap_or_else(|| USUAL_FOLDER.into()),
                tls,
                development,
                dns_servers: file.dns_servers.unwrap_or_default(),
                egress_roots: file.egress_roots,
                #[cfg(feature = "dev")]
                egress_stubs,
            }),
            _ => Err(faults),
        }
    }
}

fn read_file(path: Option<&PathBuf>, faults: &mut Vec<String>) -> File {
    let Some(path) = path else { return File::default() };
    let read = fs::read_to_string(path)
        .map_err(|error| error.kind().to_string())
        .and_then(|text| toml::from_str(&text).map_err(|error| error.message().to_owned()));
    read.unwrap_or_else(|fault| {
        faults.push(format!("{}: {fault}", path.display()));
        File::default()
    })
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

fn parse_address(text: &str, faults: &mut Vec<String>) -> Option<SocketAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        faults.push("the address to listen on must be IP:PORT, such as 127.0.0.1:8000".to_owned());
    }
    address
}

fn tls_files(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    development: bool,
    faults: &mut Vec<String>,
) -> Option<TlsFiles> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) if development => None,
        (None, None) => {
            faults
                .push("a certificate and its key are needed; set --tls-cert and --tls-key".into());
            None
        }
        _ => {
            faults.push("--tls-cert and --tls-key go together".to_owned());
            None
        }
    }
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
            config: Some(path),
            ..Flags::default()
        };
        let faults = Config::resolve(flags, |_| Some("maybe".into())).expect_err("refused");
        assert!(faults.len() >= 3, "{faults:?}");
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
