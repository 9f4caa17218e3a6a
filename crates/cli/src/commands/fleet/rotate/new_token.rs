//! Step 3: the new token, and whether it can take the place of the old one.

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use pullpass_secrets::{
    Secret,
    token::{Kind, check},
};

use super::{
    ask::{self, Seen},
    begin::known,
    journal::{Journal, Known},
};
use crate::{
    commands::token,
    failure::{Failure, OrFail},
    output, prompt,
    token_source::TokenSource,
    vault_password::VaultPassword,
};

/// What a token for pulling needs, and nothing more.
const NEEDED: &str = "read:packages";

/// Where the new token comes from. Without any of these, a person is asked.
#[derive(Args)]
#[command(next_help_heading = "The new token")]
pub(super) struct NewToken {
    /// Where it is: env:NAME, file:PATH, vault:FILE#KEYPATH, cmd:COMMAND and others
    #[arg(long, value_name = "SOURCE")]
    token_from: Option<TokenSource>,
    /// Read it from standard input
    #[arg(long, conflicts_with = "token_from")]
    password_stdin: bool,
    /// Have it made by the server of ours with this data directory, as `pullpass token rotate` does
    #[cfg(feature = "serve")]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["token_from", "password_stdin"])]
    pub(super) at_server: Option<std::path::PathBuf>,
    /// It may be of another account than the old one
    #[arg(long)]
    other_account: bool,
    /// How many days it has to live at least
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    min_days: u16,
}

impl NewToken {
    /// Gets it from wherever it comes.
    pub(super) fn get(&self, journal: &Journal, vault: &VaultPassword) -> Result<Secret, Failure> {
        match &self.token_from {
            Some(source) => Ok(source.read(vault)?.token),
            None if self.password_stdin => prompt::secret_from_standard_input(),
            None if journal.host() == "ghcr.io" => {
                let github = "github.com".parse().map_err(|error: String| Failure::usage(error))?;
                token::show_page(&github, &format!("pullpass {}", journal.id), false)?;
                prompt::hidden("new token")
            }
            None => {
                output::say(format_args!("make a new token of {} at {}", journal.user, journal.registry));
                prompt::hidden("new token")
            }
        }
    }

    /// Whether it can take the place of the old one.
    ///
    /// # Errors
    /// It cannot. Nothing was changed yet.
    pub(super) fn check(&self, journal: &Journal, old: &Secret, new: &Secret) -> Result<Known, Failure> {
        check(new).or_usage()?;
        if new == old {
            return Err(Failure::usage("the new token is the old one")
                .hint("make another: the old one stays alive until the end"));
        }
        if Kind::of(new) != Kind::of(old) {
            output::warn(format_args!(
                "the new token is {}, the old one {}",
                Kind::of(new).name(),
                Kind::of(old).name()
            ));
        }
        let seen = ask::ask(&journal.registry, &journal.user, new, &journal.images)?;
        if !seen.is_alive {
            return Err(because(format!("{} refuses the new token", journal.registry), &seen));
        }
        let missing: Vec<&String> = journal.images.iter().filter(|image| !seen.opened.contains(image)).collect();
        if !missing.is_empty() {
            return Err(because("the new token does not open what the old one opens".to_owned(), &seen).hint(
                "its owner needs the read role on these packages, and `Configure SSO` where an organization has it",
            ));
        }
        self.check_account(journal, &seen)?;
        Ok(known(new, seen.account.as_ref()))
    }

    fn check_account(&self, journal: &Journal, seen: &Seen) -> Result<(), Failure> {
        let Some(account) = &seen.account else { return Ok(()) };
        if let Some(scopes) = &account.scopes {
            let more: Vec<&str> = scopes.iter().map(String::as_str).filter(|scope| *scope != NEEDED).collect();
            if !scopes.iter().any(|scope| scope == NEEDED) {
                output::warn(format_args!("GitHub does not list `{NEEDED}` among its scopes: {}", scopes.join(", ")));
            }
            if !more.is_empty() {
                output::warn(format_args!("it may do more than pull: {}", more.join(", ")));
            }
        }
        let soon = Timestamp::now() + SignedDuration::from_hours(24 * i64::from(self.min_days));
        if let Some(expires) = account.expires.filter(|expires| *expires < soon) {
            return Err(Failure::no(format!("the new token ends on {}", expires.strftime("%Y-%m-%d")))
                .fact(format!("it has to live {} days at least", self.min_days))
                .hint("make one that lives longer, or say otherwise with `--min-days`"));
        }
        if let Some(before) =
            journal.old.account.as_ref().filter(|before| **before != account.login && !self.other_account)
        {
            return Err(Failure::no(format!("the new token is of `{}`, the old one of `{before}`", account.login))
                .hint(
                    "`--other-account` if that is meant; the user that the inventory names is yours to change then",
                ));
        }
        Ok(())
    }
}

fn because(message: String, seen: &Seen) -> Failure {
    seen.refusals.iter().fold(Failure::no(message), |failure, refusal| failure.fact(refusal))
}
