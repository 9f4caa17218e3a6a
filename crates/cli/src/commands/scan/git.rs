//! The `git` program, by its plumbing, whose output and work no configuration changes.

use std::{
    io::{self, BufReader, Read},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread::{self, JoinHandle},
};

use crate::failure::{Failure, OrFail};

/// How much is kept of what it says is wrong, in bytes.
const MAX_SAID: usize = 4096;

/// `git` in the repository of `directory`, without network and without any program that the repository names, with
/// history as it was recorded: neither replaced nor grafted.
pub(crate) fn git(directory: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(directory).args(["--no-optional-locks", "--no-replace-objects"]);
    git.args(["-c", "core.fsmonitor=false", "-c", "advice.graftFileDeprecated=false"]);
    // A partial clone would fetch what is missing: it is to be said instead.
    git.env("GIT_ALLOW_PROTOCOL", "none").env("GIT_NO_LAZY_FETCH", "1").env("GIT_TERMINAL_PROMPT", "0");
    git.env("GIT_GRAFT_FILE", "/dev/null").env("LC_ALL", "C");
    git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    git
}

/// What kind of repository it is.
pub(super) struct Repository {
    /// It has no files, and nobody commits in it.
    pub(super) is_bare: bool,
    /// Its oldest commits are not here.
    pub(super) is_shallow: bool,
    /// It fetches objects when they are needed.
    pub(super) is_partial: bool,
}

impl Repository {
    /// Fails when there is none, or none that git reads for this user.
    pub(super) fn of(directory: &Path) -> Result<Repository, Failure> {
        let said = output(git(directory).args(["rev-parse", "--is-bare-repository", "--is-shallow-repository"]))?;
        let mut said = said.split(|byte| *byte == b'\n').map(|line| line == b"true");
        let promisor = r"^(extensions\.partialclone|remote\..*\.promisor)$";
        Ok(Repository {
            is_bare: said.next().unwrap_or_default(),
            is_shallow: said.next().unwrap_or_default(),
            is_partial: config(directory, &["--get-regexp", promisor])?.is_some(),
        })
    }
}

/// What `git config` prints, or nothing when it is not set.
pub(super) fn config(directory: &Path, words: &[&str]) -> Result<Option<Vec<u8>>, Failure> {
    let (running, mut stdout) = start(git(directory).arg("config").args(words))?;
    let mut value = Vec::new();
    stdout.read_to_end(&mut value).or_unknown()?;
    // A configuration that cannot be read has stopped every git before this one.
    Ok(running.end().is_ok().then_some(value))
}

/// Runs it to its end and gives what it prints.
pub(super) fn output(command: &mut Command) -> Result<Vec<u8>, Failure> {
    let (running, mut stdout) = start(command)?;
    let mut printed = Vec::new();
    stdout.read_to_end(&mut printed).or_unknown()?;
    running.end()?;
    Ok(printed)
}

/// Starts it, and gives its output; not every host has git.
pub(super) fn start(command: &mut Command) -> Result<(Running, BufReader<ChildStdout>), Failure> {
    let mut child = command.spawn().map_err(|error| {
        Failure::unknown(format!("cannot run `git`: {error}"))
            .hint("install git, or scan the files without --staged and --history")
    })?;
    let stdout = child.stdout.take().ok_or_else(|| Failure::unknown("git has no standard output"))?;
    let stderr = child.stderr.take();
    let said = thread::spawn(move || stderr.map(keep_beginning).unwrap_or_default());
    Ok((Running { child, said: Some(said) }, BufReader::with_capacity(64 << 10, stdout)))
}

/// A `git` at work, ended when it is dropped.
pub(super) struct Running {
    child: Child,
    said: Option<JoinHandle<String>>,
}

impl Running {
    /// Where it is asked, when that was piped.
    pub(super) fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits for it when its output was read, and fails with its own words if it did.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        let status = self.child.wait().or_unknown()?;
        let said = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        if status.success() { Ok(()) } else { Err(failure(&said)) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has nothing to write, and nobody who would read it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads all, so that nobody waits for a reader, and keeps the beginning.
fn keep_beginning(mut stderr: impl Read) -> String {
    let mut said = Vec::new();
    drop((&mut stderr).take(MAX_SAID as u64).read_to_end(&mut said));
    drop(io::copy(&mut stderr, &mut io::sink()));
    String::from_utf8_lossy(&said).into_owned()
}

/// A failure in one line, where it does not end the work.
pub(super) fn said(failure: &Failure) -> String {
    let parts = std::iter::once(&failure.message).chain(&failure.facts);
    parts.map(String::as_str).collect::<Vec<_>>().join("; ")
}

/// Why git failed, told by what it said.
fn failure(said: &str) -> Failure {
    let trust = "git config --global --add safe.directory";
    if let Some(line) = said.lines().map(str::trim).find(|line| line.starts_with(trust)) {
        return Failure::unknown("git does not read this repository, because it belongs to another user")
            .hint(format!("if you trust its owner, run `{line}`"))
            .hint("the files alone are scanned without --staged and --history");
    }
    let failure = if said.contains("not a git repository") {
        Failure::usage("this is no git repository")
    } else {
        Failure::unknown("git could not read the repository")
    };
    said.lines().take(5).fold(failure, |failure, line| failure.fact(line))
}
