//! When to come back after a 429: RFC 9110, section 10.2.3, and ghcr.io's own way.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

use crate::error::Said;

/// What the header says, else what a message says.
pub(crate) fn retry_after(headers: &HeaderMap, said: &Said) -> Option<Duration> {
    let in_message = || said.errors.iter().find_map(|entry| in_message(&entry.message));
    seconds(headers).or_else(|| until(headers)).or_else(in_message)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn seconds(headers: &HeaderMap) -> Option<Duration> {
    text(headers, RETRY_AFTER)?.parse().ok().map(Duration::from_secs)
}

/// A date, counted from the `Date` of the same answer, so that no clock of ours is asked.
fn until(headers: &HeaderMap) -> Option<Duration> {
    let then = httpdate::parse_http_date(text(headers, RETRY_AFTER)?).ok()?;
    let now = httpdate::parse_http_date(text(headers, DATE)?).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

/// ghcr.io says it in the message alone: `retry-after: 985.86µs, allowed: 44000/minute`, as Go prints durations.
fn in_message(message: &str) -> Option<Duration> {
    let mut rest = message.split_once("retry-after:")?.1.split(',').next()?.trim();
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|character: char| !matches!(character, '0'..='9' | '.'))?);
        let (unit, after) =
            after.split_at(after.find(|character: char| character.is_ascii_digit()).unwrap_or(after.len()));
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * factor;
        rest = after;
    }
    Duration::try_from_secs_f64(seconds).ok()
}
