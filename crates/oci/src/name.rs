//! Repository names and tags, as in the OCI distribution spec, "Pulling manifests".

use std::{fmt, str::FromStr};

/// `owner/name[/more]`: lower-case path components inside a registry, at most 255 bytes, never `.` or `..`, so that it
/// is safe in a URL, a scope and a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(String);

/// A tag: 1 to 128 of `[A-Za-z0-9_.-]`, not starting with `.` or `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

/// Why a text is no [`RepositoryName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Empty, or longer than a registry may accept.
    #[error("a repository name has 1 to 255 characters")]
    Length,
    /// Upper-case letters, the most common mistake: GitHub's owners may have them, references may not.
    #[error("a repository name must be lower case")]
    UpperCase,
    /// Anything else outside the grammar.
    #[error(
        "a repository name is components of `a-z` and `0-9`, joined by `/`, with single `.`, `_`, `__` or `-`s inside"
    )]
    Grammar,
}

/// Why a text is no [`Tag`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tag has 1 to 128 characters of `A-Z a-z 0-9 _ . -` and does not start with `.` or `-`")]
pub struct InvalidTag;

impl RepositoryName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first component, which names the owner of the package.
    pub fn owner(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

impl FromStr for RepositoryName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<RepositoryName, InvalidName> {
        if text.is_empty() || text.len() > 255 {
            return Err(InvalidName::Length);
        }
        if text.split('/').all(is_component) {
            return Ok(RepositoryName(text.to_owned()));
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidName::UpperCase);
        }
        Err(InvalidName::Grammar)
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(component: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    alphanumeric(*first)
        && alphanumeric(*last)
        && component
            .split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit())
            .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

impl FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Tag, InvalidTag> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let bytes = text.as_bytes();
        let valid = bytes.first().is_some_and(|first| word(*first))
            && bytes.len() <= 128
            && bytes.iter().all(|byte| word(*byte) || matches!(byte, b'.' | b'-'));
        if valid { Ok(Tag(text.to_owned())) } else { Err(InvalidTag) }
    }
}

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
