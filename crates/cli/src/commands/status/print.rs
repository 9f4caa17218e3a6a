//! What a person reads of a report.

use crate::{
    logins::{
        name::Name,
        report::{Entry, Report, Winner},
    },
    output,
};

/// Which login each engine uses, if a name was given, then all of them.
pub(super) fn tables(report: &Report, name: Option<&Name>) {
    let of_users = report.stores.iter().any(|store| store.account.is_some());
    if !report.winners.is_empty() {
        let rows: Vec<Vec<String>> = report.winners.iter().map(|winner| row(of_users, winner)).collect();
        output::data(table(of_users, &["ENGINE", "USES", "USER", "FINGERPRINT", "FROM", "BECAUSE"], &rows));
        output::data("");
    }
    let is_checked = report.entries().any(|entry| entry.alive.is_some() || entry.check.is_some());
    let is_known = report.entries().any(|entry| entry.login.is_some());
    let mut headings = vec!["REGISTRY", "USER", "KIND", "FINGERPRINT", "READ BY", "STORE"];
    headings.extend(is_checked.then_some("ANSWER"));
    headings.extend(is_known.then_some(["SCOPES", "ENDS"]).into_iter().flatten());
    let mut rows = Vec::new();
    for store in &report.stores {
        for entry in &store.entries {
            let mut row: Vec<String> = store.account.iter().cloned().collect();
            row.extend([
                entry.registry.clone(),
                entry.user.clone().unwrap_or_default(),
                entry.kind.clone(),
                entry.fingerprint.clone().unwrap_or_default(),
                store.read_by.join(", "),
                store.name(),
            ]);
            row.extend(is_checked.then(|| answer(entry)));
            row.extend(is_known.then(|| ends(entry)).into_iter().flatten());
            rows.push(row);
        }
    }
    if rows.is_empty() && report.stores.iter().any(|store| store.problem.is_some()) {
        output::say("no login could be read");
    } else if rows.is_empty() {
        let of = name.map(|name| format!(" of {}", name.full)).unwrap_or_default();
        output::say(format_args!("there is no login{of}"));
    } else {
        output::data(table(of_users, &headings, &rows));
    }
}

fn table(of_users: bool, headings: &[&str], rows: &[Vec<String>]) -> String {
    let headings: Vec<&str> = of_users.then_some("OF").into_iter().chain(headings.iter().copied()).collect();
    output::table(&headings, rows)
}

fn row(of_users: bool, winner: &Winner) -> Vec<String> {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let mut row: Vec<String> = of_users.then(|| text(&winner.account)).into_iter().collect();
    row.extend([
        winner.engine.clone(),
        winner.registry.clone().unwrap_or_else(|| "no login".to_owned()),
        text(&winner.user),
        text(&winner.fingerprint),
        text(&winner.store),
        winner.why.clone(),
    ]);
    row
}

fn answer(entry: &Entry) -> String {
    match (entry.alive, &entry.check) {
        (Some(true), _) => "accepted".to_owned(),
        (Some(false), _) => "refused".to_owned(),
        (None, Some(_)) => "not known".to_owned(),
        (None, None) => String::new(),
    }
}

fn ends(entry: &Entry) -> [String; 2] {
    if entry.login.is_none() {
        return [String::new(), String::new()];
    }
    let scopes = entry.scopes.as_ref().map(|scopes| scopes.join(", ")).unwrap_or_default();
    let ends = entry.expires.map(|at| at.strftime("%Y-%m-%d").to_string());
    [scopes, ends.unwrap_or_else(|| "never".to_owned())]
}

/// What is wrong, and what stands in the shadow of something else.
pub(super) fn warnings(report: &Report) {
    for store in &report.stores {
        let name = output::printable(&store.name());
        if let Some(problem) = &store.problem {
            output::warn(output::printable(problem));
        }
        if store.is_open_to_others() {
            output::warn(format_args!("other users may read `{name}`: `chmod 600 {name}`"));
        }
        for entry in &store.entries {
            if let Some(said) = &entry.check {
                output::warn(format_args!(
                    "{} in `{name}`: {}",
                    output::printable(&entry.registry),
                    output::printable(said)
                ));
            }
        }
    }
    for (store, helper) in report.unread_helpers() {
        let [store, helper] = [store.name().as_str(), helper].map(output::printable);
        output::warn(format_args!("`{store}` names the credential helper `{helper}`, which may hold logins too"));
    }
    for winner in &report.winners {
        for other in &winner.shadowed {
            let words = [&winner.engine, &other.registry, &other.store].map(|text| output::printable(text));
            let [engine, registry, store] = words;
            output::say(format_args!("{engine} does not use the login of {registry} in `{store}`"));
        }
    }
}
