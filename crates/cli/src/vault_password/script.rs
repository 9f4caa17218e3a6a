//! Programs that print a vault password. Only those that the person's options, environment or `ansible.cfg` name are run.

use std::{
    io::ErrorKind,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use pullpass_secrets::vault::Password;

use crate::{
    failure::{Failure, OrFail},
    program::{self, NoAnswer, Reason, With, words},
};

/// How long a script may take; it may be asking a person.
const LIMIT: Duration = Duration::from_secs(60);
/// What a client script answers when it does not know a label.
const UNKNOWN_LABEL: i32 = 2;
/// As much of a script's complaint is repeated.
const MAX_COMPLAINT_LINES: usize = 5;

/// A program, and how it is named in errors.
pub(super) struct Script {
    command: Command,
    name: String,
    /// The label that a client script is asked for, when it is one; what it says on standard error is kept for the error.
    client: Option<String>,
}

impl Script {
    /// A script that takes no arguments. Its standard error is ours, so that it can ask there.
    pub(super) fn plain(path: &Path) -> Script {
        Script { command: program(path), name: format!("script `{}`", path.display()), client: None }
    }

    /// A script that takes a label.
    pub(super) fn client(path: &Path, label: Option<&str>) -> Script {
        let mut command = program(path);
        if let Some(label) = label {
            command.args(["--vault-id", label]);
        }
        let client = Some(label.unwrap_or_default().to_owned());
        Script { command, name: format!("client script `{}`", path.display()), client }
    }

    /// A command line, split into words as a shell would, and run without one.
    ///
    /// # Errors
    /// A quote is left open, or there is no word.
    pub(super) fn command(line: &str) -> Result<Script, Failure> {
        let words = words(line).ok_or_else(|| Failure::usage("a quote in the vault password command is left open"))?;
        let [program, arguments @ ..] = words.as_slice() else {
            return Err(Failure::usage("the vault password command is empty"));
        };
        let mut command = Command::new(program);
        command.args(arguments);
        Ok(Script { command, name: format!("command `{program}`"), client: None })
    }

    /// Runs it. The password is what it prints, less line ends at both ends.
    pub(super) fn password(self) -> Result<Password, Failure> {
        self.password_within(LIMIT)
    }

    fn password_within(mut self, limit: Duration) -> Result<Password, Failure> {
        let name = format!("the vault password {}", self.name);
        if self.client.is_some() {
            self.command.stderr(Stdio::piped());
        }
        let ended = program::ask(&mut self.command, With::Person, limit)
            .map_err(|NoAnswer { reason, .. }| no_answer(&name, reason))?;
        if !ended.status.success() {
            return Err(self.refusal(&name, ended.status, &ended.stderr));
        }
        Password::from_output(&ended.stdout)
            .or_usage()
            .map_err(|failure| failure.fact(format!("{name} printed nothing")))
    }

    fn refusal(&self, name: &str, status: ExitStatus, complaint: &[u8]) -> Failure {
        let failure = match (&self.client, status.code()) {
            (Some(label), Some(UNKNOWN_LABEL)) => Failure::usage(format!("{name} knows no vault id `{label}`")),
            (_, Some(code)) => Failure::usage(format!("{name} failed with exit code {code}")),
            (_, None) => Failure::usage(format!("{name} was ended by a signal")),
        };
        let printable = |line: &str| line.chars().filter(|character| !character.is_control()).collect::<String>();
        String::from_utf8_lossy(complaint)
            .lines()
            .map(printable)
            .filter(|line| !line.trim().is_empty())
            .take(MAX_COMPLAINT_LINES)
            .fold(failure, Failure::fact)
    }
}

/// The program at `path`. Without a slash it would be looked for in `PATH`.
fn program(path: &Path) -> Command {
    match path.parent() {
        Some(parent) if parent != Path::new("") => Command::new(path),
        _ => Command::new(Path::new(".").join(path)),
    }
}

fn no_answer(name: &str, reason: Reason) -> Failure {
    match reason {
        Reason::NotStarted(error) => {
            let failure = Failure::usage(format!("cannot run {name}: {error}"));
            match error.kind() {
                ErrorKind::NotFound => failure,
                _ => failure.hint("if it is no script, remove its executable bit: `chmod -x FILE`"),
            }
        }
        Reason::TooSlow(limit) => Failure::usage(format!("{name} gave no answer in {} seconds", limit.as_secs()))
            .fact("it was ended")
            .hint("run it by hand to see what it waits for"),
        Reason::TooMuch => Failure::usage(format!("{name} printed more than 1 MiB: that is no password")),
        Reason::Lost(error) => Failure::unknown(format!("cannot tell how {name} ended: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_script_that_hangs_is_ended_and_so_is_one_whose_child_keeps_the_output_open() {
        for line in ["sleep 30", "sh -c 'echo password; sleep 30 & exit 0'"] {
            let start = Instant::now();
            let failure = Script::command(line).unwrap().password_within(Duration::from_millis(300)).err().unwrap();
            assert!(failure.message.contains("gave no answer"), "{failure}");
            assert!(start.elapsed() < Duration::from_secs(10));
        }
    }
}
