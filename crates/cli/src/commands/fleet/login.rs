//! `pullpass fleet login`

use clap::Args;
use jiff::Timestamp;
use pullpass_secrets::token;
use serde_json::json;

use super::{gather::Gather, print, pulls::Pulls};
use crate::{
    ansible::{Ansible, Play},
    failure::{Failure, OrFail},
    prompt,
    token_source::{Found, TokenSource},
};

/// Log the users of every host in, with the token of the inventory, and prove it
///
/// A second run changes nothing, and asks the registry all the same. Podman's logins stay over a reboot.
#[derive(Args)]
#[command(after_help = "\
Exit codes: 0 all are logged in; 1 one is not; 3 a host could not be reached.

Examples:
  pullpass fleet login -i inventory.yml --image ghcr.io/octo-org/app:v1
  pullpass fleet login -i inventory.yml --install --user root --user deploy
  pullpass fleet login -i inventory.yml -u octocat --token-from file:new.token --limit canary -- --diff")]
pub(super) struct Login {
    /// The user of the registry, instead of the inventory's
    #[arg(long, short)]
    username: Option<String>,
    /// Where the token is, instead of in the inventory: env:NAME, file:PATH, vault:FILE#KEYPATH, cmd:COMMAND and others
    #[arg(long, value_name = "SOURCE")]
    token_from: Option<TokenSource>,
    /// Read the token from standard input
    #[arg(long, conflicts_with = "token_from")]
    password_stdin: bool,
    /// Put this program on the hosts first, as /usr/local/bin/pullpass; they have to be of the same architecture
    #[arg(long)]
    install: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pulls: Pulls,
    #[command(flatten)]
    ansible: Ansible,
}

pub(super) const PLAYBOOK: &str = include_str!("login.yml");

impl Login {
    pub(super) fn run(self) -> Result<(), Failure> {
        let found = self.found()?;
        if let Some(found) = &found {
            token::check(&found.token).or_usage().map_err(|failure| failure.fact("no host was asked"))?;
        }
        let mut variables = self.pulls.variables();
        let user = found.as_ref().and_then(|found| self.username.as_ref().or(found.user.as_ref()));
        variables.extend(user.map(|user| ("registry_login_username".to_owned(), json!(user))));
        if self.install {
            let program = std::env::current_exe().or_unknown()?;
            variables.insert("registry_login_binary_src".to_owned(), json!(program));
        }
        let secret = found.as_ref().map(|found| ("registry_login_token", &found.token));
        let mut gather = Gather::new();
        self.ansible.run(&Play { playbook: PLAYBOOK, variables, secret, hosts: None }, |event| gather.add(&event))?;
        let rows = gather.rows();
        print::rows(&rows, self.json);
        print::end(&rows, None, Timestamp::now())
    }

    /// A token that is not the inventory's.
    fn found(&self) -> Result<Option<Found>, Failure> {
        match &self.token_from {
            Some(source) => source.read(&self.ansible.vault_password).map(Some),
            None if self.password_stdin => Ok(Some(Found { token: prompt::secret_from_standard_input()?, user: None })),
            None => Ok(None),
        }
    }
}
