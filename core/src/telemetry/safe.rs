//! What may stand in a log line: numbers, truth, durations, words of the program and ids.
//!
//! There is no implementation for `String` or `&str` that lives shorter than the program, so text
//! that came over the wire does not compile into a log line. Ids come through [`Id`], which shows
//! them only when they keep a narrow grammar.

use std::time::Duration;

use serde_json::Value;

mod sealed {
    pub trait Sealed {}
}

/// A value a log line may hold. Only this module says what that is.
pub trait LogSafe: sealed::Sealed {
    fn shown(&self) -> Value;
}

/// The id of a plugin, an operation, a trace, a record: no free text.
#[derive(Clone, Copy)]
pub struct Id<'a>(pub &'a str);

const MAX_ID: usize = 80;

impl sealed::Sealed for Id<'_> {}
impl LogSafe for Id<'_> {
    fn shown(&self) -> Value {
        let byte_ok =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        let shown = if self.0.len() <= MAX_ID && self.0.bytes().all(byte_ok) {
            self.0
        } else {
            "(not an id)"
        };
        shown.into()
    }
}

macro_rules! shown_as_is {
    ($($safe:ty),*) => {
        $(
            impl sealed::Sealed for $safe {}
            impl LogSafe for $safe {
                fn shown(&self) -> Value {
                    Value::from(*self)
                }
            }
        )*
    };
}

shown_as_is!(bool, u16, u32, u64, usize, i32, i64, &'static str);

impl sealed::Sealed for Duration {}
impl LogSafe for Duration {
    /// Milliseconds.
    fn shown(&self) -> Value {
        Value::from(u64::try_from(self.as_millis()).unwrap_or(u64::MAX))
    }
}
