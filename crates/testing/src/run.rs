//! Runs a program to its end: bounded in time, with nothing inherited, and everything it said kept.

use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;
pub use rustix::process::Signal;

/// Long enough for an engine on a busy machine of two cores; a program that needs more hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// How a program ended and what it wrote.
#[derive(Debug)]
pub struct Ran {
    /// The program with its arguments, to name it in a failure.
    pub command: String,
    /// The exit code, or 128 + the number of the signal that ended it, as a shell has it.
    pub code: i32,
    /// Standard output, invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error, invalid UTF-8 replaced.
    pub stderr: String,
}

impl Ran {
    /// Standard output of a program that has to succeed; panics with all that it said if it did not.
    #[track_caller]
    pub fn expect_success(self) -> String {
        assert!(self.code == 0, "{self}");
        self.stdout
    }

    /// Standard output and error together, for clients that differ in where they put a message.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "`{}` ended with {}", self.command, self.code)?;
        writeln!(f, "stdout: {}", self.stdout.trim_end())?;
        write!(f, "stderr: {}", self.stderr.trim_end())
    }
}

/// Runs `command` with empty standard input.
pub fn run(command: &mut Command) -> Ran {
    run_with_input(command, "")
}

/// Runs `command` with `input` as standard input, and ends it with its whole process group after two minutes.
pub fn run_with_input(command: &mut Command, input: &str) -> Ran {
    let name = spelled(command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("`{name}` does not start: {error}"));

    let mut stdin = child.stdin.take().expect("a piped standard input");
    let input = input.to_owned();
    // A program may end without reading its input; the broken pipe is no failure of the test.
    let writer = thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let stdout = collect(child.stdout.take().expect("a piped standard output"));
    let stderr = collect(child.stderr.take().expect("a piped standard error"));

    let status = wait(&mut child, LIMIT);
    if status.is_none() {
        signal_group(&child, Signal::KILL);
        child.wait().expect("a child of ours");
    }
    writer.join().expect("the writer does not panic");
    let (stdout, stderr) = (stdout.join().expect("no panic"), stderr.join().expect("no panic"));
    let code = match status {
        Some(status) => exit_code(status),
        None => panic!("`{name}` still ran after {LIMIT:?}\nstdout: {stdout}\nstderr: {stderr}"),
    };
    Ran { command: name, code, stdout, stderr }
}

/// Waits for `child` to end by itself; `None` when it has not within `limit`.
pub fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return Some(status);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Sends `signal` to `child` alone. A child that has ended is no error.
pub fn signal(child: &Child, signal: Signal) {
    let _ended_already = rustix::process::kill_process(Pid::from_child(child), signal);
}

/// Sends `signal` to the process group that `child` leads, as a terminal does for Ctrl-C.
pub fn signal_group(child: &Child, signal: Signal) {
    let _ended_already = rustix::process::kill_process_group(Pid::from_child(child), signal);
}

/// The exit code of `status`, or 128 + the number of the signal, as a shell has it.
pub fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// The command as a person would read it; for messages, not for a shell.
fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error still helps to understand a failure.
        drop(from.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
