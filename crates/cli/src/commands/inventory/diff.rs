//! What an edit changes, to be looked at before it happens. Secrets are masked: those that stood there in plain text too.

use std::path::Path;

use pullpass_secrets::token;
use similar::{ChangeTag, TextDiff};

use crate::output;

/// How many lines around a change are shown.
const CONTEXT: usize = 3;
const MASK: &str = "********";

/// How much of a file a reader of the difference may see.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Masked {
    /// The values of changed lines, unless they belong to a payload.
    Changes,
    /// Every value: the file is encrypted as a whole.
    Everything,
}

/// Prints the difference as `diff --unified` does, to standard output.
pub(crate) fn print(path: &Path, old: &[u8], new: &[u8], masked: Masked) {
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let difference = TextDiff::from_lines(old.as_ref(), new.as_ref());
    let mut lines = vec![format!("--- {}", path.display()), format!("+++ {}", path.display())];
    for hunk in difference.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(hunk.header().to_string());
        let mut is_in_payload = false;
        for change in hunk.iter_changes() {
            let text = change.value().trim_end_matches(['\n', '\r']);
            is_in_payload = is_payload_line(text, is_in_payload) && masked == Masked::Changes;
            let text = match change.tag() {
                _ if is_in_payload => text.to_owned(),
                ChangeTag::Equal if masked == Masked::Changes => token::mask(text),
                _ => mask(text),
            };
            lines.push(format!("{}{}", change.tag(), output::printable(&text)));
        }
    }
    output::data(lines.join("\n"));
}

/// Whether a line is a payload's header, or its digits, which come behind other lines of it only.
fn is_payload_line(line: &str, is_behind_one: bool) -> bool {
    let content = line.trim();
    let is_digits = !content.is_empty() && content.bytes().all(|byte| byte.is_ascii_hexdigit());
    content.starts_with("$ANSIBLE_VAULT;") || is_behind_one && is_digits
}

/// A line without its value.
fn mask(line: &str) -> String {
    let content = line.trim();
    let indent = &line[..line.len() - line.trim_start().len()];
    match content.split_once(':') {
        _ if content.is_empty() => String::new(),
        Some((key, value)) if value.trim().is_empty() || value.trim() == "!vault |" => format!("{indent}{key}:{value}"),
        Some((key, _)) => format!("{indent}{}: {MASK}", token::mask(key)),
        None => format!("{indent}{MASK}"),
    }
}
