//! The environment of the process, read in one place.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use pullpass_secrets::{
    Secret,
    file::{self, Access},
    store::Environment,
};

use crate::failure::{Failure, OrFail};

/// A variable's value; unset and empty are the same, as they are to Docker and Podman.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The variables that hold secrets of ours.
static HIDDEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Keeps a variable from the programs that are run after this.
pub(crate) fn hide(name: &str) {
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
}

/// The variables that programs are not to get.
pub(crate) fn hidden() -> BTreeSet<String> {
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn path(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

/// What decides where credentials live.
///
/// # Errors
/// There is no home directory.
pub(crate) fn stores() -> Result<Environment, Failure> {
    let environment = Environment {
        home: home()?,
        docker_config: path("DOCKER_CONFIG"),
        xdg_runtime_dir: path("XDG_RUNTIME_DIR").or_else(rootless_runtime_dir),
        xdg_config_home: path("XDG_CONFIG_HOME"),
        registry_auth_file: path("REGISTRY_AUTH_FILE"),
        uid: rustix::process::getuid().as_raw(),
        docker_auth_config: variable("DOCKER_AUTH_CONFIG").and_then(|text| text.into_string().ok()).map(Secret::new),
        credential_helpers: Vec::new(),
    };
    Ok(Environment { credential_helpers: credential_helpers(&environment), ..environment })
}

/// What registries.conf says of credential helpers; the last file that says it counts.
fn credential_helpers(environment: &Environment) -> Vec<String> {
    let mut tables = registries_conf(environment).into_iter().rev();
    let helpers = tables.find_map(|table| table.get("credential-helpers")?.as_array().cloned());
    helpers.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// What rootless Podman takes for `XDG_RUNTIME_DIR` when nobody set it, as in `su`, cron and Ansible's `become`
/// (containers/podman `pkg/util/utils_supported.go`, `GetRuntimeDir`).
fn rootless_runtime_dir() -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let uid = rustix::process::getuid();
    if uid.is_root() {
        return None;
    }
    let run = PathBuf::from(format!("/run/user/{}", uid.as_raw()));
    let is_own = run.metadata().is_ok_and(|found| found.uid() == uid.as_raw() && found.mode() & 0o700 == 0o700);
    Some(if is_own { run } else { std::env::temp_dir().join(format!("podman-run-{}", uid.as_raw())) })
}

/// What registries.conf and its drop-ins say of how Podman is to treat registries, the main file first
/// (containers-registries.conf(5)); drop-in directories are read by their parents. What cannot be read says nothing.
pub(crate) fn registries_conf(environment: &Environment) -> Vec<toml::Table> {
    let read = |path: PathBuf| str::from_utf8(&file::read(&path).ok()??).ok()?.parse().ok();
    if let Some(only) = path("CONTAINERS_REGISTRIES_CONF") {
        return read(only).into_iter().collect();
    }
    let config = environment.xdg_config_home.clone().unwrap_or_else(|| environment.home.join(".config"));
    let own = config.join("containers/registries.conf");
    let main = if own.exists() { own } else { PathBuf::from("/etc/containers/registries.conf") };
    let drop_ins = [PathBuf::from("/etc/containers/registries.conf.d"), config.join("containers/registries.conf.d")];
    let files = drop_ins.iter().flat_map(std::fs::read_dir).flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "conf")).collect();
    files.sort();
    std::iter::once(main).chain(files).filter_map(read).collect()
}

/// Whether the environment names a proxy for HTTPS to a host (curl(1), "ENVIRONMENT").
pub(crate) fn has_proxy(host: &str) -> bool {
    let value =
        |names: &[&str]| names.iter().find_map(|name| variable(name)).and_then(|value| value.into_string().ok());
    let exceptions = value(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    value(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]).is_some() && !goes_direct(host, &exceptions)
}

/// Whether a value of `NO_PROXY` names a host, or a domain that it is in.
pub(crate) fn goes_direct(host: &str, exceptions: &str) -> bool {
    exceptions.split(',').map(str::trim).any(|exception| {
        let suffix = exception.trim_start_matches('.');
        exception == "*"
            || (!suffix.is_empty()
                && (host == suffix || host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))))
    })
}

/// Where Podman keeps this user's images (containers-storage.conf(5)).
pub(crate) fn podman_storage(environment: &Environment) -> PathBuf {
    let is_root = environment.uid == 0;
    let config = environment.xdg_config_home.clone().unwrap_or_else(|| environment.home.join(".config"));
    let system = PathBuf::from("/etc/containers/storage.conf");
    let own = || if is_root { system } else { config.join("containers/storage.conf") };
    let read = |path: PathBuf| -> Option<toml::Table> { str::from_utf8(&file::read(&path).ok()??).ok()?.parse().ok() };
    let table = read(path("CONTAINERS_STORAGE_CONF").unwrap_or_else(own));
    let named = table.and_then(|table| Some(PathBuf::from(table.get("storage")?.get("graphroot")?.as_str()?)));
    named.unwrap_or_else(|| match is_root {
        true => PathBuf::from("/var/lib/containers/storage"),
        false => {
            path("XDG_DATA_HOME").unwrap_or_else(|| environment.home.join(".local/share")).join("containers/storage")
        }
    })
}

/// The registries, and parts of them, to which Podman may speak plain HTTP. Docker needs no such word for loopback.
pub(crate) fn insecure_registries(environment: &Environment) -> Vec<String> {
    let tables = registries_conf(environment).into_iter();
    let registries = tables.filter_map(|table| table.get("registry")?.as_array().cloned()).flatten();
    let insecure = registries.filter(|entry| entry.get("insecure").and_then(toml::Value::as_bool) == Some(true));
    let place = |entry: toml::Value| {
        let place = entry.get("prefix").or_else(|| entry.get("location"))?;
        place.as_str().map(str::to_owned)
    };
    insecure.filter_map(place).collect()
}

/// Where this program was started.
pub(crate) fn current_directory() -> Option<PathBuf> {
    std::env::current_dir().ok()
}

/// `$HOME`, else what the system has for this user.
pub(crate) fn home() -> Result<PathBuf, Failure> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).ok_or_else(|| {
        Failure::usage("this user has no home directory")
            .hint("set `HOME` to the directory in which the credentials are")
    })
}

/// Whether the home directory is this user's own, and not one that `sudo` has left in the environment.
pub(crate) fn owns_home() -> bool {
    use std::os::unix::fs::MetadataExt;
    let owner = home().ok().and_then(|home| home.metadata().ok()).map(|found| found.uid());
    owner.is_none_or(|owner| owner == rustix::process::getuid().as_raw())
}

/// The directory in which this program keeps what it has seen, `$XDG_STATE_HOME/pullpass`.
pub(crate) fn state() -> Option<PathBuf> {
    let state = path("XDG_STATE_HOME").or_else(|| Some(home().ok()?.join(".local/state")));
    state.map(|state| state.join("pullpass"))
}

/// The 32 bytes under which fingerprints of secrets without a checksum are made: this host's and this user's own, made
/// on first use. Where they cannot be kept, they hold for this run, which is enough to tell equal secrets from others.
pub(crate) fn fingerprint_key() -> [u8; 32] {
    state().and_then(|state| read_or_make_key(&state.join("fingerprint.key")).ok()).unwrap_or_else(|| {
        let mut key = [0; 32];
        // Without random bytes the fingerprints of this run could be looked up, but nothing else could work either.
        let _ = getrandom::fill(&mut key);
        key
    })
}

#[cfg(feature = "serve")]
/// Where a server keeps its data unless told otherwise.
pub(crate) fn default_data_directory() -> Result<PathBuf, Failure> {
    if rustix::process::getuid().is_root() {
        return Ok(PathBuf::from("/var/lib/pullpass"));
    }
    match path("XDG_DATA_HOME") {
        Some(data) => Ok(data.join("pullpass")),
        None => Ok(home()?.join(".local/share/pullpass")),
    }
}

/// The directories of certificates that Docker and Podman would use for a registry, in the order of the engines'
/// documentation (`containers-certs.d(5)`, and Docker's "Verify repository client with certificates").
pub(crate) fn certificate_directories(environment: &Environment, registry: &str) -> Vec<PathBuf> {
    let config = environment.xdg_config_home.clone().unwrap_or_else(|| environment.home.join(".config"));
    [
        config.join("containers/certs.d"),
        PathBuf::from("/etc/containers/certs.d"),
        config.join("docker/certs.d"),
        PathBuf::from("/etc/docker/certs.d"),
    ]
    .iter()
    .map(|directory| directory.join(registry))
    .filter(|directory| directory.is_dir())
    .collect()
}

fn read_or_make_key(path: &Path) -> Result<[u8; 32], Failure> {
    let mut key = [0; 32];
    file::edit(path, Access::OwnerOnly, |existing| match existing {
        Some(bytes) if bytes.len() == key.len() => {
            key.copy_from_slice(bytes);
            Ok(None)
        }
        _ => {
            getrandom::fill(&mut key).or_unknown()?;
            Ok::<_, Failure>(Some(key.to_vec()))
        }
    })?;
    Ok(key)
}
