//! What an operation gives back: which answers are a success and which Go type they become.

use super::types::{Names, Wrap};
use crate::contract::{
    Content, ContentKind, Operation, Response, Shape, StatusRange, Type, TypeKind,
};
use serde::Serialize;

/// A struct for operations whose successes differ by status.
#[derive(Serialize)]
pub struct Answer {
    pub name: String,
    pub cases: Vec<AnswerCase>,
}

#[derive(Serialize)]
pub struct AnswerCase {
    pub status: u16,
    pub ty: String,
}

/// What a method gives back besides the error.
#[derive(Clone, Copy)]
pub enum Returns<'a> {
    Nothing,
    Json(&'a Type),
    Text,
    Binary,
    Events,
    Lines(&'a Type),
    ByStatus,
}

/// Answers that are a success; the default answer when the spec declares no other.
pub fn successes(operation: &Operation) -> Vec<&Response> {
    let declared: Vec<&Response> = operation
        .responses
        .iter()
        .filter(|response| match response.status {
            StatusRange::Code(code) => (200..300).contains(&code),
            StatusRange::Range(class) => class == 2,
            StatusRange::Default => false,
        })
        .collect();
    if declared.is_empty() {
        return operation
            .responses
            .iter()
            .filter(|response| response.status == StatusRange::Default)
            .collect();
    }
    declared
}

/// The content a client asks for: JSON when there is some, else the first.
pub fn preferred(response: &Response) -> Option<&Content> {
    response
        .contents
        .iter()
        .find(|content| content.kind == ContentKind::Json)
        .or_else(|| response.contents.first())
}

pub fn returns<'a>(names: &Names<'a>, operation: &'a Operation) -> Returns<'a> {
    let contents: Vec<(&Response, &Content)> = successes(operation)
        .into_iter()
        .filter_map(|response| preferred(response).map(|content| (response, content)))
        .collect();
    let Some((_, first)) = contents.first() else { return Returns::Nothing };
    let same = |content: &Content| {
        content.kind == first.kind && names.base(&content.ty) == names.base(&first.ty)
    };
    if contents.iter().all(|(_, content)| same(content)) {
        return match first.kind {
            ContentKind::Json => Returns::Json(&first.ty),
            ContentKind::Text => Returns::Text,
            ContentKind::EventStream => Returns::Events,
            ContentKind::JsonLines => Returns::Lines(&first.ty),
            ContentKind::Binary | ContentKind::Form | ContentKind::Multipart => Returns::Binary,
        };
    }
    let by_code = contents.iter().all(|(response, content)| {
        content.kind == ContentKind::Json && matches!(response.status, StatusRange::Code(_))
    });
    if by_code { Returns::ByStatus } else { Returns::Binary }
}

pub fn answer(
    names: &Names<'_>,
    operation: &Operation,
    method: &str,
    returns: Returns<'_>,
) -> Option<Answer> {
    if !matches!(returns, Returns::ByStatus) {
        return None;
    }
    let cases = successes(operation)
        .into_iter()
        .filter_map(|response| {
            let StatusRange::Code(status) = response.status else { return None };
            preferred(response).map(|content| AnswerCase { status, ty: names.base(&content.ty) })
        })
        .collect();
    Some(Answer { name: names.claim(&format!("{method}Answer")), cases })
}

/// Whether a JSON answer is returned as a pointer: only structs are.
pub fn by_pointer(names: &Names<'_>, ty: &Type) -> bool {
    matches!(names.resolved(ty).shape, Shape::Named(_))
        && !names.is_nilable(ty)
        && !names.is_classified(ty)
        && names.slot(ty, true, false).wrap == Wrap::None
        && !is_enumeration(names, ty)
}

fn is_enumeration(names: &Names<'_>, ty: &Type) -> bool {
    matches!(&names.resolved(ty).shape, Shape::Named(name)
    if names.contract.types.get(name).is_some_and(|declaration| matches!(
        declaration.kind,
        TypeKind::Enumeration(_)
    )))
}

pub fn result(names: &Names<'_>, returns: Returns<'_>, answer: Option<&Answer>) -> String {
    match returns {
        Returns::Nothing => "error".to_owned(),
        Returns::Json(ty) if by_pointer(names, ty) => format!("(*{}, error)", names.base(ty)),
        Returns::Json(ty) => format!("({}, error)", names.element(ty)),
        Returns::Text => "(string, error)".to_owned(),
        Returns::Binary => "([]byte, error)".to_owned(),
        Returns::Events => "iter.Seq2[ServerEvent, error]".to_owned(),
        Returns::Lines(ty) => format!("iter.Seq2[{}, error]", names.element(ty)),
        Returns::ByStatus => {
            format!("(*{}, error)", answer.map_or("any", |answer| answer.name.as_str()))
        }
    }
}

pub fn closing(names: &Names<'_>, returns: Returns<'_>, answer: Option<&Answer>) -> Vec<String> {
    let call = |function: &str| {
        vec![format!("return runtime.{function}(ctx, r.transport, request, options)")]
    };
    match returns {
        Returns::Nothing => call("Send"),
        Returns::Json(ty) if by_pointer(names, ty) => {
            call(&format!("ReceivePointer[{}]", names.base(ty)))
        }
        Returns::Json(ty) => call(&format!("Receive[{}]", names.element(ty))),
        Returns::Text => call("ReceiveText"),
        Returns::Binary => call("ReceiveBinary"),
        Returns::Events => call("ReceiveEvents"),
        Returns::Lines(ty) => call(&format!("ReceiveLines[{}]", names.element(ty))),
        Returns::ByStatus => answer.map_or_else(Vec::new, by_status),
    }
}

fn by_status(answer: &Answer) -> Vec<String> {
    let mut lines = vec![
        "status, raw, err := runtime.ReceiveStatus(ctx, r.transport, request, options)".to_owned(),
        "if err != nil {".to_owned(),
        "\treturn nil, err".to_owned(),
        "}".to_owned(),
        format!("answer := &{}{{Status: status}}", answer.name),
        "switch status {".to_owned(),
    ];
    for case in &answer.cases {
        lines.push(format!("case {}:", case.status));
        lines.push(format!(
            "\tanswer.Status{}, err = runtime.ReadStatus[{}](r.transport, request, raw)",
            case.status, case.ty
        ));
    }
    lines.push("}".to_owned());
    lines.push("return answer, err".to_owned());
    lines
}
