//! The policy said a second time, in Cedar, by somebody who has not read the first.
//!
//! The floor is written out by hand in `floor.cedar`; a document is translated rule by rule. What
//! the two engines share is the request and nothing of the deciding. Cedar evaluates policies one
//! by one and skips a forbidding one that fails while it runs, which is why it judges here and
//! does not decide in production.

mod cedar;
pub mod random;

pub use cedar::{FLOOR, Oracle, Verdict};
