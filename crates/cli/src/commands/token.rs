//! `pullpass token`: what a token is worth, and new ones: GitHub's, and those of a server.

mod ask;
mod github;
mod host;
mod inspect;
mod inspected;
mod kind;
#[cfg(feature = "serve")]
mod list;
mod new;
#[cfg(feature = "serve")]
mod revoke;
#[cfg(feature = "serve")]
mod rotate;

use clap::{Args, Subcommand};
use pullpass_secrets::Secret;

pub(crate) use github::show_page;
pub(crate) use host::Host;
pub(crate) use inspected::Inspected;

use crate::{environment, failure::Failure, refused::Retry, wait::Wait};

/// What is known of a token that is to pull, from its characters and from GitHub.
///
/// # Errors
/// Those of [`ask::ask`].
pub(crate) fn inspect_to_pull(token: Secret, host: &Host, retry: Retry, wait: Wait) -> Result<Inspected, Failure> {
    let wanted = [inspected::TO_PULL.to_owned()];
    let mut tokens = [Inspected::given(token, host, &wanted, &environment::fingerprint_key())];
    ask::ask(&mut tokens, host, retry, wait)?;
    let [token] = tokens;
    Ok(token)
}

/// Tell what a token is worth, have GitHub make one, and keep those of a server
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass token inspect < token.txt
  pullpass token new --at github --into-inventory inventory.yml --key-path all.vars.ghcr_pat
  pullpass token new --user octocat --note \"fleet\" --scope read:packages --expires 90d
  pullpass token list
  pullpass token rotate 3 --overlap 24h
  pullpass token revoke 3")]
pub(crate) struct Token {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    Inspect(Box<inspect::Inspect>),
    New(Box<new::New>),
    #[cfg(feature = "serve")]
    List(list::List),
    #[cfg(feature = "serve")]
    Rotate(rotate::Rotate),
    #[cfg(feature = "serve")]
    Revoke(revoke::Revoke),
}

impl Token {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            TokenCommand::Inspect(inspect) => inspect.run(),
            TokenCommand::New(new) => new.run(),
            #[cfg(feature = "serve")]
            TokenCommand::List(list) => list.run(),
            #[cfg(feature = "serve")]
            TokenCommand::Rotate(rotate) => rotate.run(),
            #[cfg(feature = "serve")]
            TokenCommand::Revoke(revoke) => revoke.run(),
        }
    }
}
