//! Programs that print a vault password. Only those that the person's options, environment or `ansible.cfg` name are run.

use std::{
    io::{ErrorKind, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use pullpass_secrets::vault::Password;
use zeroize::Zeroizing;

use crate::failure::{Failure, OrFail};

/// How long a script may take; it may be asking a person.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a script that has closed its output is looked at.
const PAUSE: Duration = Duration::from_millis(5);
/// More than any password has.
const MAX_OUTPUT: u64 = 1024 * 1024;
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
        self.command.stdout(Stdio::piped());
        if self.client.is_some() {
            self.command.stderr(Stdio::piped());
        }
        let mut child = self.command.spawn().map_err(|error| {
            let failure = Failure::usage(format!("cannot run {name}: {error}"));
            match error.kind() {
                ErrorKind::NotFound => failure,
                _ => failure.hint("if it is no script, remove its executable bit: `chmod -x FILE`"),
            }
        })?;
        let (printed, complaint) = (child.stdout.take().map(collect), child.stderr.take().map(collect));
        let deadline = Instant::now() + limit;
        let ended = printed.and_then(|printed| receive(&printed, deadline)).zip(wait(&mut child, deadline));
        let Some((printed, status)) = ended else {
            // It may have ended by itself meanwhile.
            let _ = child.kill();
            let _ = child.wait();
            return Err(Failure::usage(format!("{name} gave no answer in {} seconds", limit.as_secs()))
                .fact("it was ended")
                .hint("run it by hand to see what it waits for"));
        };
        if !status.success() {
            let complaint = complaint.and_then(|complaint| receive(&complaint, deadline)).unwrap_or_default();
            return Err(self.refusal(&name, status, &complaint));
        }
        if printed.len() as u64 > MAX_OUTPUT {
            return Err(Failure::usage(format!("{name} printed more than 1 MiB: that is no password")));
        }
        Password::from_output(&printed).or_usage().map_err(|failure| failure.fact(format!("{name} printed nothing")))
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

/// Reads to the end beside us, because a program that hangs keeps its output open, and so may one that it started.
fn collect(from: impl Read + Send + 'static) -> Receiver<Zeroizing<Vec<u8>>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::new());
        // What cannot be read is missing from what is there; nobody waits any more when nobody receives.
        let _ = from.take(MAX_OUTPUT + 1).read_to_end(&mut bytes);
        let _ = send.send(bytes);
    });
    receive
}

fn receive(from: &Receiver<Zeroizing<Vec<u8>>>, deadline: Instant) -> Option<Zeroizing<Vec<u8>>> {
    from.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
}

fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(PAUSE),
            _ => return None,
        }
    }
}

/// The words of a command line: blanks part them, quotes and backslashes keep them together as in a shell. `None` when a
/// quote is left open.
pub(crate) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().push(characters.next()?),
            (Some('"'), '\\') => {
                let next = characters.next()?;
                let kept = if "\"\\$`".contains(next) { "" } else { "\\" };
                word.get_or_insert_default().extend(kept.chars().chain([next]));
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_command_line_is_split_as_a_shell_splits_it() {
        let split = |line| words(line).unwrap();
        assert_eq!(
            split(r#" pass  show 'a b' "c \"d" e\ f '' g"h"'i' "#),
            ["pass", "show", "a b", "c \"d", "e f", "", "ghi"]
        );
        assert_eq!(split(r#"-c "s/\d\"/\\x\$/" a\b"#), ["-c", r#"s/\d"/\x$/"#, "ab"]);
        assert_eq!(split("$HOME `id` * ; a|b"), ["$HOME", "`id`", "*", ";", "a|b"]);
        assert_eq!((words("a 'b"), words("a \\")), (None, None));
    }
}
