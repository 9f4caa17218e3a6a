//! Runs a program on a terminal of its own and answers its questions, as a person does.
//!
//! A program that asks for a password opens `/dev/tty`, and throws away what was typed before it asked: so each answer is
//! typed when its question is there.

use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::run::{Ran, Signal, exit_code, signal_group, wait};

/// From the start to the last answer, and again from there to the end.
const LIMIT: Duration = Duration::from_secs(30);

/// Makes `command`, which has to be util-linux's `script`, run bash with the script at `path` on a new terminal.
pub fn bash(command: &mut Command, path: &Path) {
    command.args(["--quiet", "--flush", "--return", "--command"]);
    command.arg(format!("bash '{}'", path.display())).arg("/dev/null");
}

/// Runs a command that [`bash`] has prepared. `answers` are what is on the screen when it is time to type, and what is
/// typed then, in their order. What the program shows is in `stdout`, with plain line ends. The code is -1 when a question
/// does not come or the program does not end; `stderr` says which.
pub fn converse(command: &mut Command, answers: &[(&str, &str)]) -> Ran {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("`{name}` does not start: {error}"));
    let mut keyboard = child.stdin.take().expect("a piped standard input");
    let mut screen = child.stdout.take().expect("a piped standard output");
    let (send, shown) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = screen.read(&mut buffer) {
            if send.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).is_err() {
                break;
            }
        }
    });

    let (mut stdout, mut seen) = (String::new(), 0);
    let mut missing = String::new();
    let deadline = Instant::now() + LIMIT;
    'answers: for (question, answer) in answers {
        loop {
            if let Some(at) = stdout[seen..].find(question) {
                seen += at + question.len();
                break;
            }
            match shown.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(text) => stdout.push_str(&text),
                Err(_) => {
                    missing = format!("`{question}` was never asked");
                    signal_group(&child, Signal::HUP);
                    break 'answers;
                }
            }
        }
        // Some programs ask first and hide what is typed a moment later.
        thread::sleep(Duration::from_millis(50));
        if keyboard.write_all(format!("{answer}\n").as_bytes()).is_err() {
            missing = format!("nobody was there for the answer to `{question}`");
            break;
        }
    }
    let status = wait(&mut child, LIMIT);
    if status.is_none() {
        signal_group(&child, Signal::KILL);
        drop(child.wait());
        missing.push_str(&format!("it still ran after {LIMIT:?}"));
    }
    stdout.extend(shown.iter());
    // A question that is missing is a failure, however the program takes it.
    let code = status.filter(|_| missing.is_empty()).map_or(-1, exit_code);
    Ran { command: name, code, stdout: stdout.replace("\r\n", "\n"), stderr: missing }
}
