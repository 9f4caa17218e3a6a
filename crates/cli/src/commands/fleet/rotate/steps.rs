//! The steps, and the way back.

use std::sync::{Arc, atomic::Ordering};

use jiff::{SignedDuration, Timestamp};
use pullpass_secrets::{Secret, vault::Passwords};

use super::{
    super::row::State as RowState,
    Rotate, ask, git,
    hosts::{Hosts, Problem, Problems, Proof},
    journal::{Rotation, State, Step},
    occurrences::Occurrences,
    revoke,
    sealed::Key,
    staged::{self, Committed, Staged},
};
use crate::{
    failure::{Exit, Failure},
    interrupt, output,
};

/// How often files are read again that somebody else edits just then.
const MORE_TRIES: usize = 3;

/// A rotation under way, with its tokens.
pub(super) struct Steps<'a> {
    rotate: &'a Rotate,
    hosts: Hosts<'a>,
    passwords: &'a Arc<Passwords>,
    pub(super) rotation: Rotation,
    old: Secret,
    /// Once there is one.
    new: Option<Secret>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        rotate: &'a Rotate,
        hosts: Hosts<'a>,
        passwords: &'a Arc<Passwords>,
        rotation: Rotation,
        old: Secret,
    ) -> Result<Steps<'a>, Failure> {
        let new = rotation.new_token(passwords)?;
        let mut steps = Steps { rotate, hosts, passwords, rotation, old, new };
        let accepted = &mut steps.rotation.journal.accepted;
        accepted.extend(rotate.accept_straggler.iter().cloned());
        if let Some(name) = accepted.iter().find(|name| !steps.rotation.journal.hosts.contains(name)) {
            return Err(Failure::usage(format!("there is no host `{name}` in this rotation")));
        }
        accepted.sort();
        accepted.dedup();
        Ok(steps)
    }

    /// Does what is left to do.
    pub(super) fn go_on(&mut self) -> Result<(), Failure> {
        if self.rotation.journal.state == State::Returning {
            if self.is_old_alive()? {
                return Err(Failure::usage("this rotation is being taken back")
                    .hint("`pullpass fleet rotate --rollback` finishes that"));
            }
            // Somebody has revoked it: there is no other way any more.
            self.rotation.journal.state = State::Begun;
            self.rotation.journal.step = Some(Step::Files).filter(|_| self.rotation.journal.has_spread());
        }
        staged::recover(&self.rotation.journal.places)?;
        let steps = self.rotation.journal.steps();
        let begun = self.rotation.journal.step.and_then(|step| steps.iter().position(|other| *other == step));
        for step in &steps[begun.unwrap_or(0)..] {
            stop_if_interrupted()?;
            self.rotation.journal.step = Some(*step);
            self.rotation.save()?;
            let result = self.step(*step);
            if *step == Step::New && result.is_err() && !self.rotation.journal.is_compromised {
                // Nothing was changed: the next run begins anew.
                self.forget_new()?;
                self.rotation.end(State::Returned)?;
            }
            result?;
        }
        self.rotation.end(State::Done)
    }

    fn step(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::New => self.get_new(),
            Step::Canary => self.canary(),
            Step::Files => self.files(),
            Step::Hosts => self.all_hosts(),
            Step::Gate => self.gate(),
            Step::Overlap => self.overlap(),
            Step::Revoke => self.revoke(),
            Step::Proof => self.proof(),
        }
    }

    fn get_new(&mut self) -> Result<(), Failure> {
        if self.new.is_some() {
            return Ok(());
        }
        let new = self.made_or_given()?;
        let known = self.rotate.new.check(&self.rotation.journal, &self.old, &new)?;
        let occurrences = Occurrences::find(&self.rotation.journal.places, self.passwords, &self.old)?;
        // Proved before anything is changed.
        let staged = Staged::new(&occurrences, self.passwords, &new)?;
        if self.rotate.diff {
            staged.diff();
        }
        self.rotation.keep_new(&Key::of(&occurrences, self.passwords)?.seal(&new)?)?;
        let told = format!("the new token is {}; it opens what the old one opens", known.fingerprint);
        self.rotation.journal.new = Some(known);
        self.new = Some(new);
        self.rotation.tell(told)
    }

    /// A token that a server of ours has made, and that nobody has got.
    fn forget_new(&mut self) -> Result<(), Failure> {
        #[cfg(feature = "serve")]
        if let Some(server) = &self.rotation.journal.server {
            super::server::forget(&server.data, &self.rotation.journal.id)?;
        }
        Ok(())
    }

    #[cfg(not(feature = "serve"))]
    fn made_or_given(&mut self) -> Result<Secret, Failure> {
        self.rotate.new.get(&self.rotation.journal, &self.rotate.ansible.vault_password)
    }

    #[cfg(feature = "serve")]
    fn made_or_given(&mut self) -> Result<Secret, Failure> {
        match &self.rotate.new.at_server {
            Some(data) => super::server::make(data, &mut self.rotation),
            None => self.rotate.new.get(&self.rotation.journal, &self.rotate.ansible.vault_password),
        }
    }

    fn canary(&mut self) -> Result<(), Failure> {
        let journal = &self.rotation.journal;
        let pulls = |name: &&String| !journal.broken.contains(name);
        let candidates: Vec<String> = match &self.rotate.canary {
            Some(name) if !journal.hosts.contains(name) => {
                return Err(Failure::usage(format!("there is no host `{name}` in this rotation")));
            }
            Some(name) => vec![name.clone()],
            None => journal.hosts.iter().filter(pulls).cloned().collect(),
        };
        for name in candidates {
            let problems = self.log_in(std::slice::from_ref(&name))?;
            match problems.into_values().flatten().next() {
                None => return self.rotation.tell(format!("{name} has gone first, and proved the new token")),
                // Another may go first.
                Some(problem) if problem.state == RowState::Unreachable && self.rotate.canary.is_none() => {}
                Some(problem) => {
                    self.give_back(std::slice::from_ref(&name))?;
                    return Err(Failure::no(format!("{name}, which went first, did not prove the new token"))
                        .fact(problem.why)
                        .fact("it has the old one again"));
                }
            }
        }
        Err(Failure::unknown("no host that pulls could be reached, so none could go first"))
    }

    /// Every file has the new token, or none.
    fn files(&mut self) -> Result<(), Failure> {
        let Some(new) = self.new.clone() else { return Err(no_token()) };
        let old = self.old.clone();
        if self.exchange(&old, &new)? || self.is_in_files(&new)? {
            return Ok(());
        }
        Err(Failure::no("neither the old nor the new token is in the inventory any more")
            .fact("somebody has put another one there meanwhile")
            .hint("put the old one back there and go on, or take the rotation back"))
    }

    fn is_in_files(&self, token: &Secret) -> Result<bool, Failure> {
        let found = Occurrences::find(&self.rotation.journal.places, self.passwords, token)?;
        Ok(found.places().next().is_some())
    }

    /// Says whether there was anything to replace.
    fn exchange(&mut self, from: &Secret, to: &Secret) -> Result<bool, Failure> {
        for _ in 0..=MORE_TRIES {
            let occurrences = Occurrences::find(&self.rotation.journal.places, self.passwords, from)?;
            if occurrences.places().next().is_none() {
                return Ok(false);
            }
            let staged = Staged::new(&occurrences, self.passwords, to)?;
            match staged.commit()? {
                Committed::All => {
                    self.rotation.journal.files = staged.files().map(|(path, hash)| (path.to_owned(), hash)).collect();
                    let count = self.rotation.journal.files.len();
                    if self.rotate.git_commit {
                        let message = format!(
                            "Rotate the token of {} ({})",
                            self.rotation.journal.registry, self.rotation.journal.id
                        );
                        git::commit(staged.files().map(|(path, _)| path), &message)?;
                    }
                    self.rotation.tell(format!("the inventory is changed: {}", counted(count, "file")))?;
                    return Ok(true);
                }
                Committed::Changed(path) => {
                    output::say(format_args!("`{}` was edited meanwhile: reading it again", path.display()));
                }
            }
        }
        Err(Failure::unknown("the files of the inventory are edited all the time").fact("none was changed"))
    }

    fn all_hosts(&mut self) -> Result<(), Failure> {
        let journal = &self.rotation.journal;
        let size = self.rotate.batch.size(journal.hosts.len());
        let left: Vec<String> = journal.hosts.iter().filter(|name| !journal.proved.contains(name)).cloned().collect();
        let mut failed: Vec<(String, Problem)> = Vec::new();
        for batch in left.chunks(size) {
            stop_if_interrupted()?;
            let problems = self.log_in(batch)?;
            let found = problems.into_iter().filter_map(|(name, problem)| Some((name, problem?)));
            let (unreachable, bad): (Vec<_>, Vec<_>) =
                found.partition(|(_, problem)| problem.state == RowState::Unreachable);
            for (name, _) in unreachable {
                self.rotation.tell(format!("{name} could not be reached; it is asked again at the end"))?;
            }
            let names: Vec<String> = bad.iter().map(|(name, _)| name.clone()).collect();
            if !names.is_empty() {
                // The one that it had works.
                self.give_back(&names)?;
            }
            failed.extend(bad);
            if failed.len() > self.rotate.max_fail {
                let failure = Failure::no(format!(
                    "{} did not prove the new token, and got the old one back",
                    counted(failed.len(), "host")
                ));
                return Err(failed
                    .into_iter()
                    .fold(failure, |failure, (name, problem)| failure.fact(format!("{name}: {}", problem.why))));
            }
            output::say(format_args!(
                "{} of {} hosts have proved it",
                self.rotation.journal.proved.len(),
                self.rotation.journal.hosts.len()
            ));
        }
        Ok(())
    }

    fn gate(&mut self) -> Result<(), Failure> {
        let Some(new) = self.new.clone() else { return Err(no_token()) };
        let all = self.rotation.journal.hosts.clone();
        let Proof { mut problems, mut unsearched, others } = self.hosts.prove(&all, &new, &self.old)?;
        let late: Vec<String> = open(&problems)
            .filter(|(_, problem)| problem.state != RowState::Unreachable)
            .map(|(name, _)| name.clone())
            .collect();
        if !late.is_empty() {
            self.log_in(&late)?;
            let again = self.hosts.prove(&late, &new, &self.old)?;
            problems.extend(again.problems);
            unsearched.retain(|line| !late.iter().any(|name| line.starts_with(&format!("{name}: "))));
            unsearched.extend(again.unsearched);
        }
        for name in others {
            // The next `pullpass fleet login` would bring it there.
            let why = "the inventory has another token for it".to_owned();
            problems.entry(name).or_default().get_or_insert(Problem { state: RowState::Old, why });
        }
        let is_searched = unsearched.is_empty();
        for line in unsearched {
            output::warn(format_args!("only the users that are named were looked at, on {line}"));
        }
        self.rotation.journal.proved =
            problems.iter().filter(|(_, problem)| problem.is_none()).map(|(name, _)| name.clone()).collect();
        let accepted = self.rotation.journal.accepted.clone();
        let without: Vec<_> = open(&problems).filter(|(name, _)| !accepted.contains(name)).collect();
        if without.is_empty() {
            let nobody = if is_searched { "found on none of them" } else { "not with the users that are named" };
            let told = format!(
                "{} of {} hosts have proved the new token, and the old one is {nobody}",
                self.rotation.journal.proved.len(),
                all.len()
            );
            return self.rotation.tell(told);
        }
        self.rotation.save()?;
        let names: Vec<&str> = without.iter().map(|(name, _)| name.as_str()).collect();
        let failure = Failure::no(format!("without the new token: {}", names.join(", ")));
        let failure = without.iter().fold(failure, |failure, (name, problem)| {
            failure.fact(format!("{name}: {}: {}", problem.state.word(), problem.why))
        });
        let failure = failure.hint(format!("`--resume --accept-straggler {}` ends it without that host", names[0]));
        Err(if self.rotation.journal.is_compromised { failure } else { failure.fact("the old token is not revoked") })
    }

    fn overlap(&mut self) -> Result<(), Failure> {
        let now = Timestamp::now();
        let overlap = SignedDuration::from_secs(i64::try_from(self.rotation.journal.overlap).unwrap_or(i64::MAX));
        let end =
            self.rotation.journal.overlap_ends.or_else(|| now.checked_add(overlap).ok()).unwrap_or(Timestamp::MAX);
        self.rotation.journal.overlap_ends = Some(end);
        self.rotation.save()?;
        if now >= end {
            // Much may have happened meanwhile.
            return if overlap.is_zero() { Ok(()) } else { self.gate() };
        }
        Err(Failure::no(format!("both tokens live until {}", end.strftime("%Y-%m-%dT%H:%M:%SZ")))
            .hint("`pullpass fleet rotate --resume` after that proves every host again, and revokes the old one"))
    }

    fn revoke(&mut self) -> Result<(), Failure> {
        if self.rotation.journal.revoked.is_some() {
            return Ok(());
        }
        let journal = &self.rotation.journal;
        // Somebody may have done it where it was made.
        if self.is_old_alive()? {
            // A person has been asked already.
            revoke::confirm(journal, self.rotate.yes || journal.is_compromised)?;
            revoke::revoke(journal, &self.old)?;
        }
        self.rotation.journal.revoked = Some(Timestamp::now());
        let told = format!("the old token {} is revoked", self.rotation.journal.old.fingerprint);
        self.rotation.tell(told)
    }

    fn proof(&mut self) -> Result<(), Failure> {
        revoke::prove_dead(&self.rotation.journal, &self.old)?;
        let told = format!("{} refuses the old token", self.rotation.journal.registry);
        self.rotation.tell(told)
    }

    /// Logs hosts in with the new token, and writes down which proved it.
    fn log_in(&mut self, hosts: &[String]) -> Result<Problems, Failure> {
        let Some(new) = &self.new else { return Err(no_token()) };
        let problems = self.hosts.log_in(hosts, new)?;
        let proved = &mut self.rotation.journal.proved;
        proved.retain(|name| !problems.contains_key(name));
        proved.extend(problems.iter().filter(|(_, problem)| problem.is_none()).map(|(name, _)| name.clone()));
        self.rotation.save()?;
        Ok(problems)
    }

    /// The old token for hosts that did not get along with the new one, as long as it lives.
    fn give_back(&mut self, hosts: &[String]) -> Result<(), Failure> {
        if self.rotation.journal.revoked.is_none() {
            self.hosts.log_in(hosts, &self.old)?;
        }
        Ok(())
    }

    fn is_old_alive(&self) -> Result<bool, Failure> {
        let journal = &self.rotation.journal;
        ask::is_alive(&journal.registry, &journal.user, &self.old)
    }

    /// Every file and host gets the old token back.
    pub(super) fn take_back(&mut self) -> Result<(), Failure> {
        let has_spread = self.rotation.journal.has_spread();
        // A run that was killed may have revoked it, and not have come to write that down.
        let may_be_dead = has_spread || self.rotation.journal.is_compromised;
        if self.rotation.journal.revoked.is_some() || may_be_dead && !self.is_old_alive()? {
            return Err(Failure::usage("the old token is revoked, so there is no way back")
                .hint("`pullpass fleet rotate --resume`"));
        }
        self.rotation.journal.state = State::Returning;
        self.rotation.save()?;
        staged::recover(&self.rotation.journal.places)?;
        if let Some(new) = self.new.clone().filter(|_| has_spread) {
            let old = self.old.clone();
            if !self.exchange(&new, &old)? && !self.is_in_files(&old)? {
                output::warn("neither token is in the inventory any more: somebody has put another one there");
            }
            self.return_hosts(&new)?;
            if self.rotation.journal.server.is_none() {
                output::warn("the new token lives: revoke it where it was made, if it is of no use any more");
            }
        }
        self.forget_new()?;
        self.rotation.tell("every host and file has the old token again".to_owned())?;
        self.rotation.end(State::Returned)
    }

    fn return_hosts(&mut self, new: &Secret) -> Result<(), Failure> {
        let all = self.rotation.journal.hosts.clone();
        let mut problems = self.hosts.prove(&all, &self.old, new)?.problems;
        let late: Vec<String> = open(&problems)
            .filter(|(_, problem)| problem.state != RowState::Unreachable)
            .map(|(name, _)| name.clone())
            .collect();
        if !late.is_empty() {
            let size = self.rotate.batch.size(all.len());
            for batch in late.chunks(size) {
                self.hosts.log_in(batch, &self.old)?;
            }
            problems.extend(self.hosts.prove(&late, &self.old, new)?.problems);
        }
        self.rotation.journal.proved.clear();
        let journal = &self.rotation.journal;
        // What did not pull before is not ours to mend.
        let without: Vec<_> = open(&problems)
            .filter(|(name, problem)| {
                !journal.accepted.contains(name)
                    && (problem.state == RowState::Unreachable || !journal.broken.contains(name))
            })
            .collect();
        if without.is_empty() {
            return Ok(());
        }
        let failure =
            Failure::no("some hosts could not be given the old token back; the new one lives, and they may have it");
        Err(without.iter().fold(failure, |failure, (name, problem)| failure.fact(format!("{name}: {}", problem.why))))
    }
}

fn open(problems: &Problems) -> impl Iterator<Item = (&String, &Problem)> {
    problems.iter().filter_map(|(name, problem)| Some((name, problem.as_ref()?)))
}

/// `1 file`, `2 files`
pub(super) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn no_token() -> Failure {
    Failure::usage("there is no new token in this rotation yet")
}

fn stop_if_interrupted() -> Result<(), Failure> {
    if interrupt::flag()?.load(Ordering::Relaxed) { Err(Failure::silent(Exit::Interrupted)) } else { Ok(()) }
}
