//! The engines themselves.

use std::os::unix::net::UnixStream;

use pullpass_client::diagnosis::{Cause, Finding};

use crate::{docker_daemon, engines::Engine, environment};

use super::super::Doctor;

/// Engines that are not installed, and a daemon that does not answer.
pub(in crate::commands::doctor) fn findings(doctor: &Doctor, engines: &[Engine], is_none: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_none {
        findings.push(
            Finding::new(Cause::NoEngine)
                .seen("neither `docker` nor `podman` is on PATH")
                .words("install one of them; the logins of both are looked at below"),
        );
        return findings;
    }
    for engine in engines {
        if engine.program().is_none() && doctor.engines.asks_for(*engine) {
            let finding = Finding::new(Cause::NoEngine).about(engine.name());
            findings.push(finding.seen(format!("`{}` is not on PATH", engine.name())).words("install it"));
        }
    }
    if engines.contains(&Engine::Docker) && Engine::Docker.program().is_some() {
        findings.extend(daemon());
    }
    findings
}

/// A socket that is there and refuses. A host without one may have its daemon elsewhere.
fn daemon() -> Option<Finding> {
    let path = docker_daemon::socket(&environment::stores().ok()?).ok()?;
    let error = UnixStream::connect(&path).err()?;
    let finding = Finding::new(Cause::EngineDown).about("docker").seen(format!("`{}`: {error}", path.display()));
    match error.kind() {
        std::io::ErrorKind::NotFound => None,
        std::io::ErrorKind::PermissionDenied => {
            Some(finding.words("run it as root, or as a member of the group `docker`, which is as much as root"))
        }
        _ => Some(finding.command("systemctl start docker")),
    }
}
