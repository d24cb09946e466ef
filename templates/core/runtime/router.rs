//! From method and path to an operation.
//!
//! Paths of OpenAPI are richer than those of common routers: several parameters in a segment,
//! literals beside parameters, templates that differ in names alone. So the table is walked
//! here: segment by segment, the literal before the pattern, the longer pattern first.

use super::guard::{Call, End, Guard};
use super::operation::{OperationInfo, Segment};
use super::parameters::Capture;
use super::percent;
use super::problem::Problem;
use super::request::Input;
use super::serve::serve;
use super::trace::Trace;
use crate::problems;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What an operation does, running.
pub type Acting<'a> = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send + 'a>>;

/// Decodes the input, calls the implementation and makes its answer.
pub type Act<A> =
    for<'a, 'r> fn(&'a A, &'a mut Call<'r, <A as Guard>::Caller>, Input) -> Acting<'a>;

/// One line of the route table.
pub struct Route<A: Guard> {
    pub operation: &'static OperationInfo,
    pub act: Act<A>,
}

impl<A: Guard> Clone for Route<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Guard> Copy for Route<A> {}

/// Serves the routes with one implementation. Every other path is answered with a problem.
pub fn router<A: Guard>(api: Arc<A>, routes: Vec<Route<A>>) -> Router {
    let table = Arc::new(Table::new(routes));
    Router::new().fallback(move |request: Request| {
        let (api, table) = (Arc::clone(&api), Arc::clone(&table));
        async move { dispatch(api, &table, request).await }
    })
}

async fn dispatch<A: Guard>(api: Arc<A>, table: &Table<A>, request: Request) -> Response {
    let trace = Trace::from_headers(request.headers());
    let refuse = |mut problem: Problem| {
        problem.trace_id = Some(trace.trace_id.clone());
        problem.into_response()
    };
    let Some(segments) = split_path(request.uri().path()) else {
        let problem = problems::invalid_request();
        let problem = problem.with_violation("/path", "encoding", "is not valid UTF-8 text");
        return unanswered(&*api, refuse(problem));
    };
    let is_head = request.method() == Method::HEAD;
    match table.find(request.method(), &segments) {
        Found::Route(route, captures) => {
            if let Err(problem) = api.enter(route.operation) {
                return refuse(problem);
            }
            let response = serve(api, route, captures, trace, request).await;
            if is_head { without_body(response) } else { response }
        }
        Found::OtherMethods(allowed) => {
            let allowed = allowed.into_iter().collect::<Vec<_>>().join(", ");
            let allow = HeaderValue::from_str(&allowed).unwrap_or(HeaderValue::from_static(""));
            let mut response = if request.method() == Method::OPTIONS {
                StatusCode::NO_CONTENT.into_response()
            } else {
                refuse(problems::method_not_allowed())
            };
            response.headers_mut().insert(header::ALLOW, allow);
            unanswered(&*api, response)
        }
        Found::Nothing => unanswered(&*api, refuse(problems::not_found())),
    }
}

/// No operation answers this one; it is told as well.
fn unanswered<A: Guard>(api: &A, response: Response) -> Response {
    api.leave(&End {
        request: None,
        status: response.status().as_u16(),
        code: None,
        started: SystemTime::now(),
        elapsed: Duration::ZERO,
    });
    response
}

fn without_body(response: Response) -> Response {
    let (parts, _) = response.into_parts();
    Response::from_parts(parts, Body::empty())
}

/// Splits the path and decodes each segment once; none when a segment is no clean text.
fn split_path(path: &str) -> Option<Vec<Capture>> {
    path.strip_prefix('/')
        .unwrap_or(path)
        .split('/')
        .map(|raw| Some(Capture { raw: raw.to_owned(), decoded: percent::decode(raw)? }))
        .collect()
}

/// All routes as a tree over path segments.
struct Table<A: Guard> {
    routes: Vec<Route<A>>,
    root: Node,
}

#[derive(Default)]
struct Node {
    literals: HashMap<String, Node>,
    /// The pattern with most literal text first.
    patterns: Vec<(Pattern, Node)>,
    /// Index into the routes, by method. The first route of the contract wins.
    methods: Vec<(&'static str, usize)>,
}

/// One segment with parameters: literals, and `None` for each parameter.
#[derive(Clone, PartialEq, Eq)]
struct Pattern(Vec<Option<String>>);

enum Found<A: Guard> {
    Route(Route<A>, Vec<(&'static str, Capture)>),
    OtherMethods(BTreeSet<&'static str>),
    Nothing,
}

impl<A: Guard> Table<A> {
    fn new(routes: Vec<Route<A>>) -> Self {
        let mut root = Node::default();
        for (index, route) in routes.iter().enumerate() {
            let mut node = &mut root;
            for pattern in patterns(route.operation.segments) {
                node = node.child(pattern);
            }
            let method = route.operation.method;
            if !node.methods.iter().any(|(known, _)| *known == method) {
                node.methods.push((method, index));
            }
        }
        root.sort();
        Self { routes, root }
    }

    fn find(&self, method: &Method, segments: &[Capture]) -> Found<A> {
        let mut search = Search { method: method.as_str(), allowed: BTreeSet::new() };
        let mut captures = Vec::new();
        if let Some(index) = search.walk(&self.root, segments, &mut captures) {
            let route = self.routes[index];
            let names = route.operation.segments.iter().filter_map(|segment| match segment {
                Segment::Parameter(name) => Some(*name),
                Segment::Literal(_) => None,
            });
            return Found::Route(route, names.zip(captures).collect());
        }
        if search.allowed.is_empty() { Found::Nothing } else { Found::OtherMethods(search.allowed) }
    }
}

impl Node {
    fn child(&mut self, pattern: Pattern) -> &mut Self {
        if let [Some(literal)] = pattern.0.as_slice() {
            return self.literals.entry(literal.clone()).or_default();
        }
        let known = self.patterns.iter().position(|(other, _)| *other == pattern);
        let index = known.unwrap_or_else(|| {
            self.patterns.push((pattern, Self::default()));
            self.patterns.len() - 1
        });
        &mut self.patterns[index].1
    }

    fn sort(&mut self) {
        self.patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.literal_length()));
        self.patterns.iter_mut().for_each(|(_, node)| node.sort());
        self.literals.values_mut().for_each(Self::sort);
    }
}

struct Search<'m> {
    method: &'m str,
    allowed: BTreeSet<&'static str>,
}

impl Search<'_> {
    /// Depth first; a path that exists without the method leaves its methods in `allowed`.
    fn walk(
        &mut self,
        node: &Node,
        segments: &[Capture],
        captures: &mut Vec<Capture>,
    ) -> Option<usize> {
        let Some((segment, rest)) = segments.split_first() else { return self.end(node) };
        if let Some(child) = node.literals.get(&segment.decoded)
            && let Some(index) = self.walk(child, rest, captures)
        {
            return Some(index);
        }
        for (pattern, child) in &node.patterns {
            let before = captures.len();
            if pattern.capture(segment, captures)
                && let Some(index) = self.walk(child, rest, captures)
            {
                return Some(index);
            }
            captures.truncate(before);
        }
        None
    }

    fn end(&mut self, node: &Node) -> Option<usize> {
        let exact = |wanted: &str| {
            node.methods.iter().find(|(method, _)| *method == wanted).map(|(_, index)| *index)
        };
        // A HEAD that the contract does not name is a GET without its body (RFC 9110 9.3.2).
        let found =
            exact(self.method).or_else(|| if self.method == "HEAD" { exact("GET") } else { None });
        if found.is_none() && !node.methods.is_empty() {
            self.allowed.extend(node.methods.iter().map(|(method, _)| *method));
            self.allowed.insert("OPTIONS");
            if exact("GET").is_some() {
                self.allowed.insert("HEAD");
            }
        }
        found
    }
}

impl Pattern {
    fn literal_length(&self) -> usize {
        self.0.iter().flatten().map(String::len).sum()
    }

    /// Matches a segment and pushes what stands in place of each parameter.
    fn capture(&self, segment: &Capture, captures: &mut Vec<Capture>) -> bool {
        if let [None] = self.0.as_slice() {
            let filled = !segment.decoded.is_empty();
            if filled {
                captures.push(segment.clone());
            }
            return filled;
        }
        if let Some(Some(suffix)) = self.0.last()
            && !segment.decoded.ends_with(suffix.as_str())
        {
            return false;
        }
        capture_parts(&self.0, &segment.decoded, captures)
    }
}

/// Each parameter takes as little as it can, and at least one character.
fn capture_parts(parts: &[Option<String>], text: &str, captures: &mut Vec<Capture>) -> bool {
    let Some((part, rest)) = parts.split_first() else { return text.is_empty() };
    if let Some(literal) = part {
        return text
            .strip_prefix(literal.as_str())
            .is_some_and(|text| capture_parts(rest, text, captures));
    }
    let before = captures.len();
    let ends = text.char_indices().map(|(start, character)| start + character.len_utf8());
    for end in ends {
        if rest.is_empty() && end < text.len() {
            continue;
        }
        let taken = text[..end].to_owned();
        captures.push(Capture { raw: encode(&taken), decoded: taken });
        if capture_parts(rest, &text[end..], captures) {
            return true;
        }
        captures.truncate(before);
    }
    false
}

/// So that decoding what was cut from decoded text gives the same text.
fn encode(text: &str) -> String {
    text.replace('%', "%25")
}

/// A template as one pattern for each segment of the path.
fn patterns(segments: &[Segment]) -> Vec<Pattern> {
    let mut patterns = vec![Pattern(Vec::new())];
    for (position, segment) in segments.iter().enumerate() {
        match segment {
            Segment::Parameter(_) => {
                if let Some(last) = patterns.last_mut() {
                    last.0.push(None);
                }
            }
            Segment::Literal(text) => {
                let text =
                    if position == 0 { text.strip_prefix('/').unwrap_or(text) } else { text };
                for (index, piece) in text.split('/').enumerate() {
                    if index > 0 {
                        patterns.push(Pattern(Vec::new()));
                    }
                    if let (false, Some(last)) = (piece.is_empty(), patterns.last_mut()) {
                        let literal = percent::decode(piece).unwrap_or_else(|| piece.to_owned());
                        last.0.push(Some(literal));
                    }
                }
            }
        }
    }
    for pattern in &mut patterns {
        if pattern.0.is_empty() {
            pattern.0.push(Some(String::new()));
        }
    }
    patterns
}

#[cfg(test)]
#[path = "router_test.rs"]
mod tests;
