//! `pullpass fleet logout`

use clap::Args;
use serde_json::json;

use super::{
    gather::Gather,
    pulls::Pulls,
    row::{Row, State},
};
use crate::{
    ansible::{Ansible, Play},
    failure::{Exit, Failure},
    output,
};

/// Remove the logins of every host's users, and prove it
#[derive(Args)]
#[command(after_help = "\
Exit codes: 0 none is left; 1 one is; 3 a host could not be reached.

Examples:
  pullpass fleet logout -i inventory.yml
  pullpass fleet logout -i inventory.yml --limit retired --user root --user deploy --json")]
pub(super) struct Logout {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pulls: Pulls,
    #[command(flatten)]
    ansible: Ansible,
}

const PLAYBOOK: &str = include_str!("logout.yml");

impl Logout {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut gather = Gather::new();
        let play = Play { playbook: PLAYBOOK, variables: self.pulls.variables(), secret: None, hosts: None };
        self.ansible.run(&play, |event| gather.add(&event))?;
        let rows = gather.rows();
        if self.json {
            let row = |row: &Row| json!({ "host": row.host, "user": row.user, "state": row.state, "why": row.why, "changed": row.changed });
            output::json(&json!({ "users": rows.iter().map(row).collect::<Vec<_>>() }));
        } else {
            let row = |row: &Row| {
                let became = if row.changed { "logged out" } else { "was not logged in" };
                let word = if row.state == State::Ok {
                    became.to_owned()
                } else {
                    format!("{}: {}", row.state.word(), row.why)
                };
                vec![row.host.clone(), row.user.clone().unwrap_or_default(), word]
            };
            output::data(output::table(&["HOST", "USER", "STATE"], &rows.iter().map(row).collect::<Vec<_>>()));
        }
        let worst = rows.iter().map(|row| row.state).filter(|state| *state != State::Ok).min();
        match worst {
            None => Ok(()),
            Some(State::Unreachable) => Err(Failure::silent(Exit::Unknown)),
            Some(_) => Err(Failure::silent(Exit::No)),
        }
    }
}
