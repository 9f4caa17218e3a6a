//! Docker's way with credentials: docker/cli `cli/config/configfile/file.go` and `cli/config/credentials/file_store.go`.

use std::path::PathBuf;

use serde::de::IgnoredAny;

use super::{Ask, AuthFile, Credential, Entry, Environment, Lookup, Source, json, read_entry};
use crate::Secret;

/// The key under which Docker keeps the login of Docker Hub.
pub const HUB_KEY: &str = "https://index.docker.io/v1/";

/// The one file that Docker reads and writes.
pub fn config_path(environment: &Environment) -> PathBuf {
    let directory = environment.docker_config.clone().unwrap_or_else(|| environment.home.join(".docker"));
    directory.join("config.json")
}

/// The key of a registry's login, whatever way a person writes the registry.
pub fn key(registry: &str) -> &str {
    match host(registry) {
        "" | "docker.io" | "index.docker.io" => HUB_KEY,
        host => host,
    }
}

/// The helper that Docker asks for a registry: the registry's own, else the one for all. With a helper, Docker ignores
/// the file's own entry.
pub fn helper<'file>(file: &'file AuthFile, registry: &str) -> Option<&'file str> {
    match file.cred_helper(key(registry)) {
        Some(own) => Some(own).filter(|name| !name.is_empty()),
        None => file.creds_store(),
    }
}

/// What Docker finds for a registry, with the contents of the file at [`config_path`], if there is one.
///
/// `$DOCKER_AUTH_CONFIG` goes before everything (docker/cli `cli/config/memorystore`, since 28.3), then a helper, then the
/// file. Its own entry counts when there is no helper, or one that fails (`cli/config/credentials/native_store.go`), but not
/// when the helper has no login.
pub fn lookup(environment: &Environment, file: Option<&[u8]>, registry: &str, ask: Ask) -> Lookup {
    let name = key(registry);
    // Docker warns of a variable that it cannot use, and goes on without it.
    let variable = environment.docker_auth_config.as_ref().map(variable).and_then(Result::ok).unwrap_or_default();
    if let Some((key, credential)) = variable.into_iter().find(|(key, _)| key == name) {
        return Lookup::Found { source: Source::Variable, key, credential };
    }
    let path = config_path(environment);
    let source = Source::File(path.clone());
    let file = match AuthFile::parse(first_document(file.unwrap_or_default())) {
        Ok(file) => file,
        Err(error) => return Lookup::Broken { source, reason: error.to_string() },
    };
    if let Some(reason) = file.spoiler() {
        return Lookup::Broken { source, reason };
    }
    let Some(helper) = helper(&file, registry) else { return in_file(&file, name, source) };
    let asked = Source::Helper { path: Some(path), name: helper.to_owned() };
    match Lookup::asked(asked, name, ask(helper, name)) {
        failed @ Lookup::Broken { .. } => match in_file(&file, name, source) {
            Lookup::None | Lookup::Broken { .. } => failed,
            found => found,
        },
        asked => asked,
    }
}

/// What the file itself has under a name.
fn in_file(file: &AuthFile, name: &str, source: Source) -> Lookup {
    let legacy = || file.entries().iter().find(|(key, _)| host(key) == name).map(|(key, entry)| (key.as_str(), entry));
    let Some((key, entry)) = file.entry(name).map(|entry| (name, entry)).or_else(legacy) else { return Lookup::None };
    let key = key.to_owned();
    match entry.clone() {
        // Docker sends no user without a password; Podman does, where no token service is asked.
        Entry::Credential(credential) if credential.secret.reveal().is_empty() => Lookup::None,
        Entry::Credential(credential) | Entry::Plain(credential) => Lookup::Found { source, key, credential },
        Entry::IdentityToken { token, .. } => Lookup::IdentityToken { source, key, token },
        Entry::Marker => Lookup::None,
        Entry::Bad(reason) => Lookup::Broken { source, reason: format!("the entry for `{key}`: {reason}") },
    }
}

/// Docker reads one JSON value and does not look at what is behind it.
fn first_document(bytes: &[u8]) -> &[u8] {
    let mut documents = serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>();
    match documents.next() {
        Some(Ok(_)) => &bytes[..documents.byte_offset()],
        _ => bytes,
    }
}

/// The logins in `$DOCKER_AUTH_CONFIG`, which Docker takes from it as a whole or not at all (docker/cli
/// `cli/config/configfile/file.go`, `parseEnvConfig`): `{"auths":{"HOST":{"auth":"BASE64"}}}` and nothing else.
///
/// # Errors
/// Why Docker does not use it, in words for a person.
pub fn variable(text: &Secret) -> Result<Vec<(String, Credential)>, String> {
    let bytes = text.reveal().as_bytes();
    let text = json::validate(bytes).map_err(|error| error.to_string())?;
    let not_an_object = |what: &str| format!("{what} is not an object");
    let mut logins = Vec::new();
    for member in json::members(text, 0).ok_or_else(|| not_an_object("it"))? {
        if !member.name.eq_ignore_ascii_case("auths") {
            return Err(format!("Docker knows no `{}` there", crate::token::mask(&member.name)));
        }
        for entry in json::members(text, member.value.start).ok_or_else(|| not_an_object("`auths`"))? {
            let fields = json::members(text, entry.value.start).unwrap_or_default();
            match read_entry(&text[entry.value]) {
                Entry::Credential(credential) if fields.len() == 1 => logins.push((entry.name, credential)),
                Entry::Bad(reason) => return Err(format!("the entry for `{}`: {reason}", entry.name)),
                _ => return Err(format!("the entry for `{}` has something else than `auth`", entry.name)),
            }
        }
    }
    Ok(logins)
}

/// Every key that a logout must erase: what `docker logout` erases, and what is in `file` that Docker would fall back to.
pub fn twins(file: &AuthFile, registry: &str) -> Vec<String> {
    let key = key(registry);
    let mut twins = vec![key.to_owned()];
    if key != HUB_KEY {
        twins.extend([format!("http://{key}"), format!("https://{key}")]);
    }
    for (name, _) in file.entries() {
        if self::key(name) == key && !twins.contains(name) {
            twins.push(name.clone());
        }
    }
    twins
}

/// Docker's idea of a registry's host: without scheme and path.
fn host(registry: &str) -> &str {
    let rest = registry.split_once("://").map_or(registry, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}
