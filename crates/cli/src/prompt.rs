//! Asking a person, and reading what a program pipes in.

use std::{
    io::{ErrorKind, IsTerminal, Read},
    path::Path,
};

use pullpass_secrets::{
    Secret, file,
    token::{self, Kind},
};
use rpassword::ConfigBuilder;
use zeroize::Zeroizing;

use crate::{
    failure::{Exit, Failure, OrFail},
    output,
};

/// More than any secret has; a wrong file piped in ends here instead of filling memory.
const MAX_SECRET: u64 = 1024 * 1024;

/// Asks for a secret without showing it.
///
/// # Errors
/// There is no terminal to ask on.
pub(crate) fn hidden(question: &str) -> Result<Secret, Failure> {
    ask(question, ConfigBuilder::new())
}

/// Asks for something that may be seen while it is typed.
///
/// # Errors
/// There is no terminal to ask on.
pub(crate) fn shown(question: &str) -> Result<Secret, Failure> {
    // No mask before this many characters.
    ask(question, ConfigBuilder::new().password_feedback_partial_mask('*', usize::MAX))
}

fn ask(question: &str, how: ConfigBuilder) -> Result<Secret, Failure> {
    rpassword::prompt_password_with_config(format!("{question}: "), how.build()).map(Secret::new).map_err(|error| {
        match error.kind() {
            ErrorKind::Interrupted => Failure::silent(Exit::Interrupted),
            _ => Failure::usage(format!("cannot ask for the {question}: {error}")),
        }
    })
}

/// Asks for a new secret twice.
///
/// # Errors
/// The two answers differ, or there is no terminal.
pub(crate) fn hidden_twice(question: &str) -> Result<Secret, Failure> {
    let first = hidden(question)?;
    if first == hidden(&format!("{question} again"))? {
        Ok(first)
    } else {
        Err(Failure::usage("the two answers differ"))
    }
}

/// Asks a question that is answered with yes or no; anything but yes is no.
///
/// # Errors
/// There is nobody to ask.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    let answer = shown(&format!("{question} (yes or no)"))?;
    Ok(matches!(answer.reveal().trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Whether a person sits at standard input.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal()
}

/// Everything on standard input.
///
/// # Errors
/// It cannot be read, or is larger than any secret.
pub(crate) fn standard_input() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    std::io::stdin().lock().take(MAX_SECRET + 1).read_to_end(&mut bytes).or_unknown()?;
    if bytes.len() as u64 > MAX_SECRET {
        return Err(Failure::usage("standard input is larger than 1 MiB: that is no secret"));
    }
    Ok(bytes)
}

/// A secret piped in, less the one line end that `echo` adds, as `docker login --password-stdin` reads it.
///
/// # Errors
/// It is empty or no text.
pub(crate) fn secret_from_standard_input() -> Result<Secret, Failure> {
    piped_secret(&standard_input()?)
}

/// The secret in what was piped in, see [`secret_from_standard_input`].
///
/// # Errors
/// It is empty or no text.
pub(crate) fn piped_secret(bytes: &[u8]) -> Result<Secret, Failure> {
    let secret = text(bytes).ok_or_else(|| Failure::usage("the secret on standard input is not UTF-8 text"))?;
    if secret.reveal().is_empty() {
        return Err(Failure::usage("there is no secret on standard input"));
    }
    Ok(secret)
}

/// A small file that the person named for a secret. It may be a pipe, as a shell's `<(…)` makes; nothing else that is no
/// file is read. `None` when there is none.
///
/// # Errors
/// It cannot be read, everybody may write it, or it is larger than any secret.
pub(crate) fn secret_file(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    if !is_pipe(path) {
        if let Some(mode) = file::mode(path)?.filter(|mode| mode & 0o044 != 0) {
            output::warn(format_args!("other users may read `{}` (mode {mode:04o})", path.display()));
        }
        return Ok(file::read(path)?.map(Zeroizing::new));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    std::fs::File::open(path).and_then(|pipe| pipe.take(MAX_SECRET).read_to_end(&mut bytes)).or_unknown()?;
    Ok(Some(bytes))
}

/// Whether a path leads to a pipe, as a shell's `<(…)` makes.
pub(crate) fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// `bytes` as text, without one trailing line end.
pub(crate) fn text(bytes: &[u8]) -> Option<Secret> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_suffix('\n').map_or(text, |rest| rest.strip_suffix('\r').unwrap_or(rest));
    Some(Secret::new(text.to_owned()))
}

/// A secret as an argument is in the shell's history and in the process list by now.
pub(crate) fn refuse_arguments(arguments: &[String], instead: &str) -> Result<(), Failure> {
    if arguments.is_empty() {
        return Ok(());
    }
    Err(Failure::usage("a secret does not belong on a command line")
        .fact("other users can read it in the process list, and the shell keeps it in its history")
        .fact("if that was a token, treat it as leaked: revoke it and make a new one")
        .hint(format!("pipe it in or be asked for it: `{instead}`")))
}

/// A secret to store: piped in, or asked for twice.
pub(crate) fn new_secret(what: &str) -> Result<Secret, Failure> {
    let secret = if is_interactive() { hidden_twice(what)? } else { secret_from_standard_input()? };
    check_new(&secret, what)?;
    Ok(secret)
}

/// A token that is visibly broken is stored all the same, because it may be meant, but not silently.
///
/// # Errors
/// There is nothing to store.
pub(crate) fn check_new(secret: &Secret, what: &str) -> Result<(), Failure> {
    if secret.reveal().is_empty() {
        return Err(Failure::usage(format!("the {what} is empty")));
    }
    if Kind::of(secret) != Kind::Unknown
        && let Err(problem) = token::check(secret)
    {
        output::warn(problem);
    }
    Ok(())
}
