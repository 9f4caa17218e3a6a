//! What is done on hosts, and what they answer.

use std::collections::BTreeMap;

use pullpass_secrets::{Secret, token};
use serde_json::{Map, Value, json};

use super::super::{
    gather::{Gather, Host},
    login,
    row::{Row, State},
};
use crate::{
    ansible::{Ansible, Play},
    failure::Failure,
};

const LOOK: &str = include_str!("../rotate.yml");

/// The hosts, by way of Ansible.
pub(super) struct Hosts<'a> {
    pub(super) ansible: &'a Ansible,
    /// Of the role.
    pub(super) variables: &'a Map<String, Value>,
    /// Under which tokens are marked, in this run only.
    pub(super) key: [u8; 32],
}

/// Why a host has not proved its token.
pub(super) struct Problem {
    pub(super) state: State,
    pub(super) why: String,
}

/// What is known of hosts: `None` for what all is well with.
pub(super) type Problems = BTreeMap<String, Option<Problem>>;

/// What hosts say of a token.
pub(super) struct Proof {
    pub(super) problems: Problems,
    /// Where nobody could look for what other users have, and why.
    pub(super) unsearched: Vec<String>,
    /// Those for which the inventory has another one.
    pub(super) others: Vec<String>,
}

impl Hosts<'_> {
    /// Asks hosts, all of them without a list, what they have.
    pub(super) fn look(&self, hosts: Option<&[String]>) -> Result<BTreeMap<String, Host>, Failure> {
        let mut variables = self.variables.clone();
        variables.insert("registry_login_mark_key".to_owned(), json!(hex::encode(self.key)));
        self.run(&Play { playbook: LOOK, variables, secret: None, hosts })
    }

    /// Logs the users of hosts in with a token, and says which hosts proved it.
    pub(super) fn log_in(&self, hosts: &[String], token: &Secret) -> Result<Problems, Failure> {
        let play = Play {
            playbook: login::PLAYBOOK,
            variables: self.variables.clone(),
            secret: Some(("registry_login_token", token)),
            hosts: Some(hosts),
        };
        let answers = self.run(&play)?;
        Ok(hosts.iter().map(|name| (name.clone(), problem(name, answers.get(name), None))).collect())
    }

    /// Asks hosts whether their users have a token that lives and opens the images, and whether anybody has another.
    pub(super) fn prove(&self, hosts: &[String], token: &Secret, other: &Secret) -> Result<Proof, Failure> {
        let answers = self.look(Some(hosts))?;
        let (mark, other) = (self.mark(token), self.mark(other));
        let mut proof = Proof { problems: Problems::new(), unsearched: Vec::new(), others: Vec::new() };
        for name in hosts {
            let host = answers.get(name);
            let problem = problem(name, host, Some(&mark)).or_else(|| left_over(host?, &other));
            if let Some(why) = host.and_then(|host| host.unsearched.as_ref()) {
                proof.unsearched.push(format!("{name}: {}", why.lines().next().unwrap_or_default()));
            }
            if host.and_then(|host| host.wanted.as_ref()).is_some_and(|wanted| wanted.mark != mark) {
                proof.others.push(name.clone());
            }
            proof.problems.insert(name.clone(), problem);
        }
        Ok(proof)
    }

    pub(super) fn mark(&self, token: &Secret) -> String {
        token::mark(token, &self.key)
    }

    fn run(&self, play: &Play<'_>) -> Result<BTreeMap<String, Host>, Failure> {
        let mut gather = Gather::new();
        self.ansible.run(play, |event| gather.add(&event))?;
        Ok(gather.hosts())
    }
}

/// The worst of a host's rows.
fn problem(name: &str, host: Option<&Host>, mark: Option<&str>) -> Option<Problem> {
    let Some(host) = host else {
        return Some(Problem { state: State::Unreachable, why: "Ansible has said nothing of it".to_owned() });
    };
    let rows = host.rows(name, mark);
    if rows.is_empty() {
        return Some(Problem { state: State::Failed, why: "it has no engine, or no user to log in".to_owned() });
    }
    rows.into_iter()
        .filter(|row| row.state != State::Ok)
        .max_by_key(|row| row.state)
        .map(|row| Problem { state: row.state, why: of(&row) })
}

/// Whose login, and what is wrong with it.
fn of(row: &Row) -> String {
    let whose: Vec<&str> = [&row.user, &row.engine].into_iter().flatten().map(String::as_str).collect();
    let why = row.why.lines().next().unwrap_or_default();
    let why = why.strip_prefix("error: ").unwrap_or(why);
    if whose.is_empty() { why.to_owned() } else { format!("{}: {why}", whose.join(", ")) }
}

/// Where somebody else on a host still has a token with this mark.
fn left_over(host: &Host, mark: &str) -> Option<Problem> {
    let everywhere = host.everywhere.as_ref()?;
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let of_store = |store: Value| {
        let has = list(&store["entries"]).iter().any(|entry| entry["mark"] == mark);
        let name =
            ["helper", "variable", "path"].into_iter().find_map(|field| store[field].as_str().map(str::to_owned));
        has.then(|| {
            format!(
                "{} still has the old token in {}",
                store["account"].as_str().unwrap_or("somebody"),
                name.unwrap_or_default()
            )
        })
    };
    let of_copy = |copy: Value| {
        (copy["mark"] == mark).then(|| {
            format!("{} still has the old token", copy["path"].as_str().or(copy["name"].as_str()).unwrap_or_default())
        })
    };
    let stores = list(&everywhere["stores"]).into_iter().filter_map(of_store);
    let why: Vec<String> = stores.chain(list(&everywhere["copies"]).into_iter().filter_map(of_copy)).collect();
    (!why.is_empty()).then(|| Problem { state: State::Old, why: why.join("; ") })
}

/// What keeps a token beside the stores of a host, with the command that renews it.
pub(super) fn copies(name: &str, host: &Host) -> Vec<String> {
    let copies = host.everywhere.as_ref().and_then(|found| found["copies"].as_array()).cloned().unwrap_or_default();
    let line = |copy: &Value| {
        let text = |field: &str| copy[field].as_str().unwrap_or_default().to_owned();
        format!("{name}: {} `{}`: {}", text("kind"), text("name"), text("command"))
    };
    copies.iter().map(line).collect()
}
