//! How a command fails: what a person reads, and the exit code.

use std::{fmt, path::Path};

use pullpass_secrets::file::{FileError, journal::JournalError};

/// The exit codes of every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The answer is no: not logged in, refused, a step did not hold.
    No,
    /// Wrong usage, or input that cannot be used.
    Usage,
    /// The answer could not be found out: network, I/O.
    Unknown,
    /// The person pressed Ctrl-C; the code is what shells expect for it.
    Interrupted,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::Unknown => 3,
            Exit::Interrupted => 130,
        }
    }
}

/// An error as the style guide has it: what, why, and the command to run next. None of its texts may hold a secret.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// A lowercase fragment that names the thing, without a period. Empty when the command has printed its answer.
    pub(crate) message: String,
    /// Shown indented under the message.
    pub(crate) facts: Vec<String>,
    /// What to run next.
    pub(crate) hints: Vec<String>,
}

impl Failure {
    pub(crate) fn no(message: impl Into<String>) -> Failure {
        Failure::new(Exit::No, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    pub(crate) fn unknown(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Unknown, message)
    }

    /// For a command that has said everything on its own and only has to end with a code.
    pub(crate) fn silent(exit: Exit) -> Failure {
        Failure::new(exit, String::new())
    }

    fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), facts: Vec::new(), hints: Vec::new() }
    }

    pub(crate) fn fact(mut self, fact: impl Into<String>) -> Failure {
        self.facts.push(fact.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Failure {
        let exit = if matches!(error, FileError::Io { .. }) { Exit::Unknown } else { Exit::Usage };
        let failure = with_causes(exit, &error);
        match &error {
            FileError::Interrupted { journal, .. } => failure.hint(finish(journal)),
            _ => failure,
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Failure {
        let exit = if is_input(&error) { Exit::Usage } else { Exit::Unknown };
        let failure = with_causes(exit, &error);
        match cause(&error) {
            JournalError::Interrupted(journal) => failure.hint(finish(journal)),
            JournalError::NotCleaned { journal, .. } => {
                failure.hint(format!("finish it with {}", next("resume", journal)))
            }
            JournalError::NotUndone { journal, .. } | JournalError::NotCommitted(journal) => {
                failure.hint(undo(journal))
            }
            JournalError::Edited { .. } => {
                failure.hint("`--resume` instead of `--rollback`, or the other way round, keeps that edit")
            }
            JournalError::Changed(_) => failure.hint("run the same command again"),
            _ => failure,
        }
    }
}

fn cause(error: &JournalError) -> &JournalError {
    if let JournalError::Undone(cause) = error { cause } else { error }
}

/// Whether what was given cannot be used, and not a system or a moment that was against us.
fn is_input(error: &JournalError) -> bool {
    match cause(error) {
        JournalError::File(error) | JournalError::NoJournal(error) => !matches!(error, FileError::Io { .. }),
        JournalError::Random(_)
        | JournalError::Changed(_)
        | JournalError::Missing { .. }
        | JournalError::NotUndone { .. }
        | JournalError::NotCleaned { .. } => false,
        _ => true,
    }
}

/// What to do about an interrupted change of many files that has left this journal.
pub(crate) fn finish(journal: &Path) -> String {
    format!("finish it with {}, or undo it with `--rollback` instead", next("resume", journal))
}

/// What to do about one that cannot be finished.
pub(crate) fn undo(journal: &Path) -> String {
    format!("undo it with {}", next("rollback", journal))
}

fn next(option: &str, journal: &Path) -> String {
    format!("`pullpass inventory rekey --{option} {}`", journal.parent().unwrap_or(journal).display())
}

/// Adds what a library cannot know: which exit code its error means here.
pub(crate) trait OrFail<T> {
    /// Wrong usage or input.
    fn or_usage(self) -> Result<T, Failure>;
    /// Could not find out.
    fn or_unknown(self) -> Result<T, Failure>;
}

impl<T, E: std::error::Error> OrFail<T> for Result<T, E> {
    fn or_usage(self) -> Result<T, Failure> {
        self.map_err(|error| with_causes(Exit::Usage, &error))
    }

    fn or_unknown(self) -> Result<T, Failure> {
        self.map_err(|error| with_causes(Exit::Unknown, &error))
    }
}

/// The error as the message, what caused it as facts.
fn with_causes(exit: Exit, error: &dyn std::error::Error) -> Failure {
    let mut lines = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !lines.contains(&text) {
            lines.push('\n');
            lines.push_str(&text);
        }
        source = cause.source();
    }
    let mut lines = lines.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
    let mut failure = Failure::new(exit, lines.next().unwrap_or_default());
    failure.facts = lines.collect();
    failure
}
