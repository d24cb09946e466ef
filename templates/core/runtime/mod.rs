//! The part of the server that is the same for every contract.
//!
//! Generated code holds facts (paths, types, rules); what is done with them stands here: one
//! router, one pipeline, one validator. It knows neither the operations nor who implements them.

mod allowance;
mod answer;
mod checker;
mod guard;
mod headers;
mod json;
mod operation;
mod parameters;
mod percent;
mod problem;
mod request;
mod router;
mod serve;
mod stream;
mod trace;
mod validate;
mod values;

pub use allowance::Allowance;
pub use answer::{Raw, empty, json_answer, json_answer_as, raw_answer};
pub use checker::{Checker, Finding, Level};
pub use guard::{Call, Credentials, End, Guard, Outcome, Stage};
pub use json::{JsonFault, MAXIMUM_DEPTH, parse_json};
pub use operation::{
    BodyInfo, Decoding, Idempotency, OperationInfo, ParameterInfo, Place, Scalar, SchemeInfo,
    SchemeKind, SecurityRequirement, Segment, Structure, Style,
};
pub use problem::{Definition, Problem, ProblemDocument, Violation};
pub use request::{ClientCertificate, Input, RequestInfo};
pub use router::{Act, Acting, Route, router};
pub use trace::Trace;
pub use values::{Base64, Date, DateTime, Fields, Masked, has_members, present, variant};
