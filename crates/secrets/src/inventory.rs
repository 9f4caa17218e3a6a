//! Secrets inside Ansible inventories and variable files, read and edited in place.
//!
//! A YAML file is never written anew: one value's bytes are replaced, or a key's are added, and the file is parsed again.
//! If anything else than that value reads differently afterwards, the edit is refused.

use crate::{Secret, token::Kind as TokenKind, vault};
pub use check::{Defect, Problem, check, check_text};
use document::{Document, Kind};
pub use key_path::{KeyPath, KeyPathError, Step};
pub use mend::Damage;
pub use payloads::{Payload, Payloads};
pub use view::{Tagged, View};

mod aliases;
mod check;
mod document;
mod edit;
pub mod files;
mod key_path;
mod libyaml;
mod lines;
mod mend;
mod payloads;
mod raw;
mod scalar;
mod span;
mod view;

/// Why a file could not be read or edited. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// A whole-file vault.
    #[error("the whole file is encrypted with Ansible Vault, not single values in it")]
    WholeFile,
    /// An edit would make YAML of it, which no JSON parser reads.
    #[error("the file is JSON, which has no `!vault`: put the value there by hand, as `{{\"__ansible_vault\": …}}`")]
    Json,
    /// Not UTF-8, which Ansible refuses too.
    #[error("not UTF-8 at line {line}, column {column}")]
    Encoding {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
    /// Not YAML.
    #[error("malformed YAML at line {line}, column {column}: {problem}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// The parser's words.
        problem: String,
    },
    /// Allowed by YAML 1.2, refused by Ansible.
    #[error("line {line}, column 1: a line that begins with a tab is malformed YAML to Ansible")]
    Tab {
        /// From 1.
        line: usize,
    },
    /// Ansible refuses these files.
    #[error("a second YAML document begins at line {line}, column 1")]
    TwoDocuments {
        /// From 1.
        line: usize,
    },
    /// Ansible takes the last, other readers the first.
    #[error("the key `{key}` is there twice, at line {first} and at line {second}")]
    Duplicate {
        /// The key.
        key: String,
        /// From 1.
        first: usize,
        /// From 1.
        second: usize,
    },
    /// The path leads into or ends at a value of another kind.
    #[error("`{path}` does not fit the file: what is at line {line} is not a {what}")]
    NotA {
        /// What it would have to be.
        what: &'static str,
        /// The path that was asked for.
        path: KeyPath,
        /// From 1.
        line: usize,
    },
    /// A list is too short for the path.
    #[error("`{0}` names a list item that is not there")]
    NoItem(KeyPath),
    /// The path leads to or through an alias: a change would show at other places too.
    #[error("`{path}` leads to an alias at line {line}: set the value it stands for, `{of}` at line {of_line}")]
    Alias {
        /// The path that was asked for.
        path: KeyPath,
        /// The alias, from 1.
        line: usize,
        /// The path of the value.
        of: String,
        /// The value, from 1.
        of_line: usize,
    },
    /// The path leads through a merge key: a change would show at other places too.
    #[error("`{path}` comes from a merge key (`<<`) in the mapping at line {line}: set it where it is written")]
    Merged {
        /// The path that was asked for.
        path: KeyPath,
        /// The mapping, from 1.
        line: usize,
    },
    /// The value has an anchor that an alias needs.
    #[error("`{path}` at line {line} is what an alias at line {alias_line} stands for: take that out first")]
    Aliased {
        /// The path that was asked for.
        path: KeyPath,
        /// The value, from 1.
        line: usize,
        /// The first alias, from 1.
        alias_line: usize,
    },
    /// A payload could not be replaced without another difference.
    #[error("the payload at line {line} cannot be replaced safely: change it by hand")]
    UnsafePayload {
        /// From 1.
        line: usize,
    },
    /// The value could not be spliced in without another difference.
    #[error("`{path}` cannot be edited safely at line {line}: change it by hand")]
    Unsafe {
        /// The path that was asked for.
        path: KeyPath,
        /// From 1.
        line: usize,
    },
}

impl InventoryError {
    /// The line that it names, from 1.
    pub fn line(&self) -> Option<usize> {
        match self {
            InventoryError::Encoding { line, .. }
            | InventoryError::Syntax { line, .. }
            | InventoryError::Tab { line }
            | InventoryError::TwoDocuments { line }
            | InventoryError::NotA { line, .. }
            | InventoryError::Alias { line, .. }
            | InventoryError::Aliased { line, .. }
            | InventoryError::Merged { line, .. }
            | InventoryError::UnsafePayload { line }
            | InventoryError::Unsafe { line, .. } => Some(*line),
            InventoryError::Duplicate { second, .. } => Some(*second),
            InventoryError::WholeFile | InventoryError::Json | InventoryError::NoItem(_) => None,
        }
    }
}

/// One secret in a file.
pub struct Entry {
    /// Its place.
    pub path: KeyPath,
    /// Other places at which Ansible sees it, by aliases and merge keys.
    pub also: Vec<KeyPath>,
    /// Its line, from 1.
    pub line: usize,
    /// What is there.
    pub value: Found,
}

/// A secret, encrypted or not.
pub enum Found {
    /// A vault payload.
    Vault {
        /// From `$ANSIBLE_VAULT` on, without indentation, and without its damage.
        payload: String,
        /// The vault id in its header.
        label: Option<String>,
        /// What Ansible would refuse of it.
        damage: Option<Damage>,
    },
    /// A text that begins as a token does.
    PlainToken(Secret),
    /// Any other text, in a file that was encrypted as a whole.
    Text(Secret),
    /// A text that is another variable's value: `{{ vault_ghcr_pat }}`.
    Reference(KeyPath),
}

/// A single value of a file.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A vault payload, from `$ANSIBLE_VAULT` on, without indentation.
    Vault(String),
    /// Any other text.
    Plain(String),
}

/// A value to write.
#[derive(Clone, PartialEq, Eq)]
pub enum NewValue {
    /// A vault payload.
    Vault(String),
    /// A text, quoted where YAML would read it as something else.
    Plain(String),
}

/// Every secret in a file, in its order: vault values in any of their forms, texts that begin as tokens do, and texts that
/// name another variable. A value with aliases is listed once, where it is written.
///
/// # Errors
/// When the file is no YAML that Ansible would read.
pub fn show(bytes: &[u8]) -> Result<Vec<Entry>, InventoryError> {
    entries(
        bytes,
        |secret| {
            if TokenKind::of(&secret) == TokenKind::Unknown { None } else { Some(Found::PlainToken(secret)) }
        },
    )
}

/// [`show`] for the plaintext of a file that is encrypted as a whole: every text in it is a secret.
///
/// # Errors
/// When the plaintext is no YAML that Ansible would read.
pub fn show_opened(bytes: &[u8]) -> Result<Vec<Entry>, InventoryError> {
    entries(bytes, |secret| Some(Found::Text(secret)))
}

/// `of_text` decides over texts that are neither payloads nor references.
fn entries(bytes: &[u8], of_text: impl Fn(Secret) -> Option<Found>) -> Result<Vec<Entry>, InventoryError> {
    let document = Document::parse(text(bytes)?.1)?;
    let found =
        |node: usize| Some((node, document.json_holder(node).unwrap_or(node), secret(&document, node, &of_text)?));
    let found: Vec<(usize, usize, Found)> = (0..document.nodes.len()).filter_map(found).collect();
    let places: Vec<usize> = found.iter().map(|(_, place, _)| *place).collect();
    let mut also = aliases::other_paths(&document, &places);
    let entry = |(node, place, value): (usize, usize, Found)| {
        let path = document.path(place)?;
        Some(Entry { path, also: also.remove(&place).unwrap_or_default(), line: document.line_of(node), value })
    };
    Ok(found.into_iter().filter_map(entry).collect())
}

fn secret(document: &Document<'_>, node: usize, of_text: impl Fn(Secret) -> Option<Found>) -> Option<Found> {
    let text = document.scalar(node)?;
    if document.nodes[node].is_vault() || document.json_holder(node).is_some() {
        let (payload, damage) = mend::mended(text);
        return Some(Found::Vault { label: vault::label(payload.as_bytes()), payload, damage });
    }
    if let Some(variable) = reference(text) {
        return Some(Found::Reference(variable));
    }
    if document.nodes[node].is_null() {
        return None;
    }
    of_text(Secret::new(text.to_owned()))
}

/// The filters of Jinja that leave a text as it is, but for blanks at its ends.
const FILTERS: [&str; 5] = ["trim", "string", "mandatory", "default", "d"];

/// The variable that a text is nothing but a reference to: `{{ a.b }}`, or `{{ a.b | trim }}`.
fn reference(text: &str) -> Option<KeyPath> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let mut parts = inner.split('|').map(str::trim);
    let name = parts.next()?;
    let is_name = |part: &str| {
        !part.starts_with(|first: char| first.is_ascii_digit())
            && !part.is_empty()
            && part.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
    };
    let leaves_text = |filter: &str| FILTERS.contains(&filter.split('(').next().unwrap_or_default().trim_end());
    if name.split('.').all(is_name) && parts.all(leaves_text) { name.parse().ok() } else { None }
}

/// The single value at a path, through aliases and merge keys; `None` when there is none or it is null.
///
/// # Errors
/// When the file is no YAML that Ansible would read, or the path is ambiguous or ends at a mapping or list.
pub fn get(bytes: &[u8], path: &KeyPath) -> Result<Option<Value>, InventoryError> {
    let document = Document::parse(text(bytes)?.1)?;
    let Some(mut node) = document.root() else { return Ok(None) };
    for step in path.steps() {
        let next = match (step, &document.nodes[node].kind) {
            (Step::Key(name), _) => match document.child(node, name)? {
                Some(value) => Some(value),
                None => document.merged(node, name)?,
            },
            (Step::Item(index), Kind::Sequence { items, .. }) => items.get(*index).copied(),
            (Step::Item(_), _) => None,
        };
        let Some(next) = next else { return Ok(None) };
        node = document.follow(next);
    }
    let here = &document.nodes[node];
    let payload =
        document.json_vault(node).or(Some(node).filter(|_| here.is_vault())).and_then(|node| document.scalar(node));
    match (payload, document.scalar(node)) {
        (Some(payload), _) => Ok(Some(Value::Vault(mend::mended(payload).0))),
        (None, Some(_)) if here.is_null() => Ok(None),
        (None, Some(text)) => Ok(Some(Value::Plain(text.to_owned()))),
        (None, None) => {
            Err(InventoryError::NotA { what: "single value", path: path.clone(), line: document.line_of(node) })
        }
    }
}

/// The file with `value` at `path`: in the place of the value that is there, else under a new key, with the mappings
/// that are missing; no file (`None`) becomes one. Every byte outside of that stays. A payload that replaces another
/// keeps the form of its block; a new block is indented by two more than its key.
///
/// # Errors
/// When the file is no YAML that Ansible would read, or the edit would touch anything else.
pub fn set(existing: Option<&[u8]>, path: &KeyPath, value: &NewValue) -> Result<Vec<u8>, InventoryError> {
    let (mark, text) = text(existing.unwrap_or_default())?;
    let edited = edit::set::set(text, path, value)?;
    if is_json(text) && !is_json(&edited) {
        return Err(InventoryError::Json);
    }
    Ok(format!("{mark}{edited}").into_bytes())
}

/// The file without the value at `path` and its key; `None` when there is none. A mapping or list that loses its last
/// member stays, empty.
///
/// # Errors
/// When the file is no YAML that Ansible would read, the path does not end at a single value of the file's own, or the
/// edit would touch anything else.
pub fn unset(bytes: &[u8], path: &KeyPath) -> Result<Option<Vec<u8>>, InventoryError> {
    let (mark, text) = text(bytes)?;
    Ok(edit::unset::unset(text, path)?.map(|edited| format!("{mark}{edited}").into_bytes()))
}

/// Every key path of the file's own that ends at a single value, for finding one that was misspelled.
///
/// # Errors
/// When the file is no YAML that Ansible would read.
pub fn paths(bytes: &[u8]) -> Result<Vec<KeyPath>, InventoryError> {
    let document = Document::parse(text(bytes)?.1)?;
    Ok((0..document.nodes.len())
        .filter(|node| document.scalar(*node).is_some())
        .filter_map(|node| document.path(node))
        .collect())
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The byte order mark, if there is one, and the text behind it.
fn text(bytes: &[u8]) -> Result<(&str, &str), InventoryError> {
    if vault::is_encrypted(bytes) {
        return Err(InventoryError::WholeFile);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        InventoryError::Encoding { line, column: before.len() - line_start + 1 }
    })?;
    Ok(text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }))
}
