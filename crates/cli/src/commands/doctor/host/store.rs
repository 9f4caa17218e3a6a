//! What is wrong with the stores, whichever login is used.

use std::path::PathBuf;

use pullpass_client::diagnosis::{Cause, Finding};

use super::{
    super::{
        GHCR,
        presented::{Login, Logins},
        report::{Found, Remedy},
    },
    name,
};
use crate::{
    engines::Engine,
    environment,
    failure::Failure,
    logins::{name::Name, name::registry, readers, report::Store, sources},
};

/// Every registry that a login is stored for, ghcr.io when there is none.
pub(in crate::commands::doctor) fn registries(engines: &[Engine]) -> Result<Vec<Name>, Failure> {
    let environment = environment::stores()?;
    let readers = readers::all(engines, &environment);
    let key = environment::fingerprint_key();
    let ask = sources::Ask::Helpers { secrets: false };
    let report = sources::read(engines, &readers, &environment, None, &key, ask);
    let mut names: Vec<String> =
        report.entries().filter_map(|entry| Some(registry(&entry.registry)?.to_string())).collect();
    names.sort();
    names.dedup();
    names.retain(|name| name::of_host(name).is_none());
    if names.is_empty() {
        names.push(GHCR.to_owned());
    }
    names.iter().map(|name| name.parse().map_err(Failure::usage)).collect::<Result<_, _>>()
}

/// Logins for hosts that only look like ghcr.io, files that others can read, and files that nobody can.
pub(in crate::commands::doctor) fn findings(logins: &Logins) -> Vec<Found> {
    let mut findings: Vec<Found> = Vec::new();
    for store in &logins.files.stores {
        let Some(path) = &store.path else { continue };
        for entry in &store.entries {
            let host = registry(&entry.registry).map(|registry| registry.to_string());
            let finding = host.and_then(|host| name::of_host(&host));
            if let Some(finding) = finding.filter(|finding| finding.cause == Cause::LookAlike) {
                let about = format!("the key `{}` in {path}", entry.registry);
                findings.push(finding.warning().about(about).into());
            }
        }
        if store.is_open_to_others() {
            findings.push(open(store, path));
        }
        let is_known = logins.programs.iter().any(|program| {
            matches!(&program.login, Login::Broken { source, .. } if source.path().is_some_and(|its| its == std::path::Path::new(path)))
        });
        if let Some(problem) = store.problem.as_ref().filter(|_| !is_known) {
            let finding = Finding::new(Cause::BrokenStore).warning().about(path.clone()).seen(problem.clone());
            findings.push(finding.words("mend the file, or have `pullpass login --repair` put it aside").into());
        }
    }
    findings
}

fn open(store: &Store, path: &str) -> Found {
    let mode = store.mode.clone().unwrap_or_default();
    let finding = Finding::new(Cause::ReadableByOthers)
        .warning()
        .about(path.to_owned())
        .seen(format!("its mode is {mode}"))
        .command(format!("chmod 600 {path}"));
    Found { finding, remedy: Some(Remedy::Tighten { path: PathBuf::from(path) }) }
}
