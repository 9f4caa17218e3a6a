//! The person's editor: which it is, what keeps it from leaving copies, and what happens when we are told to stop.

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, Signal};
use tokio::{
    process::Child,
    runtime::{Builder, Runtime},
    signal::unix::{self, SignalKind},
};

use super::memory::Directory;
use crate::{
    failure::{Exit, Failure, OrFail},
    output,
    program::words,
    vault_password::settings::Settings,
};

/// What keeps Vim and Neovim from writing the text anywhere but into its file: no swap file, no list of what was cut and
/// searched for (viminfo, shada), no backup, no undo file. `-n` counts while the file is read; `-c` comes behind the
/// person's own settings, which may have switched the others on and put them into their home.
const VIM: [&str; 5] = ["-n", "-i", "NONE", "-c", "silent! set nobackup nowritebackup noundofile viminfo="];

/// How long an editor that was told to stop has for it.
const GRACE: Duration = Duration::from_secs(3);

/// The program that a person edits with.
pub(super) struct Editor {
    program: String,
    arguments: Vec<String>,
}

/// How an editor ended.
pub(super) enum Ended {
    /// The person is done.
    Done,
    /// The editor, or the person by Ctrl-C, says that what was written does not count.
    GivenUp(Failure),
    /// Something else ended it, and the person may want back what was written.
    CutOff(Failure),
}

impl Editor {
    /// The one that `ansible-vault` would start: `EDITOR`, `ANSIBLE_EDITOR`, `editor` in `ansible.cfg`, or else `vi`.
    ///
    /// # Errors
    /// Its command line cannot be split into words.
    pub(super) fn find() -> Result<Editor, Failure> {
        let line = Settings::read()?.editor.unwrap_or_else(|| "vi".to_owned());
        let mut words = words(&line).unwrap_or_default().into_iter();
        let program = words.next().ok_or_else(|| {
            Failure::usage(format!("`{line}` names no editor")).hint("set `EDITOR`, for example to `vim`")
        })?;
        // The person's own arguments come behind, as theirs may already edit.
        let arguments = private_arguments(&program).into_iter().map(str::to_owned).chain(words).collect();
        Ok(Editor { program, arguments })
    }

    /// Lets the person edit a file, until the editor ends or one of `signals` ends it.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn open(&self, file: &Path, signals: &mut Signals, directory: &Directory) -> Result<Ended, Failure> {
        // A crash must not leave the text in a core file. Without the limit the edit is as good.
        let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
        let mut command = tokio::process::Command::new(&self.program);
        // What it and its filters keep in temporary files stays in memory too.
        command.args(&self.arguments).arg(file).env("TMPDIR", directory.path());
        let Signals { runtime, interrupt, quit, terminate, hang_up } = signals;
        runtime.block_on(async {
            let mut child = command.spawn().map_err(|error| {
                Failure::usage(format!("cannot start the editor `{}`: {error}", self.program))
                    .fact("nothing was changed")
                    .hint("set `EDITOR` to one that is installed")
            })?;
            let signal = loop {
                tokio::select! {
                    biased;
                    _ = terminate.recv() => break Signal::TERM,
                    _ = hang_up.recv() => break Signal::HUP,
                    // The terminal sends these to the editor too, which knows what the person means.
                    _ = interrupt.recv() => {}
                    _ = quit.recv() => {}
                    status = child.wait() => return Ok(self.ended(status.or_unknown()?)),
                }
            };
            stop(&mut child, signal).await;
            Ok(Ended::CutOff(interrupted("the edit was interrupted")))
        })
    }

    fn ended(&self, status: ExitStatus) -> Ended {
        let name = &self.program;
        match (status.code(), status.signal()) {
            (Some(0), _) => Ended::Done,
            (Some(code), _) => Ended::GivenUp(Failure::no(format!("the editor `{name}` ended with exit code {code}"))),
            (None, Some(signal)) if signal == Signal::INT.as_raw() => {
                Ended::GivenUp(interrupted("the edit was interrupted"))
            }
            (None, _) => Ended::CutOff(Failure::no(format!("the editor `{name}` was ended by a signal"))),
        }
    }
}

/// What asks us to end, caught from here on. A plaintext that is in a file is removed before we do.
pub(super) struct Signals {
    runtime: Runtime,
    interrupt: unix::Signal,
    quit: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
}

impl Signals {
    /// Catches them.
    pub(super) fn catch() -> Result<Signals, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build().or_unknown()?;
        let catch = |kind| {
            let _inside = runtime.enter();
            unix::signal(kind).or_unknown()
        };
        Ok(Signals {
            interrupt: catch(SignalKind::interrupt())?,
            quit: catch(SignalKind::quit())?,
            terminate: catch(SignalKind::terminate())?,
            hang_up: catch(SignalKind::hangup())?,
            runtime,
        })
    }
}

async fn stop(child: &mut Child, signal: Signal) {
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    // It may have ended by itself meanwhile.
    let _ = pid.map(|pid| rustix::process::kill_process(pid, signal));
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

fn interrupted(message: &str) -> Failure {
    Failure { message: message.to_owned(), ..Failure::silent(Exit::Interrupted) }
}

/// The arguments that keep `program` from leaving copies, where we know them; a warning where we know that it leaves some.
fn private_arguments(program: &str) -> Vec<&'static str> {
    let name = Path::new(program).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let leaves = match name.as_str() {
        "vi" | "ex" | "view" => match version(program) {
            said if is_vim(&said) => return VIM.to_vec(),
            // It writes nothing but the file.
            said if said.starts_with("BusyBox") => return Vec::new(),
            _ => "a copy for recovery in `/var/tmp`",
        },
        name if name.contains("vim") && is_vim(&version(program)) => return VIM.to_vec(),
        "code" | "code-insiders" | "codium" => "a history of saved files in its configuration directory",
        "subl" => "open files in its session file",
        "micro" => "backups in its configuration directory",
        _ => return Vec::new(),
    };
    output::warn(format_args!("the editor `{program}` keeps {leaves}: the plaintext may stay there, on a disk"));
    Vec::new()
}

fn is_vim(version: &str) -> bool {
    version.starts_with("VIM - Vi IMproved") || version.starts_with("NVIM v")
}

/// What a program says of itself. Several go by the name of `vi`, and only Vim takes its arguments.
fn version(program: &str) -> String {
    let ran = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    ran.map_or_else(|_| String::new(), |ran| String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
}
