//! What is in the journal: which files a change is about, and which way a recovery goes. There is no secret in it.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{Metadata, OpenOptions},
    io::Write,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Component, Path, PathBuf},
};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Change, Directory, JournalError, NAME};
use crate::file::{FileError, PREFIX, WITHOUT_WAITING, WRITABLE_BY_OTHERS, failed, load_open, unless_missing};

/// The journal while it is written. One that was left like this has nothing to say.
const DRAFT: &str = ".pullpass-journal.new";
const VERSION: u32 = 1;
/// Bytes.
const ID_LENGTH: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    Back,
    Forward,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    version: u32,
    pub(super) recovery: Direction,
    /// In the names of all files that the change needs, in hexadecimal.
    id: String,
    pub(super) files: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// From the directory of the journal.
    pub(super) path: PathBuf,
    /// SHA-256 of its content, in hexadecimal, as is the next.
    pub(super) old: String,
    pub(super) new: String,
}

impl Entry {
    pub(super) fn new(path: &Path, below: &Path, change: &Change<'_>) -> Result<Entry, JournalError> {
        let relative = path.strip_prefix(below).unwrap_or(path).to_owned();
        let entry = Entry { path: relative, old: digest(change.old), new: digest(change.new) };
        if entry.path.to_str().is_some() && entry.is_sound() {
            Ok(entry)
        } else {
            Err(JournalError::Name(path.to_owned()))
        }
    }

    /// Whether it is a file below the directory and none of ours.
    fn is_sound(&self) -> bool {
        let name = self.path.file_name().unwrap_or_default();
        self.path.components().all(|part| matches!(part, Component::Normal(_)))
            && !name.is_empty()
            && !name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
    }
}

impl Record {
    pub(super) fn new(files: Vec<Entry>) -> Result<Record, JournalError> {
        let mut id = [0; ID_LENGTH];
        getrandom::fill(&mut id).map_err(|error| JournalError::Random(error.to_string()))?;
        Ok(Record { version: VERSION, recovery: Direction::Back, id: hex::encode(id), files })
    }

    /// The files in a `directory` that has this journal.
    pub(super) fn paths(&self, directory: &Path) -> impl Iterator<Item = PathBuf> {
        self.files.iter().map(move |entry| directory.join(&entry.path))
    }

    /// Beside the file of this number: its new content.
    pub(super) fn staged(&self, number: usize) -> String {
        format!("{PREFIX}{}-{number}.new", self.id)
    }

    /// Beside the file of this number: its old content.
    pub(super) fn backup(&self, number: usize) -> String {
        format!("{PREFIX}{}-{number}.old", self.id)
    }

    /// Makes it the journal of `directory`, at one moment.
    pub(super) fn write(&mut self, directory: &Directory, recovery: Direction) -> Result<(), FileError> {
        let before = std::mem::replace(&mut self.recovery, recovery);
        self.draft(directory).inspect_err(|_| self.recovery = before)?;
        directory.sync()
    }

    fn draft(&self, directory: &Directory) -> Result<(), FileError> {
        let text = serde_json::to_vec(self).map_err(|error| failed("write", &directory.join(NAME))(error.into()))?;
        directory.remove(DRAFT.as_ref())?;
        let mut file = directory.create(DRAFT.as_ref())?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed("write", &directory.join(DRAFT)))?;
        directory.rename(DRAFT.as_ref(), NAME.as_ref())
    }

    fn flaw(&self) -> Option<&'static str> {
        let mut paths = BTreeSet::new();
        if self.version != VERSION {
            Some("it is of a version that is unknown here")
        } else if hex::decode(&self.id).map(|id| id.len()) != Ok(ID_LENGTH) {
            Some("it is damaged")
        } else if !self.files.iter().all(|entry| entry.is_sound() && paths.insert(&entry.path)) {
            Some("it names files that it cannot be about")
        } else {
            None
        }
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The journal of `directory`, if it has one, and if it can be trusted.
pub(super) fn find(directory: &Path) -> Result<Option<Record>, JournalError> {
    let path = directory.join(NAME);
    if is_litter(&path, directory) {
        return Ok(None);
    }
    let flags = (WITHOUT_WAITING | OFlags::NOFOLLOW).bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(&path);
    let Some(file) = unless_missing(opened).map_err(failed("read", &path))? else { return Ok(None) };
    let metadata = file.metadata().map_err(failed("read", &path))?;
    let untrusted = |why| JournalError::Untrusted { journal: path.clone(), why };
    if !is_ours(&metadata) {
        return Err(untrusted("it belongs to another user"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(untrusted("others may read or write it"));
    }
    let record: Record =
        serde_json::from_slice(&load_open(file, &path)?.bytes).map_err(|_| untrusted("it is damaged"))?;
    record.flaw().map_or(Ok(Some(record)), |why| Err(untrusted(why)))
}

pub(super) fn has_draft(directory: &Path) -> bool {
    let path = directory.join(DRAFT);
    path.symlink_metadata().is_ok() && !is_litter(&path, directory)
}

/// Whether somebody else has left this where everybody may write, as in `/tmp`: it must not be in our way.
fn is_litter(path: &Path, directory: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| !is_ours(&metadata))
        && directory.metadata().is_ok_and(|metadata| metadata.mode() & WRITABLE_BY_OTHERS != 0)
}

fn is_ours(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Removes the journal, and says whether there was anything of one.
pub(super) fn remove(directory: &Directory) -> Result<bool, FileError> {
    let names: [&OsStr; 2] = [NAME.as_ref(), DRAFT.as_ref()];
    let mut was_there = false;
    for name in names {
        was_there |= directory.remove(name)?;
    }
    directory.sync()?;
    Ok(was_there)
}
