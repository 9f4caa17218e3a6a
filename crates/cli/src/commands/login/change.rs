//! What a login does to the place that it goes to: for `--dry-run`, and for who wants to know what was changed.

use std::path::Path;

use pullpass_client::Credential;
use pullpass_secrets::{
    file,
    store::{self, AuthFile, Entry, Environment, Source},
    token,
};
use serde_json::{Value, json};

use super::{Login, place::Place};
use crate::{credential_helper, environment, failure::Failure};

/// One place, before a login is written there.
pub(super) struct Change {
    /// The login that it holds of the same key.
    before: Option<store::Credential>,
    /// Whether writing changes anything there.
    pub(super) is_one: bool,
}

impl Change {
    /// Looks at `place` without writing.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn of(
        login: &Login,
        place: &Place,
        environment: &Environment,
        credential: &Credential,
    ) -> Result<Change, Failure> {
        if let Source::Helper { path, name } = &place.target {
            let before = credential_helper::get(name, &place.key).map_err(Failure::unknown)?;
            let is_same =
                |found: &store::Credential| found.user == credential.user && found.secret == credential.secret;
            let readable =
                path.as_ref().map_or(Ok(Vec::new()), |path| place.readable(path, login.name.registry.as_str()))?;
            let is_one = !before.as_ref().is_some_and(is_same) || !readable.is_empty();
            return Ok(Change { before, is_one });
        }
        let path = place.target.path().unwrap_or(Path::new(""));
        let bytes = file::read(path)?;
        let is_open = file::mode(path)?.is_some_and(|mode| mode & 0o077 != 0);
        let old = bytes.as_deref().unwrap_or_default();
        let is_other = place.with_login(old, credential).is_ok_and(|new| new != old);
        let is_one = is_open || is_other || !login.shadows(place, path, environment)?.is_empty();
        let entries = AuthFile::parse(old).map(|file| file.entries().to_vec()).unwrap_or_default();
        let before = entries.into_iter().find(|(key, _)| *key == place.key).and_then(|(_, entry)| match entry {
            Entry::Credential(found) | Entry::Plain(found) => Some(found),
            _ => None,
        });
        Ok(Change { before, is_one })
    }

    /// The user of the login that was there.
    pub(super) fn user(&self) -> Option<&str> {
        self.before.as_ref().map(|found| found.user.as_str())
    }

    /// The user and the fingerprint of the login that was there.
    pub(super) fn before(&self) -> Value {
        let key = environment::fingerprint_key();
        let shown = |found: &store::Credential| json!({ "user": token::mask(&found.user), "fingerprint": token::fingerprint(&found.secret, &key) });
        self.before.as_ref().map_or(Value::Null, shown)
    }
}
