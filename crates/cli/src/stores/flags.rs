//! The options of both engines that say where logins are.

use std::path::PathBuf;

use clap::Args;
use pullpass_secrets::store::{Environment, docker};

use crate::{
    engines::{Choice, Engine},
    environment,
    failure::Failure,
};

/// Which engines' stores, and where those are.
#[derive(Args, Default)]
pub(crate) struct Flags {
    #[command(flatten)]
    engines: Choice,
    /// Docker's directory of configuration, as DOCKER_CONFIG names it
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Podman's file for logins, as REGISTRY_AUTH_FILE names it; no other is looked at
    #[arg(long, value_name = "FILE", conflicts_with_all = ["compat_auth_file", "docker"])]
    authfile: Option<PathBuf>,
    /// The same, in the form in which Docker reads it too
    #[arg(long, value_name = "FILE", conflicts_with = "docker")]
    compat_auth_file: Option<PathBuf>,
}

impl Flags {
    /// What decides where credentials live, with these options.
    ///
    /// # Errors
    /// There is no home directory.
    pub(crate) fn environment(&self) -> Result<Environment, Failure> {
        let mut environment = environment::stores()?;
        environment.docker_config = self.config.clone().or(environment.docker_config);
        environment.registry_auth_file = self.auth_file().cloned().or(environment.registry_auth_file);
        Ok(environment)
    }

    /// The engines asked for, else those that are installed; none is an error.
    ///
    /// # Errors
    /// Neither is installed.
    pub(crate) fn asked_or_installed(&self) -> Result<Vec<Engine>, Failure> {
        if self.auth_file().is_some() { Ok(vec![Engine::Podman]) } else { self.engines.asked_or_installed() }
    }

    /// The engines asked for, else both.
    pub(crate) fn asked_or_all(&self) -> Vec<Engine> {
        if self.auth_file().is_some() { vec![Engine::Podman] } else { self.engines.asked_or_all() }
    }

    /// Whether `engine` was named.
    pub(crate) fn asks_for(&self, engine: Engine) -> bool {
        self.engines.asks_for(engine)
    }

    /// Whether Podman writes its login as Docker does: one for a registry, under Docker's key.
    pub(crate) fn is_compatible(&self, environment: &Environment) -> bool {
        let is_dockers = || environment.registry_auth_file.is_none() && environment.docker_config.is_some();
        self.compat_auth_file.is_some() || is_dockers()
    }

    fn auth_file(&self) -> Option<&PathBuf> {
        self.authfile.as_ref().or(self.compat_auth_file.as_ref())
    }
}

/// The key under which an engine writes the login of `name`.
pub(crate) fn written_key(engine: Engine, is_compatible: bool, name: &str) -> &str {
    match engine {
        Engine::Podman if !is_compatible => pullpass_secrets::store::podman::key(name),
        _ => docker::key(name),
    }
}
