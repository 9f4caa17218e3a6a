//! What git keeps, asked of the `git` program by its plumbing, whose output and work no configuration changes.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Read, Write},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use pullpass_secrets::scan::{Buffer, Scanner};

use super::{Finding, Report};
use crate::failure::{Failure, OrFail};

/// No renames are looked for, no object name is cut, entries end with NUL, what was removed is left out.
const RAW: [&str; 5] = ["--raw", "-z", "--no-renames", "--no-abbrev", "--diff-filter=d"];
/// The mode of a submodule, whose object is a commit of another repository.
const SUBMODULE: &[u8] = b"160000";

/// `git` at work in the repository of `directory`, without network and without any program that the repository names.
pub(super) fn git(directory: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(directory).args(["--no-optional-locks", "--no-replace-objects", "-c", "core.fsmonitor=false"]);
    // A partial clone would fetch what is missing: it is to be said instead.
    git.env("GIT_ALLOW_PROTOCOL", "none").env("GIT_NO_LAZY_FETCH", "1").env("GIT_TERMINAL_PROMPT", "0");
    git.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    git
}

/// Starts it; not every host has git.
pub(super) fn spawn(command: &mut Command) -> Result<Child, Failure> {
    command.spawn().map_err(|error| {
        Failure::unknown(format!("cannot run `git`: {error}"))
            .hint("install git, or scan the files without --staged and --history")
    })
}

/// Fails when there is no repository; `git diff` would take itself for a program that compares two files.
fn expect_repository(directory: &Path) -> Result<(), Failure> {
    end(spawn(git(directory).args(["rev-parse", "--git-dir"]))?).map(drop)
}

/// The versions of files that the next commit would add or change.
pub(super) fn staged(scanner: &Scanner, directory: &Path) -> Result<Report, Failure> {
    expect_repository(directory)?;
    let mut diff = spawn(git(directory).args(["diff", "--cached", "--no-ext-diff", "--no-textconv"]).args(RAW))?;
    let versions = versions(diff.stdout.take())?;
    end(diff)?;
    let mut objects = Objects::open(directory)?;
    let mut report = Report::default();
    for version in versions {
        objects.scan(scanner, &version.blob, &mut report, |report, found| {
            report.findings.push(Finding { commit: None, path: Some(version.path.clone()), found });
        })?;
    }
    Ok(report)
}

/// Every version of every file that a commit has brought, oldest commits first, and the commits themselves. A token is
/// reported where it came in, once.
pub(super) fn history(scanner: &Scanner, directory: &Path) -> Result<Report, Failure> {
    expect_repository(directory)?;
    let mut commits = spawn(git(directory).args(["rev-list", "--all", "--topo-order", "--reverse"]))?;
    let mut tree = git(directory);
    tree.args(["diff-tree", "--stdin", "-r", "-m", "--root", "--no-ext-diff", "--no-textconv"]).args(RAW);
    let mut trees = spawn(tree.stdin(commits.stdout.take().map_or(Stdio::null(), Stdio::from)))?;
    let mut objects = Objects::open(directory)?;
    let mut report = Report::default();
    let (mut seen_objects, mut seen_tokens) = (HashSet::new(), HashSet::new());
    let mut scan = |object: &str, commit: &str, path: Option<&PathBuf>, report: &mut Report| {
        if !seen_objects.insert(hash(object)) {
            return Ok(());
        }
        objects.scan(scanner, object, report, |report, found| {
            if seen_tokens.insert(found.id) {
                report.findings.push(Finding { commit: Some(commit.to_owned()), path: path.cloned(), found });
            }
        })
    };
    let mut commit = String::new();
    let mut entries = Entries(BufReader::new(piped(trees.stdout.take())?));
    while let Some(entry) = entries.next()? {
        match entry {
            Entry::Commit(name) => {
                commit = name;
                scan(&commit, &commit, None, &mut report)?;
            }
            Entry::Version(version) => scan(&version.blob, &commit, Some(&version.path), &mut report)?,
        }
    }
    end(trees)?;
    end(commits)?;
    Ok(report)
}

/// A version of a file.
struct Version {
    blob: String,
    path: PathBuf,
}

enum Entry {
    Commit(String),
    Version(Version),
}

/// The output of `git diff-tree -z --raw`: `COMMIT NUL`, then `:MODE MODE OBJECT OBJECT STATUS NUL PATH NUL` for each.
struct Entries(BufReader<ChildStdout>);

impl Entries {
    fn next(&mut self) -> Result<Option<Entry>, Failure> {
        loop {
            let Some(head) = self.word()? else { return Ok(None) };
            let Some(fields) = head.strip_prefix(b":") else {
                return Ok(Some(Entry::Commit(String::from_utf8_lossy(&head).into_owned())));
            };
            let path = self.word()?.unwrap_or_default();
            let mut fields = fields.split(|byte| *byte == b' ').skip(1);
            let (mode, blob) = (fields.next().unwrap_or_default(), fields.nth(1).unwrap_or_default());
            if mode != SUBMODULE {
                let blob = String::from_utf8_lossy(blob).into_owned();
                return Ok(Some(Entry::Version(Version { blob, path: std::ffi::OsString::from_vec(path).into() })));
            }
        }
    }

    fn word(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut word = Vec::new();
        self.0.read_until(0, &mut word).or_unknown()?;
        Ok((word.pop() == Some(0)).then_some(word))
    }
}

fn versions(stdout: Option<ChildStdout>) -> Result<Vec<Version>, Failure> {
    let mut entries = Entries(BufReader::new(piped(stdout)?));
    let mut versions = Vec::new();
    while let Some(entry) = entries.next()? {
        if let Entry::Version(version) = entry {
            versions.push(version);
        }
    }
    Ok(versions)
}

/// `git cat-file --batch`: asked for one object at a time, so that neither side waits for the other.
struct Objects {
    directory: PathBuf,
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    buffer: Buffer,
}

impl Objects {
    fn open(directory: &Path) -> Result<Objects, Failure> {
        let mut command = git(directory);
        // What it says of a missing object is said by its answer too.
        let mut child = spawn(command.args(["cat-file", "--batch"]).stdin(Stdio::piped()).stderr(Stdio::null()))?;
        let questions = child.stdin.take().ok_or_else(|| Failure::unknown("git has no standard input"))?;
        let answers = BufReader::new(piped(child.stdout.take())?);
        Ok(Objects { directory: directory.to_owned(), child, questions, answers, buffer: Buffer::new() })
    }

    fn scan(
        &mut self,
        scanner: &Scanner,
        object: &str,
        report: &mut Report,
        mut found: impl FnMut(&mut Report, pullpass_secrets::scan::Found),
    ) -> Result<(), Failure> {
        writeln!(self.questions, "{object}").or_unknown()?;
        let mut head = String::new();
        self.answers.read_line(&mut head).or_unknown()?;
        let Some(size) = head.trim_end().rsplit_once(' ').and_then(|(_, size)| size.parse::<u64>().ok()) else {
            report.unreadable.push(format!("git does not have the object `{object}`"));
            if head.is_empty() {
                // What a partial clone would have to fetch ends it.
                *self = Objects::open(&self.directory)?;
            }
            return Ok(());
        };
        let mut contents = (&mut self.answers).take(size);
        scanner.read(&mut self.buffer, &mut contents, |one| found(report, one)).or_unknown()?;
        if contents.limit() > 0 {
            return Err(Failure::unknown(format!("git did not give the whole object `{object}`")));
        }
        self.answers.read_exact(&mut [0]).or_unknown()?;
        report.scanned += 1;
        Ok(())
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        // It has nothing to write, and nobody who would read it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An object's name as bytes: a history has millions.
fn hash(object: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(object.as_bytes().chunks(2)) {
        *byte = std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0);
    }
    bytes
}

fn piped(stdout: Option<ChildStdout>) -> Result<ChildStdout, Failure> {
    stdout.ok_or_else(|| Failure::unknown("git has no standard output"))
}

/// Waits for a `git` whose output was read, and fails with its own words if it did.
pub(super) fn end(child: Child) -> Result<Vec<u8>, Failure> {
    let output = child.wait_with_output().or_unknown()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let failure = if output.status.code() == Some(128) && said.contains("not a git repository") {
        Failure::usage("this is no git repository")
    } else {
        Failure::unknown("git could not read the repository")
    };
    Err(said.lines().take(5).fold(failure, |failure, line| failure.fact(line)))
}
