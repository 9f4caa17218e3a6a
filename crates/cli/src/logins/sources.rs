//! Every place in which the engines look for logins of this process's user.

use std::path::{Path, PathBuf};

use pullpass_secrets::{
    file,
    store::{Credential, Environment, TOKEN_USER, docker, podman},
};

use super::{
    kubelet,
    name::Name,
    readers::Reader,
    report::{Entry, Report, Store},
};
use crate::{credential_helper, engines::Engine, failure::Failure, stores};

/// Who may be asked beside the files.
#[derive(Clone, Copy)]
pub(crate) enum Ask {
    /// Credential helpers, for their servers and, where they are to be checked, for their secrets.
    Helpers { secrets: bool },
    /// Nobody: another user's file would choose which program is run.
    Nobody,
}

impl Ask {
    pub(crate) fn get(self, helper: &str, server: &str) -> Result<Option<Credential>, String> {
        match self {
            Ask::Helpers { .. } => credential_helper::get(helper, server),
            Ask::Nobody => Err(format!("`{helper}` is not run for another user")),
        }
    }
}

/// A helper, and the servers of which the engines ask it; none means all.
struct Named {
    name: String,
    path: Option<String>,
    read_by: Vec<String>,
    servers: Option<Vec<String>>,
}

pub(crate) fn read(
    engines: &[Engine],
    readers: &[Reader],
    environment: &Environment,
    name: Option<&Name>,
    key: &[u8; 32],
    ask: Ask,
) -> Report {
    let mut found: Vec<Store> = variable(readers, environment, name, key).into_iter().collect();
    let mut named: Vec<Named> = Vec::new();
    let docker = of_engine(readers, Engine::Docker);
    for (path, read_by) in files(engines, readers, environment) {
        let (store, helpers) = file(&path, read_by, &docker, name, key);
        found.extend(store);
        named.extend(helpers);
    }
    if engines.contains(&Engine::Podman) {
        let helpers = podman::helpers(environment).into_iter().filter(|name| *name != podman::AUTH_FILES);
        named.extend(helpers.map(|name| Named {
            name: name.to_owned(),
            path: None,
            read_by: of_engine(readers, Engine::Podman),
            servers: None,
        }));
    }
    if let Ask::Helpers { secrets } = ask {
        found.extend(named.into_iter().map(|named| helper(named, name, key, secrets)));
    }
    Report { stores: found, winners: Vec::new() }
}

fn of_engine(readers: &[Reader], engine: Engine) -> Vec<String> {
    readers.iter().filter(|reader| reader.engine == engine).map(|reader| reader.name.to_owned()).collect()
}

/// The files, with who reads them. Those that only a login would write are there, too.
fn files(engines: &[Engine], readers: &[Reader], environment: &Environment) -> Vec<(PathBuf, Vec<String>)> {
    let mut paths = stores::all_paths(engines, environment);
    for path in readers.iter().flat_map(|reader| &reader.files) {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    let read_by = |path: &PathBuf| {
        let readers = readers.iter().filter(|reader| reader.files.contains(path));
        readers.map(|reader| reader.name.to_owned()).collect()
    };
    let mut files: Vec<(PathBuf, Vec<String>)> = paths.into_iter().map(|path| (path.clone(), read_by(&path))).collect();
    files.extend(kubelet::files(environment).into_iter().map(|path| (path, vec![kubelet::NAME.to_owned()])));
    files
}

/// What is in a file, and the helpers that it names; nothing when there is no file.
fn file(
    path: &Path,
    read_by: Vec<String>,
    docker: &[String],
    name: Option<&Name>,
    key: &[u8; 32],
) -> (Option<Store>, Vec<Named>) {
    let mode = file::mode(path).ok().flatten().map(|mode| format!("{mode:04o}"));
    let mut store = Store { path: Some(path.display().to_string()), read_by, mode, ..Store::default() };
    let mut named = Vec::new();
    match stores::read(path) {
        Ok(None) => return (None, named),
        Err(failure) => store.fail(&failure),
        Ok(Some(file)) => {
            let is_kubelets = store.read_by.iter().any(|reader| reader == kubelet::NAME);
            let is_meant = |key: &str| {
                name.is_none_or(|name| name.concerns(key) || (is_kubelets && kubelet::matches(key, &name.full)))
            };
            let entries = file.entries().iter().filter(|(key, _)| is_meant(key));
            store.entries = entries.filter_map(|(name, entry)| Entry::of(name, entry, key)).collect();
            let mut add = |name: &str, read_by: Vec<String>, servers: Option<Vec<String>>| {
                let is_same = |other: &&mut Named| other.name == name && other.read_by == read_by;
                match (named.iter_mut().find(is_same), servers) {
                    (Some(other), Some(more)) => {
                        other.servers.iter_mut().for_each(|servers| servers.extend(more.clone()))
                    }
                    (Some(other), None) => other.servers = None,
                    (None, servers) => {
                        named.push(Named { name: name.to_owned(), path: store.path.clone(), read_by, servers })
                    }
                }
            };
            // Nobody else knows of `credsStore`.
            let docker: Vec<String> = store.read_by.iter().filter(|reader| docker.contains(reader)).cloned().collect();
            let is_replaced = name.is_some_and(|name| file.cred_helper(docker::key(name.registry.as_str())).is_some());
            if let Some(helper) = file.creds_store().filter(|_| !docker.is_empty() && !is_replaced) {
                store.helpers.push(helper.to_owned());
                add(helper, docker, None);
            }
            for (server, helper) in file.cred_helpers().filter(|(server, _)| is_meant(server)) {
                store.helpers.push(if name.is_some() { helper.to_owned() } else { format!("{helper} ({server})") });
                add(helper, store.read_by.clone(), Some(vec![server.to_owned()]));
            }
        }
    }
    (Some(store), named)
}

/// The logins in `DOCKER_AUTH_CONFIG`.
fn variable(readers: &[Reader], environment: &Environment, name: Option<&Name>, key: &[u8; 32]) -> Option<Store> {
    let text = environment.docker_auth_config.as_ref().filter(|_| !of_engine(readers, Engine::Docker).is_empty())?;
    let mut store = Store {
        variable: Some("DOCKER_AUTH_CONFIG".to_owned()),
        read_by: of_engine(readers, Engine::Docker),
        ..Store::default()
    };
    match docker::variable(text) {
        Ok(logins) => {
            let logins = logins.iter().filter(|(server, _)| name.is_none_or(|name| name.concerns(server)));
            store.entries = logins.map(|(server, credential)| Entry::credential(server, credential, key)).collect();
        }
        Err(why) => store.problem = Some(format!("`DOCKER_AUTH_CONFIG` is not used by Docker: {why}")),
    }
    Some(store)
}

/// What a helper has of the servers that the engines ask it for.
fn helper(named: Named, name: Option<&Name>, key: &[u8; 32], secrets: bool) -> Store {
    let Named { name: helper, path, read_by, servers } = named;
    let mut store = Store { path, helper: Some(helper.clone()), read_by, ..Store::default() };
    match credential_helper::list(&helper) {
        Err(failure) => store.fail(&failure),
        Ok(logins) => {
            let is_asked = |server: &str| {
                servers.as_ref().is_none_or(|servers| servers.iter().any(|asked| asked == server))
                    && name.is_none_or(|name| name.concerns(server))
            };
            let logins = logins.into_iter().filter(|(server, _)| is_asked(server));
            for (server, user) in logins {
                match login(&helper, &server, user, key, secrets) {
                    Ok(entry) => store.entries.push(entry),
                    Err(failure) => store.fail(&failure),
                }
            }
        }
    }
    store
}

/// Asking for a secret may have a helper ask its person, so it is done only where the secret is needed.
fn login(helper: &str, server: &str, user: String, key: &[u8; 32], secrets: bool) -> Result<Entry, Failure> {
    let is_token = user == TOKEN_USER;
    let listed = Entry {
        user: Some(user),
        ..Entry::without(server, if is_token { "identity token" } else { "kept by the helper" })
    };
    if !secrets || is_token {
        return Ok(listed);
    }
    let found = credential_helper::get(helper, server).map_err(Failure::unknown)?;
    Ok(found.map_or(listed, |credential| Entry::credential(server, &credential, key)))
}
