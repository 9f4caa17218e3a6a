//! Runs another program to its end, within a time.

use std::{
    io::{Read, Write},
    os::unix::process::CommandExt,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use crate::failure::{Failure, OrFail};

/// More than any credential has.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// How often a program that has closed its output is looked at.
const PAUSE: Duration = Duration::from_millis(2);

/// How a program ended, and what it printed.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: Zeroizing<Vec<u8>>,
}

/// Runs `command` with `input`, which is smaller than a pipe, and after `limit` kills it with all that it started: as its
/// standard error is ours, what lives on could be waited for by whoever started us.
pub(super) fn run(command: &mut Command, input: &[u8], limit: Duration) -> Result<Ended, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let deadline = Instant::now() + limit;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| Failure::usage(format!("cannot run `{name}`: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program need not read it.
        let _ = stdin.write_all(input);
    }
    let (send, printed) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        // Beside us, because a program that hangs keeps its output open, and so may one that it started.
        thread::spawn(move || {
            let mut bytes = Zeroizing::new(Vec::new());
            let _ = stdout.take(MAX_OUTPUT).read_to_end(&mut bytes);
            let _ = send.send(bytes);
        });
    }
    if let Ok(stdout) = printed.recv_timeout(limit) {
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait().or_unknown()? {
                return Ok(Ended { status, stdout });
            }
            thread::sleep(PAUSE);
        }
    }
    // It may have ended by itself meanwhile.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let _ = child.wait();
    Err(Failure::unknown(format!("`{name}` gave no answer in {} seconds and was ended", limit.as_secs())))
}
