//! What is left of a quota, told to the caller in the `RateLimit` and `RateLimit-Policy` fields
//! (draft-ietf-httpapi-ratelimit-headers-10).

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// One quota after this request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Name of the quota: a word of the program in lower case.
    pub policy: &'static str,
    /// Requests in one window.
    pub quota: u64,
    /// Seconds of the window.
    pub window: u64,
    /// Requests that may still come now.
    pub remaining: u64,
    /// Seconds until the whole quota is back.
    pub reset: u64,
}

/// Sets both fields, with every quota that was asked. Nothing when none was.
pub(super) fn tell(allowances: &[Allowance], headers: &mut HeaderMap) {
    if allowances.is_empty() {
        return;
    }
    let list = |item: fn(&Allowance) -> String| {
        let items: Vec<String> = allowances.iter().map(item).collect();
        HeaderValue::from_str(&items.join(", "))
    };
    let left = list(|one| format!("\"{}\";r={};t={}", one.policy, one.remaining, one.reset));
    let policy = list(|one| format!("\"{}\";q={};w={}", one.policy, one.quota, one.window));
    if let (Ok(left), Ok(policy)) = (left, policy) {
        headers.insert(HeaderName::from_static("ratelimit"), left);
        headers.insert(HeaderName::from_static("ratelimit-policy"), policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quota_is_one_member_of_both_lists() {
        let lane = Allowance { policy: "lane", quota: 20, window: 2, remaining: 7, reset: 1 };
        let mut headers = HeaderMap::new();
        tell(&[], &mut headers);
        assert!(headers.is_empty());
        tell(&[lane, Allowance { policy: "address", ..lane }], &mut headers);
        assert_eq!(headers["ratelimit"], r#""lane";r=7;t=1, "address";r=7;t=1"#);
        assert_eq!(headers["ratelimit-policy"], r#""lane";q=20;w=2, "address";q=20;w=2"#);
    }
}
