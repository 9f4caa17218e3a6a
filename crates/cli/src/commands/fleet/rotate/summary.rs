//! What a change ticket wants to know.

use super::journal::{Journal, State};
use crate::output;

/// Prints it, as text or as the journal itself.
pub(super) fn print(journal: &Journal, is_json: bool) {
    if is_json {
        return output::json(&serde_json::to_value(journal).unwrap_or_default());
    }
    lines(journal).into_iter().for_each(|line| output::data(output::printable(&line)));
}

fn lines(journal: &Journal) -> Vec<String> {
    let Journal { id, registry, user, old, new, hosts, proved, accepted, images, files, copies, .. } = journal;
    let became = match journal.state {
        State::Begun => "has not come to its end",
        State::Done => "is done",
        State::Returning => "is being taken back",
        State::Returned => "was taken back",
    };
    let mut lines = vec![format!("rotation {id} {became}"), format!("  registry  {registry}, user {user}")];
    let end = match journal.revoked {
        Some(at) => format!("revoked {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")),
        None => "alive".to_owned(),
    };
    lines.push(format!("  old       {}, {end}", old.fingerprint));
    if let Some(new) = new {
        let expires = new.expires.map(|at| format!(", ends {}", at.strftime("%Y-%m-%d"))).unwrap_or_default();
        lines.push(format!("  new       {}{expires}", new.fingerprint));
    }
    let names = proved.join(", ");
    lines.push(format!("  hosts     {} of {} have proved it: {names}", proved.len(), hosts.len()));
    let without: Vec<&str> = hosts.iter().filter(|host| !proved.contains(host)).map(String::as_str).collect();
    if !without.is_empty() {
        let word = if without.iter().all(|host| accepted.iter().any(|name| name == host)) { " (accepted)" } else { "" };
        lines.push(format!("            without it{word}: {}", without.join(", ")));
    }
    lines.push(format!("  images    {}", images.join(", ")));
    for (number, (path, _)) in files.iter().enumerate() {
        lines.push(format!("  {:<9} {}", if number == 0 { "files" } else { "" }, path.display()));
    }
    for (number, copy) in copies.iter().enumerate() {
        lines.push(format!("  {:<9} {copy}", if number == 0 { "see to" } else { "" }));
    }
    for (number, event) in journal.events.iter().enumerate() {
        let name = if number == 0 { "steps" } else { "" };
        lines.push(format!("  {name:<9} {} {}", event.at.strftime("%Y-%m-%dT%H:%M:%SZ"), event.what));
    }
    if let Some(expires) = new.as_ref().and_then(|new| new.expires).filter(|_| journal.state == State::Done) {
        lines.push(format!(
            "  next      before {}: `pullpass fleet check {} --warn-days 14` warns in time",
            expires.strftime("%Y-%m-%d"),
            journal.inventories.iter().map(|inventory| format!("-i {inventory}")).collect::<Vec<_>>().join(" ")
        ));
    }
    lines
}
