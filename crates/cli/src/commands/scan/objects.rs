//! What git has stored, read through `git cat-file`: versions of files, commits and annotated tags.

use std::{
    io::{BufRead, BufReader, BufWriter, Read, Write},
    path::Path,
    process::{ChildStdout, Stdio},
    thread,
};

use pullpass_secrets::scan::{Buffer, Found, Scanner};
use zeroize::Zeroizing;

use super::{Finding, Part, Place, Report, git, share};
use crate::failure::{Failure, OrFail};

/// How many objects one `git` is asked for: few at first, so that in a small repository there is work for every processor.
const PARTS: [usize; 2] = [128, 4096];
/// So many objects of a part may be broken before the rest of it is given up.
const MAX_BROKEN: usize = 16;
/// A commit or a tag that is longer is not taken apart, in bytes.
const MAX_MESSAGE: u64 = 1 << 20;

/// Scans every object there is, whether something leads to it or not. Trees hold names only, and are left out.
pub(super) fn all(scanner: &Scanner, directory: &Path) -> Result<Report, Failure> {
    let mut list = git::git(directory);
    list.args(["cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname) %(objecttype)"]);
    let (running, stdout) = git::start(&mut list)?;
    let names = stdout.lines().filter_map(|line| match line.or_unknown() {
        Ok(line) => line.split_once(' ').filter(|(_, kind)| *kind != "tree").map(|(name, _)| Ok(name.to_owned())),
        Err(failure) => Some(Err(failure)),
    });
    let mut report = named(scanner, directory, names)?;
    if let Err(failure) = running.end() {
        report.unreadable.push(format!("not every object is known: {}", git::said(&failure)));
    }
    Ok(report)
}

/// Scans the objects of these names.
pub(super) fn named(
    scanner: &Scanner,
    directory: &Path,
    mut names: impl Iterator<Item = Result<String, Failure>>,
) -> Result<Report, Failure> {
    let [mut size, max] = PARTS;
    share(
        |hand| loop {
            let part = names.by_ref().take(size).collect::<Result<Vec<_>, _>>()?;
            if part.is_empty() {
                return Ok(());
            }
            hand(part);
            size = max.min(size * 2);
        },
        |part, buffer, report| scan_part(scanner, directory, &part, buffer, report),
    )
}

fn scan_part(
    scanner: &Scanner,
    directory: &Path,
    mut names: &[String],
    buffer: &mut Buffer,
    report: &mut Report,
) -> Result<(), Failure> {
    for _ in 0..MAX_BROKEN {
        let read = read(scanner, directory, names, buffer, report)?;
        let Some((broken, rest)) = names[read..].split_first() else { return Ok(()) };
        // git ends where it is; another one takes the rest.
        report.unreadable.push(format!("git cannot read the object `{broken}`"));
        names = rest;
    }
    report.unreadable.push(format!("git cannot read many objects, and {} were not tried", names.len()));
    Ok(())
}

/// Has one `git` read objects, and says how many it could.
fn read(
    scanner: &Scanner,
    directory: &Path,
    names: &[String],
    buffer: &mut Buffer,
    report: &mut Report,
) -> Result<usize, Failure> {
    thread::scope(|scope| {
        let mut git = git::git(directory);
        let (mut running, stdout) = git::start(git.args(["cat-file", "--batch", "--buffer"]).stdin(Stdio::piped()))?;
        let stdin = running.stdin();
        scope.spawn(move || {
            let mut stdin = stdin.map(BufWriter::new)?;
            // When it has ended, what it did not read is of no interest.
            names.iter().try_for_each(|name| writeln!(stdin, "{name}")).ok()
        });
        let mut answers = Answers { scanner, stdout, buffer, report };
        for (at, name) in names.iter().enumerate() {
            if !answers.next(name)? {
                return Ok(at);
            }
        }
        Ok(names.len())
    })
}

/// `NAME SP TYPE SP SIZE LF CONTENTS LF` for each object, or `NAME SP missing LF`.
struct Answers<'a> {
    scanner: &'a Scanner,
    stdout: BufReader<ChildStdout>,
    buffer: &'a mut Buffer,
    report: &'a mut Report,
}

impl Answers<'_> {
    /// Scans the object of this name, and says whether it was there to its end.
    fn next(&mut self, name: &str) -> Result<bool, Failure> {
        let mut head = String::new();
        self.stdout.read_line(&mut head).or_unknown()?;
        let mut words = head.split_ascii_whitespace().skip(1);
        let kind = words.next();
        let Some(size) = words.next().and_then(|size| size.parse().ok()) else {
            // A partial clone has not fetched it, or it is broken in a way that does not end git.
            let is_missing = kind == Some("missing");
            if is_missing {
                self.report.unreadable.push(format!("git cannot read the object `{name}`"));
            }
            return Ok(is_missing);
        };
        let mut contents = (&mut self.stdout).take(size);
        let is_commit = kind == Some("commit");
        let mut add = |place, found| {
            let commit = is_commit.then(|| name.to_owned());
            self.report.findings.push(Finding { place, commit, object: Some(name.to_owned()), found });
        };
        if kind == Some("blob") || size > MAX_MESSAGE {
            self.scanner.read(self.buffer, &mut contents, |found| add(Place::Object, found)).or_unknown()?;
        } else {
            let mut bytes = Zeroizing::new(Vec::with_capacity(size as usize));
            contents.read_to_end(&mut bytes).or_unknown()?;
            message(self.scanner, &bytes, !is_commit, add);
        }
        if contents.limit() > 0 || self.stdout.read_exact(&mut [0]).is_err() {
            return Ok(false);
        }
        self.report.scanned += 1;
        Ok(true)
    }
}

/// Scans a commit or a tag: lines of a header, an empty line, the message.
fn message(scanner: &Scanner, bytes: &[u8], is_tag: bool, mut add: impl FnMut(Place, Found)) {
    let end = bytes.windows(2).position(|two| two == b"\n\n").map_or(bytes.len(), |end| end + 2);
    let (header, message) = bytes.split_at(end);
    for (part, bytes) in [(Part::Header, header), (Part::Message, message)] {
        for found in scanner.bytes(bytes) {
            let name = header.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"tag "));
            let tag = is_tag.then(|| String::from_utf8_lossy(name.unwrap_or_default()).into_owned());
            add(Place::Part(part, tag), found);
        }
    }
}
