//! Which engines are on this host.

use std::path::PathBuf;

use clap::Args;
use pullpass_oci::Platform;

use crate::{failure::Failure, program};

/// An engine that pulls images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Docker,
    Podman,
}

impl Engine {
    pub(crate) const ALL: [Engine; 2] = [Engine::Docker, Engine::Podman];

    /// The name of its program.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::Docker => "docker",
            Engine::Podman => "podman",
        }
    }

    /// Where its program is on `PATH`.
    pub(crate) fn program(self) -> Option<PathBuf> {
        program::on_path(self.name())
    }
}

/// What the engines call this machine's architecture.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// What the engines choose from an index here.
pub(crate) fn platform() -> Platform {
    Platform { os: "linux".to_owned(), architecture: architecture().to_owned(), variant: None }
}

/// Which engines a command is about.
#[derive(Args, Clone, Copy, Default)]
pub(crate) struct Choice {
    /// Only Docker (and Podman with `--podman`), also when it is not installed
    #[arg(long)]
    docker: bool,
    /// Only Podman (and Docker with `--docker`), also when it is not installed
    #[arg(long)]
    podman: bool,
}

impl Choice {
    /// The engines asked for, else both.
    pub(crate) fn asked_or_all(self) -> Vec<Engine> {
        self.asked().unwrap_or_else(|| Engine::ALL.to_vec())
    }

    /// The engines asked for, else those that are installed; none is an error.
    pub(crate) fn asked_or_installed(self) -> Result<Vec<Engine>, Failure> {
        let installed = || Engine::ALL.into_iter().filter(|engine| engine.program().is_some()).collect();
        let engines: Vec<Engine> = self.asked().unwrap_or_else(installed);
        if engines.is_empty() {
            return Err(Failure::usage("neither `docker` nor `podman` is on PATH")
                .hint("say whose credentials you mean with `--docker` or `--podman`"));
        }
        Ok(engines)
    }

    /// Whether the option of `engine` was given.
    pub(crate) fn asks_for(self, engine: Engine) -> bool {
        self.asked().is_some_and(|asked| asked.contains(&engine))
    }

    /// The engines asked for, if any.
    pub(crate) fn asked(self) -> Option<Vec<Engine>> {
        let pairs = [(self.docker, Engine::Docker), (self.podman, Engine::Podman)];
        let asked: Vec<Engine> = pairs.into_iter().filter(|(asked, _)| *asked).map(|(_, engine)| engine).collect();
        Some(asked).filter(|asked| !asked.is_empty())
    }
}
