//! `pullpass doctor`

mod bundle;
mod examine;
mod explain;
mod fix;
mod host;
mod presented;
mod print;
mod report;

use std::path::PathBuf;

use clap::Args;

use crate::{
    engines::Choice,
    failure::{Exit, Failure},
    network, output,
    refused::Retry,
};

/// The registry that is meant when nothing else is, and the one whose ways are known best.
const GHCR: &str = "ghcr.io";

/// Name the cause of a failing pull, and the command that ends it
///
/// Looks at the logins of this host, at the way to the registry, at what the registry answers to nobody and to each login, and
/// at what GitHub says of its tokens. Every finding comes with what was seen and what to do. Each token is sent once, and
/// one that was refused within a day is not sent again.
#[derive(Args)]
#[command(after_help = "\
Exit codes: 0 nothing is in the way; 1 something is; 2 wrong usage; 3 the registry could not be asked.

Examples:
  pullpass doctor ghcr.io/octocat/app:v1
  pullpass doctor
  pullpass doctor ghcr.io/octocat/app --push --json
  pullpass doctor --explain 'Error response from daemon: denied'
  pullpass doctor ghcr.io/octocat/app --fix
  pullpass doctor ghcr.io/octocat/app --bundle report.txt")]
pub(crate) struct Doctor {
    /// The image; without one, the logins of this host
    reference: Option<String>,
    #[command(flatten)]
    engines: Choice,
    /// Also whether a push would be let in; opens an upload, which ghcr.io cannot cancel and which lapses by itself
    #[arg(long, requires = "reference")]
    push: bool,
    /// What a line can mean that Docker, Podman, containerd, Helm or Kubernetes printed; `-` reads it from standard input
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["reference", "push", "fix", "bundle"])]
    explain: Option<String>,
    /// Put right what is safe to put right, after asking: remove a dead login, correct a key, tighten a mode
    #[arg(long)]
    fix: bool,
    /// Do not ask before --fix
    #[arg(long, requires = "fix")]
    yes: bool,
    /// Write a report without secrets to this file, fit to be shown to others
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    retry: Retry,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if let Some(text) = &self.explain {
            return explain::run(text, self.json);
        }
        let report = network::block_on(examine::run(&self))?;
        if let Some(path) = &self.bundle {
            bundle::write(path, &report)?;
        }
        if self.json {
            output::json(&report.to_json());
        } else {
            print::report(&report);
        }
        if self.fix {
            fix::run(&report, self.yes)?;
        } else if !self.json && report.remedies().next().is_some() {
            output::say("\n`--fix` does what is safe of this, after asking");
        }
        match report.exit() {
            Some(exit) => Err(Failure::silent(exit)),
            None => Ok(()),
        }
    }
}
