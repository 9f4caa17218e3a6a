//! `pullpass token`: personal access tokens of a server.

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use pullpass_secrets::token;
use pullpass_server::{
    PatScope,
    admin::{Request, Response, TokenInfo},
};
use serde_json::{Value, json};

use super::admin::{Data, other_version};
use crate::{failure::Failure, output};

/// Make, list and revoke the personal access tokens of a server
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass token new --user octocat --note \"fleet\" --scope read:packages --expires 90d
  pullpass token list
  pullpass token revoke 3")]
pub(crate) struct Token {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    New(New),
    List(List),
    Revoke(Revoke),
}

impl Token {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            TokenCommand::New(new) => new.run(),
            TokenCommand::List(list) => list.run(),
            TokenCommand::Revoke(revoke) => revoke.run(),
        }
    }
}

/// Make a token; it is shown this once
#[derive(Args)]
#[command(after_help = "\
Scopes: read:packages to pull; write:packages to push and pull; delete:packages to delete, and nothing else.

Example:
  pullpass token new --user octocat --note \"fleet\" --scope read:packages --expires 90d")]
struct New {
    /// Whose token
    #[arg(long)]
    user: String,
    /// What it is for
    #[arg(long, default_value = "")]
    note: String,
    /// What it may do; may be given several times
    #[arg(long = "scope", required = true, value_delimiter = ',')]
    scopes: Vec<PatScope>,
    /// How long it lives: a number with `d`, `h`, `m` or `s`, or `never`
    #[arg(long, default_value = "30d")]
    expires: Life,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

/// How long a token lives; none is for ever.
#[derive(Clone, Copy)]
struct Life(Option<SignedDuration>);

impl std::str::FromStr for Life {
    type Err = String;

    fn from_str(text: &str) -> Result<Life, String> {
        if text == "never" {
            return Ok(Life(None));
        }
        let shape = || "a life is a number with `d`, `h`, `m` or `s` behind it, or `never`".to_owned();
        let unit = text.chars().last().ok_or_else(shape)?;
        let seconds = match unit {
            'd' => 24 * 60 * 60,
            'h' => 60 * 60,
            'm' => 60,
            's' => 1,
            _ => return Err(shape()),
        };
        let number: u32 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| shape())?;
        if number == 0 {
            return Err(shape());
        }
        Ok(Life(Some(SignedDuration::from_secs(i64::from(number) * seconds))))
    }
}

impl New {
    fn run(self) -> Result<(), Failure> {
        if token::mask(&self.note) != self.note {
            return Err(Failure::usage("there is a token in the note").hint("say in words what the new token is for"));
        }
        let too_far = |_| Failure::usage("no calendar reaches that far: use `--expires never`");
        let expires = self.expires.0.map(|life| Timestamp::now().checked_add(life)).transpose().map_err(too_far)?;
        let expires = expires.map(Timestamp::as_millisecond);
        let request = Request::TokenNew {
            user: self.user.clone(),
            note: self.note.clone(),
            scopes: self.scopes.clone(),
            expires,
        };
        let Response::Token { id, token, fingerprint } = self.data.call(&request)? else {
            return Err(other_version());
        };
        if self.json {
            output::json(&json!({
                "id": id, "token": token.reveal(), "fingerprint": fingerprint, "user": self.user, "note": self.note,
                "scopes": self.scopes, "expires": expires.map(time),
            }));
            return Ok(());
        }
        output::data(token.reveal());
        if output::lost() {
            return Err(Failure::unknown(format!("token {id} was made, but could not be shown"))
                .hint(format!("end its life: `pullpass token revoke {id}`")));
        }
        let end = expires.map_or_else(|| "never expires".to_owned(), |at| format!("expires {}", time(at)));
        output::say(format_args!("token {id} of `{}`, {end}; it is not shown again", self.user));
        Ok(())
    }
}

/// List tokens, also dead ones
#[derive(Args)]
#[command(after_help = "Example:\n  pullpass token list --user octocat --json")]
struct List {
    /// Only of this user
    #[arg(long)]
    user: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

impl List {
    fn run(self) -> Result<(), Failure> {
        let request = Request::TokenList { user: self.user };
        let Response::Tokens(tokens) = self.data.call(&request)? else { return Err(other_version()) };
        if self.json {
            output::json(&json!({ "tokens": tokens.iter().map(to_json).collect::<Vec<_>>() }));
            return Ok(());
        }
        let now = Timestamp::now().as_millisecond();
        let rows: Vec<Vec<String>> = tokens.iter().map(|token| row(token, now)).collect();
        output::data(output::table(&["ID", "USER", "TOKEN", "SCOPES", "STATE", "LAST USED", "NOTE"], &rows));
        Ok(())
    }
}

fn to_json(token: &TokenInfo) -> Value {
    json!({
        "id": token.id, "user": token.user, "note": token.note, "scopes": token.scopes,
        "fingerprint": token.fingerprint, "created": time(token.created), "expires": token.expires.map(time),
        "revoked": token.revoked.map(time), "last_used": token.last_used.map(time),
    })
}

fn row(token: &TokenInfo, now: i64) -> Vec<String> {
    let state = match (token.revoked, token.expires) {
        (Some(at), _) => format!("revoked {}", time(at)),
        (None, Some(at)) if at <= now => format!("expired {}", time(at)),
        (None, Some(at)) => format!("expires {}", time(at)),
        (None, None) => "never expires".to_owned(),
    };
    vec![
        token.id.to_string(),
        token.user.clone(),
        token.fingerprint.clone(),
        token.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(","),
        state,
        token.last_used.map_or_else(|| "never".to_owned(), time),
        token.note.clone(),
    ]
}

/// Unix milliseconds as RFC 3339 in UTC, to the second.
fn time(milliseconds: i64) -> String {
    Timestamp::from_second(milliseconds.div_euclid(1000)).map(|time| time.to_string()).unwrap_or_default()
}

/// End a token's life, at once, also on a running server
#[derive(Args)]
#[command(after_help = "Example:\n  pullpass token revoke 3 --data /srv/pullpass")]
struct Revoke {
    /// Its number in `pullpass token list`
    id: i64,
    #[command(flatten)]
    data: Data,
}

impl Revoke {
    fn run(self) -> Result<(), Failure> {
        self.data.call(&Request::TokenRevoke { id: self.id })?;
        output::say(format_args!("token {} is revoked", self.id));
        Ok(())
    }
}
