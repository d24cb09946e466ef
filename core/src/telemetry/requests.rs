//! What is counted of every request at its end.

use vivified_contract::runtime::End;

use super::metrics::{Operation, REQUEST_SECONDS, REQUESTS, Status};

pub fn request_ended(end: &End<'_>) {
    let operation = Operation(end.request.map(|request| request.operation));
    REQUESTS.count((operation, Status::of(end.status)));
    if end.request.is_some() {
        REQUEST_SECONDS.time(operation, end.elapsed);
    }
}
