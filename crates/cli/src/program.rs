//! Runs another program to its end, within a time.

use std::{
    io::{self, ErrorKind, Read, Write},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use crate::{environment, failure::Failure};

/// More than any credential has.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// What most programs print stays in one place in memory, from which it is wiped.
const USUAL_OUTPUT: usize = 16 * 1024;
/// How often a program that has closed its output is looked at.
const PAUSE: Duration = Duration::from_millis(2);
/// How long the complaint of a program that has ended is waited for: what it started may keep that open.
const GRACE: Duration = Duration::from_millis(200);

/// How a program ended, and what it printed.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Zeroizing<Vec<u8>>,
    /// Empty unless the command says that its standard error is piped; otherwise that goes where ours goes.
    pub(crate) stderr: Zeroizing<Vec<u8>>,
}

/// Whom a program may speak with while it runs.
pub(crate) enum With<'a> {
    /// Nobody: it reads these bytes, and is ended with all that it started. As its standard error is ours, what lives on
    /// could be waited for by whoever started us.
    Input(&'a [u8]),
    /// The person at our terminal. It stays among the programs that Ctrl-C ends, and alone is ended by us. Its standard
    /// input is what the command says.
    Person,
}

/// A program that gave no answer, by its name.
pub(crate) struct NoAnswer {
    pub(crate) program: String,
    pub(crate) reason: Reason,
}

/// Why a program gave no answer.
pub(crate) enum Reason {
    /// It is not there, or is no program.
    NotStarted(io::Error),
    /// It took longer than this, and was ended.
    TooSlow(Duration),
    /// More than 1 MiB.
    TooMuch,
    /// The system does not say how it ended.
    Lost(io::Error),
}

impl From<NoAnswer> for Failure {
    fn from(NoAnswer { program, reason }: NoAnswer) -> Failure {
        match reason {
            Reason::NotStarted(error) if error.kind() == ErrorKind::NotFound => {
                Failure::usage(format!("cannot run `{program}`: it is not installed"))
            }
            Reason::NotStarted(error) => Failure::usage(format!("cannot run `{program}`: {error}")),
            Reason::TooSlow(limit) => {
                Failure::unknown(format!("`{program}` gave no answer in {} seconds and was ended", limit.as_secs()))
            }
            Reason::TooMuch => Failure::usage(format!("`{program}` printed more than 1 MiB: that is no secret")),
            Reason::Lost(error) => Failure::unknown(format!("cannot tell how `{program}` ended: {error}")),
        }
    }
}

/// Where a program is on `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = environment::variable("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|candidate| {
        candidate.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    })
}

/// Runs `command` with `input`, as [`With::Input`] has it.
pub(crate) fn run(command: &mut Command, input: &[u8], limit: Duration) -> Result<Ended, Failure> {
    Ok(ask(command, With::Input(input), limit)?)
}

/// Runs `command`, and ends it after `limit`.
///
/// # Errors
/// It gave no answer. How it ended is no error of this function.
pub(crate) fn ask(command: &mut Command, with: With, limit: Duration) -> Result<Ended, NoAnswer> {
    let program = command.get_program().to_string_lossy().into_owned();
    run_until(command, &with, limit).map_err(|reason| NoAnswer { program, reason })
}

fn run_until(command: &mut Command, with: &With, limit: Duration) -> Result<Ended, Reason> {
    let deadline = Instant::now() + limit;
    for name in environment::hidden() {
        command.env_remove(name);
    }
    if let With::Input(_) = with {
        command.stdin(Stdio::piped()).process_group(0);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(Reason::NotStarted)?;
    if let (With::Input(input), Some(stdin)) = (with, child.stdin.take()) {
        write(stdin, input);
    }
    let printed = child.stdout.take().map(collect);
    let complained = child.stderr.take().map(collect);
    let stdout = printed.and_then(|printed| receive(&printed, deadline));
    let status = if stdout.is_some() { wait(&mut child, deadline)? } else { None };
    let Some((stdout, status)) = stdout.zip(status) else {
        end(&mut child, with);
        return Err(Reason::TooSlow(limit));
    };
    if stdout.len() as u64 > MAX_OUTPUT {
        return Err(Reason::TooMuch);
    }
    let grace = deadline.min(Instant::now() + GRACE);
    let stderr = complained.and_then(|complained| receive(&complained, grace)).unwrap_or_default();
    Ok(Ended { status, stdout, stderr })
}

/// Writes beside us, because a program need not read what it is given. Then it sees the end.
fn write(mut stdin: impl Write + Send + 'static, input: &[u8]) {
    if !input.is_empty() {
        let input = Zeroizing::new(input.to_vec());
        thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
    }
}

/// Reads to the end beside us, because a program that hangs keeps its output open, and so may one that it started.
fn collect(from: impl Read + Send + 'static) -> Receiver<Zeroizing<Vec<u8>>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(USUAL_OUTPUT));
        // What cannot be read is missing from what is there; nobody waits any more when nobody receives.
        let _ = from.take(MAX_OUTPUT + 1).read_to_end(&mut bytes);
        let _ = send.send(bytes);
    });
    receive
}

fn receive(from: &Receiver<Zeroizing<Vec<u8>>>, deadline: Instant) -> Option<Zeroizing<Vec<u8>>> {
    from.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
}

fn wait(child: &mut Child, deadline: Instant) -> Result<Option<ExitStatus>, Reason> {
    loop {
        if let Some(status) = child.try_wait().map_err(Reason::Lost)? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}

/// It may have ended by itself meanwhile.
fn end(child: &mut Child, with: &With) {
    let _ = match with {
        With::Input(_) => kill_process_group(Pid::from_child(child), Signal::KILL).map_err(io::Error::from),
        With::Person => child.kill(),
    };
    let _ = child.wait();
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

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn fails(script: &str) -> Reason {
        ask(&mut shell(script), With::Input(b""), Duration::from_millis(300)).err().unwrap().reason
    }

    #[test]
    fn a_program_reads_its_input_and_both_its_outputs_are_kept() {
        let input = "x".repeat(200_000);
        let ended =
            run(shell("cat; echo why >&2; exit 3").stderr(Stdio::piped()), input.as_bytes(), Duration::from_secs(20))
                .unwrap();
        assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(3), input.as_bytes()));
        assert_eq!(ended.stderr.as_slice(), b"why\n");
    }

    #[test]
    fn a_program_need_not_read_its_input() {
        let input = vec![b'x'; 200_000];
        assert!(run(&mut shell("exit 0"), &input, Duration::from_secs(20)).unwrap().status.success());
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_what_it_started() {
        for script in ["sleep 30", "echo secret; sleep 30 & exit 0", "exec >&-; sleep 30"] {
            let start = Instant::now();
            assert!(matches!(fails(script), Reason::TooSlow(_)), "{script}");
            assert!(start.elapsed() < Duration::from_secs(10));
        }
        let directory = tempfile::tempdir().unwrap();
        let pid = directory.path().join("pid");
        fails(&format!("sleep 30 & echo $! > '{}'; wait", pid.display()));
        let pid = std::fs::read_to_string(pid).unwrap();
        let lives = || {
            // A zombie that nobody has waited for yet counts as ended.
            std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z"))
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while lives() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        assert!(!lives(), "the program that it started lives on");
    }

    #[test]
    fn a_program_that_prints_without_end_or_is_not_there_gives_no_answer() {
        let endless = ask(&mut shell("yes"), With::Input(b""), Duration::from_secs(20)).err().unwrap();
        assert!(matches!(endless.reason, Reason::TooMuch));
        let missing = run(&mut Command::new("no-such-program"), b"", Duration::from_secs(1)).err().unwrap();
        assert_eq!(missing.message, "cannot run `no-such-program`: it is not installed");
    }

    #[test]
    fn an_open_standard_error_does_not_hold_the_answer_up() {
        let start = Instant::now();
        let mut command = shell("echo secret; sleep 5 >/dev/null & exit 0");
        let ended = run(command.stderr(Stdio::piped()), b"", Duration::from_secs(20)).unwrap();
        assert_eq!(ended.stdout.as_slice(), b"secret\n");
        assert!(start.elapsed() < Duration::from_secs(4));
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
