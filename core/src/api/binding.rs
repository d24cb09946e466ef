//! What a client certificate binds.
//!
//! When connections need a certificate, a token of a plugin counts only on a connection whose
//! certificate names that plugin (a DNS name equal to its id). A stolen token is worth nothing
//! without the key then. People are not bound: any certificate of the authority will do for them.

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use vivified_contract::runtime::RequestInfo;

use crate::Caller;

pub fn holds(request: &RequestInfo, caller: &Caller) -> bool {
    let Some(certificate) = &request.client_certificate else { return true };
    match caller {
        Caller::Plugin(plugin) => names(&certificate.0, &plugin.plugin_id),
        Caller::Enrollment(enrolled) => names(&certificate.0, &enrolled.plugin_id),
        Caller::Anonymous | Caller::Person(_) | Caller::Scraper => true,
    }
}

fn names(certificate: &[u8], plugin_id: &str) -> bool {
    let certificate = CertificateDer::from(certificate);
    let Ok(parsed) = ParsedCertificate::try_from(&certificate) else { return false };
    ServerName::try_from(plugin_id).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_good_for_the_plugins_it_names_and_no_other() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let names_of = ["hello_py".to_owned(), "email-gateway".to_owned()];
        let parameters = rcgen::CertificateParams::new(names_of).expect("names");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        let good = |plugin_id| names(certificate.der(), plugin_id);
        assert!(good("hello_py") && good("email-gateway"));
        for other in ["hello", "hello_py2", "email", "gateway", "", "*", "127.0.0.1"] {
            assert!(!good(other), "{other}");
        }
        assert!(!names(b"no certificate", "hello_py"));
    }
}
