//! The engines of this host, pulling with temporary configuration.

use std::path::PathBuf;

use super::stage::{Ran, Stage};
use crate::{
    engines::Engine,
    environment,
    failure::{Failure, OrFail},
};

/// The directory of the stage in which Podman keeps everything.
const PODMAN: &str = "podman";

/// An engine that is installed, with what it needs to leave the person's own files alone.
pub(super) struct Installed {
    pub(super) engine: Engine,
    program: PathBuf,
    variables: Vec<(&'static str, String)>,
}

/// What is on this host.
pub(super) enum Presence {
    /// It answers, or should: its `version` command failed in a way that is its own fault.
    Installed(Installed, Result<String, String>),
    /// There is none, or only a client that has no engine to talk to.
    Absent(String),
}

impl Installed {
    /// The program, run in one of the stage's homes.
    pub(super) async fn run(&self, stage: &Stage, home: &str, arguments: &[&str]) -> Ran {
        stage.run(&self.program, home, arguments, &self.variables).await
    }

    /// Pulls with the credentials of a home, then asks the engine for the digest of what it has.
    pub(super) async fn pull(&self, stage: &Stage, home: &str, reference: &str, digest: &str) -> (Ran, bool) {
        let pulled = self.run(stage, home, &["pull", reference]).await;
        let format = match self.engine {
            Engine::Docker => "{{index .RepoDigests 0}}",
            Engine::Podman => "{{.Digest}}",
        };
        let inspected = self.run(stage, home, &["image", "inspect", "--format", format, reference]).await;
        let has_digest = inspected.succeeded() && inspected.stdout.trim_end().ends_with(digest);
        let held = pulled.succeeded() && has_digest;
        (pulled, held)
    }

    /// Removes what was pulled, and the helper process that rootless Podman leaves running.
    pub(super) async fn clean_up(&self, stage: &Stage, reference: &str) {
        if self.engine == Engine::Docker {
            self.run(stage, "home", &["image", "rm", reference]).await;
            return;
        }
        // Podman's images are in the temporary directory and go with it.
        let pid = std::fs::read_to_string(stage.path(PODMAN).join("tmp/pause.pid"));
        let pid = pid.ok().and_then(|text| text.trim().parse().ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

/// Looks for an engine and prepares its configuration.
pub(super) async fn find(stage: &Stage, engine: Engine) -> Result<Presence, Failure> {
    let Some(program) = engine.program() else {
        return Ok(Presence::Absent(format!("{} is not installed", engine.name())));
    };
    let variables = match engine {
        Engine::Docker => docker_variables(stage, &program).await,
        Engine::Podman => podman_variables(stage)?,
    };
    let installed = Installed { engine, program, variables };
    let format = match engine {
        Engine::Docker => "{{.Server.Version}}",
        Engine::Podman => "{{.Client.Version}}",
    };
    let version = installed.run(stage, "home", &["version", "--format", format]).await;
    if version.succeeded() {
        return Ok(Presence::Installed(installed, Ok(version.stdout.trim().to_owned())));
    }
    if engine == Engine::Docker && has_no_daemon(&version.stderr) {
        let complaint = version.stderr.lines().next().unwrap_or_default().to_owned();
        return Ok(Presence::Absent(format!("docker has no engine to talk to here ({complaint})")));
    }
    let complaint = version.complaint();
    Ok(Presence::Installed(installed, Err(complaint)))
}

/// What Docker's client says, in its old and new words, where there is no engine that this user may use. Any other
/// failure is an engine that misbehaves.
fn has_no_daemon(stderr: &str) -> bool {
    [
        "Cannot connect to the Docker daemon",
        "failed to connect to the docker API",
        "permission denied while trying to connect",
    ]
    .iter()
    .any(|words| stderr.contains(words))
}

/// Docker's client must find the person's engine, which a context in the person's configuration may name, but nothing
/// else of that configuration.
async fn docker_variables(stage: &Stage, program: &std::path::Path) -> Vec<(&'static str, String)> {
    if let Some(host) = environment::variable("DOCKER_HOST").and_then(|host| host.into_string().ok()) {
        return vec![("DOCKER_HOST", host)];
    }
    let own: Vec<(&str, String)> = ["HOME", "DOCKER_CONFIG", "DOCKER_CONTEXT"]
        .into_iter()
        .filter_map(|name| Some((name, environment::variable(name)?.into_string().ok()?)))
        .collect();
    let arguments = ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"];
    let context = stage.run(program, "home", &arguments, &own).await;
    match context.stdout.trim() {
        host if context.succeeded() && host.contains("://") => vec![("DOCKER_HOST", host.to_owned())],
        _ => Vec::new(),
    }
}

/// What Podman has to be told in every home: that the registry on loopback speaks plain HTTP. It is what `verify` asks
/// for as well, whether Podman is installed or not.
pub(super) fn tell_podman(stage: &Stage, registry: &str) -> Result<(), Failure> {
    for home in ["home", "elsewhere"] {
        let config = stage.path(home).join(".config/containers");
        std::fs::create_dir_all(&config).or_unknown()?;
        let insecure = format!("[[registry]]\nlocation = \"{registry}\"\ninsecure = true\n");
        std::fs::write(config.join("registries.conf"), insecure).or_unknown()?;
        std::fs::write(config.join("policy.json"), r#"{"default":[{"type":"insecureAcceptAnything"}]}"#)
            .or_unknown()?;
    }
    Ok(())
}

/// Podman gets a storage of its own.
fn podman_variables(stage: &Stage) -> Result<Vec<(&'static str, String)>, Failure> {
    let own = stage.path(PODMAN);
    // JSON and TOML quote text alike.
    let toml = |path: &std::path::Path| serde_json::Value::from(path.display().to_string());
    stage.write(
        "storage.conf",
        &format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = {}\nrunroot = {}\n",
            toml(&own.join("root")),
            toml(&own.join("run"))
        ),
    )?;
    // Otherwise every Podman of this user shares its locks and its temporary directory.
    let engine = format!("[engine]\ntmp_dir = {}\nlock_type = \"file\"\n", toml(&own.join("tmp")));
    stage.write("containers.conf", &engine)?;
    let file = |name: &str| stage.path(name).display().to_string();
    Ok(vec![("CONTAINERS_CONF", file("containers.conf")), ("CONTAINERS_STORAGE_CONF", file("storage.conf"))])
}
