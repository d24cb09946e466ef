//! Report mode lets the allowlist speak without deciding, and nothing else.

use super::explain::Verdict;
use super::*;

fn reporting() -> Script {
    Script { report: Report { plugin: true, ..Report::default() }, ..Script::default() }
}

#[tokio::test]
async fn what_the_allowlist_refuses_is_let_out_and_told() {
    for (url, method, rule) in [
        ("https://one.cdn.partner.test:9443/", "GET", "port-not-listed"),
        ("https://api.partner.test/", "DELETE", "method-not-listed"),
    ] {
        let call = Outgoing { method: method.to_owned(), ..get(url) };
        let enforced = run(Script::default(), call.clone()).await;
        let Err(Failure::Refused(refusal)) = enforced.result else { panic!("{url} is let out") };
        assert_eq!(refusal.rule, rule);
        assert!(enforced.dialled.is_empty());
        let seen = run(reporting(), call).await;
        assert_eq!((seen.would_deny, seen.entry), (Some(rule), None), "{url}");
        assert_eq!(seen.dialled.len(), 1, "{url}");
    }
    let listed = run(reporting(), get("https://api.partner.test/")).await;
    assert_eq!((listed.would_deny, listed.result.is_ok()), (None, true));
}

#[tokio::test]
async fn an_entry_in_report_mode_opens_its_own_host_only() {
    let mut script = reporting();
    script.rules = entry(json!({ "host": "api.partner.test", "path_prefix": "/v1" }));
    script.rules.extend(entry(json!({ "host": "other.test", "path_prefix": "/v1" })));
    script.report = Report { plugin: false, hosts: ["api.partner.test".to_owned()].into() };
    let seen = run(script.clone(), get("https://api.partner.test/v2")).await;
    assert_eq!(seen.would_deny, Some("path-not-listed"));
    for url in ["https://other.test/v2", "https://third.test/"] {
        let seen = run(script.clone(), get(url)).await;
        assert!(matches!(seen.result, Err(Failure::Refused(_))), "{url}");
        assert!(seen.dialled.is_empty(), "{url}");
    }
}

#[tokio::test]
async fn addresses_forms_phi_and_impossible_hosts_are_never_only_reported() {
    let refused = |script: Script, call: Outgoing| async move {
        let seen = run(script, call).await;
        assert!(seen.dialled.is_empty());
        match seen.result {
            Err(Failure::Refused(refusal)) => refusal.rule,
            other => panic!("{other:?}"),
        }
    };
    let private = Script { dns: vec![Ok(answer(&["169.254.169.254"]))], ..reporting() };
    assert_eq!(refused(private, get("https://unlisted.example/")).await, "link-local");
    for (url, rule) in [
        ("http://unlisted.example/", "not-https"),
        ("https://user@unlisted.example/", "userinfo"),
        ("https://127.0.0.1/", "host-not-listed"),
        ("https://[::1]/", "host-not-listed"),
        ("https://localhost/", "host-not-listed"),
        ("https://metadata.google.internal/", "host-not-listed"),
        ("https://unlisted.example:22/", "host-not-listed"),
    ] {
        assert_eq!(refused(reporting(), get(url)).await, rule, "{url}");
    }
    let phi = Outgoing { phi: true, ..get("https://unlisted.example/") };
    assert_eq!(refused(reporting(), phi).await, "host-not-listed");
    let phi = Outgoing { phi: true, ..get("https://api.partner.test/") };
    assert_eq!(refused(reporting(), phi).await, "phi-without-baa");
}

async fn explain(script: &Script, call: Outgoing) -> explain::Explanation {
    let dns = Arc::new(FixtureDns { answers: script.dns.clone(), queries: Mutex::default() });
    let tls = Tls::new(None).unwrap();
    let egress = Egress::new(dns, Arc::new(NoDial), tls, Limits::default());
    egress.explain(script.terms(), call).await
}

/// A network that must not be touched.
struct NoDial;

impl Dial for NoDial {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'_, std::io::Result<BoxStream>> {
        panic!("an explanation dialled {address}")
    }
}

#[tokio::test]
async fn an_explanation_names_each_layer_and_agrees_with_the_guard() {
    let told = explain(&Script::default(), get("https://api.partner.test/")).await;
    let layers: Vec<_> = told.steps.iter().map(|step| (step.layer.name(), step.verdict)).collect();
    let pass = |layer| (layer, Verdict::Pass);
    assert_eq!(layers, ["parse", "allowlist", "forward", "address"].map(pass));
    assert!(told.allowed());
    assert_eq!(told.steps[3].explanation, "one of these would be dialled: 93.184.215.14");

    let reporting = explain(&reporting(), get("https://unlisted.example/")).await;
    assert_eq!((reporting.would_deny, reporting.allowed()), (Some("host-not-listed"), true));
    let private = Script { dns: vec![Ok(answer(&["10.0.0.7"]))], ..Script::default() };
    for (script, url) in [
        (Script::default(), "https://unlisted.example/"),
        (Script::default(), "http://api.partner.test/"),
        (Script::default(), "https://api.partner.test:9443/"),
        (private, "https://api.partner.test/"),
    ] {
        let told = explain(&script, get(url)).await;
        let last = told.steps.last().expect("a step").clone();
        assert!(!told.allowed(), "{url}");
        let Err(Failure::Refused(refusal)) = run(script, get(url)).await.result else {
            panic!("{url} is let out")
        };
        assert_eq!((Some(refusal.rule), refusal.layer), (last.rule, last.layer), "{url}");
        assert!(!last.explanation.is_empty());
    }
}
