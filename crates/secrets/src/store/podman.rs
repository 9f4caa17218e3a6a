//! Podman's way with credentials, which is also Skopeo's and Buildah's: containers-auth.json(5), and container-libs
//! `image/pkg/docker/config/config.go` and `common/pkg/auth/auth.go`.

use std::path::{Path, PathBuf};

use super::{Ask, AuthFile, BadEntry, Entry, Environment, Lookup, Source, StoreError};

/// The auth files' name among the helpers of registries.conf.
pub const AUTH_FILES: &str = "containers-auth.json";

/// The file that `podman login` writes. By default a reboot empties it; `persistent` is the one that stays. An explicit
/// file, by `$REGISTRY_AUTH_FILE` or `$DOCKER_CONFIG`, goes before both, because Podman reads no other then.
pub fn login_path(environment: &Environment, persistent: bool) -> PathBuf {
    match explicit(environment) {
        Some(path) => path,
        None if persistent => persistent_path(environment),
        None => runtime_path(environment),
    }
}

/// Whether `path` is the file that Podman keeps in memory, which is gone after a reboot.
pub fn is_emptied_by_reboot(environment: &Environment, path: &Path) -> bool {
    path == runtime_path(environment)
}

/// The files that Podman reads, in its order: the first that has a credential wins.
pub fn read_paths(environment: &Environment) -> Vec<PathBuf> {
    match explicit(environment) {
        Some(path) => vec![path],
        None => vec![
            runtime_path(environment),
            persistent_path(environment),
            environment.home.join(".docker").join("config.json"),
            environment.home.join(".dockercfg"),
        ],
    }
}

/// The key of a registry's login, or of a part of it (`ghcr.io/owner`), as `podman login` would write it.
pub fn key(name: &str) -> &str {
    strip_scheme(name).trim_end_matches('/')
}

/// The helper that Podman asks for a registry; it does not know of `credsStore`.
pub fn helper<'file>(file: &'file AuthFile, registry: &str) -> Option<&'file str> {
    file.cred_helper(registry).filter(|name| !name.is_empty())
}

/// What Podman finds for `name`, a registry or a repository with its registry (`ghcr.io/owner/name`, without tag and
/// digest), with the contents of [`read_paths`] in their order.
///
/// The helpers of registries.conf and the auth files are asked in the order that it gives; one that fails is passed over when
/// another has a login.
pub fn lookup<'file>(
    environment: &Environment,
    files: impl IntoIterator<Item = (&'file Path, &'file [u8])>,
    name: &str,
    ask: Ask,
) -> Lookup {
    let name = key(name);
    let registry = registry(name);
    let mut files = Some(files);
    let mut broken = Lookup::None;
    for helper in helpers(environment) {
        let found = if helper == AUTH_FILES {
            files.take().map_or(Lookup::None, |files| in_files(files, name, ask))
        } else {
            let source = Source::Helper { path: None, name: helper.to_owned() };
            Lookup::asked(source, registry, ask(helper, registry))
        };
        match found {
            Lookup::None => {}
            Lookup::Broken { .. } => broken = found,
            _ => return found,
        }
    }
    broken
}

/// What registries.conf has Podman ask, the auth files when it says nothing.
pub fn helpers(environment: &Environment) -> Vec<&str> {
    match environment.credential_helpers.as_slice() {
        [] => vec![AUTH_FILES],
        helpers => helpers.iter().map(String::as_str).collect(),
    }
}

/// The most specific key of a file wins, and the first file that has one.
fn in_files<'file>(files: impl IntoIterator<Item = (&'file Path, &'file [u8])>, name: &str, ask: Ask) -> Lookup {
    let registry = registry(name);
    for (path, bytes) in files {
        let source = Source::File(path.to_owned());
        let file = match parse(path, bytes) {
            Ok(file) => file,
            Err(error) => return Lookup::Broken { source, reason: error.to_string() },
        };
        let reason = match file.cred_helper(registry) {
            _ if bytes.trim_ascii().is_empty() => Some("it is empty, which is no JSON".to_owned()),
            // It looks for a program of that name too.
            Some("") => Some("it names a credential helper without a name".to_owned()),
            _ => file.spoiler(),
        };
        if let Some(reason) = reason {
            return Lookup::Broken { source, reason };
        }
        if let Some(helper) = helper(&file, registry) {
            let source = Source::Helper { path: Some(path.to_owned()), name: helper.to_owned() };
            match Lookup::asked(source, registry, ask(helper, registry)) {
                Lookup::None => continue,
                found => return found,
            }
        }
        let name = if is_dockercfg(path) { registry } else { name };
        let Some((key, entry)) = find(&file, name, registry) else { continue };
        let key = key.to_owned();
        match entry.clone() {
            Entry::Credential(credential) => return Lookup::Found { source, key, credential },
            Entry::IdentityToken { token, has_auth: true } => return Lookup::IdentityToken { source, key, token },
            // What has no `auth`, or no colon in it, counts as no login in this file.
            Entry::IdentityToken { .. } | Entry::Plain(_) | Entry::Marker | Entry::Bad(BadEntry::Colon) => {}
            Entry::Bad(reason) => {
                return Lookup::Broken { source, reason: format!("the entry for `{key}`: {reason}") };
            }
        }
    }
    Lookup::None
}

/// Reads one of [`read_paths`].
///
/// # Errors
/// As [`AuthFile::parse`].
pub fn parse(path: &Path, bytes: &[u8]) -> Result<AuthFile, StoreError> {
    if is_dockercfg(path) { AuthFile::parse_dockercfg(bytes) } else { AuthFile::parse(bytes) }
}

/// Whether Podman only reads this file, which Docker before 1.7 wrote.
pub fn is_dockercfg(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == ".dockercfg")
}

fn registry(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

/// Every key that a logout from `registry` must erase. Keys of parts of a registry are logins of their own, and stay.
pub fn twins(file: &AuthFile, registry: &str) -> Vec<String> {
    let registry = key(registry);
    let mut twins = vec![registry.to_owned()];
    for (name, _) in file.entries() {
        if normal_host(legacy_host(name)) == normal_host(registry) && !twins.contains(name) {
            twins.push(name.clone());
        }
    }
    twins
}

fn explicit(environment: &Environment) -> Option<PathBuf> {
    let docker = || environment.docker_config.as_ref().map(|directory| directory.join("config.json"));
    environment.registry_auth_file.clone().or_else(docker)
}

fn runtime_path(environment: &Environment) -> PathBuf {
    match &environment.xdg_runtime_dir {
        Some(directory) => directory.join("containers/auth.json"),
        None => PathBuf::from(format!("/run/containers/{}/auth.json", environment.uid)),
    }
}

fn persistent_path(environment: &Environment) -> PathBuf {
    let config = environment.xdg_config_home.clone().unwrap_or_else(|| environment.home.join(".config"));
    config.join("containers/auth.json")
}

/// `name` itself, then its parents up to the registry, then any entry that means the registry in an older spelling.
fn find<'file>(file: &'file AuthFile, name: &str, registry: &str) -> Option<(&'file str, &'file Entry)> {
    let parents = std::iter::successors(Some(name), |name| name.rsplit_once('/').map(|(parent, _)| parent));
    let by_key = |key: &str| file.entries().iter().rev().find(|(name, _)| name == key);
    let older = || file.entries().iter().find(|(name, _)| normal_host(legacy_host(name)) == normal_host(registry));
    parents.into_iter().find_map(by_key).or_else(older).map(|(name, entry)| (name.as_str(), entry))
}

fn strip_scheme(name: &str) -> &str {
    name.strip_prefix("https://").or_else(|| name.strip_prefix("http://")).unwrap_or(name)
}

/// The host of a key that is a URL, as older versions of Docker wrote them; any other key as it is.
fn legacy_host(key: &str) -> &str {
    match strip_scheme(key) {
        stripped if stripped == key => key,
        stripped => stripped.split('/').next().unwrap_or_default(),
    }
}

fn normal_host(host: &str) -> &str {
    match host {
        "docker.io" | "registry-1.docker.io" => "index.docker.io",
        host => host,
    }
}
