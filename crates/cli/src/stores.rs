//! The files in which the engines keep credentials, on this host and for this user.

use std::path::{Path, PathBuf};

use pullpass_oci::Registry;
use pullpass_secrets::{
    file::{self, Access},
    store::{AuthFile, Environment, Lookup, StoreError, docker, podman},
};

use crate::{engines::Engine, failure::Failure, output};

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
        Some(bytes) => AuthFile::parse(&bytes).map(Some).map_err(|error| unusable(path, &error)),
    }
}

/// What an engine finds for `name`: a registry, or a repository with its registry.
pub(crate) fn lookup(
    engine: Engine,
    environment: &Environment,
    registry: &Registry,
    name: &str,
) -> Result<Lookup, Failure> {
    let mut files = Vec::new();
    for path in read_paths(engine, environment) {
        if let Some(bytes) = file::read(&path)? {
            files.push((path, bytes));
        }
    }
    let mut files = files.iter().map(|(path, bytes)| (path.as_path(), bytes.as_slice()));
    Ok(match engine {
        Engine::Docker => match files.next() {
            Some((path, bytes)) => docker::lookup(path, bytes, registry.as_str()),
            None => Lookup::None,
        },
        Engine::Podman => podman::lookup(files, name),
    })
}

/// The helper that an engine would use for a registry instead of `file`.
pub(crate) fn helper(engine: Engine, file: &AuthFile, registry: &str) -> Option<String> {
    match engine {
        Engine::Docker => docker::helper(file, registry),
        Engine::Podman => podman::helper(file, registry),
    }
    .map(str::to_owned)
}

/// A credential helper stands in the way of a login or logout.
pub(crate) fn helper_in_the_way(engine: Engine, path: &Path, name: &str, registry: &str, verb: &str) -> Failure {
    let engine = engine.name();
    Failure::usage(format!("{engine} keeps the login of `{registry}` in the credential helper `{name}`"))
        .fact(format!("`{}` says so; {engine} does not read logins in that file", path.display()))
        .fact("nothing was changed")
        .hint(format!("use `{engine} {verb} {registry}`, or take the helper out of that file"))
}

/// A file that cannot be read or edited safely; an engine would overwrite it, with every login in it.
fn unusable(path: &Path, error: &StoreError) -> Failure {
    Failure::usage(format!("`{}` cannot be used: {error}", path.display()))
        .fact("the file stays as it is")
        .hint("mend the file, or move it away")
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
    let directory = path.ancestors().skip(1).find(|ancestor| ancestor.is_dir()).unwrap_or(Path::new("."));
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).map_err(|error| {
        Failure::unknown(format!("`{}` cannot be written: {error}", path.display())).fact("nothing was changed")
    })
}
