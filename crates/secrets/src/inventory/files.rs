//! The files of a tree in which Ansible, or a person, could have put a secret.

use std::{
    collections::HashMap,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use aho_corasick::AhoCorasick;
use walkdir::{DirEntry, DirEntryExt, WalkDir};

use super::is_json;
use crate::{
    file::{PREFIX, journal},
    scan::files::Unreadable,
    token::Kind,
    vault,
};

/// What a file is to Ansible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Encrypted as a whole.
    Whole,
    /// YAML or JSON, or meant to be.
    Yaml,
    /// Anything else: INI inventories, templates, scripts, notes.
    Text,
}

impl Form {
    /// By its bytes and its name: what has neither an extension nor YAML in it is an INI inventory, or a script.
    pub fn of(path: &Path, bytes: &[u8]) -> Form {
        if vault::is_encrypted(bytes) {
            return Form::Whole;
        }
        match path.extension().and_then(OsStr::to_str) {
            Some("yml" | "yaml" | "json") => Form::Yaml,
            Some(_) => Form::Text,
            None => {
                let text = String::from_utf8_lossy(bytes);
                let is_meant = !text.starts_with("#!") && text.contains("!vault |")
                    || text.trim_start().starts_with("---")
                    || is_json(&text);
                let is_mapping =
                    || super::document::Document::parse(&text).is_ok_and(|document| document.has_mapping());
                if is_meant || is_mapping() { Form::Yaml } else { Form::Text }
            }
        }
    }
}

/// What a file with a secret in it has somewhere, beside the prefixes of tokens.
const NEEDLES: [&str; 3] = ["$ANSIBLE_VAULT", "!vault", "__ansible_vault"];
const REFERENCE: &[u8] = b"{{";

static HOLDS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(NEEDLES.into_iter().chain(Kind::prefixes())).ok());

/// Whether a file has anything in it that a secret has. One that says no has none.
pub fn may_hold_secret(bytes: &[u8]) -> bool {
    HOLDS.as_ref().is_none_or(|needles| needles.is_match(bytes))
}

/// [`may_hold_secret`], or a reference to a secret in another file.
pub fn may_hold(bytes: &[u8]) -> bool {
    may_hold_secret(bytes) || bytes.windows(REFERENCE.len()).any(|window| window == REFERENCE)
}

/// Every regular file below `root`, or `root` itself, each once. Links are followed, as Ansible follows them. Left out is
/// what belongs to others: version control, Python's and npm's own trees, and files of ours that are not finished.
pub fn below(root: &Path) -> impl Iterator<Item = Result<PathBuf, Unreadable>> {
    let mut seen = Seen::default();
    let is_wanted = move |entry: &DirEntry| is_ours(entry) && seen.is_new(entry);
    let entries = WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter().filter_entry(is_wanted);
    entries.filter_map(|entry| match entry {
        Ok(entry) => entry.file_type().is_file().then(|| Ok(entry.into_path())),
        // A link back to a directory that it is in: everything there is found without it.
        Err(error) if error.loop_ancestor().is_some() => None,
        Err(error) => {
            let path = error.path().unwrap_or(root).to_owned();
            // A link that leads nowhere holds nothing.
            let is_dangling = path.symlink_metadata().is_ok_and(|link| link.is_symlink()) && !path.exists();
            let source = error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into());
            (!is_dangling).then_some(Err(Unreadable { path, source }))
        }
    })
}

/// The paths that were come by, under the inode numbers of what they lead to. Two file systems may use the same number.
#[derive(Default)]
struct Seen(HashMap<u64, Vec<PathBuf>>);

impl Seen {
    /// Whether no other path led to the same file or directory; a hard link is a file of its own.
    fn is_new(&mut self, entry: &DirEntry) -> bool {
        let others = self.0.entry(entry.ino()).or_default();
        let place = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let is_new =
            others.is_empty() || !others.iter().map(|other| place(other)).any(|other| other == place(entry.path()));
        if is_new {
            others.push(entry.path().to_owned());
        }
        is_new
    }
}

/// The directories below `root`, or `root` itself, in which a change of several files was interrupted. Links are followed.
pub fn journals(root: &Path) -> impl Iterator<Item = PathBuf> {
    let mut seen = Seen::default();
    let is_wanted = move |entry: &DirEntry| {
        (entry.depth() == 0 || !is_foreign(entry)) && (!entry.file_type().is_dir() || seen.is_new(entry))
    };
    let entries = WalkDir::new(root).follow_links(true).into_iter().filter_entry(is_wanted);
    let is_journal = |entry: &DirEntry| entry.file_name() == journal::NAME;
    entries.flatten().filter(is_journal).filter_map(|entry| entry.path().parent().map(Path::to_owned))
}

fn is_ours(entry: &DirEntry) -> bool {
    let is_unfinished = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
    entry.depth() == 0 || !is_foreign(entry) && !is_unfinished
}

fn is_foreign(entry: &DirEntry) -> bool {
    let name = entry.file_name().as_encoded_bytes();
    matches!(name, b".git" | b".hg" | b".svn" | b"node_modules" | b"__pycache__")
        || entry.file_type().is_dir() && entry.path().join("pyvenv.cfg").exists()
}
