//! Steps 0 to 2: what is there before anything is changed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use pullpass_client::github::Account;
use pullpass_secrets::{Secret, token, vault::Passwords};

use super::{
    super::{
        gather::{Host, Wanted},
        row::State as RowState,
        tokens,
    },
    Rotate,
    ask::{self, Seen},
    git,
    hosts::{self, Hosts},
    journal::{Journal, Known, Rotation, State},
    occurrences::{Candidate, Occurrences, tokens_of},
    sealed::Key,
    steps::counted,
};
use crate::{
    commands::inventory::tree::Tree,
    environment,
    failure::{Failure, OrFail},
    output,
};

/// A rotation that may begin.
pub(super) struct Plan {
    pub(super) journal: Journal,
    pub(super) old: Secret,
    occurrences: Occurrences,
}

impl Plan {
    /// Finds the old token, everything that has it, and what it is worth. Nothing is changed.
    pub(super) fn make(rotate: &Rotate, hosts: &Hosts<'_>, passwords: &Arc<Passwords>) -> Result<Plan, Failure> {
        let places = rotate.places()?;
        let found = hosts.look(None)?;
        let old = old(rotate, hosts, &found, &places, passwords)?;
        let mark = hosts.mark(&old);
        let mine = having(&found, &mark);
        let Wanted { registry, user, images, .. } = wanted(&mine)?;
        let occurrences = Occurrences::find(&places, passwords, &old)?;
        refuse_by_hand(rotate, &occurrences)?;
        if !rotate.allow_dirty {
            git::refuse_unclean(occurrences.files().map(|(path, _)| path))?;
        }
        let seen = ask::ask(&registry, &user, &old, &images)?;
        let broken =
            |name: &String, host: &Host| host.rows(name, Some(&mark)).iter().any(|row| row.state != RowState::Ok);
        let broken: Vec<String> =
            mine.iter().filter(|(name, host)| broken(name, host)).map(|(name, _)| (*name).clone()).collect();
        if !rotate.compromised {
            refuse_dead(&seen, broken.len() == mine.len())?;
        }
        let journal = Journal {
            id: id()?,
            state: State::Begun,
            step: None,
            started: Timestamp::now(),
            directory: environment::current_directory()
                .ok_or_else(|| Failure::usage("there is no working directory"))?,
            inventories: rotate.ansible.inventories.clone(),
            variables: rotate.pulls.variables(),
            places,
            images: if seen.is_alive { seen.opened } else { images },
            registry,
            user,
            is_compromised: rotate.compromised,
            overlap: rotate.overlap.unwrap_or_default().as_secs(),
            old: known(&old, seen.account.as_ref()),
            new: None,
            server: None,
            hosts: mine.keys().map(|name| (*name).clone()).collect(),
            broken,
            proved: Vec::new(),
            accepted: Vec::new(),
            files: Vec::new(),
            copies: mine.iter().flat_map(|(name, host)| hosts::copies(name, host)).collect(),
            overlap_ends: None,
            revoked: None,
            events: Vec::new(),
        };
        Ok(Plan { journal, old, occurrences })
    }

    /// What is about to happen, for a person.
    pub(super) fn print(&self) {
        let Journal { registry, user, old, hosts, images, broken, copies, .. } = &self.journal;
        output::say(format_args!("the token {} of {user} at {registry}", old.fingerprint));
        for place in self.occurrences.places() {
            output::say(format_args!("  stands in {place}"));
        }
        output::say(format_args!("  is for {}: {}", counted(hosts.len(), "host"), hosts.join(", ")));
        output::say(format_args!("  opens {}", images.join(", ")));
        for name in broken {
            output::warn(format_args!("{name} does not pull with it, or was not reached, before anything is changed"));
        }
        for copy in copies {
            output::warn(format_args!("keeps a token of its own: {copy}"));
        }
        for place in self.occurrences.left_alone() {
            output::warn(format_args!("{place} has a payload that is no value, and that no password opens"));
        }
    }

    /// Takes the lock, and writes the journal.
    pub(super) fn begin(self, passwords: &Passwords) -> Result<(Rotation, Secret), Failure> {
        let sealed = Key::of(&self.occurrences, passwords)?.seal(&self.old)?;
        Ok((Rotation::begin(self.journal, &sealed)?, self.old))
    }
}

/// The hosts whose inventory has the token with this mark. One without an engine has the variables, and no use for them.
fn having<'a>(found: &'a BTreeMap<String, Host>, mark: &str) -> BTreeMap<&'a String, &'a Host> {
    let has = |host: &Host| host.wanted.as_ref().is_some_and(|wanted| wanted.mark == mark) && !host.pulls_nothing();
    found.iter().filter(|(_, host)| has(host)).collect()
}

/// What these hosts have in common: registry and user; and the images of all of them at that registry.
fn wanted(hosts: &BTreeMap<&String, &Host>) -> Result<Wanted, Failure> {
    let mut all = hosts.values().filter_map(|host| host.wanted.as_ref());
    let Some(first) = all.next() else { return Err(Failure::usage("no host that has the token has an engine")) };
    let mut wanted = first.clone();
    for other in all {
        if other.registry != wanted.registry || other.user != wanted.user {
            return Err(Failure::usage("the token is for several registries or users")
                .fact(format!("{} at {}, and {} at {}", wanted.user, wanted.registry, other.user, other.registry)));
        }
        wanted.images.extend(other.images.iter().cloned());
    }
    // A credential is not shown to another registry.
    wanted.images.retain(|image| image.starts_with(&format!("{}/", wanted.registry)));
    wanted.images.sort();
    wanted.images.dedup();
    if wanted.images.is_empty() {
        let failure =
            Failure::usage("no image is named, so nobody can tell whether a new token opens what the old one opens");
        return Err(failure.hint(
            "name what the hosts pull: `--image ghcr.io/OWNER/NAME:TAG`, or `registry_login_images` in the inventory",
        ));
    }
    Ok(wanted)
}

/// A rotation without a failed pull needs pulls that work.
fn refuse_dead(seen: &Seen, is_broken_everywhere: bool) -> Result<(), Failure> {
    let because =
        |message: &str| seen.refusals.iter().fold(Failure::no(message), |failure, refusal| failure.fact(refusal));
    if !seen.is_alive {
        return Err(because("the old token is dead already, so there is no pull to keep alive")
            .hint("`--compromised` puts a new one in its place without the steps that need the old one"));
    }
    if seen.opened.is_empty() || is_broken_everywhere {
        return Err(because("no host pulls with the old token, so none could prove the new one")
            .hint("`pullpass fleet check` with the same options says why"));
    }
    Ok(())
}

/// The token that the hosts are to have, out of the files that have it.
fn old(
    rotate: &Rotate,
    hosts: &Hosts<'_>,
    found: &BTreeMap<String, Host>,
    places: &[PathBuf],
    passwords: &Passwords,
) -> Result<Secret, Failure> {
    let mut tree = Tree::read(places)?;
    tree.open(passwords);
    let candidates = tokens_of(&tree, passwords, &rotate.pulls.token_names());
    let key = environment::fingerprint_key();
    let shown = |candidate: &Candidate| token::fingerprint(&candidate.token, &key);
    let is_wanted = |candidate: &Candidate| {
        let mark = hosts.mark(&candidate.token);
        found.values().filter_map(|host| host.wanted.as_ref()).any(|wanted| wanted.mark == mark)
    };
    let mut used: Vec<Candidate> = candidates.into_iter().filter(is_wanted).collect();
    if let Some(old) = &rotate.old {
        used.retain(|candidate| shown(candidate).ends_with(old.as_str()));
    }
    match (used.len(), used.pop()) {
        (1, Some(candidate)) => Ok(candidate.token),
        (_, None) if found.values().all(|host| host.wanted.is_none()) => {
            let mut why: Vec<&str> =
                found.values().filter_map(|host| host.untold.as_ref()?.lines().next()).collect();
            why.sort_unstable();
            why.dedup();
            let failure = Failure::usage("no host of the inventory has a token that can be read");
            let failure = why.into_iter().fold(failure, Failure::fact);
            Err(failure.hint("name the variable with `--token-variable NAME`, if it is not iaas_console.ghcr_pat"))
        }
        (_, None) => Err(Failure::usage("the token of the hosts stands in no file that was looked through")
            .fact("it may come from a look-up, and is then to be renewed where it comes from; `pullpass fleet login` brings it to the hosts")
            .hint("name more files and directories with `--in PATH`, or other vault passwords")),
        (_, Some(last)) => {
            let failure = Failure::usage("the hosts have several tokens, of which one is rotated at a time");
            let failure = used.iter().chain([&last]).fold(failure, |failure, candidate| failure.fact(shown(candidate)));
            Err(failure.hint("choose one by the end of its fingerprint: `--old x9Qf`"))
        }
    }
}

fn refuse_by_hand(rotate: &Rotate, occurrences: &Occurrences) -> Result<(), Failure> {
    if occurrences.by_hand().is_empty() || rotate.leave_by_hand {
        return Ok(());
    }
    let failure = Failure::usage("the token stands where only a person can change it");
    let failure = occurrences
        .by_hand()
        .iter()
        .fold(failure, |failure, found| failure.fact(format!("{}: {}", found.place, found.why)));
    Err(failure
        .fact("nothing was changed")
        .hint("put a reference to the variable there, or add `--leave-by-hand` and change it afterwards"))
}

/// `20261124-3f9a`
fn id() -> Result<String, Failure> {
    let mut random = [0; 2];
    getrandom::fill(&mut random).or_unknown()?;
    Ok(format!("{}-{:02x}{:02x}", Timestamp::now().strftime("%Y%m%d"), random[0], random[1]))
}

/// A token, without the token.
pub(super) fn known(token: &Secret, account: Option<&Account>) -> Known {
    Known {
        fingerprint: token::fingerprint(token, &environment::fingerprint_key()),
        hash: hash(token),
        expires: account.and_then(|account| account.expires),
        account: account.map(|account| account.login.clone()),
    }
}

/// What tells whether a token is the same, and nothing else to nobody.
fn hash(token: &Secret) -> String {
    let mut hash = token::keyed_hash(token.reveal().as_bytes(), &environment::fingerprint_key());
    hash.truncate(12);
    hash
}

/// The work tree of git that a file is in, else the file with the variables beside it.
pub(super) fn around(inventories: &[String]) -> Result<Vec<PathBuf>, Failure> {
    let mut places = tokens::places(inventories);
    for inventory in inventories.iter().map(Path::new).filter_map(|path| path.canonicalize().ok()) {
        let directory = if inventory.is_dir() { inventory.as_path() } else { inventory.parent().unwrap_or(&inventory) };
        places.extend(git::top(directory)?);
    }
    places.sort();
    places.dedup();
    Ok(places)
}
