//! Which login an engine uses for a name, and why this one.

use std::path::Path;

use pullpass_secrets::{
    store::{AuthFile, Lookup, Source, docker, podman},
    token,
};

use super::{
    name::Name,
    readers::Reader,
    report::{Entry, Report, Shadowed, Winner},
    sources::Ask,
};
use crate::{engines::Engine, failure::Failure, stores};

/// What a program uses. `report` is what was found, for what stands in the shadow.
pub(crate) fn of(reader: &Reader, name: &Name, key: &[u8; 32], ask: Ask, report: &Report) -> Winner {
    let looked_up = match reader.engine {
        Engine::Docker => name.registry.to_string(),
        Engine::Podman => name.full.clone(),
    };
    let winner = Winner { engine: reader.name.to_owned(), name: looked_up, ..Winner::default() };
    let lookup = match lookup(reader, name, ask) {
        Ok(lookup) => lookup,
        Err(failure) => return Winner { why: failure.to_string(), ..winner },
    };
    let (source, entry) = match lookup {
        Lookup::Found { source, key: name, credential } => (source, Entry::credential(&name, &credential, key)),
        Lookup::IdentityToken { source, key: name, token } => {
            let fingerprint = Some(token::fingerprint(&token, key));
            (source, Entry { fingerprint, ..Entry::without(&name, "identity token") })
        }
        Lookup::Broken { source, reason } => return Winner { why: format!("{source}: {reason}"), ..winner },
        Lookup::None => return Winner { why: without(reader, name), ..winner },
    };
    let store = store_name(&source);
    let shadowed = shadowed(reader, name, &store, &entry.registry, report);
    Winner {
        why: why(reader, name, &source, &entry.registry),
        store: Some(store),
        registry: Some(entry.registry),
        user: entry.user,
        kind: Some(entry.kind),
        fingerprint: entry.fingerprint,
        shadowed,
        credential: entry.credential,
        ..winner
    }
}

fn lookup(reader: &Reader, name: &Name, ask: Ask) -> Result<Lookup, Failure> {
    let ask = &|helper: &str, server: &str| ask.get(helper, server);
    stores::lookup_in(&reader.files, reader.engine, &reader.environment, &name.registry, &name.full, ask)
}

/// As [`super::report::Store::name`] calls it.
fn store_name(source: &Source) -> String {
    match source {
        Source::Variable => "DOCKER_AUTH_CONFIG".to_owned(),
        Source::File(path) => path.display().to_string(),
        Source::Helper { name, .. } => format!("docker-credential-{name}"),
    }
}

fn why(reader: &Reader, name: &Name, source: &Source, key: &str) -> String {
    let registry = name.registry.as_str();
    match (source, reader.engine) {
        (Source::Variable, _) => {
            "DOCKER_AUTH_CONFIG takes precedence over everything else (Docker 28.3 and later)".to_owned()
        }
        (Source::Helper { path: None, .. }, _) => {
            "registries.conf lists this helper first of those that have a login".to_owned()
        }
        (Source::Helper { path: Some(path), .. }, _) => {
            let is_own = reader.engine == Engine::Podman || is_own_helper(path, docker::key(registry));
            let member = if is_own { "credHelpers" } else { "credsStore" };
            format!("{member} in {} names this helper", path.display())
        }
        (Source::File(_), Engine::Docker) if key != docker::key(registry) => {
            format!("the only file that Docker reads, in an older spelling of {registry}")
        }
        (Source::File(_), Engine::Docker) => "the only file that Docker reads".to_owned(),
        (Source::File(_), Engine::Podman) => {
            let place = if reader.files.len() == 1 {
                "the only file that Podman reads then"
            } else {
                "the first file with a login"
            };
            let is_part = key.contains('/') && !key.contains("://");
            if is_part { format!("{place}, the most specific key in it") } else { place.to_owned() }
        }
    }
}

fn is_own_helper(path: &Path, key: &str) -> bool {
    read(path).is_some_and(|file| file.cred_helper(key).is_some())
}

fn read(path: &Path) -> Option<AuthFile> {
    stores::read(path).ok().flatten()
}

/// Why there is no login.
fn without(reader: &Reader, name: &Name) -> String {
    if reader.engine == Engine::Docker
        && let Some(file) = read(&docker::config_path(&reader.environment))
        && let Some(helper) = docker::helper(&file, name.registry.as_str())
    {
        return format!("the helper `{helper}` has no login, and Docker does not look into the file then");
    }
    "no login in any store that it reads".to_owned()
}

/// Other logins of the name in stores that the engine reads.
fn shadowed(reader: &Reader, name: &Name, store: &str, key: &str, report: &Report) -> Vec<Shadowed> {
    let is_read = |read_by: &[String]| read_by.iter().any(|other| other == reader.name);
    // To Podman a key of a part that the name is not in is another name's.
    let is_meant = |entry: &&Entry| {
        let path = podman::key(&entry.registry);
        let is_part = path.contains('/') && !entry.registry.contains("://");
        !is_part
            || (reader.engine == Engine::Podman && (path == name.full || name.full.starts_with(&format!("{path}/"))))
    };
    let others = report.stores.iter().filter(|other| is_read(&other.read_by));
    let others = others.flat_map(|other| other.entries.iter().filter(is_meant).map(move |entry| (other.name(), entry)));
    let others = others.filter(|(other, entry)| other != store || entry.registry != key);
    others
        .map(|(store, entry)| Shadowed {
            store,
            registry: entry.registry.clone(),
            fingerprint: entry.fingerprint.clone(),
        })
        .collect()
}
