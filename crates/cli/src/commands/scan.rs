//! `pullpass scan`

use std::{
    collections::HashSet,
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

mod git;
mod hook;

/// Find tokens that leaked into files, git or shell histories
///
/// Looks for GitHub's tokens and those of `pullpass serve`, in plain text and in the base64 of Docker's and Podman's auth
/// files and of Kubernetes' pull secrets. Files that git ignores are read too; links are not followed. A token with a wrong
/// checksum is an example and no finding. What is shown is where it is and its fingerprint, never the token. The exit code
/// is 1 when there is one, and 3 when there is none but something could not be read.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass scan
  pullpass scan ~/.bash_history
  pullpass scan --history
  pullpass scan --install-hook")]
pub(crate) struct Scan {
    /// A file or directory; for --staged, --history and --install-hook a directory of a git repository
    #[arg(default_value = ".", hide_default_value = true)]
    path: PathBuf,
    /// Only what the next commit would add or change
    #[arg(long, group = "where")]
    staged: bool,
    /// Every version of every file on every branch, tag and stash, and the commits' messages
    #[arg(long, group = "where")]
    history: bool,
    /// Have git refuse a commit with a token in it
    #[arg(long, group = "where", conflicts_with = "json")]
    install_hook: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A token and where it is.
struct Finding {
    /// The commit, for what is in git's history.
    commit: Option<String>,
    /// `None` is the commit's own message.
    path: Option<PathBuf>,
    found: Found,
}

/// What a scan has seen.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
    /// In whole sentences, one for each thing.
    unreadable: Vec<String>,
    /// How many files or versions of files were read to their end.
    scanned: usize,
}

impl Scan {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.install_hook {
            return hook::install(&self.path);
        }
        let scanner = Scanner::new(environment::fingerprint_key());
        let report = if self.staged {
            git::staged(&scanner, &self.path)?
        } else if self.history {
            git::history(&scanner, &self.path)?
        } else {
            tree(&scanner, &self.path)
        };
        if self.json {
            output::json(&report.to_json());
        } else {
            report.findings.iter().for_each(|finding| output::data(finding.line()));
        }
        report.unreadable.iter().for_each(output::warn);
        report.end()
    }
}

/// Scans files, as many at a time as there are processors.
fn tree(scanner: &Scanner, root: &Path) -> Report {
    let report = Mutex::new(Report::default());
    let (sender, receiver) = mpsc::sync_channel::<PathBuf>(1024);
    let receiver = Mutex::new(receiver);
    let next = || receiver.lock().ok()?.recv().ok();
    let add = |part: Report| {
        if let Ok(mut report) = report.lock() {
            report.add(part);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                let mut part = Report::default();
                let mut buffer = Buffer::new();
                while let Some(path) = next() {
                    part.file(scanner, &mut buffer, path);
                }
                add(part);
            });
        }
        let mut part = Report::default();
        for path in files::below(root) {
            match path {
                // The receiver outlives this scope.
                Ok(path) => drop(sender.send(path)),
                Err(unreadable) => part.unreadable.push(unreadable.to_string()),
            }
        }
        drop(sender);
        add(part);
    });
    let mut report = report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    report.findings.sort_by(|a, b| (&a.path, a.found.line).cmp(&(&b.path, b.found.line)));
    report.unreadable.sort();
    report
}

impl Report {
    fn file(&mut self, scanner: &Scanner, buffer: &mut Buffer, path: PathBuf) {
        let file = match files::open(&path) {
            Ok(file) => file,
            Err(unreadable) => return self.unreadable.push(unreadable.to_string()),
        };
        // `./a` is `a` to everybody else.
        let shown = path.strip_prefix(".").unwrap_or(&path);
        let report = |found| self.findings.push(Finding { commit: None, path: Some(shown.to_owned()), found });
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

    fn to_json(&self) -> Value {
        let finding = |finding: &Finding| {
            json!({
                "commit": finding.commit,
                "path": finding.path.as_ref().map(|path| token::mask(&path.to_string_lossy())),
                "line": finding.found.line,
                "kind": finding.found.kind.name(),
                "fingerprint": finding.found.fingerprint,
                "base64": finding.found.encoded,
            })
        };
        json!({
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
            "unreadable": self.unreadable.iter().map(|text| token::mask(text)).collect::<Vec<_>>(),
            "scanned": self.scanned,
        })
    }

    /// The answer, in words and as exit code.
    fn end(&self) -> Result<(), Failure> {
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
        output::say(format_args!("no token in {}", count(self.scanned, "file")));
        Ok(())
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

impl Finding {
    /// `COMMIT:PATH:LINE: KIND FINGERPRINT`. A path may hold a token too, or steer a terminal.
    fn line(&self) -> String {
        let commit = self.commit.as_ref().map(|commit| format!("{}:", &commit[..commit.len().min(12)]));
        let path = self.path.as_ref().map_or("(its message)".into(), |path| path.to_string_lossy());
        let Found { line, kind, fingerprint, encoded, .. } = &self.found;
        let place = output::printable(&token::mask(&format!("{}{path}", commit.unwrap_or_default())));
        format!("{place}:{line}: {} {fingerprint}{}", kind.name(), if *encoded { " in base64" } else { "" })
    }
}
