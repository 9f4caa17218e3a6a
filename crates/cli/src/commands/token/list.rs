//! `pullpass token list`: the tokens of a server.

use clap::Args;
use jiff::Timestamp;
use pullpass_server::admin::{Request, Response, TokenInfo};
use serde_json::{Value, json};

use crate::{
    commands::admin::{Data, other_version},
    failure::Failure,
    output,
};

/// List the tokens of a server, also dead ones
#[derive(Args)]
#[command(after_help = "Example:\n  pullpass token list --user octocat --json")]
pub(super) struct List {
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
    pub(super) fn run(self) -> Result<(), Failure> {
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

pub(super) fn to_json(token: &TokenInfo) -> Value {
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
pub(super) fn time(milliseconds: i64) -> String {
    Timestamp::from_second(milliseconds.div_euclid(1000)).map(|time| time.to_string()).unwrap_or_default()
}
