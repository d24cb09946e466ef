//! Credentials go out, and nowhere else.

use super::*;

const SECRET: &str = "synthetic-partner-key";

fn script(response: &str) -> Script {
    let value = json!({ "host": "api.partner.test", "credential":
        { "header": "authorization", "secret": "secret://partner_key", "scheme": "Bearer" } });
    Script {
        rules: entry(value),
        secrets: Secret(Some(("partner_key", SECRET))),
        response: response.into(),
        ..Script::default()
    }
}

#[tokio::test]
async fn core_adds_the_credential_and_the_plugin_cannot_set_or_see_it() {
    let response = format!(
        "HTTP/1.1 200 OK\r\nX-Echo: got Bearer {SECRET}!\r\nContent-Length: 28\r\n\r\n\
         key={SECRET};ok"
    );
    let mut call = get("https://api.partner.test/");
    call.headers = vec![("Authorization".to_owned(), "Bearer of the plugin".to_owned())];
    let seen = run(script(&response), call).await;
    let sent = format!("authorization: Bearer {SECRET}\r\n");
    assert!(seen.requests[0].contains(&sent), "the host got it");
    assert!(!seen.requests[0].contains("of the plugin"));
    let fetched = seen.result.expect("an answer");
    assert_eq!(fetched.headers[0], ("x-echo".to_owned(), "got Bearer ***!".to_owned()));
    assert_eq!(fetched.body, b"key=*********************;ok");
    assert!(!format!("{fetched:?} {:?}", fetched.headers).contains(SECRET));
}

#[tokio::test]
async fn another_entry_and_a_missing_secret_send_nothing() {
    let mut without = script("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    without.rules.extend(entry(json!({ "host": "other.test" })));
    let seen = run(without.clone(), get("https://other.test/")).await;
    assert!(!seen.requests.concat().contains(SECRET), "{:?}", seen.result);
    without.secrets = Secret(Some(("another_key", SECRET)));
    let seen = run(without, get("https://api.partner.test/")).await;
    let refusal = Refusal { layer: Layer::Forward, rule: "secret-missing" };
    assert_eq!(seen.result, Err(Failure::Refused(refusal)));
    assert!(seen.dialled.is_empty());
    assert_eq!(seen.queries, 0);
}

#[tokio::test]
async fn a_secret_that_would_break_the_request_is_not_sent() {
    for value in ["line\r\nX-Other: 1", "zero\0byte", "\u{e9}t\u{e9}-secret"] {
        let mut script = script("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        script.secrets = Secret(Some(("partner_key", value)));
        let seen = run(script, get("https://api.partner.test/")).await;
        let refusal = Refusal { layer: Layer::Forward, rule: "secret-unusable" };
        assert_eq!(seen.result, Err(Failure::Refused(refusal)), "{value:?}");
        assert!(seen.dialled.is_empty());
    }
}

#[test]
fn masking_finds_every_place_and_keeps_the_length() {
    let mut octets = b"aXYXYbXYc".to_vec();
    credential::mask_octets(&mut octets, "XY");
    assert_eq!(octets, b"a****b**c");
    let mut short = b"X".to_vec();
    credential::mask_octets(&mut short, "XY");
    assert_eq!(short, b"X");
}
