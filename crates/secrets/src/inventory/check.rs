//! What keeps Ansible from reading a secret, or a person from knowing which one it reads.

use std::collections::HashMap;

use super::{
    InventoryError,
    document::{Document, Kind, Node, Place},
    key_path::KeyPath,
    lines::Lines,
    payloads::Scalars,
    raw,
};
use crate::vault::{self, VaultError};

/// Something wrong with a file, and where.
pub struct Defect {
    /// From 1.
    pub line: usize,
    /// Of the value that it is about.
    pub path: Option<KeyPath>,
    /// What it is.
    pub problem: Problem,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Blanks, or folded lines.
    #[error("{0}")]
    Damage(super::Damage),
    /// Cut off, an unknown cipher, no hexadecimal digits.
    #[error("{0}")]
    Payload(VaultError),
    /// Ansible takes such a header for no vault data at all.
    #[error("its vault id is not ASCII, so no password ever opens it: encrypt the value again under another id")]
    Label,
    /// A payload under no tag is a text like any other.
    #[error("it has no `!vault` in front, so Ansible takes the payload itself for the value")]
    Untagged,
    /// Text under a tag.
    #[error("it is tagged `!vault` and is not encrypted, which fails when it is used")]
    NotEncrypted,
    /// A mapping, a list or nothing under a tag.
    #[error("it is tagged `!vault` and is no text: the whole file is refused")]
    NotText,
    /// The tag on a key.
    #[error("a key is tagged `!vault`, which Ansible does not decrypt any more")]
    Key,
    /// `!vault-encrypted`.
    #[error("the tag `!vault-encrypted` goes away with ansible-core 2.23: write `!vault`")]
    OldTag,
    /// The form of JSON, in YAML.
    #[error("`__ansible_vault` counts in JSON only: in YAML, Ansible takes the mapping itself for the value")]
    JsonForm,
    /// Behind a `#`.
    #[error("a payload is commented out: it still opens with the old password after others were changed")]
    CommentedOut,
    /// In a file that is no YAML.
    #[error("a payload stands in a file that is no YAML, where Ansible takes it for text")]
    NotYaml,
    /// INI inventories cannot hold payloads.
    #[error("`!vault` is plain text in an INI inventory: put the value into `group_vars` or `host_vars` beside it")]
    Ini,
    /// A blank, a line break or a byte order mark before the header of a whole file.
    #[error("something stands in front of `$ANSIBLE_VAULT`, so Ansible does not see that the file is encrypted")]
    Preceded,
    /// Twice the same key in one mapping.
    #[error("the key `{key}` is there already at line {first}; Ansible takes the last one")]
    Duplicate {
        /// The key.
        key: String,
        /// From 1.
        first: usize,
    },
}

/// What is wrong with a YAML or JSON file, in its order. Payloads are not opened.
///
/// # Errors
/// When the file is no YAML that Ansible would read.
pub fn check(bytes: &[u8]) -> Result<Vec<Defect>, InventoryError> {
    let text = super::text(bytes)?.1;
    let document = Document::parse(text)?;
    let mut defects = Vec::new();
    for (number, node) in document.nodes.iter().enumerate() {
        let mut add = |line, problem| {
            let place = document.json_holder(number).unwrap_or(number);
            defects.push(Defect { line, path: document.path(place), problem });
        };
        for problem in of_node(&document, number, node) {
            add(document.line_of(number), problem);
        }
        for (key, line, first) in duplicates(&document, node) {
            add(line, Problem::Duplicate { key, first });
        }
    }
    defects.extend(commented_out(&document));
    defects.sort_by_key(|defect| defect.line);
    Ok(defects)
}

/// What is wrong with a file that is no YAML: payloads and tags that nobody reads there.
pub fn check_text(bytes: &[u8]) -> Vec<Defect> {
    let lines = Lines::of(bytes);
    let line = |at: usize| lines.number(at);
    let header = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes).trim_ascii_start();
    if vault::is_encrypted(header) && !vault::is_encrypted(bytes) {
        return vec![Defect { line: line(bytes.len() - header.len()), path: None, problem: Problem::Preceded }];
    }
    let mut defects: Vec<Defect> = raw::blocks(bytes)
        .iter()
        .map(|block| Defect { line: line(block.range.start), path: None, problem: Problem::NotYaml })
        .collect();
    let is_tagged = |text: &[u8]| {
        let value = text.split(|byte| *byte == b'=').nth(1).map(<[u8]>::trim_ascii_start);
        !text.trim_ascii_start().starts_with(b"#") && value.is_some_and(|value| value.starts_with(b"!vault"))
    };
    for (number, text) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if is_tagged(text) {
            defects.push(Defect { line: number + 1, path: None, problem: Problem::Ini });
        }
    }
    defects.sort_by_key(|defect| defect.line);
    defects
}

fn of_node(document: &Document<'_>, number: usize, node: &Node) -> Vec<Problem> {
    let holder = document.json_holder(number);
    let Some(text) = document.scalar(number) else {
        let is_collection = !matches!(node.kind, Kind::Alias(_));
        return if node.is_vault() && is_collection { vec![Problem::NotText] } else { Vec::new() };
    };
    if !node.is_vault() && holder.is_none() {
        return match (vault::is_encrypted(text.trim_start().as_bytes()) && text.contains(';'), node.place) {
            (true, Place::Root) => vec![Problem::Preceded],
            (true, _) => vec![Problem::Untagged],
            (false, _) => Vec::new(),
        };
    }
    let (payload, damage) = super::mend::mended(text);
    let mut problems: Vec<Problem> = damage.map(Problem::Damage).into_iter().collect();
    if !node.is_vault() && !document.is_json {
        problems.push(Problem::JsonForm);
    }
    if matches!(node.place, Place::Key) {
        problems.push(Problem::Key);
    }
    if node.tag.as_deref() == Some("!vault-encrypted") {
        problems.push(Problem::OldTag);
    }
    if text.is_empty() && matches!(node.kind, Kind::Scalar { style: saphyr_parser::ScalarStyle::Plain, .. }) {
        problems.push(Problem::NotText);
    } else if !vault::is_encrypted(payload.as_bytes()) {
        problems.push(Problem::NotEncrypted);
    } else if !payload.lines().next().unwrap_or_default().is_ascii() {
        problems.push(Problem::Label);
    } else if let Err(error) = vault::check(payload.as_bytes()) {
        problems.push(Problem::Payload(error));
    }
    problems
}

/// Each key that a mapping has already: the key, its line, and that of the first.
fn duplicates(document: &Document<'_>, node: &Node) -> Vec<(String, usize, usize)> {
    let Kind::Mapping { entries, .. } = &node.kind else { return Vec::new() };
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut again = Vec::new();
    for (key, _) in entries {
        let line = document.line_of(*key);
        let Some(name) = document.scalar(document.follow(*key)) else { continue };
        match first.get(name) {
            Some(first) => again.push((name.to_owned(), line, *first)),
            None => drop(first.insert(name, line)),
        }
    }
    again
}

/// Payloads outside of every value.
fn commented_out(document: &Document<'_>) -> Vec<Defect> {
    let scalars = Scalars::of(document);
    let starts = raw::blocks(document.text.as_bytes()).into_iter().map(|block| block.range.start);
    starts
        .filter(|at| scalars.around(*at).is_none())
        .map(|at| Defect { line: document.line(at), path: None, problem: Problem::CommentedOut })
        .collect()
}
