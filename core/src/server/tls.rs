//! TLS 1.3 and nothing older, from files that are read again when they change.
//!
//! A connection takes the configuration that holds when it comes; those that are open keep
//! theirs. New files that cannot be used leave the old ones in use, and the log says so. With an
//! authority for clients every connection must show a certificate of it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use anyhow::Context;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::config::TlsFiles;
use crate::store::files;
use crate::telemetry;
use crate::telemetry::metrics::{RELOADS, Reload};

/// Enough to see that a file is another one.
type Stamp = Vec<Option<(u64, i64, i64, u64)>>;

pub struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
    seen: Mutex<Stamp>,
}

impl Tls {
    pub fn open(files: &TlsFiles) -> anyhow::Result<Self> {
        let seen = Mutex::new(stamp(files));
        Ok(Self { files: files.clone(), current: RwLock::new(read(files)?), seen })
    }

    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again when one of them has changed.
    pub fn reload_changed(&self) {
        let now = stamp(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen != now {
            *seen = now;
            drop(seen);
            self.reload();
        }
    }

    pub fn reload(&self) {
        match read(&self.files) {
            Ok(config) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
                RELOADS.count(Reload::Taken);
                telemetry::info("certificate taken into use", &[]);
            }
            Err(_) => {
                RELOADS.count(Reload::Kept);
                telemetry::error("new certificate cannot be used, the old one stays", &[]);
            }
        }
    }
}

/// The list of versions decides: other crates compile TLS 1.2 in.
pub fn read(files: &TlsFiles) -> anyhow::Result<Arc<ServerConfig>> {
    let certificates = certificates(&files.certificate)?;
    let key = files::read_mounted(&files.key)?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .with_context(|| format!("cannot read a private key in {}", files.key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for authority in self::certificates(path)? {
                roots
                    .add(authority)
                    .with_context(|| format!("{}: is no authority", path.display()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .with_context(|| format!("{}: holds no authority", path.display()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder
        .with_single_cert(certificates, key)
        .context("the certificate and the key do not go together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(|found| found.collect::<Result<Vec<_>, _>>())
        .with_context(|| format!("cannot read certificates in {}", path.display()))?;
    anyhow::ensure!(!found.is_empty(), "{}: holds no certificate", path.display());
    Ok(found)
}

fn stamp(files: &TlsFiles) -> Stamp {
    let paths = [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()];
    let stamp = |path: Option<&std::path::PathBuf>| {
        let found = fs::metadata(path?).ok()?;
        Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len()))
    };
    paths.into_iter().map(stamp).collect()
}
