//! The programs that look for logins, and the files in which each does.

use std::path::PathBuf;

use pullpass_secrets::store::{Environment, docker, podman};

use crate::{engines::Engine, stores};

/// A program that pulls images.
pub(crate) struct Reader {
    /// Whose way with credentials it has.
    pub(crate) engine: Engine,
    pub(crate) name: &'static str,
    pub(crate) environment: Environment,
    /// In its order.
    pub(crate) files: Vec<PathBuf>,
}

/// The engines, and those that share an engine's ways but not its files. Buildx and Compose are as Docker, Buildah and, where
/// nothing else is said, Skopeo and CRI-O as Podman.
pub(crate) fn all(engines: &[Engine], environment: &Environment) -> Vec<Reader> {
    let reader = |engine: &Engine| Reader {
        engine: *engine,
        name: engine.name(),
        environment: environment.clone(),
        files: stores::read_paths(*engine, environment),
    };
    let mut readers: Vec<Reader> = engines.iter().map(reader).collect();
    readers.extend(snap(environment).filter(|_| engines.contains(&Engine::Docker)));
    readers.extend(skopeo(environment).filter(|_| engines.contains(&Engine::Podman)));
    readers
}

/// Docker as a snap has a home of its own (`SNAP_USER_DATA`), and no way out of it (canonical/docker-snap#18).
fn snap(environment: &Environment) -> Option<Reader> {
    let home = environment.home.join("snap/docker/current");
    let environment = Environment { home, docker_config: None, ..environment.clone() };
    let file = docker::config_path(&environment);
    let is_there = file.symlink_metadata().is_ok();
    is_there.then(|| Reader { engine: Engine::Docker, name: "docker (snap)", environment, files: vec![file] })
}

/// To Podman and Buildah `DOCKER_CONFIG` names the one file that counts, to Skopeo only where Docker's is, which it reads last
/// (container-libs `image/pkg/docker/config/config.go`, `getAuthFilePaths`).
fn skopeo(environment: &Environment) -> Option<Reader> {
    let docker = docker::config_path(environment);
    environment.docker_config.as_ref().filter(|_| environment.registry_auth_file.is_none())?;
    let without = Environment { docker_config: None, ..environment.clone() };
    let its = docker::config_path(&without);
    let files = podman::read_paths(&without).into_iter().map(|path| if path == its { docker.clone() } else { path });
    Some(Reader { engine: Engine::Podman, name: "skopeo", environment: without, files: files.collect() })
}
