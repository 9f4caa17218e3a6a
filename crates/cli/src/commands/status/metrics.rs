//! What `pullpass status --metrics` tells Prometheus.

use std::path::Path;

use jiff::Timestamp;

use crate::{
    failure::Failure,
    logins::report::{Entry, Report, Store},
    metrics::{family, label, replace},
};

pub(super) fn write(path: &Path, report: &Report, now: Timestamp) -> Result<(), Failure> {
    replace(path, &text(report, now))
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

fn store_labels(store: &Store) -> String {
    let account = store.account.as_deref().unwrap_or_default();
    [label("user", account), label("store", &store.name()), label("read_by", &store.read_by.join(","))].join(",")
}
