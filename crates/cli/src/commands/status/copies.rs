//! `pullpass status --copies`: what keeps a token of its own beside the stores, or holds on to an older file, so that a new login
//! does not reach it.

mod docker;

use std::{path::Path, time::Duration};

use pullpass_secrets::{file, token};
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    docker_daemon, environment,
    failure::Failure,
    logins::{
        name::Name,
        rancher::{self, DISTRIBUTIONS, Distribution},
        report::Report,
    },
    network, output,
    yaml::{self, Yaml},
};

/// How long Docker's daemon may take for all that it is asked.
const LIMIT: Duration = Duration::from_secs(10);
/// Where systemd looks for units.
const UNITS: [&str; 4] =
    ["/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

#[derive(Serialize)]
struct Copy {
    kind: &'static str,
    /// Of the distribution, the service or the container.
    name: String,
    path: Option<String>,
    /// None when the file may be for any.
    registry: Option<String>,
    /// None without a key, and where the secret cannot be seen.
    mark: Option<String>,
    /// What has the copy made anew.
    command: String,
}

#[derive(Default)]
pub(super) struct Copies {
    found: Vec<Copy>,
    /// What could not be looked at.
    problems: Vec<String>,
}

/// Everything of this host that copies the logins of `name`, or of any registry without it. `report` says which files are
/// known to hold logins.
pub(super) fn find(name: Option<&Name>, report: &Report, key: Option<&[u8; 32]>) -> Result<Copies, Failure> {
    let mut copies = Copies::default();
    for distribution in &DISTRIBUTIONS {
        match of_distribution(distribution, name, key) {
            Ok(found) => copies.found.extend(found),
            Err(problem) => copies.problems.push(problem),
        }
    }
    let environment = environment::stores()?;
    // One of another host, or none, runs nothing here.
    if let Some(socket) = docker_daemon::socket(&environment).ok().filter(|socket| socket.exists()) {
        let asked = async { Ok(tokio::time::timeout(LIMIT, docker::copies(&socket, name, report, key)).await) };
        let late = || Err(format!("Docker's daemon at `{}` does not answer", socket.display()));
        match network::block_on(asked)?.unwrap_or_else(|_| late()) {
            Ok(found) => copies.found.extend(found),
            Err(problem) => copies.problems.push(problem),
        }
    }
    Ok(copies)
}

fn of_distribution(
    distribution: &Distribution,
    name: Option<&Name>,
    key: Option<&[u8; 32]>,
) -> Result<Vec<Copy>, String> {
    let path = distribution.path;
    let Some(bytes) = file::read(Path::new(path)).map_err(|error| error.to_string())?.map(Zeroizing::new) else {
        return Ok(Vec::new());
    };
    let documents = str::from_utf8(&bytes).ok().and_then(yaml::read).ok_or_else(|| format!("`{path}` is no YAML"))?;
    let Some(configs) = documents.first().and_then(|document| document.get("configs")) else { return Ok(Vec::new()) };
    let is_there = |unit: &&&str| UNITS.iter().any(|place| Path::new(place).join(format!("{unit}.service")).exists());
    let unit = distribution.units.iter().find(is_there).unwrap_or(&distribution.units[0]);
    let copy = |(registry, config): (&str, &Yaml)| {
        let credential = rancher::credential(config.get("auth")?)?;
        Some(Copy {
            kind: distribution.name,
            name: distribution.name.to_owned(),
            path: Some(path.to_owned()),
            registry: Some(token::mask(registry)),
            mark: key.map(|key| token::mark(&credential.secret, key)),
            command: format!("sudoedit {path} && sudo systemctl restart {unit}"),
        })
    };
    let meant = configs.entries().filter(|(registry, _)| name.is_none_or(|name| name.concerns(registry)));
    Ok(meant.filter_map(copy).collect())
}

impl Copies {
    pub(super) fn to_json(&self) -> Value {
        serde_json::json!(self.found)
    }

    pub(super) fn is_unknown(&self) -> bool {
        !self.problems.is_empty()
    }

    pub(super) fn print(&self) {
        let row = |copy: &Copy| {
            let Copy { kind, name, path, registry, command, .. } = copy;
            let text = |field: &Option<String>| field.clone().unwrap_or_default();
            vec![(*kind).to_owned(), name.clone(), text(registry), text(path), command.clone()]
        };
        let rows: Vec<Vec<String>> = self.found.iter().map(row).collect();
        if rows.is_empty() {
            output::say("nothing that is known to keep a login of its own does so");
        } else {
            output::data("");
            output::data(output::table(&["COPY", "NAME", "REGISTRY", "FILE", "AFTER A NEW LOGIN"], &rows));
        }
    }

    pub(super) fn warn(&self) {
        for problem in &self.problems {
            output::warn(output::printable(problem));
        }
    }
}
