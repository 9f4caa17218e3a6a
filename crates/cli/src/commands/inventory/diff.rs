//! What an edit changes, to be looked at before it happens. Secrets are masked: those that stood there in plain text too.

use std::{collections::HashSet, path::Path};

use pullpass_secrets::{
    inventory::{self, Step},
    token,
};
use similar::{ChangeTag, TextDiff};

use crate::output;

/// How many lines around a change are shown.
const CONTEXT: usize = 3;
const MASK: &str = "********";
/// What may stand behind a key and is no value.
const NO_VALUE: [&str; 4] = ["", "!vault |", "{", "["];

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
    let keys: HashSet<String> = [old, new].into_iter().flat_map(keys).collect();
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let difference = TextDiff::from_lines(old.as_ref(), new.as_ref());
    let shown = output::printable(&path.display().to_string());
    let mut lines = vec![format!("--- {shown}"), format!("+++ {shown}")];
    for hunk in difference.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(hunk.header().to_string());
        // Of the old and of the new text: whether the line before was of a payload.
        let mut was_payload = [false; 2];
        for change in hunk.iter_changes() {
            let text = change.value().trim_end_matches(['\n', '\r']);
            let sides = match change.tag() {
                ChangeTag::Delete => 0..1,
                ChangeTag::Insert => 1..2,
                ChangeTag::Equal => 0..2,
            };
            let is_payload = is_payload_line(text, was_payload[sides.clone()].iter().all(|was| *was));
            was_payload[sides].fill(is_payload);
            let text = match (masked, change.tag()) {
                (Masked::Changes, _) if is_payload => text.to_owned(),
                (Masked::Changes, ChangeTag::Equal) => token::mask(text),
                _ => mask(text, &keys),
            };
            lines.push(format!("{}{}", change.tag(), output::printable(&text)));
        }
    }
    output::data(lines.join("\n"));
}

/// The keys of a text that lead to its values.
fn keys(text: &[u8]) -> Vec<String> {
    let steps = inventory::paths(text).unwrap_or_default().into_iter().flat_map(|path| path.steps().to_vec());
    steps
        .filter_map(|step| match step {
            Step::Key(key) => Some(key),
            Step::Item(_) => None,
        })
        .collect()
}

/// Whether a line is a payload's header, or its digits, which come behind other lines of it only.
fn is_payload_line(line: &str, is_behind_one: bool) -> bool {
    let content = line.trim();
    let is_digits = !content.is_empty() && content.bytes().all(|byte| byte.is_ascii_hexdigit());
    content.starts_with("$ANSIBLE_VAULT;") || is_behind_one && is_digits
}

/// A line without its value. In front of a colon, only what is a key of the file is no value: a line may be one of several
/// that a secret has.
fn mask(line: &str, keys: &HashSet<String>) -> String {
    let content = line.trim_start().trim_start_matches("- ").trim_start();
    let in_front = &line[..line.len() - content.len()];
    match content.split_once(':') {
        _ if content.is_empty() => String::new(),
        Some((key, value)) if keys.contains(unquoted(key.trim_end())) => {
            let value = if NO_VALUE.contains(&value.trim()) { value.to_owned() } else { format!(" {MASK}") };
            format!("{in_front}{}:{value}", token::mask(key))
        }
        _ => format!("{in_front}{MASK}"),
    }
}

fn unquoted(key: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| key.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(key)
}
