//! The command line. Values that could be a secret typed in the wrong place are never repeated.

use clap::{
    CommandFactory, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use pullpass_secrets::{Secret, token::Kind};

use crate::{
    commands::Command,
    failure::{Exit, Failure},
    output,
};

/// Authenticate Docker and Podman to ghcr.io and any OCI registry, and prove it.
#[derive(Parser)]
#[command(name = "pullpass", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "\
Exit codes: 0 done; 1 the answer is no; 2 wrong usage or input; 3 could not find out.

Examples:
  pullpass demo
  pullpass login -u octocat --password-stdin < token.txt
  pullpass verify ghcr.io/octocat/app:v1
  pullpass logout --all")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The whole command line as clap sees it, for completions and man pages.
pub(crate) fn definition() -> clap::Command {
    Arguments::command()
}

/// Reads the command line. Nothing is left to do after `--help` and `--version`, which are printed here.
pub(crate) fn parse() -> Result<Option<Arguments>, Failure> {
    let error = match Arguments::try_parse() {
        Ok(arguments) => return Ok(Some(arguments)),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output::data(error.render().ansi().to_string().trim_end());
            Ok(None)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output::say(error.render().ansi().to_string().trim_end());
            Err(Failure::silent(Exit::Usage))
        }
        _ => Err(usage(&error)),
    }
}

/// Positional values that are shown back to the person when they cannot be read; nobody looks for a secret's place here.
const SHOWN: [&str; 6] = ["[REGISTRY]", "[REGISTRY|REFERENCE]", "[REFERENCE]...", "<FILE>", "<KEY_PATH>", "<PACKAGE>"];

/// Clap repeats the word that it could not place. That word may be a secret which somebody pasted, so words that are
/// neither an option nor in a place where a secret is unlikely are left out of the message.
fn usage(error: &clap::Error) -> Failure {
    let place = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(name)) if error.kind() == ErrorKind::ValueValidation => name.as_str(),
        _ => "",
    };
    let is_shown = |word: &String| {
        is_command(word) || (SHOWN.contains(&place) && Kind::of(&Secret::new(word.clone())) == Kind::Unknown)
    };
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).flat_map(|word| match word
        .split_once('=')
        .filter(|_| word.starts_with('-'))
    {
        Some((_, value)) => vec![value.to_owned()],
        None if word.starts_with("--") => Vec::new(),
        None => vec![word],
    });
    let hidden: Vec<String> = words.filter(|word| word.len() >= 4 && !is_shown(word)).collect();
    let text = hidden.iter().fold(error.render().to_string(), |text, word| text.replace(word.as_str(), "…"));
    let mut lines = text.trim_start_matches("error: ").lines().map(str::trim).filter(|line| !line.is_empty());
    let mut failure = Failure::usage(lines.next().unwrap_or("wrong usage"));
    failure.facts = lines.map(str::to_owned).collect();
    failure
}

/// Whether a word is the name of a command, which may be repeated.
fn is_command(word: &str) -> bool {
    fn has(command: &clap::Command, word: &str) -> bool {
        command
            .get_subcommands()
            .any(|sub| sub.get_name() == word || sub.get_all_aliases().any(|alias| alias == word) || has(sub, word))
    }
    has(&definition(), word)
}
