//! The name of one value in a file: `all.hosts."gpu.example.org".tokens[0]`.

use std::{fmt, str::FromStr};

/// One step from a value into another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Into a mapping, by key.
    Key(String),
    /// Into a list, from 0.
    Item(usize),
}

/// Keys joined by dots, `"…"` around a key that has a dot, quote, colon or bracket (a backslash before `"` and `\`
/// inside), `[0]` for list items. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyPath(Vec<Step>);

/// Why a text is no key path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyPathError {
    /// Nothing between two dots, or nothing at all.
    #[error("a key is empty; keys are joined by single dots, as in `all.vars.ghcr_pat`")]
    EmptyKey,
    /// A quote that is not closed, or that begins or ends in the middle of a key.
    #[error("a quote is not closed, or stands inside a key: quote the whole key, as in `all.\"my.key\".ghcr_pat`")]
    Quote,
    /// A bracket without a number.
    #[error("brackets hold the number of a list item, as in `tokens[0]`")]
    Bracket,
}

impl KeyPath {
    /// The path of these steps; `None` without any.
    pub fn new(steps: Vec<Step>) -> Option<KeyPath> {
        (!steps.is_empty()).then_some(KeyPath(steps))
    }

    /// From the document's root to the value.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether the last steps of this path are those of `end`.
    pub fn ends_with(&self, end: &KeyPath) -> bool {
        self.0.ends_with(&end.0)
    }

    /// The path of the value under `key` in the mapping that holds this value.
    #[must_use]
    pub fn sibling(&self, key: &str) -> KeyPath {
        let parents = self.0.iter().take(self.0.len() - 1).cloned();
        KeyPath(parents.chain([Step::Key(key.to_owned())]).collect())
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Item(index) => write!(formatter, "[{index}]")?,
                Step::Key(key) => {
                    if at > 0 {
                        formatter.write_str(".")?;
                    }
                    if key.is_empty() || key.trim() != key || key.contains(['.', '"', ':', '[', ']', '\\']) {
                        write!(formatter, "\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))?;
                    } else {
                        formatter.write_str(key)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl FromStr for KeyPath {
    type Err = KeyPathError;

    fn from_str(text: &str) -> Result<KeyPath, KeyPathError> {
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            if !(rest.starts_with('[') && steps.is_empty()) {
                let (key, after) = take_key(rest)?;
                steps.push(Step::Key(key));
                rest = after;
            }
            while let Some(bracket) = rest.strip_prefix('[') {
                let (index, after) = bracket.split_once(']').ok_or(KeyPathError::Bracket)?;
                steps.push(Step::Item(index.parse().map_err(|_| KeyPathError::Bracket)?));
                rest = after;
            }
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None if rest.is_empty() => return Ok(KeyPath(steps)),
                None if rest.starts_with(']') => return Err(KeyPathError::Bracket),
                None => return Err(KeyPathError::Quote),
            }
        }
    }
}

/// The key that `text` begins with, and what is behind it.
fn take_key(text: &str) -> Result<(String, &str), KeyPathError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(['.', '"', '[', ']']).unwrap_or(text.len());
        return if end == 0 { Err(KeyPathError::EmptyKey) } else { Ok((text[..end].to_owned(), &text[end..])) };
    };
    let mut key = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((key, &quoted[at + 1..])),
            '\\' => key.push(characters.next().ok_or(KeyPathError::Quote)?.1),
            other => key.push(other),
        }
    }
    Err(KeyPathError::Quote)
}
