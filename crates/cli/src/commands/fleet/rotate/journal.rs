//! What is known of a rotation that has begun, in `$XDG_STATE_HOME/pullpass/rotations/ID`: a journal without secrets, both
//! tokens under the operator's own vault password until it ends, and a lock while somebody works on it.
//!
//! A step is written down before it begins, and begins anew when it was interrupted; every step can do that.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use pullpass_secrets::{
    Secret,
    file::{self, Access},
    token,
    vault::Passwords,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::sealed::Sealed;
use crate::{
    environment,
    failure::{Failure, OrFail},
    output,
};

/// One step of section "Rotating" in `docs/guide/rotate.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    /// The new token is got and checked.
    New,
    /// One host has it.
    Canary,
    /// The inventories have it.
    Files,
    /// All hosts have it.
    Hosts,
    /// Every host proves it, and none has the old one.
    Gate,
    /// Both live.
    Overlap,
    /// The old one is ended.
    Revoke,
    /// The old one is refused.
    Proof,
}

/// With no failed pull.
pub(super) const USUAL: &[Step] =
    &[Step::New, Step::Canary, Step::Files, Step::Hosts, Step::Gate, Step::Overlap, Step::Revoke, Step::Proof];

/// When somebody else has the old token.
pub(super) const COMPROMISED: &[Step] = &[Step::Revoke, Step::Proof, Step::New, Step::Files, Step::Hosts, Step::Gate];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Not at its end.
    Begun,
    /// Forward.
    Done,
    /// It is being taken back.
    Returning,
    /// Taken back.
    Returned,
}

/// A token, without the token.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) fingerprint: String,
    /// The beginning of a keyed hash, which tells whether it is the same.
    pub(super) hash: String,
    pub(super) expires: Option<Timestamp>,
    /// Whose it is at GitHub, if that is known.
    pub(super) account: Option<String>,
}

/// What was done, and when.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) at: Timestamp,
    pub(super) what: String,
}

/// A token of a server of ours.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct AtServer {
    pub(super) data: PathBuf,
    /// Its number of the old token.
    pub(super) old: i64,
    pub(super) new: Option<i64>,
}

/// Everything but the tokens.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) id: String,
    pub(super) state: State,
    /// The step that has begun, if it is under way.
    pub(super) step: Option<Step>,
    pub(super) started: Timestamp,
    /// The working directory, from which inventories and `ansible.cfg` are found.
    pub(super) directory: PathBuf,
    pub(super) inventories: Vec<String>,
    /// Of the role.
    pub(super) variables: Map<String, Value>,
    /// Where the token was looked for.
    pub(super) places: Vec<PathBuf>,
    pub(super) registry: String,
    pub(super) user: String,
    /// Those that the old token opened.
    pub(super) images: Vec<String>,
    pub(super) is_compromised: bool,
    /// In seconds.
    pub(super) overlap: u64,
    pub(super) old: Known,
    pub(super) new: Option<Known>,
    pub(super) server: Option<AtServer>,
    /// Those that are to have the token.
    pub(super) hosts: Vec<String>,
    /// Those that did not pull before it began.
    pub(super) broken: Vec<String>,
    /// Those that have proved the new token.
    pub(super) proved: Vec<String>,
    /// Those without which it may end.
    pub(super) accepted: Vec<String>,
    /// The files that were replaced, and the beginning of their SHA-256.
    pub(super) files: Vec<(PathBuf, String)>,
    /// What keeps a token beside the stores, each with the command that renews it.
    pub(super) copies: Vec<String>,
    pub(super) overlap_ends: Option<Timestamp>,
    pub(super) revoked: Option<Timestamp>,
    pub(super) events: Vec<Event>,
}

impl Journal {
    /// The registry without what a login may name of it behind a slash.
    pub(super) fn host(&self) -> &str {
        self.registry.split('/').next().unwrap_or_default()
    }

    pub(super) fn steps(&self) -> &'static [Step] {
        if self.is_compromised { COMPROMISED } else { USUAL }
    }

    /// Whether hosts may have the new token, or files.
    pub(super) fn has_spread(&self) -> bool {
        let place = |step| self.steps().iter().position(|other| *other == step);
        self.step.is_some_and(|step| place(step) > place(Step::New))
    }
}

/// A rotation that nobody else works on.
pub(super) struct Rotation {
    pub(super) journal: Journal,
    directory: PathBuf,
    /// Held until the end of the process, whatever that is.
    _lock: File,
}

const JOURNAL: &str = "journal.json";
const OLD: &str = "old.vault";
const NEW: &str = "new.vault";

impl Rotation {
    /// Writes down that it begins.
    pub(super) fn begin(journal: Journal, old: &Sealed) -> Result<Rotation, Failure> {
        // Once the inventory has it, the new token of one is the old token of the next.
        let has_it = |other: &Journal| {
            [Some(&other.old), other.new.as_ref()].into_iter().flatten().any(|known| known.hash == journal.old.hash)
        };
        if let Some(other) = unfinished()?.into_iter().find(has_it) {
            return Err(Failure::usage(format!("a rotation of {} has begun before", other.old.fingerprint))
                .fact(format!("its journal is `{}`", root()?.join(&other.id).display()))
                .hint("finish it: `pullpass fleet rotate --resume`")
                .hint("or take it back: `pullpass fleet rotate --rollback`"));
        }
        let directory = root()?.join(&journal.id);
        fs::create_dir_all(root()?).or_unknown()?;
        // Never into that of another one.
        fs::create_dir(&directory).or_unknown()?;
        let lock = lock(&directory)?;
        let rotation = Rotation { journal, directory, _lock: lock };
        rotation.write(OLD, old.as_str())?;
        rotation.save()?;
        Ok(rotation)
    }

    /// The one of this name, or the only one that has not come to its end.
    pub(super) fn open(id: &str) -> Result<Rotation, Failure> {
        let found = unfinished()?;
        let mut found: Vec<Journal> = found.into_iter().filter(|journal| id.is_empty() || journal.id == id).collect();
        let journal = match (found.len(), found.pop()) {
            (1, Some(journal)) => journal,
            (_, None) => {
                return Err(Failure::no("no rotation has begun that is not at its end")
                    .hint("begin one: `pullpass fleet rotate -i inventory.yml`"));
            }
            (_, Some(last)) => {
                let failure = Failure::usage("several rotations have begun");
                let failure = found.iter().chain([&last]).fold(failure, |failure, journal| {
                    failure.fact(format!("{}: {} of {}", journal.id, journal.old.fingerprint, journal.registry))
                });
                return Err(failure.hint("name one: `--resume ID` or `--rollback ID`"));
            }
        };
        let directory = root()?.join(&journal.id);
        let lock = lock(&directory)?;
        // What was read without the lock may be older.
        let journal = read(&directory)?;
        if environment::current_directory().is_none_or(|here| here != journal.directory) {
            return Err(Failure::usage(
                "a rotation goes on where it began: inventories and `ansible.cfg` are found from there",
            )
            .hint(format!("cd {}", journal.directory.display())));
        }
        Ok(Rotation { journal, directory, _lock: lock })
    }

    pub(super) fn save(&self) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(&self.journal).or_unknown()?;
        self.write(JOURNAL, &text)
    }

    /// Says what was done, and writes it down.
    pub(super) fn tell(&mut self, what: impl Into<String>) -> Result<(), Failure> {
        let what = token::mask(&what.into());
        output::say(&what);
        self.journal.events.push(Event { at: Timestamp::now(), what });
        self.save()
    }

    pub(super) fn old(&self, passwords: &Passwords) -> Result<Secret, Failure> {
        self.sealed(OLD)?.ok_or_else(|| self.lost("old"))?.open(passwords)
    }

    pub(super) fn new_token(&self, passwords: &Passwords) -> Result<Option<Secret>, Failure> {
        self.sealed(NEW)?.map(|sealed| sealed.open(passwords)).transpose()
    }

    pub(super) fn keep_new(&self, sealed: &Sealed) -> Result<(), Failure> {
        self.write(NEW, sealed.as_str())
    }

    /// Writes the end down, and removes the tokens.
    pub(super) fn end(&mut self, state: State) -> Result<(), Failure> {
        self.journal.state = state;
        self.journal.step = None;
        self.save()?;
        forget(&self.directory)
    }

    fn sealed(&self, name: &str) -> Result<Option<Sealed>, Failure> {
        let bytes = file::read(&self.directory.join(name))?;
        bytes.map(|bytes| String::from_utf8(bytes).map(Sealed::from).or_unknown()).transpose()
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        file::edit(&self.directory.join(name), Access::OwnerOnly, |_| Ok::<_, Failure>(Some(text.as_bytes().to_vec())))
            .map(drop)
    }

    fn lost(&self, which: &str) -> Failure {
        Failure::unknown(format!(
            "the {which} token of this rotation is not in `{}` any more",
            self.directory.display()
        ))
    }
}

fn root() -> Result<PathBuf, Failure> {
    let state = environment::state().ok_or_else(|| Failure::usage("there is no home directory for the journal"))?;
    Ok(state.join("rotations"))
}

fn lock(directory: &Path) -> Result<File, Failure> {
    let file = File::options().create(true).truncate(false).write(true).open(directory.join("lock")).or_unknown()?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::usage("another `pullpass fleet rotate` works on this rotation")),
        Err(TryLockError::Error(error)) => Err(error).or_unknown(),
    }
}

fn read(directory: &Path) -> Result<Journal, Failure> {
    let path = directory.join(JOURNAL);
    let bytes = file::read(&path)?.unwrap_or_default();
    serde_json::from_slice(&bytes)
        .or_usage()
        .map_err(|failure| failure.fact(format!("in the journal `{}`", path.display())))
}

fn unfinished() -> Result<Vec<Journal>, Failure> {
    let Ok(entries) = fs::read_dir(root()?) else { return Ok(Vec::new()) };
    let directories = entries.flatten().map(|entry| entry.path()).filter(|path| path.join(JOURNAL).exists());
    let mut unfinished = Vec::new();
    for path in directories {
        let journal = read(&path)?;
        match journal.state {
            State::Begun | State::Returning => unfinished.push(journal),
            // It may have been killed just before.
            State::Done | State::Returned => forget(&path)?,
        }
    }
    Ok(unfinished)
}

/// Removes the tokens of a rotation that has come to its end.
fn forget(directory: &Path) -> Result<(), Failure> {
    for name in [OLD, NEW] {
        match fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).or_unknown(),
            _ => {}
        }
    }
    Ok(())
}
