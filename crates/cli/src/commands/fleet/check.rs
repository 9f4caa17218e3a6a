//! `pullpass fleet check`

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::{gather::Gather, metrics, print, pulls::Pulls, tokens};
use crate::{
    ansible::{Ansible, Play},
    failure::{Failure, OrFail},
    metrics as file,
};

/// Ask every host which token its users have, and whether it lives and opens the images
///
/// Every host asks the registry itself, as each user and engine there would. GitHub is asked about a token once, from here, and
/// not from the hosts.
#[derive(Args)]
#[command(after_help = "\
Exit codes: 0 all is well; 1 a login does not work, has another token than the inventory, or ends within --warn-days; 3 a host
could not be reached.

Examples:
  pullpass fleet check -i inventory.yml
  pullpass fleet check -i inventory.yml --user root --user deploy --image ghcr.io/octo-org/app:v1
  pullpass fleet check -i production --limit web --warn-days 14 --json
  pullpass fleet check -i inventory.yml --metrics /var/lib/node_exporter/pullpass.prom")]
pub(super) struct Check {
    /// Exit with 1 when a token ends within this many days
    #[arg(long, value_name = "DAYS")]
    warn_days: Option<u16>,
    /// Write a file for the textfile collector of Prometheus's node_exporter
    #[arg(long, value_name = "FILE", value_parser = file::path)]
    metrics: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pulls: Pulls,
    #[command(flatten)]
    ansible: Ansible,
}

pub(super) const PLAYBOOK: &str = include_str!("check.yml");

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        let key = key()?;
        let mut variables = self.pulls.variables();
        variables.insert("registry_login_mark_key".to_owned(), json!(hex::encode(key)));
        let play = Play { playbook: PLAYBOOK, variables, secret: None, hosts: None };
        let mut gather = Gather::new();
        self.ansible.run(&play, |event| gather.add(&event))?;
        let ends = tokens::ends(&self.ansible, &gather, &key)?;
        let mut rows = gather.rows();
        for row in &mut rows {
            row.expires = row.mark.as_ref().and_then(|mark| ends.get(mark).copied());
        }
        let now = Timestamp::now();
        if let Some(path) = &self.metrics {
            metrics::write(path, &rows, now)?;
        }
        print::rows(&rows, self.json);
        print::end(&rows, self.warn_days, now)
    }
}

/// Under which the hosts mark what they have, in this run only.
pub(super) fn key() -> Result<[u8; 32], Failure> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).or_unknown()?;
    Ok(key)
}
