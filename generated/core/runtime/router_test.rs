//! The route table: which template a path meets, and what is captured.

use super::*;
use crate::runtime::{Call, Credentials, Idempotency, Outcome, RequestInfo};

struct Nobody;

impl Guard for Nobody {
    type Caller = ();
    type Receipt = ();

    async fn authenticate(&self, _: &RequestInfo, _: Credentials<'_>) -> Result<(), Problem> {
        Ok(())
    }

    async fn authorize(&self, _: &RequestInfo, (): &()) -> Result<(), Problem> {
        Ok(())
    }

    async fn limit(&self, _: &RequestInfo, _: Option<&()>) -> Result<(), Problem> {
        Ok(())
    }

    async fn open(&self, _: &RequestInfo, (): &()) -> Result<(), Problem> {
        Ok(())
    }

    async fn close(
        &self,
        _: &RequestInfo,
        _: Option<&()>,
        _: Option<()>,
        _: &Outcome,
    ) -> Result<(), Problem> {
        Ok(())
    }
}

fn nothing<'a>(_: &'a Nobody, _: &'a mut Call<'_, ()>, _: Input) -> Acting<'a> {
    Box::pin(async { Err(problems::internal_error()) })
}

/// A route whose id is its template.
fn route(method: &'static str, path: &'static str) -> Route<Nobody> {
    let mut segments = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (literal, after) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
        if !literal.is_empty() {
            segments.push(Segment::Literal(literal));
        }
        let Some(open) = after.strip_prefix('{') else { break };
        let (name, after) = open.split_once('}').unwrap();
        segments.push(Segment::Parameter(name));
        rest = after;
    }
    let operation = OperationInfo {
        id: path,
        method,
        path,
        segments: Box::leak(segments.into_boxed_slice()),
        tag: "test",
        lane: None,
        audit_action: None,
        rate_limit_class: None,
        body_limit: None,
        max_authentication_age: None,
        idempotency: Idempotency::None,
        required_traits: &[],
        problems: &[],
        security: &[],
        parameters: &[],
        body: None,
    };
    Route { operation: Box::leak(Box::new(operation)), act: nothing }
}

/// `TEMPLATE name=value ...`, `405 METHODS` or `404`.
fn find(routes: &[(&'static str, &'static str)], method: &str, path: &str) -> String {
    let table = Table::new(routes.iter().map(|(method, path)| route(method, path)).collect());
    let Some(segments) = split_path(path) else { return "400".to_owned() };
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    match table.find(&method, &segments) {
        Found::Route(route, captures) => {
            let values = captures.iter().map(|(name, value)| format!(" {name}={}", value.decoded));
            format!("{}{}", route.operation.path, values.collect::<String>())
        }
        Found::OtherMethods(allowed) => {
            format!("405 {}", allowed.into_iter().collect::<Vec<_>>().join(","))
        }
        Found::Nothing => "404".to_owned(),
    }
}

#[test]
fn literals_win_over_parameters_and_fall_back_to_them() {
    let routes = [("GET", "/pets/{id}"), ("GET", "/pets/mine"), ("DELETE", "/pets/{id}")];
    assert_eq!(find(&routes, "GET", "/pets/mine"), "/pets/mine");
    assert_eq!(find(&routes, "GET", "/pets/7"), "/pets/{id} id=7");
    assert_eq!(find(&routes, "DELETE", "/pets/mine"), "/pets/{id} id=mine");
    let routes = [("GET", "/a/b/c"), ("GET", "/a/{x}/d")];
    assert_eq!(find(&routes, "GET", "/a/b/d"), "/a/{x}/d x=b");
}

#[test]
fn parameters_share_a_segment_with_text_and_each_other() {
    let routes = [
        ("GET", "/v/{name}.json"),
        ("GET", "/v/{name}"),
        ("GET", "/t/{owner}:{verb}"),
        ("GET", "/c/{base}...{head}"),
    ];
    assert_eq!(find(&routes, "GET", "/v/a.json"), "/v/{name}.json name=a");
    assert_eq!(find(&routes, "GET", "/v/a.b.json"), "/v/{name}.json name=a.b");
    assert_eq!(find(&routes, "GET", "/v/.json"), "/v/{name} name=.json");
    assert_eq!(find(&routes, "GET", "/t/a:b:c"), "/t/{owner}:{verb} owner=a verb=b:c");
    assert_eq!(find(&routes, "GET", "/c/v1.0...v1.1"), "/c/{base}...{head} base=v1.0 head=v1.1");
}

#[test]
fn paths_are_decoded_once_and_exact() {
    let routes = [("GET", "/files/{key}"), ("GET", "/files/{key}/"), ("GET", "/")];
    assert_eq!(find(&routes, "GET", "/files/a%2Fb"), "/files/{key} key=a/b");
    assert_eq!(find(&routes, "GET", "/files/%2541"), "/files/{key} key=%41");
    assert_eq!(find(&routes, "GET", "/files/a/"), "/files/{key}/ key=a");
    assert_eq!(find(&routes, "GET", "/"), "/");
    assert_eq!(find(&routes, "GET", "/files//"), "404");
    assert_eq!(find(&routes, "GET", "/Files/a"), "404");
    assert_eq!(find(&routes, "GET", "//files/a"), "404");
    for path in ["/files/%00", "/files/%ff", "/files/%c0%af", "/files/%"] {
        assert_eq!(find(&routes, "GET", path), "400", "{path}");
    }
}

#[test]
fn templates_that_differ_in_names_alone_do_not_clash() {
    let routes = [("GET", "/x/{a}"), ("PUT", "/x/{b}"), ("GET", "/x/{c}")];
    assert_eq!(find(&routes, "GET", "/x/1"), "/x/{a} a=1");
    assert_eq!(find(&routes, "PUT", "/x/1"), "/x/{b} b=1");
    assert_eq!(find(&routes, "POST", "/x/1"), "405 GET,HEAD,OPTIONS,PUT");
}

#[test]
fn head_is_a_get_and_other_methods_are_named() {
    let routes = [("GET", "/a"), ("POST", "/b")];
    assert_eq!(find(&routes, "HEAD", "/a"), "/a");
    assert_eq!(find(&routes, "HEAD", "/b"), "405 OPTIONS,POST");
    assert_eq!(find(&routes, "OPTIONS", "/a"), "405 GET,HEAD,OPTIONS");
    assert_eq!(find(&routes, "GET", "/c"), "404");
}
