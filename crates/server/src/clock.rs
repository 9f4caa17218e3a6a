//! What time it is, as an argument.

use std::sync::Arc;

/// Tells the time in unix milliseconds. The program passes the system's clock, a test its own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A day in UTC, `2026-11-23`, for messages.
pub(crate) fn day(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds)
        .map_or_else(|_| "an impossible day".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}

/// RFC 3339 in UTC to the second, as token answers have it.
pub(crate) fn rfc3339(milliseconds: i64) -> String {
    jiff::Timestamp::from_second(milliseconds.div_euclid(1000)).map_or_else(|_| String::new(), |time| time.to_string())
}
