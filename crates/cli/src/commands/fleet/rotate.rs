//! `pullpass fleet rotate`: a new token for a fleet, with no failed pull.
//!
//! `begin` finds out what is there; nothing is changed before its journal is written. Then one step after the other is done, as
//! `journal::USUAL` has them. Every step finds out for itself what is left to do, so that it can be done again.

mod ask;
mod begin;
mod git;
mod hosts;
mod journal;
mod needle;
mod new_token;
mod occurrences;
mod revoke;
mod sealed;
#[cfg(feature = "serve")]
mod server;
mod staged;
mod steps;
mod summary;

pub(super) use occurrences::tokens_of;

use std::{path::PathBuf, time::Duration};

use clap::Args;

use self::{
    begin::Plan,
    hosts::Hosts,
    journal::{Rotation, State},
    new_token::NewToken,
    steps::Steps,
};
use super::{check, pulls::Pulls};
use crate::{
    ansible::Ansible,
    failure::{Exit, Failure},
    output, prompt, wait,
};

/// Replace the token of a fleet: in its inventories and on its hosts, with no failed pull
///
/// The old token lives until every host has proved the new one and none has the old one any more. One host goes first, then the
/// inventories change, all files or none, then the others follow. A run that is interrupted leaves every host with a token that
/// works: `--resume` finishes it, `--rollback` takes it back.
#[derive(Args)]
#[command(after_help = "\
Exit codes: 0 the old token is dead, and every host has the new one; 1 not yet, or not all; 3 something could not be found out.

Examples:
  pullpass fleet rotate -i inventory.yml --dry-run
  pullpass fleet rotate -i inventory.yml --image ghcr.io/octo-org/app:v1
  pullpass fleet rotate -i production -i staging --token-from file:new.token --overlap 24h
  pullpass fleet rotate --resume --accept-straggler web-7
  pullpass fleet rotate --rollback
  pullpass fleet rotate -i inventory.yml --compromised")]
pub(super) struct Rotate {
    /// Where the token may stand; may be repeated; otherwise the git work trees of the inventories, or the inventories with the
    /// variables beside them
    #[arg(long = "in", value_name = "PATH")]
    places: Vec<PathBuf>,
    /// Which token, by the end of its fingerprint, where the hosts have several
    #[arg(long, value_name = "FINGERPRINT")]
    old: Option<String>,
    /// Also when files with the token are not as they were committed
    #[arg(long)]
    allow_dirty: bool,
    /// Show the change of the files, without secrets
    #[arg(long, conflicts_with = "json")]
    diff: bool,
    /// Commit the changed files
    #[arg(long)]
    git_commit: bool,
    /// Also when the token stands where only a person can change it
    #[arg(long)]
    leave_by_hand: bool,
    /// The host that goes first; otherwise the first that pulls
    #[arg(long, value_name = "HOST")]
    canary: Option<String>,
    /// How many hosts at a time: a number or a percentage
    #[arg(long, value_name = "NUMBER|PERCENT", default_value = "10%")]
    batch: Batch,
    /// Stop when more hosts than this have failed; they get the old token back
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    max_fail: usize,
    /// A host without which the rotation may come to its end; may be repeated
    #[arg(long, value_name = "HOST")]
    accept_straggler: Vec<String>,
    /// Let both tokens live for as long as this after every host has the new one, and revoke the old one with `--resume` then: a
    /// number with `d`, `h`, `m` or `s`
    #[arg(long, value_name = "DURATION", value_parser = wait::duration)]
    overlap: Option<Duration>,
    /// Revoke the old token first, because somebody has it; pulls fail until the hosts have a new one
    #[arg(long)]
    compromised: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on with a rotation that was interrupted
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["rollback", "dry_run", "compromised", "inventories"])]
    resume: Option<String>,
    /// Give every host and file the old token back
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["dry_run", "compromised", "inventories"])]
    rollback: Option<String>,
    /// Do not ask before the old token is revoked
    #[arg(long, short)]
    yes: bool,
    /// Print the journal as JSON at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pulls: Pulls,
    #[command(flatten)]
    new: NewToken,
    #[command(flatten)]
    ansible: Ansible,
}

/// How many hosts at a time.
#[derive(Clone, Copy)]
enum Batch {
    Hosts(usize),
    Percent(usize),
}

impl std::str::FromStr for Batch {
    type Err = String;

    fn from_str(text: &str) -> Result<Batch, String> {
        let number = |digits: &str| digits.parse().ok().filter(|number| *number > 0);
        let batch = match text.strip_suffix('%') {
            Some(digits) => number(digits).filter(|percent| *percent <= 100).map(Batch::Percent),
            None => number(text).map(Batch::Hosts),
        };
        batch.ok_or_else(|| "a number of hosts, or a percentage: `5`, `10%`".to_owned())
    }
}

impl Batch {
    /// Of so many hosts.
    fn size(self, hosts: usize) -> usize {
        match self {
            Batch::Hosts(number) => number,
            Batch::Percent(percent) => (hosts * percent).div_ceil(100).max(1),
        }
    }
}

impl Rotate {
    pub(super) fn run(mut self) -> Result<(), Failure> {
        if self.ansible.limit.is_some() {
            return Err(Failure::usage(
                "a rotation is for every host that has the token: `--limit` would leave some without one",
            )
            .hint("`--canary HOST` says which one goes first, `--accept-straggler HOST` which may be left out"));
        }
        let rotation = match self.resume.as_ref().or(self.rollback.as_ref()) {
            Some(id) => Some(Rotation::open(id)?),
            None => None,
        };
        let variables = match &rotation {
            Some(rotation) => {
                self.ansible.inventories.clone_from(&rotation.journal.inventories);
                rotation.journal.variables.clone()
            }
            None => self.pulls.variables(),
        };
        let passwords = self.ansible.passwords()?;
        let key = check::key()?;
        let hosts = Hosts { ansible: &self.ansible, variables: &variables, key };
        let (rotation, old) = match rotation {
            Some(rotation) => {
                let old = rotation.old(&passwords)?;
                (rotation, old)
            }
            None => {
                let plan = Plan::make(&self, &hosts, &passwords)?;
                plan.print();
                if self.dry_run {
                    output::say("nothing was changed");
                    return Ok(());
                }
                self.confirm_downtime()?;
                plan.begin(&passwords)?
            }
        };
        let mut steps = Steps::new(&self, hosts, &passwords, rotation, old)?;
        let result = if self.rollback.is_some() { steps.take_back() } else { steps.go_on() };
        let journal = &steps.rotation.journal;
        // Without a new token there is nothing to tell but why.
        if journal.new.is_some() || journal.revoked.is_some() {
            summary::print(journal, self.json);
        }
        result.map_err(|failure| where_it_stands(failure, &steps.rotation))
    }

    fn places(&self) -> Result<Vec<PathBuf>, Failure> {
        if self.places.is_empty() { begin::around(&self.ansible.inventories) } else { Ok(self.places.clone()) }
    }

    /// A person is told what a revocation before anything else means.
    fn confirm_downtime(&self) -> Result<(), Failure> {
        if !self.compromised {
            return Ok(());
        }
        output::warn("the old token is revoked first: from then on, pulls fail until a host has the new one");
        if self.yes || prompt::confirm("revoke it now")? {
            return Ok(());
        }
        Err(Failure::no("nothing was changed"))
    }
}

/// Says what an error in the middle means for the fleet.
fn where_it_stands(failure: Failure, rotation: &Rotation) -> Failure {
    let journal = &rotation.journal;
    if !matches!(journal.state, State::Begun | State::Returning) {
        return failure;
    }
    if failure.message.is_empty() {
        let what = if failure.exit == Exit::Interrupted { "interrupted" } else { "not at its end" };
        return where_it_stands(Failure { message: format!("rotation {} is {what}", journal.id), ..failure }, rotation);
    }
    let alive = match journal.revoked {
        None => "the old token lives, so every host has one that works",
        Some(_) => "the old token is revoked",
    };
    let failure = failure.fact(alive).hint("go on: `pullpass fleet rotate --resume`");
    if journal.revoked.is_some() {
        failure
    } else {
        failure.hint("or take it back: `pullpass fleet rotate --rollback`")
    }
}
