use crate::runtime::Problem;
pub fn invalid_request() -> Problem {
    Problem::new("invalid_request", 400, "Invalid request")
}
pub fn not_found() -> Problem {
    Problem::new("not_found", 404, "Not found")
}
pub fn method_not_allowed() -> Problem {
    Problem::new("method_not_allowed", 405, "Method not allowed")
}
pub fn request_timeout() -> Problem {
    Problem::new("request_timeout", 408, "Request timeout")
}
pub fn payload_too_large() -> Problem {
    Problem::new("payload_too_large", 413, "Payload too large")
}
pub fn unsupported_media_type() -> Problem {
    Problem::new("unsupported_media_type", 415, "Unsupported media type")
}
pub fn internal_error() -> Problem {
    Problem::new("internal_error", 500, "Internal error")
}
pub fn audit_unavailable() -> Problem {
    Problem::new("audit_unavailable", 503, "Audit unavailable")
}
