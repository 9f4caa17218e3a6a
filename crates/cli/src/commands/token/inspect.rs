//! `pullpass token inspect`

use clap::Args;
use jiff::Timestamp;
use pullpass_secrets::Secret;
use serde_json::json;

use super::{
    ask,
    host::Host,
    inspected::{Inspected, TO_PULL},
};
use crate::{
    commands::status,
    environment,
    failure::{Exit, Failure},
    output, prompt,
    refused::Retry,
    token_source::TokenSource,
    vault_password::VaultPassword,
    wait::Wait,
};

/// Tell what a token is, whether it is whole and alive, and whether it can pull
///
/// The token is read from standard input, or asked for on a terminal. Its characters tell its kind and whether it was copied
/// whole, without a network. Then GitHub is asked, once: whose it is, what it may do and when it ends.
#[derive(Args)]
#[command(after_help = "\
Exit codes: 0 nothing is wrong; 1 it is dead, not whole, or opens no package; 3 GitHub gave no answer.

Examples:
  pullpass token inspect < token.txt
  pullpass token inspect --token-from 'vault:inventory.yml#all.vars.iaas_console.ghcr_pat'
  pullpass token inspect --stored --json
  pullpass token inspect --offline < token.txt")]
pub(super) struct Inspect {
    /// Read the token from standard input, as also without this where that is no terminal
    #[arg(long, conflicts_with_all = ["token_from", "stored"])]
    password_stdin: bool,
    /// Where the token is: env:NAME, file:PATH, vault:FILE#KEYPATH, cmd:COMMAND and others
    #[arg(long, value_name = "SOURCE", conflicts_with = "stored")]
    token_from: Option<TokenSource>,
    #[command(flatten)]
    vault_password: VaultPassword,
    /// Every token that `pullpass status` knows on this host
    #[arg(long)]
    stored: bool,
    /// Ask nobody
    #[arg(long)]
    offline: bool,
    /// A GitHub Enterprise, by the host of its pages
    #[arg(long, value_name = "HOST", default_value = "github.com")]
    github_host: Host,
    #[command(flatten)]
    retry: Retry,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[arg(hide = true, num_args = 0..)]
    secret: Vec<String>,
}

impl Inspect {
    pub(super) fn run(mut self) -> Result<(), Failure> {
        prompt::refuse_arguments(&std::mem::take(&mut self.secret), "pullpass token inspect < token.txt")?;
        let key = environment::fingerprint_key();
        let (mut tokens, broken) = if self.stored {
            let (stored, broken) = status::stored()?;
            (stored.into_iter().map(|stored| Inspected::stored(stored, &self.github_host, &key)).collect(), broken)
        } else {
            let token = Inspected::given(self.token()?, &self.github_host, &[TO_PULL.to_owned()], &key);
            (vec![token], None)
        };
        if self.offline {
            let askable = tokens.iter_mut().filter(|token| token.is_askable());
            askable.for_each(|token| "nobody was asked".clone_into(&mut token.heard.said));
        } else {
            ask::ask(&mut tokens, &self.github_host, self.retry, Wait::default())?;
        }
        self.print(&tokens);
        // A definite no goes before what could not be found out.
        let mut useless = tokens.iter().filter_map(Inspected::failure);
        match (useless.next(), broken) {
            (Some(_), _) if self.json => Err(Failure::silent(Exit::No)),
            (Some(first), _) => Err(useless.fold(first, |failure, other| failure.fact(other.message))),
            (None, Some(exit)) => Err(Failure::silent(exit)),
            (None, None) if tokens.iter().any(|token| token.heard.is_missing) => Err(Failure::silent(Exit::Unknown)),
            (None, None) => Ok(()),
        }
    }

    fn token(&self) -> Result<Secret, Failure> {
        match &self.token_from {
            Some(source) => Ok(source.read(&self.vault_password)?.token),
            None if prompt::is_interactive() && !self.password_stdin => prompt::hidden("token"),
            None => prompt::secret_from_standard_input(),
        }
    }

    fn print(&self, tokens: &[Inspected]) {
        if self.json {
            output::json(&json!({ "tokens": tokens.iter().map(Inspected::to_json).collect::<Vec<_>>() }));
            return;
        }
        if tokens.is_empty() {
            output::say("there is no token in the stores of this user");
        }
        for (index, token) in tokens.iter().enumerate() {
            if index > 0 {
                output::data("");
            }
            token.print(Timestamp::now());
        }
    }
}
