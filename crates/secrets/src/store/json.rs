//! Where things are in a JSON text. What is not asked for is never decoded, and so can be kept byte for byte.

use std::ops::Range;

use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::StoreError;

/// One `"name": value` of an object.
pub(super) struct Member {
    pub(super) name: String,
    /// Where its quoted name begins.
    pub(super) start: usize,
    /// Behind its quoted name.
    pub(super) name_end: usize,
    pub(super) value: Range<usize>,
}

/// `bytes` as a text that is one JSON value; the other functions here count on it.
pub(super) fn validate(bytes: &[u8]) -> Result<&str, StoreError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        StoreError::Malformed { line, column: before.len() - line_start + 1 }
    })?;
    serde_json::from_str::<IgnoredAny>(text)
        .map(|_| text)
        .map_err(|error| StoreError::Malformed { line: error.line(), column: error.column() })
}

/// The members of the object that begins at `at` or behind blanks there; `None` when it is something else, or when a
/// name cannot be decoded.
pub(super) fn members(text: &str, at: usize) -> Option<Vec<Member>> {
    let mut at = skip_blanks(text, at);
    let mut members = Vec::new();
    if text.as_bytes().get(at) != Some(&b'{') {
        return None;
    }
    loop {
        // Behind `{` or `,`.
        let start = skip_blanks(text, at + 1);
        if text.as_bytes().get(start) == Some(&b'}') {
            return Some(members);
        }
        let name_end = skip_value(text, start);
        let name = serde_json::from_str(&text[start..name_end]).ok()?;
        let colon = skip_blanks(text, name_end);
        let value_start = skip_blanks(text, colon + 1);
        let value = value_start..skip_value(text, value_start);
        at = skip_blanks(text, value.end);
        members.push(Member { name, start, name_end, value });
        if text.as_bytes().get(at) != Some(&b',') {
            return Some(members);
        }
    }
}

/// The text that a JSON string stands for; `None` when `value` is no string.
pub(super) fn string(value: &str) -> Option<Zeroizing<String>> {
    serde_json::from_str(value).ok().map(Zeroizing::new)
}

pub(super) fn skip_blanks(text: &str, at: usize) -> usize {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    at + text.as_bytes()[at..].iter().take_while(|byte| is_blank(byte)).count()
}

/// Behind the value that begins at `at`.
pub(super) fn skip_value(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = at;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = skip_string(bytes, at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
                continue;
            }
            // Where this ends a number or a word, it belongs to what is around.
            b'}' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

/// Behind the string that begins at `at`.
fn skip_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}
