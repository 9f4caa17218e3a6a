//! Docker's way with credentials: docker/cli `cli/config/configfile/file.go` and `cli/config/credentials/file_store.go`.

use std::path::{Path, PathBuf};

use super::{AuthFile, Entry, Environment, Lookup};

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

/// What Docker finds for a registry in the file at `path`, of which `bytes` are the contents.
pub fn lookup(path: &Path, bytes: &[u8], registry: &str) -> Lookup {
    let path = path.to_owned();
    let file = match AuthFile::parse(bytes) {
        Ok(file) => file,
        Err(error) => return Lookup::Broken { path, reason: error.to_string() },
    };
    if let Some(name) = helper(&file, registry) {
        return Lookup::Helper { path, name: name.to_owned() };
    }
    let key = key(registry);
    let legacy =
        || file.entries().iter().find(|(name, _)| host(name) == key).map(|(name, entry)| (name.as_str(), entry));
    let Some((key, entry)) = file.entry(key).map(|entry| (key, entry)).or_else(legacy) else { return Lookup::None };
    let key = key.to_owned();
    match entry.clone() {
        Entry::Credential(credential) | Entry::Plain(credential) => Lookup::Found { path, key, credential },
        Entry::IdentityToken { token, .. } => Lookup::IdentityToken { path, key, token },
        Entry::Marker => Lookup::None,
        Entry::Bad(reason) => Lookup::Broken { path, reason: format!("the entry for `{key}`: {reason}") },
    }
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
