//! The store on this host: where it is, and its key when it is needed.

use std::path::{Path, PathBuf};

use pullpass_secrets::{
    Secret,
    file::{self, Access},
    store::{
        Credential,
        sealed::{self, Sealed, SealedError},
    },
};

use super::key;
use crate::{environment, failure::Failure, output};

/// The credential of a server. For a server that has none, no key is asked for.
pub(super) fn get(server: &str) -> Result<Option<Credential>, Failure> {
    let path = path()?;
    let Some(bytes) = file::read(&path)? else { return Ok(None) };
    let store = Sealed::parse(&bytes).map_err(|error| unusable(&path, &error))?;
    let Some(entry) = store.find(server) else {
        if store.damaged() > 0 {
            output::warn(format_args!("{} lines of `{}` cannot be read", store.damaged(), path.display()));
        }
        return Ok(None);
    };
    let key = key::load()?.ok_or_else(|| key_missing(&path))?;
    match store.open(entry, &key.key) {
        Ok(credential) => Ok(Some(credential)),
        Err(error) => Err(sealed_failure(&path, &error, &key)),
    }
}

/// Stores a credential in the place of the one that the server had.
pub(super) fn store(server: &str, user: &str, secret: &Secret) -> Result<(), Failure> {
    let path = path()?;
    let key = key_to_store(&path)?;
    file::edit(&path, Access::OwnerOnly, |bytes| {
        let stored = sealed::store(bytes.unwrap_or_default(), &key.key, server, user, secret);
        stored.map(Some).map_err(|error| sealed_failure(&path, &error, &key))
    })?;
    Ok(())
}

/// Removes the credential of a server; it is no error when there is none.
pub(super) fn erase(server: &str) -> Result<(), Failure> {
    let path = path()?;
    file::edit(&path, Access::OwnerOnly, |bytes| {
        let Some(bytes) = bytes else { return Ok(None) };
        sealed::erase(bytes, server).map(Some).map_err(|error| unusable(&path, &error))
    })?;
    Ok(())
}

/// Every server with its user.
pub(super) fn users() -> Result<Vec<(String, String)>, Failure> {
    let path = path()?;
    let bytes = file::read(&path)?.unwrap_or_default();
    let store = Sealed::parse(&bytes).map_err(|error| unusable(&path, &error))?;
    Ok(store.entries().map(|entry| (entry.server().to_owned(), entry.user().to_owned())).collect())
}

/// `$XDG_DATA_HOME/pullpass/credentials`.
fn path() -> Result<PathBuf, Failure> {
    directory("XDG_DATA_HOME", ".local/share").map(|data| data.join("pullpass/credentials"))
}

/// A directory of the XDG base directory specification, which has relative ones ignored.
pub(super) fn directory(variable: &str, default: &str) -> Result<PathBuf, Failure> {
    match environment::variable(variable).map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(directory) => Ok(directory),
        None => Ok(environment::home()?.join(default)),
    }
}

/// The key, made now if nothing was ever stored. A new key for a store that has credentials would lock them away.
fn key_to_store(path: &Path) -> Result<key::Found, Failure> {
    if let Some(key) = key::load()? {
        return Ok(key);
    }
    let bytes = file::read(path)?.unwrap_or_default();
    if Sealed::parse(&bytes).map_err(|error| unusable(path, &error))?.is_new() {
        return key::make();
    }
    // Another process may have stored its first credential, which makes the key, since we looked.
    key::load()?.ok_or_else(|| key_missing(path))
}

fn key_missing(path: &Path) -> Failure {
    let failure = Failure::usage(format!("the key of `{}` is missing", path.display()));
    key::places().into_iter().fold(failure, Failure::fact).hint(format!(
        "put the key back; if it is lost, so are the credentials: remove `{}` and log in again",
        path.display()
    ))
}

fn sealed_failure(path: &Path, error: &SealedError, key: &key::Found) -> Failure {
    let failure = unusable(path, error);
    match error {
        SealedError::WrongKey => failure.fact(format!("the key is that of {}", key.place)),
        SealedError::Damaged(server) => failure.hint(format!("log in to `{server}` again")),
        _ => failure,
    }
}

fn unusable(path: &Path, error: &SealedError) -> Failure {
    match error {
        SealedError::Unusable(_) => Failure::usage(error.to_string()),
        _ => Failure::usage(format!("`{}` cannot be used: {error}", path.display())),
    }
}
