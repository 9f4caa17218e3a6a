//! A file for the textfile collector of Prometheus's node_exporter: the text format of Prometheus, "Exposition formats".

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs::Permissions,
    io::Write as _,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use pullpass_secrets::token;

use crate::{
    failure::{Failure, OrFail},
    logins::report::{Entry, Report, Store},
};

/// A token that somebody pasted there would become the name of a file that everybody may see.
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if token::mask(text) == text { Ok(PathBuf::from(text)) } else { Err("there is a token in it".to_owned()) }
}

/// Replaces the file as a whole: the collector may read at any time, as another user.
pub(super) fn write(path: &Path, report: &Report, now: Timestamp) -> Result<(), Failure> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| Failure::unknown(format!("cannot write `{}`: {error}", path.display()));
    let mut file = tempfile::Builder::new().prefix(".pullpass-").tempfile_in(directory).map_err(failed)?;
    file.write_all(text(report, now).as_bytes()).map_err(failed)?;
    file.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map(drop).map_err(|error| error.error).or_unknown()
}

fn text(report: &Report, now: Timestamp) -> String {
    let alive = |entry: &Entry| entry.alive.map(|alive| i64::from(alive).to_string());
    let expiry = |entry: &Entry| entry.expires.map(|at| at.as_second().to_string());
    let mut text = String::new();
    of_entries(&mut text, report, "pullpass_credential", "A login in a store.", |_| Some("1".to_owned()));
    of_entries(&mut text, report, "pullpass_credential_alive", "Whether it is still accepted.", alive);
    of_entries(&mut text, report, "pullpass_credential_expiry_timestamp_seconds", "When it ends.", expiry);
    let stores =
        report.stores.iter().map(|store| (store_labels(store), i64::from(store.problem.is_some()).to_string()));
    family(&mut text, "pullpass_store_broken", "Whether a store could not be read.", stores);
    let now = [(String::new(), now.as_second().to_string())].into_iter();
    family(&mut text, "pullpass_status_timestamp_seconds", "When this was found out.", now);
    text
}

fn of_entries(text: &mut String, report: &Report, name: &str, help: &str, value: impl Fn(&Entry) -> Option<String>) {
    let entries = report.stores.iter().flat_map(|store| store.entries.iter().map(move |entry| (store, entry)));
    let samples = entries.filter_map(|(store, entry)| {
        let labels = [store_labels(store), label("registry", &entry.registry), label("kind", &entry.kind)].join(",");
        Some((labels, value(entry)?))
    });
    family(text, name, help, samples);
}

/// The first of several samples that have the same labels, as two entries of one key: the collector takes no file with both.
fn family(text: &mut String, name: &str, help: &str, samples: impl Iterator<Item = (String, String)>) {
    let mut seen = BTreeSet::new();
    let samples: Vec<_> = samples.filter(|(labels, _)| seen.insert(labels.clone())).collect();
    if samples.is_empty() {
        return;
    }
    // Writing to a string does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    for (labels, value) in samples {
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

fn store_labels(store: &Store) -> String {
    let account = store.account.as_deref().unwrap_or_default();
    [label("user", account), label("store", &store.name()), label("read_by", &store.read_by.join(","))].join(",")
}

fn label(name: &str, value: &str) -> String {
    format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
