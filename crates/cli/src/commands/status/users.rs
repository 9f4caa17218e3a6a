//! Whose logins `pullpass status` shows. Another user's are read by this program, started again as that user.

use std::{ffi::OsString, time::Duration};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::Status;
use crate::{
    environment,
    failure::{Failure, OrFail},
    logins::{
        name::Name,
        report::{Refused, Report, Store},
    },
    other_user::{self, Account, Identity},
    output, prompt,
};

/// Reading a user's files; a network file system may be behind them.
const LIMIT: Duration = Duration::from_secs(20);
/// The same, and asking registries.
const LIMIT_WITH_CHECKS: Duration = Duration::from_secs(120);

#[derive(Args)]
pub(super) struct Users {
    /// Another user's logins, read with that user's rights; takes root, may be repeated
    #[arg(long = "user", value_name = "NAME")]
    users: Vec<String>,
    /// The logins of every user of this host; takes root
    #[arg(long, conflicts_with = "users")]
    all_users: bool,
    /// Become the user that standard input names, and hand over what is found
    #[arg(long, hide = true)]
    handover: bool,
}

/// What the process that reads for a user is told.
#[derive(Serialize, Deserialize)]
pub(super) struct Handover {
    identity: Identity,
    /// So that equal secrets look equal whoever has them.
    key: [u8; 32],
    refused: Vec<Refused>,
}

impl Users {
    /// What this process is told, if it was started to read for a user. It is that user then.
    pub(super) fn take_handover(&self) -> Result<Option<Handover>, Failure> {
        if !self.handover {
            return Ok(None);
        }
        let handover: Handover = serde_json::from_slice(&prompt::standard_input()?)
            .map_err(|_| Failure::usage("`--handover` is how this program calls itself"))?;
        handover.identity.take()?;
        Ok(Some(handover))
    }

    /// What is found for everybody who was asked for.
    pub(super) fn report(&self, status: &Status) -> Result<Report, Failure> {
        let accounts = self.accounts()?;
        let key = environment::fingerprint_key();
        let own = rustix::process::getuid().as_raw();
        let is_root = own == 0;
        if accounts.is_empty() {
            if let Some(user) = environment::variable("SUDO_USER").filter(|user| is_root && user != "root") {
                let user = output::printable(&user.to_string_lossy());
                output::say(format_args!(
                    "these are the logins of root: `pullpass status --user {user}` shows those of `{user}`"
                ));
            }
            let found = status.own(&key, &[], !environment::owns_home())?;
            // Other files of the collector have other users'.
            let account = if status.metrics.is_some() { other_user::account(&own.to_string())? } else { None };
            return Ok(match account {
                Some(account) => found.of(&account.name),
                None => found,
            });
        }
        if let Some(other) = accounts.iter().find(|account| account.uid != own && !is_root) {
            return Err(Failure::usage(format!("reading the logins of `{}` takes root", other.name))
                .hint("run it again with `sudo`"));
        }
        let mut report = Report::default();
        let mut refused = Vec::new();
        for account in &accounts {
            // Root's own as well: what `sudo` has kept of another user's environment does not count then.
            let found = if is_root { other(status, account, &key, &refused) } else { status.own(&key, &[], false) };
            let found = found.unwrap_or_else(|failure| {
                let mut store = Store::default();
                store.fail(&failure);
                store.is_unknown = true;
                Report { stores: vec![store], winners: Vec::new() }
            });
            refused.extend(found.refused());
            let Report { stores, winners } = found.of(&account.name);
            report.stores.extend(stores);
            report.winners.extend(winners);
        }
        Ok(report)
    }

    fn accounts(&self) -> Result<Vec<Account>, Failure> {
        if self.all_users {
            return other_user::accounts();
        }
        let account = |name: &String| {
            other_user::account(name)?.ok_or_else(|| Failure::usage("`--user` names no user of this host"))
        };
        self.users.iter().map(account).collect()
    }
}

impl Handover {
    /// Hands over what this process's user has.
    pub(super) fn answer(&self, status: &Status) -> Result<(), Failure> {
        let is_other = !rustix::process::getuid().is_root();
        let report = status.own(&self.key, &self.refused, is_other)?;
        output::bytes(&serde_json::to_vec(&report).or_unknown()?).or_unknown()
    }
}

/// The logins of another user for a name, as `status NAME` run by that user has them; nobody is asked about them.
///
/// # Errors
/// Reading as that user failed.
pub(crate) fn of(account: &Account, name: &Name) -> Result<Report, Failure> {
    let words = ["status", "--handover", name.full.as_str()].map(OsString::from);
    let key = environment::fingerprint_key();
    let input = |identity| serde_json::to_vec(&Handover { identity, key, refused: Vec::new() }).or_unknown();
    parse(account, &other_user::run(account, &words, input, LIMIT)?)
}

fn other(status: &Status, account: &Account, key: &[u8; 32], refused: &[Refused]) -> Result<Report, Failure> {
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    // Behind the word `status`, before anything that ends the options.
    words.insert(1, "--handover".into());
    let input =
        |identity| serde_json::to_vec(&Handover { identity, key: *key, refused: refused.to_owned() }).or_unknown();
    let limit = if status.check || status.github { LIMIT_WITH_CHECKS } else { LIMIT };
    parse(account, &other_user::run(account, &words, input, limit)?)
}

fn parse(account: &Account, bytes: &[u8]) -> Result<Report, Failure> {
    serde_json::from_slice(bytes).map_err(|_| Failure::unknown(format!("reading as `{}` gave no report", account.name)))
}
