//! Ansible ends with the pullpass that has started it, also when that one is killed: it must not go on beside the next run, nor wait
//! for ever for a password that nobody gives it any more. Only Linux has this.
//!
//! The system is asked for it by the process that it is about, before that becomes Ansible. So this program starts itself first.

use std::{
    env,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitCode},
};

use rustix::process::getppid;

use super::not_started;
use crate::output;

/// What this program is called until it becomes Ansible.
const NAME: &str = "pullpass-becomes-ansible";

/// What starts a program of Ansible's.
pub(super) fn command(program: &Path) -> Command {
    if !cfg!(target_os = "linux") {
        return Command::new(program);
    }
    // Also when there is another version of this program in its place by now.
    let mut command = Command::new("/proc/self/exe");
    command.arg0(NAME).arg(std::process::id().to_string()).arg(program);
    command
}

/// Becomes Ansible, if this program was started for that.
pub(crate) fn as_ansible() -> Option<ExitCode> {
    let mut words = env::args_os();
    if words.next()? != NAME {
        return None;
    }
    let (parent, program) = (words.next()?, words.next()?);
    end_with_parent();
    // It may have ended before that.
    let is_there = getppid().is_some_and(|pid| *pid.as_raw_nonzero().to_string() == *parent);
    if is_there {
        output::failure(&not_started(Command::new(program).args(words).exec()));
    }
    Some(ExitCode::FAILURE)
}

#[cfg(target_os = "linux")]
fn end_with_parent() {
    // A kernel without it is no reason to do nothing.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent() {}
