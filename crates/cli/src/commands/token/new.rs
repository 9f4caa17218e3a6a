//! `pullpass token new`: at a server of ours, or at GitHub.

use std::time::Duration;

use clap::{Args, ValueEnum};
use pullpass_secrets::token;

use super::github::AtGithub;
use crate::{failure::Failure, wait};

const SCOPES: [&str; 3] = ["read:packages", "write:packages", "delete:packages"];

/// Make a token: of a server, shown this once, or of GitHub
///
/// GitHub makes tokens for people only, on a page of its own: `--at github` opens that page with everything filled in, asks for
/// the token that was made there, has GitHub say whether it is what was asked for, and puts it where you say.
#[derive(Args)]
#[command(after_help = "\
Scopes: read:packages to pull; write:packages to push and pull; delete:packages to delete, and nothing else.

Examples:
  pullpass token new --user octocat --note \"fleet\" --scope read:packages --expires 90d
  pullpass token new --at github --into-inventory inventory.yml --key-path all.vars.iaas_console.ghcr_pat
  pullpass token new --at github --login -u octocat
  pullpass token new --at github --note \"fleet\" --print-url")]
pub(super) struct New {
    /// Who makes it, if not a server of ours
    #[arg(long, value_name = "WHERE")]
    #[cfg_attr(feature = "serve", arg(conflicts_with = "data"))]
    #[cfg_attr(not(feature = "serve"), arg(required = true))]
    at: Option<At>,
    /// What it is for
    #[arg(long, default_value = "")]
    note: String,
    /// What it may do; may be given several times; at GitHub read:packages unless said otherwise
    #[arg(long = "scope", value_name = "SCOPE", required_unless_present = "at", value_delimiter = ',', value_parser = SCOPES)]
    scopes: Vec<String>,
    /// How long it lives: a number with `d`, `h`, `m` or `s`, or `never`; unless said otherwise 30d, at GitHub 90d
    #[arg(long, value_name = "LIFE")]
    expires: Option<Life>,
    #[cfg(feature = "serve")]
    #[command(flatten)]
    server: server::AtServer,
    #[command(flatten)]
    github: AtGithub,
}

#[derive(Clone, Copy, ValueEnum)]
enum At {
    Github,
}

/// How long a token lives; none is for ever.
#[derive(Clone, Copy)]
pub(super) struct Life(pub(super) Option<Duration>);

impl std::str::FromStr for Life {
    type Err = String;

    fn from_str(text: &str) -> Result<Life, String> {
        let life = if text == "never" { None } else { Some(wait::duration(text)?) };
        Ok(Life(life))
    }
}

impl New {
    pub(super) fn run(self) -> Result<(), Failure> {
        check_note(&self.note)?;
        match self.at {
            Some(At::Github) => self.github.run(self.note, self.scopes, self.expires),
            #[cfg(feature = "serve")]
            None => self.server.run(self.note, &self.scopes, self.expires),
            #[cfg(not(feature = "serve"))]
            None => Err(Failure::usage("this program has no server: name another place with `--at`")),
        }
    }
}

/// A token that somebody pasted there would be seen by everybody who may list tokens.
pub(super) fn check_note(note: &str) -> Result<(), Failure> {
    if token::mask(note) != note {
        return Err(Failure::usage("there is a token in the note").hint("say in words what the new token is for"));
    }
    Ok(())
}

#[cfg(feature = "serve")]
pub(super) mod server {
    use clap::Args;
    use jiff::{SignedDuration, Timestamp};
    use pullpass_secrets::Secret;
    use pullpass_server::{
        PatScope,
        admin::{Request, Response},
    };
    use serde_json::json;

    use super::{super::list::time, Life};
    use crate::{
        commands::admin::{Data, other_version},
        failure::{Failure, OrFail},
        output,
    };

    const DEFAULT_LIFE: Life = Life(Some(std::time::Duration::from_secs(30 * 24 * 60 * 60)));

    #[derive(Args)]
    #[command(next_help_heading = "At a server")]
    pub(super) struct AtServer {
        /// Whose token
        #[arg(long, required_unless_present = "at", conflicts_with = "at")]
        user: Option<String>,
        /// Print JSON
        #[arg(long, conflicts_with = "at")]
        json: bool,
        #[command(flatten)]
        data: Data,
    }

    impl AtServer {
        pub(super) fn run(self, note: String, scopes: &[String], life: Option<Life>) -> Result<(), Failure> {
            let expires = end(life)?;
            let scopes: Vec<PatScope> =
                scopes.iter().map(|scope| scope.parse().or_usage()).collect::<Result<_, _>>()?;
            let user = self.user.unwrap_or_default();
            let request = Request::TokenNew { user: user.clone(), note: note.clone(), scopes: scopes.clone(), expires };
            let Response::Token { id, token, fingerprint } = self.data.call(&request)? else {
                return Err(other_version());
            };
            if self.json {
                output::json(&json!({
                    "id": id, "token": token.reveal(), "fingerprint": fingerprint, "user": user, "note": note,
                    "scopes": scopes, "expires": expires.map(time),
                }));
                return Ok(());
            }
            show(&token, id, &user, expires, &self.data)
        }
    }

    /// When a token ends that lives as long as that from now on, in unix milliseconds.
    pub(in super::super) fn end(life: Option<Life>) -> Result<Option<i64>, Failure> {
        let too_far = || Failure::usage("no calendar reaches that far: use `--expires never`");
        let Some(life) = life.unwrap_or(DEFAULT_LIFE).0 else { return Ok(None) };
        let life = SignedDuration::try_from(life).map_err(|_| too_far())?;
        Ok(Some(Timestamp::now().checked_add(life).map_err(|_| too_far())?.as_millisecond()))
    }

    /// Shows a new token.
    pub(in super::super) fn show(
        token: &Secret,
        id: i64,
        user: &str,
        expires: Option<i64>,
        data: &Data,
    ) -> Result<(), Failure> {
        output::data(token.reveal());
        if output::lost() {
            return Err(Failure::unknown(format!("token {id} was made, but could not be shown"))
                .hint(format!("end its life: `pullpass token revoke {id}{}`", data.option())));
        }
        let end = expires.map_or_else(|| "never expires".to_owned(), |at| format!("expires {}", time(at)));
        output::say(format_args!("token {id} of `{user}`, {end}; it is not shown again"));
        Ok(())
    }
}
