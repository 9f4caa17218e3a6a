//! Docker's part: services of a swarm, and containers with a mounted login file.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use pullpass_oci::Reference;
use pullpass_secrets::{
    file,
    store::{Entry, docker, podman},
    token,
};
use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use serde_json::Value;
use zeroize::Zeroizing;

use super::Copy;
use crate::{
    docker_daemon,
    logins::{name::Name, report::Report},
};

/// How the files end that engines keep logins in.
const LOGIN_FILES: [&str; 4] = [".docker/config.json", "containers/auth.json", ".dockercfg", "kubelet/config.json"];

/// What copies the logins of `name`, or of any registry without it. Errors: in words for a person.
pub(super) async fn copies(
    socket: &Path,
    name: Option<&Name>,
    report: &Report,
    key: Option<&[u8; 32]>,
) -> Result<Vec<Copy>, String> {
    let mut found = Vec::new();
    if ask(socket, "/info").await?["Swarm"]["ControlAvailable"] == true {
        let services = ask(socket, "/services").await?;
        found.extend(services.as_array().into_iter().flatten().filter_map(|service| of_service(service, name)));
    }
    let containers = ask(socket, "/containers/json").await?;
    for container in containers.as_array().into_iter().flatten() {
        let mut copies = of_container(container, name, report);
        if let Some(key) = key.filter(|_| !copies.is_empty()) {
            let id = container["Id"].as_str().unwrap_or_default();
            // It may have ended meanwhile.
            let inspected = ask(socket, &format!("/containers/{id}/json")).await.unwrap_or_default();
            let process = inspected["State"]["Pid"].as_u64().filter(|process| *process != 0);
            for copy in &mut copies {
                copy.mark = process.and_then(|process| mark_inside(process, container, copy, key));
            }
        }
        found.extend(copies);
    }
    Ok(found)
}

async fn ask(socket: &Path, path: &str) -> Result<Value, String> {
    match docker_daemon::get(socket, path, "").await? {
        (200, body) => Ok(body),
        (status, body) => {
            let said = body["message"].as_str().unwrap_or_default();
            Err(format!("Docker's daemon at `{}` answers {path} with {status}: {said}", socket.display()))
        }
    }
}

/// A service of a swarm has the login of whoever created or updated it, and shows to nobody whether there is one.
fn of_service(service: &Value, name: Option<&Name>) -> Option<Copy> {
    let spec = &service["Spec"];
    let image: Reference = spec["TaskTemplate"]["ContainerSpec"]["Image"].as_str()?.parse().ok()?;
    let full = format!("{}/{}", image.registry, image.repository);
    let is_meant =
        |name: &Name| name.registry == image.registry && (name.full == full || name.full == name.registry.as_str());
    let service = spec["Name"].as_str().filter(|_| name.is_none_or(is_meant))?;
    Some(Copy {
        kind: "swarm-service",
        name: service.to_owned(),
        path: None,
        registry: Some(image.registry.to_string()),
        mark: None,
        command: format!("docker service update --with-registry-auth {service}"),
    })
}

/// A container into which a single file is mounted keeps that file when another is renamed to its place, as all engines do.
fn of_container(container: &Value, name: Option<&Name>, report: &Report) -> Vec<Copy> {
    let mounts = container["Mounts"].as_array().into_iter().flatten().filter(|mount| mount["Type"] == "bind");
    let Some(called) = container["Names"][0].as_str().map(|name| name.trim_start_matches('/')) else {
        return Vec::new();
    };
    let copy = |path: &str, registry: Option<String>| Copy {
        kind: "bind-mount",
        name: called.to_owned(),
        path: Some(path.to_owned()),
        registry,
        mark: None,
        command: format!("docker restart {called}"),
    };
    let mut found = Vec::new();
    for path in mounts.filter_map(|mount| mount["Source"].as_str()) {
        let place = Path::new(path);
        let real = real(place);
        let is_it = |known: &&String| self::real(Path::new(known)) == real;
        let stores = report.stores.iter().filter(|store| store.helper.is_none());
        let mut known = stores.filter(|store| store.path.as_ref().is_some_and(|path| is_it(&path))).peekable();
        if place.is_dir() || (known.peek().is_none() && !LOGIN_FILES.iter().any(|end| place.ends_with(end))) {
            continue;
        }
        if known.peek().is_none() {
            found.push(copy(path, name.map(|name| name.registry.to_string())));
        }
        // Two accounts may have one file.
        let mut registries: Vec<&String> =
            known.flat_map(|store| &store.entries).map(|entry| &entry.registry).collect();
        registries.sort();
        registries.dedup();
        found.extend(registries.into_iter().map(|registry| copy(path, Some(registry.clone()))));
    }
    found
}

/// The mark of the token that a container has in its mounted file, which need not be the file that is there now; takes root.
fn mark_inside(process: u64, container: &Value, copy: &Copy, key: &[u8; 32]) -> Option<String> {
    let path = copy.path.as_ref()?;
    let mut mounts = container["Mounts"].as_array()?.iter();
    let place = mounts.find(|mount| mount["Source"] == *path)?["Destination"].as_str()?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open(format!("/proc/{process}/root"), flags, Mode::empty()).ok()?;
    // What the container has put in the way neither leads out of it nor makes anybody wait.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = fs::File::from(openat2(root, place, flags, Mode::empty(), within).ok()?);
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > file::MAX_LEN {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len()).ok()?));
    file.take(metadata.len()).read_to_end(&mut bytes).ok()?;
    let logins = podman::parse(Path::new(path), &bytes).ok()?;
    let registry = copy.registry.as_deref()?;
    let (_, login) = logins.entries().iter().find(|(name, _)| docker::key(name) == docker::key(registry))?;
    match login {
        Entry::Credential(credential) | Entry::Plain(credential) => Some(token::mark(&credential.secret, key)),
        _ => None,
    }
}

fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
