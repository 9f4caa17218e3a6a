//! Where the engines keep credentials, on this host and for this user.

use std::path::{Path, PathBuf};

use pullpass_oci::Registry;
use pullpass_secrets::{
    file::{self, Access},
    store::{Ask, AuthFile, Environment, Lookup, Source, StoreError, docker, podman},
};

use crate::{credential_helper, engines::Engine, failure::Failure, output};

pub(crate) mod flags;

/// The file that an engine's own login writes.
pub(crate) fn login_path(engine: Engine, environment: &Environment, persistent: bool) -> PathBuf {
    match engine {
        Engine::Docker => docker::config_path(environment),
        Engine::Podman => podman::login_path(environment, persistent),
    }
}

/// The files that an engine reads, in its order.
pub(crate) fn read_paths(engine: Engine, environment: &Environment) -> Vec<PathBuf> {
    match engine {
        Engine::Docker => vec![docker::config_path(environment)],
        Engine::Podman => podman::read_paths(environment),
    }
}

/// The key under which an engine keeps a registry's login.
pub(crate) fn key(engine: Engine, registry: &Registry) -> &str {
    match engine {
        Engine::Docker => docker::key(registry.as_str()),
        Engine::Podman => podman::key(registry.as_str()),
    }
}

/// Every file that one of the engines reads or a login of theirs writes, each once.
pub(crate) fn all_paths(engines: &[Engine], environment: &Environment) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for engine in engines {
        let written = [false, true].map(|persistent| login_path(*engine, environment, persistent));
        for path in read_paths(*engine, environment).into_iter().chain(written) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

/// Reads a file that may be missing.
///
/// # Errors
/// It cannot be read, or is malformed; it stays as it is.
pub(crate) fn read(path: &Path) -> Result<Option<AuthFile>, Failure> {
    match file::read(path)? {
        None => Ok(None),
        Some(bytes) => podman::parse(path, &bytes).map(Some).map_err(|error| unusable(path, &error)),
    }
}

/// What an engine finds for `name`: a registry, or a repository with its registry. Credential helpers are asked.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn lookup(
    engine: Engine,
    environment: &Environment,
    registry: &Registry,
    name: &str,
) -> Result<Lookup, Failure> {
    lookup_in(&read_paths(engine, environment), engine, environment, registry, name, &credential_helper::get)
}

/// [`lookup`] for who reads other files than the engine, or asks helpers otherwise.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn lookup_in(
    paths: &[PathBuf],
    engine: Engine,
    environment: &Environment,
    registry: &Registry,
    name: &str,
    ask: Ask,
) -> Result<Lookup, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if let Some(bytes) = file::read(path)? {
            files.push((path, bytes));
        }
    }
    let mut files = files.iter().map(|(path, bytes)| (path.as_path(), bytes.as_slice()));
    Ok(match engine {
        Engine::Docker => docker::lookup(environment, files.next().map(|(_, bytes)| bytes), registry.as_str(), ask),
        Engine::Podman => podman::lookup(environment, files, name, ask),
    })
}

/// Where an engine's own login of a registry goes: the file at [`login_path`], or the helper that goes before it.
///
/// # Errors
/// A file cannot be read, or is malformed.
pub(crate) fn target(
    engine: Engine,
    environment: &Environment,
    registry: &str,
    persistent: bool,
) -> Result<Source, Failure> {
    let first = podman::helpers(environment)[0];
    if engine == Engine::Podman && first != podman::AUTH_FILES {
        return Ok(Source::Helper { path: None, name: first.to_owned() });
    }
    let path = login_path(engine, environment, persistent);
    for read_path in read_paths(engine, environment) {
        if let Some(file) = read(&read_path)?
            && let Some(name) = helper(engine, &file, registry)
        {
            return Ok(Source::Helper { path: Some(read_path), name });
        }
        if read_path == path {
            break;
        }
    }
    Ok(Source::File(path))
}

/// The helper that an engine would use for a registry instead of `file`.
pub(crate) fn helper(engine: Engine, file: &AuthFile, registry: &str) -> Option<String> {
    match engine {
        Engine::Docker => docker::helper(file, registry),
        Engine::Podman => podman::helper(file, registry),
    }
    .map(str::to_owned)
}

/// A file that cannot be read or edited safely; an engine would overwrite it, with every login in it.
fn unusable(path: &Path, error: &StoreError) -> Failure {
    Failure::usage(format!("`{}` cannot be used: {error}", path.display()))
        .fact("the file stays as it is")
        .hint("mend the file, or have `pullpass login --repair` put it aside and begin a new one")
}

/// Puts a malformed file aside and leaves an empty one, which the engines take for none. Gives the path of what was put aside;
/// a file that can be read, and none, stay.
///
/// # Errors
/// It cannot be read or written.
pub(crate) fn repair(path: &Path) -> Result<Option<PathBuf>, Failure> {
    let mut aside = None;
    let is_malformed = |bytes: &[u8]| podman::parse(path, bytes).is_err();
    if file::read(path)?.is_none_or(|bytes| !is_malformed(&bytes)) {
        return Ok(None);
    }
    file::edit(path, Access::OwnerOnly, |bytes| {
        let Some(bytes) = bytes.filter(|bytes| is_malformed(bytes)) else { return Ok(None) };
        aside = Some(file::back_up(path, bytes)?);
        Ok::<_, Failure>(Some(b"{}".to_vec()))
    })?;
    Ok(aside)
}

/// Runs an edit on a store, after which the store is its owner's alone.
pub(crate) fn edit(path: &Path, edit: impl Fn(&[u8]) -> Result<Vec<u8>, StoreError>) -> Result<(), Failure> {
    let mode = file::mode(path)?;
    file::edit(path, Access::OwnerOnly, |bytes| {
        let after = edit(bytes.unwrap_or_default()).map_err(|error| unusable(path, &error))?;
        Ok::<_, Failure>(Some(after).filter(|after| bytes.is_some() || !after.is_empty()))
    })?;
    if let Some(mode) = mode.filter(|mode| mode & 0o077 != 0) {
        output::say(format_args!("took from `{}` the rights that others had: {mode:04o} is now 0600", path.display()));
    }
    Ok(())
}

/// Tries an edit without writing, and whether writing would be allowed.
pub(crate) fn check_edit(path: &Path, edit: impl Fn(&[u8]) -> Result<Vec<u8>, StoreError>) -> Result<(), Failure> {
    let bytes = file::read(path)?.unwrap_or_default();
    edit(&bytes).map_err(|error| unusable(path, &error))?;
    file::check(path, Access::OwnerOnly)?;
    Ok(())
}
