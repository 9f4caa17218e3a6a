//! `pullpass token rotate`: another token in the place of one of a server's.

use std::time::Duration;

use clap::Args;
use pullpass_server::admin::{Request, Response, TokenInfo};

use super::{
    list::{time, to_json},
    new::{
        Life, check_note,
        server::{end, show},
    },
};
use crate::{
    commands::admin::{Data, other_version},
    failure::Failure,
    output, wait,
};

/// Make a token that may do what another one may, shown this once
///
/// Both work, until the other one ends or is revoked, so that everybody who has it can be given the new one meanwhile.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass token rotate 3 --expires 90d --overlap 24h
  pullpass token rotate 3 --json --data /srv/pullpass")]
pub(super) struct Rotate {
    /// The number of the other one in `pullpass token list`
    id: i64,
    /// How long the new one lives: a number with `d`, `h`, `m` or `s`, or `never`; 30d unless said otherwise
    #[arg(long, value_name = "LIFE")]
    expires: Option<Life>,
    /// What it is for; what the other one is for unless said otherwise
    #[arg(long)]
    note: Option<String>,
    /// How long the other one still works at most: a number with `d`, `h`, `m` or `s`; as long as before unless said otherwise
    #[arg(long, value_name = "DURATION", value_parser = wait::duration)]
    overlap: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

impl Rotate {
    pub(super) fn run(self) -> Result<(), Failure> {
        self.note.as_deref().map_or(Ok(()), check_note)?;
        let expires = end(self.expires)?;
        let old_ends = self.overlap.map_or(Ok(None), |overlap| end(Some(Life(Some(overlap)))))?;
        let request = Request::TokenRotate { id: self.id, note: self.note, expires, old_ends };
        let Response::Rotated { token, new, old } = self.data.call(&request)? else { return Err(other_version()) };
        if self.json {
            let mut shown = to_json(&new);
            shown["token"] = token.reveal().into();
            shown["old"] = to_json(&old);
            output::json(&shown);
            return Ok(());
        }
        show(&token, new.id, &new.user, new.expires, &self.data)?;
        output::say(of_old(&old, &self.data));
        Ok(())
    }
}

/// What becomes of the other one.
fn of_old(old: &TokenInfo, data: &Data) -> String {
    let TokenInfo { id, fingerprint, .. } = old;
    let works = old.expires.map_or_else(|| "works for ever".to_owned(), |at| format!("works until {}", time(at)));
    format!("token {id} ({fingerprint}) {works}; end it earlier: `pullpass token revoke {id}{}`", data.option())
}
