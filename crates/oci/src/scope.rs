//! Token scopes, `repository:NAME:ACTIONS`, as in the distribution project's `docs/content/spec/auth/scope.md`.

use std::{fmt, str::FromStr};

use crate::name::RepositoryName;

/// What may be done to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Read manifests, blobs and tags.
    Pull,
    /// Add manifests, blobs and tags.
    Push,
    /// Remove manifests, blobs and tags.
    Delete,
}

impl Action {
    /// The word in a scope.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Pull => "pull",
            Action::Push => "push",
            Action::Delete => "delete",
        }
    }
}

/// One repository and a set of actions on it. Actions are sorted and occur once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The repository.
    pub repository: RepositoryName,
    /// Sorted, without repetition, never empty.
    pub actions: Vec<Action>,
}

/// Why a text is no [`Scope`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is `repository:NAME:ACTION[,ACTION]` with the actions `pull`, `push` and `delete`")]
pub struct InvalidScope;

impl Scope {
    /// The scope of `actions` on `repository`.
    pub fn new(repository: RepositoryName, actions: impl IntoIterator<Item = Action>) -> Scope {
        let mut actions: Vec<Action> = actions.into_iter().collect();
        actions.sort_unstable();
        actions.dedup();
        Scope { repository, actions }
    }

    /// Reads the values of all `scope` parameters of a token request, each of which may hold several scopes with
    /// blanks between. What is no repository scope grants nothing and is passed over, because a token service must
    /// answer with less rather than with an error; actions that do not exist are passed over likewise.
    pub fn parse_all<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Scope> {
        values.into_iter().flat_map(str::split_ascii_whitespace).filter_map(|text| text.parse().ok()).collect()
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Scope, InvalidScope> {
        let rest = text.strip_prefix("repository:").ok_or(InvalidScope)?;
        let (name, actions) = rest.rsplit_once(':').ok_or(InvalidScope)?;
        let repository = name.parse().map_err(|_| InvalidScope)?;
        let scope = Scope::new(repository, actions.split(',').flat_map(actions_of));
        if scope.actions.is_empty() { Err(InvalidScope) } else { Ok(scope) }
    }
}

/// A client may write `*` for everything.
fn actions_of(word: &str) -> Vec<Action> {
    match word {
        "pull" => vec![Action::Pull],
        "push" => vec![Action::Push],
        "delete" => vec![Action::Delete],
        "*" => vec![Action::Pull, Action::Push, Action::Delete],
        _ => Vec::new(),
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions: Vec<&str> = self.actions.iter().map(|action| action.as_str()).collect();
        write!(f, "repository:{}:{}", self.repository, actions.join(","))
    }
}
