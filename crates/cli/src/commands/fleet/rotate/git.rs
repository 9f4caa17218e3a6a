//! What git says of the files of a rotation, so that a rotation can be looked at, and taken back, as one change.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::ErrorKind,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    commands::scan::git::git,
    failure::Failure,
    program::{self, Ended, NoAnswer, Reason, With},
};

/// A commit runs the hooks of the repository.
const LIMIT: Duration = Duration::from_secs(120);

/// The files of one work tree: as git has them, and as they were named.
type Files = BTreeMap<PathBuf, PathBuf>;

/// Fails when git has work trees with some of these files and any of them is not as it was committed.
pub(crate) fn refuse_unclean<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<(), Failure> {
    let mut unclean = Vec::new();
    for (top, files) in work_trees(paths)? {
        let words = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--"];
        let printed = run(on(&top, &words, files.keys()))?;
        // `XY NAME`, from the top of the work tree.
        let names = printed.split(|byte| *byte == 0).filter_map(|line| line.get(3..)).map(|name| path(&top, name));
        unclean.extend(names.filter_map(|name| files.get(&name).cloned()));
    }
    if unclean.is_empty() {
        return Ok(());
    }
    let failure =
        Failure::usage("files with the old token have changes that are not committed, so nothing was changed");
    let failure = unclean.iter().fold(failure, |failure, path| failure.fact(path.display().to_string()));
    Err(failure.hint("commit them first, so that the rotation is a change of its own").hint("or add `--allow-dirty`"))
}

/// Commits exactly these files, in each of their work trees, and gives the tops of these. What git does not track, and what
/// is as it was committed, is left out.
pub(crate) fn commit<'a>(paths: impl Iterator<Item = &'a Path>, message: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut committed = Vec::new();
    for (top, files) in work_trees(paths)? {
        let words = ["diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", "HEAD", "--"];
        let printed = run(on(&top, &words, files.keys()))?;
        let names = printed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let changed: Vec<PathBuf> = names.map(|name| path(&top, name)).collect();
        if !changed.is_empty() {
            run(on(&top, &["commit", "--quiet", "--only", "--message", message, "--"], changed.iter()))?;
            committed.push(top);
        }
    }
    Ok(committed)
}

/// The files by the top of the work tree that they are in. Those in none are left out, as all are where there is no git.
fn work_trees<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<BTreeMap<PathBuf, Files>, Failure> {
    let mut trees: BTreeMap<PathBuf, Files> = BTreeMap::new();
    let mut tops: BTreeMap<PathBuf, Option<PathBuf>> = BTreeMap::new();
    for named in paths {
        let file = named
            .canonicalize()
            .map_err(|error| Failure::unknown(format!("cannot find `{}`: {error}", named.display())))?;
        let directory = file.parent().unwrap_or(&file).to_owned();
        let top = match tops.get(&directory) {
            Some(top) => top.clone(),
            None => tops.entry(directory.clone()).or_insert(top(&directory)?).clone(),
        };
        if let Some(top) = top {
            trees.entry(top).or_default().insert(file, named.to_owned());
        }
    }
    Ok(trees)
}

/// The top of the work tree that a directory is in.
pub(super) fn top(directory: &Path) -> Result<Option<PathBuf>, Failure> {
    let mut command = git(directory);
    command.args(["rev-parse", "--show-toplevel"]);
    match program::ask(&mut command, With::Input(b""), LIMIT) {
        Err(NoAnswer { reason: Reason::NotStarted(error), .. }) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
        Ok(ended) if ended.status.success() => Ok(Some(path(directory, ended.stdout.trim_ascii_end()))),
        Ok(ended) => {
            let said = String::from_utf8_lossy(&ended.stderr);
            if said.contains("not a git repository") || said.contains("must be run in a work tree") {
                Ok(None)
            } else {
                Err(failure(&ended))
            }
        }
    }
}

fn path(top: &Path, name: &[u8]) -> PathBuf {
    top.join(OsString::from_vec(name.to_vec()))
}

/// `git WORDS FILES`, where a file's name is nothing but a name.
fn on<'a>(top: &Path, words: &[&str], files: impl Iterator<Item = &'a PathBuf>) -> Command {
    let mut command = git(top);
    command.arg("--literal-pathspecs").args(words).args(files);
    command
}

fn run(mut command: Command) -> Result<Vec<u8>, Failure> {
    let ended = program::run(&mut command, b"", LIMIT)?;
    if ended.status.success() { Ok(ended.stdout.to_vec()) } else { Err(failure(&ended)) }
}

/// Why git failed, in its own words.
fn failure(ended: &Ended) -> Failure {
    let said = String::from_utf8_lossy(&ended.stderr);
    let lines = said.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.take(5).fold(Failure::unknown("git did not do its work on the files of the rotation"), Failure::fact)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn on_repository(top: &Path, words: &[&str]) {
        let mut command = git(top);
        command.args(["-c", "user.name=me", "-c", "user.email=me@example.org"]).args(words);
        assert!(program::run(&mut command, b"", LIMIT).expect("git is installed").status.success(), "git {words:?}");
    }

    #[test]
    fn only_the_files_of_the_rotation_must_be_clean_and_only_they_are_committed() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        let (ours, other) = (top.join("a [b]*.yml"), top.join("other.yml"));
        fs::write(&ours, "one: 1\n").unwrap();
        // No repository: nothing to compare with.
        refuse_unclean([ours.as_path()].into_iter()).unwrap();
        assert!(commit([ours.as_path()].into_iter(), "rotate").unwrap().is_empty());

        on_repository(&top, &["init", "--quiet"]);
        on_repository(&top, &["config", "user.name", "me"]);
        on_repository(&top, &["config", "user.email", "me@example.org"]);
        assert!(refuse_unclean([ours.as_path()].into_iter()).is_err(), "it is not tracked");
        fs::write(&other, "two: 2\n").unwrap();
        on_repository(&top, &["add", "."]);
        on_repository(&top, &["commit", "--quiet", "--message", "begin"]);
        fs::write(&other, "two: 3\n").unwrap();
        refuse_unclean([ours.as_path()].into_iter()).unwrap();

        fs::write(&ours, "one: 2\n").unwrap();
        let refused = refuse_unclean([ours.as_path(), other.as_path()].into_iter()).err().unwrap();
        assert_eq!(refused.facts, [ours.display().to_string(), other.display().to_string()]);
        assert_eq!(
            commit([ours.as_path()].into_iter(), "rotate the token of ghcr.io").unwrap(),
            std::slice::from_ref(&top)
        );
        refuse_unclean([ours.as_path()].into_iter()).unwrap();
        assert!(refuse_unclean([other.as_path()].into_iter()).is_err(), "it was not committed along");
        assert!(commit([ours.as_path()].into_iter(), "again").unwrap().is_empty());
    }
}
