//! `pullpass helper`, and the same program as `docker-credential-pullpass`.

mod import;
mod install;
mod key;
mod link;
mod protocol;
mod sealed;
mod uninstall;

use std::{path::Path, process::ExitCode};

use clap::{Args, Subcommand};

use crate::failure::{Exit, Failure};

/// The name under which Docker, Podman and Skopeo start a helper that their files call `pullpass`.
const NAME: &str = "docker-credential-pullpass";

/// Keep logins encrypted, as a credential helper of Docker, Podman and Skopeo
///
/// Under the name `docker-credential-pullpass` this program answers the engines. It keeps each secret encrypted in
/// ~/.local/share/pullpass/credentials and needs neither GPG nor D-Bus. Its key is, in this order: what the command in
/// PULLPASS_KEY_COMMAND prints; the systemd credential `pullpass.key`; ~/.local/state/pullpass/helper.key, made on first use.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass helper install
  pullpass helper list
  echo ghcr.io | docker-credential-pullpass erase")]
pub(crate) struct Helper {
    #[command(subcommand)]
    command: HelperCommand,
}

#[derive(Subcommand)]
enum HelperCommand {
    Install(install::Install),
    Uninstall(uninstall::Uninstall),
    Import(import::Import),
    /// Print the credential of the server on standard input
    #[command(after_help = "Examples:\n  echo ghcr.io | pullpass helper get")]
    Get,
    /// Store the credential on standard input
    #[command(
        after_help = "Examples:\n  pullpass helper store < credential.json   # {\"ServerURL\":\"ghcr.io\",\"Username\":\"octocat\",\"Secret\":\"…\"}"
    )]
    Store,
    /// Remove the credential of the server on standard input
    #[command(after_help = "Examples:\n  echo ghcr.io | pullpass helper erase")]
    Erase,
    /// Print every server with its user
    #[command(after_help = "Examples:\n  pullpass helper list")]
    List,
    /// Print the version as helpers do
    #[command(after_help = "Examples:\n  pullpass helper version")]
    Version,
}

impl Helper {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let action = match self.command {
            HelperCommand::Install(command) => return command.run(),
            HelperCommand::Uninstall(command) => return command.run(),
            HelperCommand::Import(command) => return command.run(),
            HelperCommand::Get => protocol::Action::Get,
            HelperCommand::Store => protocol::Action::Store,
            HelperCommand::Erase => protocol::Action::Erase,
            HelperCommand::List => protocol::Action::List,
            HelperCommand::Version => protocol::Action::Version,
        };
        if protocol::run(action) { Ok(()) } else { Err(Failure::silent(Exit::No)) }
    }
}

/// Answers an engine, if this program was started under the helper's name.
pub(crate) fn as_helper() -> Option<ExitCode> {
    let mut words = std::env::args_os();
    let name = words.next()?;
    if Path::new(&name).file_name()? != NAME {
        return None;
    }
    let words: Vec<_> = words.collect();
    Some(if protocol::run_words(&words) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
