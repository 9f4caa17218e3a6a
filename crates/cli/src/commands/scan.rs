//! `pullpass scan`

use std::{
    collections::HashSet,
    convert::Infallible,
    num::NonZero,
    path::{Path, PathBuf},
    sync::{Mutex, mpsc},
    thread,
};

use clap::Args;
use pullpass_secrets::{
    scan::{Buffer, Found, Scanner, files},
    token::{self, Kind},
};
use serde_json::{Value, json};

use crate::{environment, failure::Failure, output};

pub(crate) mod git;
mod history;
mod hook;
mod objects;
mod tracked;

pub(crate) use tracked::{Tracked, tracked};

/// Find tokens that leaked into files, git or shell histories
///
/// Looks for GitHub's tokens and those of `pullpass serve`, in plain text and in base64, such as that of Docker's and Podman's
/// auth files and of Kubernetes' pull secrets. Where a token has a checksum it has to be right: one with a wrong checksum is
/// an example and no finding. `github_pat_`, and the long forms of `ghs_` and `ghr_`, are known by their shape alone. What is
/// shown is where it is and its fingerprint, never the token.
///
/// Files that git ignores are read too. Links are not followed, compressed files not opened, and names not looked at. The exit
/// code is 1 when there is a token, and 3 when there is none but something could not be read.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass scan
  pullpass scan ~
  pullpass scan --history
  pullpass scan --install-hook")]
pub(crate) struct Scan {
    /// A file or directory; for --staged, --history and --install-hook a directory of a git repository
    #[arg(default_value = ".", hide_default_value = true)]
    path: PathBuf,
    /// Only what the next commit would add or change
    #[arg(long, group = "where")]
    staged: bool,
    /// Everything that git has stored, and each token once, where it came in first
    ///
    /// That is every version of every file, and the messages and headers of commits and annotated tags: on all branches of
    /// all worktrees, in tags, notes, stashes and reflogs, and also what nothing leads to any more but is still there. A
    /// submodule is a repository of its own. What a shallow or partial clone lacks could not be read.
    #[arg(long, group = "where")]
    history: bool,
    /// Have git refuse a commit with a token in it; `git commit --no-verify` goes around it
    #[arg(long, group = "where", conflicts_with = "json")]
    install_hook: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A token and where it is.
struct Finding {
    place: Place,
    /// The commit that brought it in, for what is in git's history.
    commit: Option<String>,
    /// The object of git that it is in; not of what is staged, which its path tells.
    object: Option<String>,
    found: Found,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Of a commit, or of the tag of this name.
    Part(Part, Option<String>),
    File(PathBuf),
    /// A version of a file that is in no commit, or in none that is known yet.
    Object,
}

/// A part of a commit or a tag.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// The author and others.
    Header,
    Message,
}

/// What a scan has seen.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
    /// In whole sentences, one for each thing.
    unreadable: Vec<String>,
    /// How many files or objects were read to their end.
    scanned: usize,
}

impl Scan {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.install_hook {
            return hook::install(&self.path);
        }
        let scanner = Scanner::new(environment::fingerprint_key());
        let report = if self.staged {
            history::staged(&scanner, &self.path)?
        } else if self.history {
            history::history(&scanner, &self.path)?
        } else {
            tree(&scanner, &self.path)
        };
        if self.json {
            output::json(&report.to_json());
        } else {
            report.findings.iter().for_each(|finding| output::data(finding.line()));
        }
        report.unreadable.iter().for_each(output::warn);
        report.end(if self.history { "object" } else { "file" })
    }
}

/// Scans files.
fn tree(scanner: &Scanner, root: &Path) -> Report {
    let mut unreadable = Vec::new();
    let Ok(mut report) = share(
        |hand| {
            files::below(root).for_each(|path| match path {
                Ok(path) => hand(path),
                Err(error) => unreadable.push(error.to_string()),
            });
            Ok::<_, Infallible>(())
        },
        |path, buffer, report| {
            report.file(scanner, buffer, path);
            Ok(())
        },
    );
    report.unreadable.extend(unreadable);
    report.sort();
    report
}

/// Has as many threads as there are processors work on what `give` hands out, and adds up their reports.
fn share<T: Send, E: Send>(
    give: impl FnOnce(&dyn Fn(T)) -> Result<(), E>,
    work: impl Fn(T, &mut Buffer, &mut Report) -> Result<(), E> + Sync,
) -> Result<Report, E> {
    let (sender, receiver) = mpsc::sync_channel(128);
    let receiver = Mutex::new(receiver);
    let next = || receiver.lock().ok()?.recv().ok();
    let worker = || {
        let (mut report, mut buffer, mut ended) = (Report::default(), Buffer::new(), Ok(()));
        // To the end in any case: who hands out waits for somebody to take.
        while let Some(one) = next() {
            ended = ended.and(work(one, &mut buffer, &mut report));
        }
        ended.map(|()| report)
    };
    thread::scope(|scope| {
        let count = thread::available_parallelism().map_or(1, NonZero::get);
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(worker)).collect();
        // The receiver outlives this scope.
        let given = give(&|one| drop(sender.send(one)));
        drop(sender);
        let mut whole = Report::default();
        for worker in workers {
            whole.add(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        given.map(|()| whole)
    })
}

impl Report {
    fn file(&mut self, scanner: &Scanner, buffer: &mut Buffer, path: PathBuf) {
        let file = match files::open(&path) {
            Ok(file) => file,
            Err(unreadable) => return self.unreadable.push(unreadable.to_string()),
        };
        // `./a` is `a` to everybody else.
        let shown = path.strip_prefix(".").unwrap_or(&path);
        let report = |found| {
            let place = Place::File(shown.to_owned());
            self.findings.push(Finding { place, commit: None, object: None, found });
        };
        match scanner.read(buffer, file, report) {
            Ok(()) => self.scanned += 1,
            Err(source) => self.unreadable.push(files::Unreadable { path, source }.to_string()),
        }
    }

    fn add(&mut self, other: Report) {
        self.findings.extend(other.findings);
        self.unreadable.extend(other.unreadable);
        self.scanned += other.scanned;
    }

    /// By path and line.
    fn sort(&mut self) {
        self.findings.sort_by(|a, b| (&a.place, a.found.line).cmp(&(&b.place, b.found.line)));
        self.unreadable.sort();
    }

    fn to_json(&self) -> Value {
        json!({
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
            "unreadable": self.unreadable.iter().map(|text| token::mask(text)).collect::<Vec<_>>(),
            "scanned": self.scanned,
        })
    }

    /// The answer, in words and as exit code.
    fn end(&self, unit: &str) -> Result<(), Failure> {
        let ids: HashSet<[u8; 32]> = self.findings.iter().map(|finding| finding.found.id).collect();
        if !ids.is_empty() {
            let mut failure =
                Failure::no(format!("found {} in {}", count(ids.len(), "token"), count(self.findings.len(), "place")));
            let kinds: HashSet<Kind> = self.findings.iter().map(|finding| finding.found.kind).collect();
            if kinds.iter().any(|kind| kind.is_github()) {
                failure = failure.hint("revoke it at https://github.com/settings/tokens: whoever saw the file has it");
            }
            if kinds.contains(&Kind::Pullpass) {
                failure =
                    failure.hint("find its number with `pullpass token list`, then run `pullpass token revoke NUMBER`");
            }
            return Err(failure);
        }
        if !self.unreadable.is_empty() {
            return Err(Failure::unknown(format!(
                "found no token, but {} could not be read",
                count(self.unreadable.len(), "thing")
            )));
        }
        output::say(format_args!("no token in {}", count(self.scanned, unit)));
        Ok(())
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

impl Finding {
    /// `COMMIT:PATH:LINE: KIND FINGERPRINT`; what is in no commit has its object instead. A path may hold a token too, or
    /// steer a terminal.
    fn line(&self) -> String {
        let object = self.commit.as_ref().or(self.object.as_ref());
        let object = object.map_or(String::new(), |object| format!("{}:", &object[..object.len().min(12)]));
        let place = match &self.place {
            Place::File(path) => path.to_string_lossy().into_owned(),
            Place::Object => "(in no commit)".to_owned(),
            Place::Part(part, None) => format!("(its {})", part.name()),
            Place::Part(part, Some(tag)) => format!("({} of tag {tag})", part.name()),
        };
        let Found { line, kind, fingerprint, encoded, .. } = &self.found;
        let place = output::printable(&token::mask(&format!("{object}{place}")));
        format!("{place}:{line}: {} {fingerprint}{}", kind.name(), if *encoded { " in base64" } else { "" })
    }

    fn to_json(&self) -> Value {
        let (path, part, tag) = match &self.place {
            Place::File(path) => (Some(token::mask(&path.to_string_lossy())), None, None),
            Place::Object => (None, None, None),
            Place::Part(part, tag) => (None, Some(part.name()), tag.as_ref().map(|tag| token::mask(tag))),
        };
        json!({
            "commit": self.commit,
            "object": self.object,
            "path": path,
            "part": part,
            "tag": tag,
            "line": self.found.line,
            "kind": self.found.kind.name(),
            "fingerprint": self.found.fingerprint,
            "base64": self.found.encoded,
        })
    }
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Header => "header",
            Part::Message => "message",
        }
    }
}
