//! A credential on its way out, seen from every place where it must not be.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::plugin;
use super::support::{Bench, request};

const SECRET: &str = "canary-credential-4d7e";
const HOST: &str = "api.partner.example";

/// A host that repeats the request it got, in a header and in the body.
async fn echo() -> (std::net::SocketAddr, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("an address");
    let seen = Arc::new(Mutex::new(String::new()));
    let kept = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 8192];
            let mut length = 0;
            while !buffer[..length].ends_with(b"\r\n\r\n") {
                match stream.read(&mut buffer[length..]).await {
                    Ok(read) if read > 0 => length += read,
                    _ => break,
                }
            }
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let key = request.lines().find(|line| line.starts_with("x-api-key")).unwrap_or("");
            let (head, body) = ("HTTP/1.1 200 OK\r\n", &request);
            let answer =
                format!("{head}x-echo: {key}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            kept.lock().expect("locks").push_str(&request);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, seen)
}

#[tokio::test]
async fn the_host_gets_the_credential_and_nobody_else_sees_it() {
    let (address, seen) = echo().await;
    let bench = Bench::with(|mut config| {
        config.egress_stubs = vec![format!("{HOST}={address}").parse().expect("a stub")];
        config
    })
    .await;
    let parts = json!({ "allowed_domains": [{ "host": HOST,
        "credential": { "header": "x-api-key", "secret": "secret://partner_key" } }] });
    let token = plugin(&bench, "alpha", &[], parts).await;
    let call = json!({ "url": format!("https://{HOST}/v1"), "headers": { "X-Api-Key": "mine" } });
    let missing = bench.post("/proxy", Some(&token), &call).await;
    assert_eq!(missing.body["detail"], "forward: secret-missing");

    let admin = bench.admin().await;
    let body = json!({ "value": SECRET });
    let path = "/admin/plugins/alpha/secrets/partner_key";
    let put = bench.send(request("PUT", path, Some(&admin), Some(&body))).await;
    assert_eq!(put.body["hosts"], json!([HOST]));
    let answer = bench.post("/proxy", Some(&token), &call).await;
    assert_eq!(answer.body["status_code"], 200, "{}", answer.body);
    let got = seen.lock().expect("locks").clone();
    assert!(got.contains(&format!("x-api-key: {SECRET}\r\n")), "the host got it: {got}");
    assert!(!got.contains("mine"), "the plugin cannot write the header");
    assert_eq!(answer.body["headers"]["x-echo"], "x-api-key: ***");
    assert!(!answer.body.to_string().contains(SECRET));
    assert!(!format!("{:?}", bench.audit().await).contains(SECRET));
    for entry in std::fs::read_dir(bench.folder.path()).expect("reads") {
        let path = entry.expect("an entry").path();
        let octets = std::fs::read(&path).unwrap_or_default();
        let found = octets.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!found, "{}", path.display());
    }
}
