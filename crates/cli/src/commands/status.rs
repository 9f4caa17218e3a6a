//! `pullpass status`

mod check;
mod copies;
mod metrics;
mod print;
mod pull_secret;
mod stored;
mod users;

use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::{
    engines::Choice,
    environment,
    failure::{Exit, Failure},
    logins::{
        kubelet,
        name::Name,
        readers,
        report::{self, Report},
        sources, winner,
    },
    output,
    refused::Retry,
};

pub(crate) use users::of as logins_of;

use copies::Copies;
use pull_secret::AsPullSecret;
pub(crate) use stored::{Stored, stored};
use users::Users;

/// Show which credentials are stored where, and which of them the engines use
///
/// Lists every login of every file, variable and credential helper that Docker, Podman and the kubelet read, with its kind and
/// fingerprint, never the secret. Docker's are those of Buildx and Compose, too, Podman's those of Buildah, Skopeo and CRI-O.
/// With a registry or an image, only its logins, and which of them each engine uses, and why.
#[derive(Args)]
#[command(after_help = "\
Exit codes: 0 nothing is wrong; 1 no login of what was asked for, one that is refused, or one that ends within --warn-days;
2 a store is broken; 3 something could not be found out.

Examples:
  pullpass status
  pullpass status ghcr.io/octocat/app --json
  pullpass status --check --github --warn-days 14
  pullpass status ghcr.io --copies
  pullpass status ghcr.io --docker --as-pull-secret --name regcred | kubectl apply -f -
  sudo pullpass status --all-users --check --metrics /var/lib/node_exporter/pullpass.prom")]
pub(crate) struct Status {
    /// Only this registry, or what applies to this image
    #[arg(value_name = "REGISTRY|REFERENCE")]
    name: Option<Name>,
    #[command(flatten)]
    engines: Choice,
    #[command(flatten)]
    users: Users,
    /// Ask each registry whether it still accepts the credential
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    retry: Retry,
    /// Ask api.github.com about GitHub's tokens: whose they are, their scopes and their end
    #[arg(long)]
    github: bool,
    /// Exit with 1 when a token ends within this many days
    #[arg(long, value_name = "DAYS", requires = "github", value_parser = clap::value_parser!(u16))]
    warn_days: Option<u16>,
    /// Show as well what keeps a token of its own, or an older file: k3s and RKE2, Swarm services, running containers
    #[arg(long)]
    copies: bool,
    /// Write a file for the textfile collector of Prometheus's node_exporter
    #[arg(long, value_name = "FILE", value_parser = crate::metrics::path)]
    metrics: Option<PathBuf>,
    #[command(flatten)]
    pull_secret: AsPullSecret,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Mark each secret with its HMAC-SHA256 under this key of 64 hexadecimal digits
    #[arg(long, value_name = "HEX", requires = "json", value_parser = mark_key)]
    mark_key: Option<[u8; 32]>,
}

fn mark_key(text: &str) -> Result<[u8; 32], &'static str> {
    let mut key = [0; 32];
    hex::decode_to_slice(text, &mut key).map_err(|_| "64 hexadecimal digits are needed")?;
    Ok(key)
}

impl Status {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if let Some(handover) = self.users.take_handover()? {
            return handover.answer(&self);
        }
        let report = self.users.report(&self)?;
        if let Some(name) = self.name.as_ref().filter(|_| self.pull_secret.is_asked()) {
            return self.pull_secret.print(name, &report.winners, self.json);
        }
        let now = Timestamp::now();
        if let Some(path) = &self.metrics {
            metrics::write(path, &report, now)?;
        }
        let copies = match self.copies {
            true => copies::find(self.name.as_ref(), &report, self.mark_key.as_ref())?,
            false => Copies::default(),
        };
        if self.json {
            let mut shown = report.to_json();
            shown["copies"] = copies.to_json();
            output::json(&shown);
        } else {
            print::tables(&report, self.name.as_ref());
            if self.copies {
                copies.print();
            }
        }
        print::warnings(&report);
        copies.warn();
        let ends = self.warn_days.map(|days| now + SignedDuration::from_hours(24 * i64::from(days)));
        match exit(&report, self.name.as_ref(), ends, copies.is_unknown()) {
            Some(exit) => Err(Failure::silent(exit)),
            None => Ok(()),
        }
    }

    /// What this process's user has. `key` is for fingerprints; the helpers that other people's files name are not asked.
    fn own(&self, key: &[u8; 32], refused: &[report::Refused], is_other: bool) -> Result<Report, Failure> {
        let environment = environment::stores()?;
        let engines = self.engines.asked_or_all();
        let readers = readers::all(&engines, &environment);
        let secrets = self.check || self.github || self.mark_key.is_some();
        let ask = if is_other { sources::Ask::Nobody } else { sources::Ask::Helpers { secrets } };
        let mut report = sources::read(&engines, &readers, &environment, self.name.as_ref(), key, ask);
        if let Some(name) = &self.name {
            report.winners = readers.iter().map(|reader| winner::of(reader, name, key, ask, &report)).collect();
            report.winners.extend(kubelet::winner(name, &report));
        }
        if let Some(key) = &self.mark_key {
            report.mark(key);
        }
        if self.check || self.github {
            check::run(
                &mut report,
                &environment,
                check::Asked { registries: self.check, github: self.github },
                self.retry,
                refused,
            )?;
        }
        Ok(report)
    }
}

/// A definite no goes before what could not be found out: it is what has to be mended.
/// `is_unknown` says that something beside the stores could not be looked at.
fn exit(report: &Report, name: Option<&Name>, ends: Option<Timestamp>, is_unknown: bool) -> Option<Exit> {
    let is_dead = report.entries().any(|entry| entry.alive == Some(false));
    let is_ending =
        report.entries().any(|entry| entry.expires.zip(ends).is_some_and(|(expires, ends)| expires <= ends));
    let problem = report.stores.iter().find_map(report::Store::exit);
    let is_unknown = is_unknown || report.entries().any(|entry| entry.is_unanswered);
    let is_missing = name.is_some() && report.entries().next().is_none() && report.unread_helpers().next().is_none();
    match () {
        () if is_dead || is_ending => Some(Exit::No),
        () if problem.is_some() => problem,
        () if is_unknown => Some(Exit::Unknown),
        () if is_missing => Some(Exit::No),
        () => None,
    }
}
