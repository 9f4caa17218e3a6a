//! What the hosts answer, from the events of a run.

use std::collections::{BTreeMap, BTreeSet};

use indicatif::{ProgressBar, ProgressStyle};
use pullpass_secrets::token;
use serde::Deserialize;
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
/// The name of the task that looks everywhere.
const SEARCH: &str = "Look for tokens everywhere on the host";

/// Everything that is known by now.
pub(super) struct Gather {
    hosts: BTreeMap<String, Host>,
    progress: ProgressBar,
}

/// What is known of a host.
#[derive(Default)]
pub(super) struct Host {
    /// What the inventory has for it; `None` when that could not be told.
    pub(super) wanted: Option<Wanted>,
    /// Why it could not.
    pub(super) untold: Option<String>,
    rows: Vec<Row>,
    /// Why it could not be asked, or not do what it was told.
    problem: Option<(State, String)>,
    /// What every user of the host has, and what keeps a token elsewhere; `None` when nobody could look.
    pub(super) everywhere: Option<Value>,
    /// Why nobody could.
    pub(super) unsearched: Option<String>,
}

/// What the role's variables say for a host.
#[derive(Clone, Deserialize)]
pub(super) struct Wanted {
    /// Of the token.
    pub(super) mark: String,
    pub(super) registry: String,
    pub(super) user: String,
    pub(super) images: Vec<String>,
}

impl Host {
    /// Whether it was reached and has neither an engine nor a user to log in.
    pub(super) fn pulls_nothing(&self) -> bool {
        self.rows.is_empty() && self.problem.is_none()
    }

    /// Its rows, judged by the mark of the token that it is to have.
    pub(super) fn rows(&self, name: &str, mark: Option<&str>) -> Vec<Row> {
        let mut rows = self.rows.clone();
        rows.iter_mut().for_each(|row| row.judge(mark));
        if let (None, Some(why)) = (mark, &self.untold) {
            rows.iter_mut().for_each(|row| row.doubt(why));
        }
        if let Some((state, why)) = &self.problem {
            rows.push(Row::of_host(name, *state, token::mask(why.trim())));
        }
        rows
    }
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
            // With the name of its role in front.
            let task = event.task.rsplit(" : ").next().unwrap_or_default();
            self.progress.set_message(output::printable(task));
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
                host.wanted = Wanted::deserialize(&event.result["msg"]).ok().or(host.wanted.take());
            }
            // Not of a loop over users: the one that looks everywhere.
            Kind::Ok if event.action == STATUS && event.result["stores"].is_array() => {
                host.everywhere = Some(event.result.clone());
            }
            Kind::Failed if event.task.ends_with(SEARCH) => host.unsearched = Some(token::mask(&event.message())),
            Kind::Failed if event.action.ends_with("debug") => host.untold = Some(token::mask(event.message().trim())),
            // Its items have said why.
            Kind::Failed if is_ours && !host.rows.is_empty() => {}
            Kind::Failed | Kind::ItemFailed => drop(host.problem.get_or_insert((State::Failed, event.message()))),
            _ => {}
        }
    }

    /// The marks that the inventory's tokens have.
    pub(super) fn marks(&self) -> BTreeSet<&str> {
        self.hosts.values().filter_map(|host| host.wanted.as_ref()).map(|wanted| wanted.mark.as_str()).collect()
    }

    /// Every row, judged by what the inventory has for its host.
    pub(super) fn rows(self) -> Vec<Row> {
        let of_host =
            |(name, host): (&String, &Host)| host.rows(name, host.wanted.as_ref().map(|wanted| wanted.mark.as_str()));
        self.hosts().iter().flat_map(of_host).collect()
    }

    /// Every host.
    pub(super) fn hosts(self) -> BTreeMap<String, Host> {
        self.progress.finish_and_clear();
        self.hosts
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
    let is_proved = result["proved"] == true;
    // A registry that asks nobody for a login has not looked at the token: it is written, and that is all.
    let state = if !is_proved && why.is_none() { State::Ok } else { State::default() };
    Row {
        engine: Some(engine),
        login: text(&result["user"]),
        fingerprint: text(&result["fingerprint"]),
        alive: is_proved.then_some(true),
        opens,
        state,
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
