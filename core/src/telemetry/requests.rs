//! What is counted of every request at its end.

use vivified_contract::runtime::End;

use super::metrics::{Operation, REQUEST_SECONDS, REQUESTS, Status};
use super::traces;

pub fn request_ended(end: &End<'_>) {
    traces::request_ended(end);
    let operation = Operation(end.request.map(|request| request.operation));
    REQUESTS.count((operation, Status::of(end.status)));
    if end.request.is_some() {
        REQUEST_SECONDS.time(operation, end.elapsed);
    }
}
