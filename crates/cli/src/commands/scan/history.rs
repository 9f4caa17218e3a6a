//! `pullpass scan --staged` and `--history`

use std::{
    collections::{HashMap, HashSet},
    ffi::OsString,
    io::{BufRead, BufReader},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    process::ChildStdout,
};

use pullpass_secrets::scan::Scanner;

use super::{
    Finding, Place, Report,
    git::{self, Repository},
    objects,
};
use crate::failure::{Failure, OrFail};

/// No renames are looked for, no object name is cut, entries end with NUL, what was removed or is in conflict is left out.
const RAW: [&str; 7] =
    ["--raw", "-z", "--no-renames", "--no-abbrev", "--diff-filter=du", "--no-ext-diff", "--no-textconv"];
/// The mode of a submodule, whose object is a commit of another repository.
const SUBMODULE: &[u8] = b"160000";

/// The versions of files that the next commit would add or change.
pub(super) fn staged(scanner: &Scanner, directory: &Path) -> Result<Report, Failure> {
    if Repository::of(directory)?.is_bare {
        return Err(Failure::usage("this is a bare repository, in which nothing is staged")
            .hint("look through what it has stored with `pullpass scan --history`"));
    }
    // Before the first commit, everything is new.
    let head = git::output(git::git(directory).args(["rev-parse", "--verify", "--quiet", "HEAD"]));
    let head = head.or_else(|_| git::output(git::git(directory).args(["hash-object", "-t", "tree", "--stdin"])))?;
    let head = String::from_utf8_lossy(&head);
    let (running, stdout) =
        git::start(git::git(directory).args(["diff-index", "--cached"]).args(RAW).arg(head.trim()))?;
    let mut paths: HashMap<String, Vec<PathBuf>> = HashMap::new();
    let mut entries = Entries(stdout);
    while let Some(entry) = entries.next()? {
        if let Entry::Version { blob, path } = entry {
            paths.entry(blob).or_default().push(path);
        }
    }
    running.end()?;
    let mut report = objects::named(scanner, directory, paths.keys().cloned().map(Ok))?;
    let findings = std::mem::take(&mut report.findings);
    for Finding { object, found, .. } in findings {
        for path in object.iter().flat_map(|object| &paths[object]) {
            let place = Place::File(path.clone());
            report.findings.push(Finding { place, commit: None, object: None, found: found.clone() });
        }
    }
    report.sort();
    Ok(report)
}

/// Everything that git has stored. A token is reported once, where it came in first.
pub(super) fn history(scanner: &Scanner, directory: &Path) -> Result<Report, Failure> {
    let repository = Repository::of(directory)?;
    let mut report = objects::all(scanner, directory)?;
    if repository.is_shallow {
        let said = "the older commits are not in this shallow clone; `git fetch --unshallow` gets them";
        report.unreadable.push(said.to_owned());
    }
    if repository.is_partial {
        report.unreadable.push("this partial clone does not have every object; a full clone does".to_owned());
    }
    let objects = report.findings.iter().filter_map(|finding| finding.object.clone()).collect();
    let mut origins = HashMap::new();
    if let Err(failure) = find_origins(directory, objects, &mut origins) {
        report.unreadable.push(format!("which commits brought the tokens in cannot be told: {}", git::said(&failure)));
    }
    let mut ranked: Vec<_> = report.findings.drain(..).map(|finding| with_origin(finding, &origins)).collect();
    ranked.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut seen = HashSet::new();
    report.findings = ranked.into_iter().map(|(_, finding)| finding).filter(|one| seen.insert(one.found.id)).collect();
    Ok(report)
}

/// Where an object was first.
struct Origin {
    /// How many commits were before.
    rank: usize,
    commit: String,
    /// For a version of a file.
    path: Option<PathBuf>,
}

/// A finding that tells where its object was first, and the rank of that; what nothing leads to is last.
fn with_origin(finding: Finding, origins: &HashMap<String, Origin>) -> (usize, Finding) {
    let origin = finding.object.as_ref().and_then(|object| origins.get(object));
    let Some(Origin { rank, commit, path }) = origin else { return (usize::MAX, finding) };
    let place = path.clone().map_or(finding.place, Place::File);
    (*rank, Finding { place, commit: Some(commit.clone()), ..finding })
}

fn order((rank, finding): &(usize, Finding)) -> impl Ord {
    (*rank, &finding.place, &finding.object, finding.found.line)
}

/// Finds where objects were first, in commits that a branch, a tag, a stash, a note or a reflog leads to: oldest first, and
/// parents before their children.
fn find_origins(
    directory: &Path,
    mut wanted: HashSet<String>,
    origins: &mut HashMap<String, Origin>,
) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    let list = ["rev-list", "--ignore-missing", "--all", "--reflog", "--date-order", "--reverse"];
    let (commits, names) = git::start(git::git(directory).args(list))?;
    let mut tree = git::git(directory);
    // Of a merge, what is in none of its parents.
    tree.args(["diff-tree", "--stdin", "-r", "-c", "--root", "--always"]).args(RAW).stdin(names.into_inner());
    let (trees, stdout) = git::start(&mut tree)?;
    let mut entries = Entries(stdout);
    let (mut rank, mut commit) = (0, String::new());
    while let Some(entry) = entries.next()? {
        let (object, path) = match entry {
            Entry::Commit(name) => {
                rank += 1;
                commit.clone_from(&name);
                (name, None)
            }
            Entry::Version { blob, path } => (blob, Some(path)),
        };
        if wanted.remove(&object) {
            origins.insert(object, Origin { rank, commit: commit.clone(), path });
            if wanted.is_empty() {
                return Ok(());
            }
        }
    }
    trees.end()?;
    commits.end()
}

enum Entry {
    Commit(String),
    Version { blob: String, path: PathBuf },
}

/// The output of git's `--raw -z`: `COMMIT NUL`, then `:MODE MODE OBJECT OBJECT STATUS NUL PATH NUL` for each; for a merge
/// with a colon, mode and object for each parent before the last.
struct Entries(BufReader<ChildStdout>);

impl Entries {
    fn next(&mut self) -> Result<Option<Entry>, Failure> {
        loop {
            let Some(head) = self.word()? else { return Ok(None) };
            let parents = head.iter().take_while(|byte| **byte == b':').count();
            if parents == 0 {
                return Ok(Some(Entry::Commit(String::from_utf8_lossy(&head).into_owned())));
            }
            let path = OsString::from_vec(self.word()?.unwrap_or_default()).into();
            let mut fields = head.split(|byte| *byte == b' ').skip(parents);
            let (mode, blob) = (fields.next().unwrap_or_default(), fields.nth(parents).unwrap_or_default());
            if mode != SUBMODULE {
                return Ok(Some(Entry::Version { blob: String::from_utf8_lossy(blob).into_owned(), path }));
            }
        }
    }

    fn word(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut word = Vec::new();
        self.0.read_until(0, &mut word).or_unknown()?;
        Ok((word.pop() == Some(0)).then_some(word))
    }
}
