//! Where the demonstration happens: a temporary directory with a home of its own, and the steps that were taken.

use std::{
    ffi::OsStr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use pullpass_secrets::{
    file::{self, Access},
    store::Environment,
};
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::{
    environment,
    failure::{Failure, OrFail},
    output::{self, BAD, GOOD, HEADING},
};

/// No command of the demonstration takes longer than this unless something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A misbehaving program may print anything.
const LONGEST_COMPLAINT: usize = 1000;

/// One command of the guide, and whether it held.
pub(super) struct Step {
    heading: &'static str,
    command: String,
    ok: bool,
    detail: String,
}

/// The temporary directory and what happened in it. Dropping it removes the directory.
pub(super) struct Stage {
    directory: tempfile::TempDir,
    own_program: PathBuf,
    quiet: bool,
    steps: Vec<Step>,
}

/// What a command did.
pub(super) struct Ran {
    /// The command as a person would have typed it.
    pub(super) command: String,
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ran {
    pub(super) fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Standard output as JSON; null when it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_default()
    }

    /// What went wrong, in one line.
    pub(super) fn complaint(&self) -> String {
        let lines = self.stderr.lines().chain(self.stdout.lines());
        let text = lines.map(str::trim).filter(|line| !line.is_empty()).take(3).collect::<Vec<_>>().join("; ");
        let text: String = text.chars().take(LONGEST_COMPLAINT).collect();
        match self.code {
            Some(code) => format!("exit code {code}: {text}"),
            None => text,
        }
    }
}

impl Stage {
    pub(super) fn new(quiet: bool) -> Result<Stage, Failure> {
        let owner_only = std::fs::Permissions::from_mode(0o700);
        let directory =
            tempfile::Builder::new().prefix("pullpass-demo-").permissions(owner_only).tempdir().or_unknown()?;
        for name in ["home", "home/run", "elsewhere", "elsewhere/run"] {
            std::fs::create_dir(directory.path().join(name)).or_unknown()?;
        }
        Ok(Stage { directory, own_program: std::env::current_exe().or_unknown()?, quiet, steps: Vec::new() })
    }

    /// Removes the directory.
    pub(super) fn remove(self) -> Result<(), Failure> {
        let path = self.directory.path().to_owned();
        // Rootless Podman makes directories that not even their owner may write.
        make_writable(&path);
        self.directory.close().map_err(|error| {
            Failure::unknown(format!("`{}` could not be removed: {error}", path.display()))
                .hint(format!("remove it with `podman unshare rm -rf {}`", path.display()))
        })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What decides where credentials live in one of the homes.
    pub(super) fn environment(&self, home: &str) -> Environment {
        Environment {
            home: self.path(home),
            docker_config: None,
            registry_auth_file: None,
            xdg_runtime_dir: Some(self.path(home).join("run")),
            xdg_config_home: None,
            uid: rustix::process::getuid().as_raw(),
            docker_auth_config: None,
            credential_helpers: Vec::new(),
        }
    }

    /// Writes a file that only this user may read.
    pub(super) fn write(&self, name: &str, contents: &str) -> Result<(), Failure> {
        file::edit(&self.path(name), Access::OwnerOnly, |_| Ok::<_, Failure>(Some(contents.as_bytes().to_vec())))?;
        Ok(())
    }

    /// Runs this very program, in the temporary home.
    pub(super) async fn pullpass(&self, arguments: &[&str], input: &str) -> Ran {
        self.pullpass_in("home", arguments, input).await
    }

    /// Runs this very program in one of the homes.
    pub(super) async fn pullpass_in(&self, home: &str, arguments: &[&str], input: &str) -> Ran {
        self.run_as("pullpass", &self.own_program, home, arguments, &[], input).await
    }

    /// Runs a program by its path.
    pub(super) async fn run(
        &self,
        program: &Path,
        home: &str,
        arguments: &[&str],
        variables: &[(&str, String)],
    ) -> Ran {
        let name = program.file_name().and_then(OsStr::to_str).unwrap_or_default();
        self.run_as(name, program, home, arguments, variables, "").await
    }

    async fn run_as(
        &self,
        name: &str,
        program: &Path,
        home: &str,
        arguments: &[&str],
        variables: &[(&str, String)],
        input: &str,
    ) -> Ran {
        let command = std::iter::once(name).chain(arguments.iter().copied()).map(quoted).collect::<Vec<_>>().join(" ");
        let mut child = Command::new(program);
        child
            .args(arguments)
            .env_clear()
            .envs(environment::variable("PATH").map(|path| ("PATH", path)))
            .env("HOME", self.path(home))
            .env("XDG_RUNTIME_DIR", self.path(home).join("run"))
            .env("TMPDIR", self.directory.path())
            // The person's vault passwords are none of the demonstration's.
            .env("ANSIBLE_CONFIG", "/dev/null")
            .envs(variables.iter().cloned())
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (code, stdout, stderr) = match tokio::time::timeout(PATIENCE, output_of(&mut child, input)).await {
            Ok(Ok(output)) => (output.status.code(), text(&output.stdout), text(&output.stderr)),
            Ok(Err(error)) => (None, String::new(), format!("cannot run `{}`: {error}", program.display())),
            Err(_) => (None, String::new(), format!("gave no answer for {} seconds", PATIENCE.as_secs())),
        };
        Ran { command, code, stdout, stderr }
    }

    /// Records a step and shows it.
    pub(super) fn step(
        &mut self,
        heading: &'static str,
        command: impl Into<String>,
        ok: bool,
        detail: impl Into<String>,
    ) {
        let step = Step { heading, command: command.into(), ok, detail: detail.into() };
        if !self.quiet {
            if self.steps.last().is_none_or(|last| last.heading != heading) {
                output::data(format_args!("\n{HEADING}{heading}{HEADING:#}"));
            }
            let (style, mark) = if ok { (GOOD, "ok") } else { (BAD, "FAILED") };
            output::data(format_args!("  $ {}", step.command));
            for (index, line) in step.detail.lines().enumerate() {
                match index {
                    0 => output::data(format_args!("    {style}{mark}{style:#}: {line}")),
                    _ => output::data(format_args!("    {line}")),
                }
            }
        }
        self.steps.push(step);
    }

    /// Whether every step held, and at least one was taken.
    pub(super) fn all_held(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.ok)
    }

    pub(super) fn to_json(&self) -> Value {
        let step = |step: &Step| json!({ "heading": step.heading, "command": step.command, "ok": step.ok, "detail": step.detail });
        json!({ "ok": self.all_held(), "steps": self.steps.iter().map(step).collect::<Vec<_>>() })
    }
}

fn make_writable(directory: &Path) {
    let _ = std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700));
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        make_writable(&entry.path());
    }
}

async fn output_of(command: &mut Command, input: &str) -> std::io::Result<std::process::Output> {
    let mut child = command.process_group(0).spawn()?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading its input says why by its exit code.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await;
    group.0 = None;
    output
}

/// A command and everything that it started, in a process group of their own: Ctrl-C reaches the demonstration first,
/// and what is given up ends with all its children.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // It may have ended by itself.
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An argument as a shell takes it.
fn quoted(argument: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=@%+,".contains(character);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}
