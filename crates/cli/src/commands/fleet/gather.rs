//! What the hosts answer, from the events of a run.

use std::collections::BTreeMap;

use indicatif::{ProgressBar, ProgressStyle};
use pullpass_secrets::token;
use serde_json::Value;

use super::row::{Row, State};
use crate::{
    ansible::{Event, Kind},
    output,
};

/// The modules of the collection that say something of a user's logins.
const STATUS: &str = "pullpass.registry.status";
const LOGIN: &str = "pullpass.registry.login";
const LOGOUT: &str = "pullpass.registry.logout";

/// Everything that is known by now.
pub(super) struct Gather {
    hosts: BTreeMap<String, Host>,
    progress: ProgressBar,
}

#[derive(Default)]
struct Host {
    /// The mark of the token that the inventory has for it.
    expected: Option<String>,
    rows: Vec<Row>,
    /// Why it could not be asked, or not do what it was told.
    problem: Option<(State, String)>,
}

impl Gather {
    pub(super) fn new() -> Gather {
        let progress = ProgressBar::new_spinner();
        progress.set_style(
            ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        Gather { hosts: BTreeMap::new(), progress }
    }

    pub(super) fn add(&mut self, event: &Event) {
        if event.kind == Kind::Task {
            self.progress.set_message(output::printable(&event.task));
            return;
        }
        self.progress.tick();
        let host = self.hosts.entry(event.host.clone()).or_default();
        let is_ours = [STATUS, LOGIN, LOGOUT].contains(&event.action.as_str());
        match event.kind {
            _ if event.is_unreachable() => {
                // The first message says why; a loop's own does not.
                host.problem.get_or_insert((State::Unreachable, event.message()));
            }
            Kind::Item | Kind::ItemFailed if is_ours => host.rows.extend(rows(event)),
            Kind::Ok if event.action.ends_with("debug") => {
                host.expected = event.result["msg"]["mark"].as_str().map(str::to_owned).or(host.expected.take());
            }
            // Its items have said why; what the inventory lacks is told by what follows from it.
            Kind::Failed if is_ours && !host.rows.is_empty() || event.action.ends_with("debug") => {}
            Kind::Failed | Kind::ItemFailed => drop(host.problem.get_or_insert((State::Failed, event.message()))),
            _ => {}
        }
    }

    /// The marks that the inventory's tokens have.
    pub(super) fn expected(&self) -> impl Iterator<Item = &str> {
        self.hosts.values().filter_map(|host| host.expected.as_deref())
    }

    /// Every row, judged.
    pub(super) fn rows(self) -> Vec<Row> {
        self.progress.finish_and_clear();
        let of_host = |(name, host): (String, Host)| {
            let Host { expected, mut rows, problem } = host;
            rows.iter_mut().for_each(|row| row.judge(expected.as_deref()));
            if let Some((state, why)) = problem {
                rows.push(Row::of_host(&name, state, token::mask(why.trim())));
            }
            rows
        };
        self.hosts.into_iter().flat_map(of_host).collect()
    }
}

/// What a module said of one user.
fn rows(event: &Event) -> Vec<Row> {
    let result = &event.result;
    let user = result["account"].as_str().or(event.item["name"].as_str()).map(str::to_owned);
    let base = Row { host: event.host.clone(), user, ..Row::default() };
    if event.kind == Kind::ItemFailed {
        return vec![Row { why: token::mask(&event.message()), ..base }];
    }
    match event.action.as_str() {
        STATUS => engines(event).into_iter().map(|engine| of_status(result, &engine, base.clone())).collect(),
        LOGIN => list(&result["stores"]).iter().map(|store| of_login(result, store, base.clone())).collect(),
        _ => vec![Row { changed: result["changed"] == true, state: State::Ok, ..base }],
    }
}

/// The engines that were asked for, else those that the host has.
fn engines(event: &Event) -> Vec<String> {
    let named = list(&event.item["engines"]);
    let engines = if named.is_empty() { list(&event.result["installed"]) } else { named };
    engines.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn of_status(result: &Value, engine: &str, base: Row) -> Row {
    let winner = list(&result["winners"]).iter().find(|winner| winner["engine"] == engine).unwrap_or(&Value::Null);
    let same = |entry: &&Value| {
        winner["mark"].is_string() && entry["mark"] == winner["mark"] && entry["user"] == winner["user"]
    };
    let entry = list(&result["stores"]).iter().flat_map(|store| list(&store["entries"])).find(same);
    let entry = entry.unwrap_or(&Value::Null);
    let (opens, verdict) = opens(result, engine);
    // Without a login, that is what is wrong.
    let why = verdict.filter(|_| winner["fingerprint"].is_string());
    let alive = entry["alive"].as_bool();
    let check = text(&entry["check"]).filter(|_| alive != Some(true));
    let broken = list(&result["stores"]).iter().find_map(|store| text(&store["problem"]));
    let row = Row {
        engine: Some(engine.to_owned()),
        login: text(&winner["user"]),
        fingerprint: text(&winner["fingerprint"]),
        mark: text(&winner["mark"]),
        alive,
        opens,
        ..base
    };
    let nothing = || broken.filter(|_| row.fingerprint.is_none());
    Row { why: check.or(why).or_else(nothing).unwrap_or_default(), ..row }
}

fn of_login(result: &Value, store: &Value, base: Row) -> Row {
    let engine = text(&store["engine"]).unwrap_or_default();
    let (opens, why) = opens(result, &engine);
    Row {
        engine: Some(engine),
        login: text(&result["username"]),
        fingerprint: text(&result["fingerprint"]),
        alive: Some(true),
        opens,
        changed: store["changed"] == true,
        why: why.unwrap_or_default(),
        ..base
    }
}

/// Whether an engine opens every image, and the first that it does not.
fn opens(result: &Value, engine: &str) -> (Option<bool>, Option<String>) {
    let of_engine = |image: &'_ Value| {
        let found = list(&image["engines"]).iter().find(|found| found["engine"] == engine)?.clone();
        Some((found["will_pull"].as_bool(), text(&found["verdict"])))
    };
    let answers: Vec<_> = list(&result["images"]).iter().filter_map(of_engine).collect();
    let bad = answers.iter().find(|(opens, _)| *opens != Some(true));
    match bad {
        Some((opens, verdict)) => (*opens, verdict.clone()),
        None => (Some(true).filter(|_| !answers.is_empty()), None),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A text of a host's, which must not hold what looks like a token.
fn text(value: &Value) -> Option<String> {
    value.as_str().map(token::mask)
}
