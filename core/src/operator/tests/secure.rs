//! Callees behind TLS: the one that proves its name is called, and no other gets an octet of a
//! request.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::certificates::{Authority, Certificate};

/// Serves one request for each connection; answers its port and counts what it could read.
async fn callee(acceptor: tokio_rustls::TlsAcceptor) -> (u16, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, read) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let seen = read.clone();
    tokio::spawn(async move {
        while let Ok((wire, _)) = listener.accept().await {
            let Ok(mut wire) = acceptor.accept(wire).await else { continue };
            let mut head = [0; 4096];
            seen.fetch_add(wire.read(&mut head).await.unwrap_or(0), Ordering::SeqCst);
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                          content-length: 2\r\n\r\n{}";
            let _ = wire.write_all(answer.as_bytes()).await;
        }
    });
    (port, read)
}

#[tokio::test]
async fn only_a_callee_that_proves_its_name_is_called() {
    let trusted = Authority::new();
    let bench = Bench::with_tls(&[], &Tls::new(Some(&trusted.file)).unwrap()).await;
    for kind in [
        Certificate::Good,
        Certificate::WrongName,
        Certificate::Expired,
        Certificate::SelfSigned,
        Certificate::UnknownAuthority,
    ] {
        let (port, read) = callee(trusted.acceptor(kind, &["localhost"])).await;
        let callee = format!("{kind:?}").to_lowercase();
        let base_url = format!("https://localhost:{port}");
        let answer = bench.json(&Call { callee, base_url, ..bench.call() }).await;
        if kind == Certificate::Good {
            assert_eq!(answer.unwrap(), json!({}));
            assert!(read.load(Ordering::SeqCst) > 0, "the control: a request can be read");
        } else {
            assert!(matches!(answer, Err(CallError::CalleeFailed)), "{kind:?}: {answer:?}");
            assert_eq!(read.load(Ordering::SeqCst), 0, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn plain_http_leaves_loopback_for_nobody() {
    let bench = Bench::new(&[]).await;
    let base_url = bench.base_url.replace("127.0.0.1", "callee.example");
    let answer = bench.json(&Call { base_url, ..bench.call() }).await;
    assert!(matches!(answer, Err(CallError::CalleeFailed)), "{answer:?}");
    assert_eq!(bench.json(&bench.call()).await.unwrap(), json!({}));
    assert_eq!(bench.seen().len(), 1);
}
