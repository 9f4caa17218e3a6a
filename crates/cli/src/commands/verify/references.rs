//! Which images: the arguments, and the lines of a file.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read},
    path::Path,
};

use pullpass_oci::{Reference, reference::InvalidReference};
use pullpass_secrets::token;

use crate::failure::{Failure, OrFail};

/// How many images one run asks for.
const MOST: usize = 10_000;
/// A wrong file ends here instead of filling memory.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// How many lines that are no references are named.
const NAMED: usize = 5;

/// Docker's rules take a token for an image of Docker Hub, or for a tag, and would send it there.
pub(crate) fn parse(text: &str) -> Result<Reference, String> {
    if token::mask(text) != text {
        return Err("there is a token in it".to_owned());
    }
    text.parse().map_err(|error: InvalidReference| error.to_string())
}

/// What was given, then what the file names, each once. `-` is standard input.
///
/// # Errors
/// The file cannot be read, a line of it is no reference, or there is none or too many.
pub(super) fn all(given: &[Reference], file: Option<&Path>) -> Result<Vec<Reference>, Failure> {
    let listed = file.map(listed).transpose()?.unwrap_or_default();
    let mut seen = HashSet::new();
    let mut references: Vec<Reference> = given.iter().cloned().chain(listed).collect();
    references.retain(|reference| seen.insert(reference.clone()));
    match references.len() {
        0 => {
            Err(Failure::usage("there is no reference to verify")
                .hint("name one: `pullpass verify ghcr.io/owner/name`"))
        }
        count if count > MOST => Err(Failure::usage(format!("{count} references are more than one run takes: {MOST}"))
            .hint("part the list into several files")),
        _ => Ok(references),
    }
}

fn listed(path: &Path) -> Result<Vec<Reference>, Failure> {
    let is_input = path.as_os_str() == "-";
    let shown = if is_input { "standard input".to_owned() } else { format!("`{}`", path.display()) };
    let mut bytes = Vec::new();
    let read = match is_input {
        true => io::stdin().lock().take(MAX_FILE + 1).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes)),
    };
    read.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::usage(format!("there is no file {shown}")),
        _ => Failure::unknown(format!("cannot read {shown}: {error}")),
    })?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Failure::usage(format!("{shown} is longer than 16 MiB: that is no list of references")));
    }
    let text = String::from_utf8(bytes).or_usage().map_err(|failure| failure.fact(format!("in {shown}")))?;
    let (mut references, mut bad) = (Vec::new(), Vec::new());
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        match line.split('#').next().unwrap_or_default().trim() {
            "" => {}
            line => match parse(line) {
                Ok(reference) => references.push(reference),
                Err(why) => bad.push(format!("line {} of {shown} is no reference: {why}", number + 1)),
            },
        }
    }
    let count = bad.len();
    let mut bad = bad.into_iter();
    let Some(first) = bad.next() else { return Ok(references) };
    let failure = bad.take(NAMED - 1).fold(Failure::usage(first), Failure::fact);
    let failure = if count > NAMED { failure.fact(format!("and {} more", count - NAMED)) } else { failure };
    Err(failure.fact("nothing was sent"))
}
