//! The one place that prints: data to standard output, everything else to standard error.

use std::{
    fmt::Display,
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
};

use anstyle::{AnsiColor, Style};
use pullpass_secrets::token;

use crate::failure::Failure;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// For headings; decoration only, the words say everything.
#[cfg(feature = "serve")]
pub(crate) const HEADING: Style = Style::new().bold();
/// For what held.
#[cfg(feature = "serve")]
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// For what did not.
#[cfg(feature = "serve")]
pub(crate) const BAD: Style = ERROR;

/// Whether data could not be printed, as on a full disk. A reader that went away (`| head`) has what it wanted.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints a line of data; [`lost`] tells whether that worked.
pub(crate) fn data(line: impl Display) {
    let mut stdout = anstream::stdout().lock();
    if let Err(error) = writeln!(stdout, "{line}").and_then(|()| stdout.flush())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Whether any line of data was lost on its way out.
pub(crate) fn lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Prints exact bytes of data, without adding anything.
pub(crate) fn bytes(bytes: &[u8]) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Prints a value as one JSON document.
pub(crate) fn json(value: &serde_json::Value) {
    data(format_args!("{value:#}"));
}

/// Tells the person something that is not data. What looks like a token in it was typed or stored where none belongs,
/// and is not repeated.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{}", token::mask(&line.to_string()));
}

/// Tells the person of something that is done, but not as safe or complete as it could be.
pub(crate) fn warn(line: impl Display) {
    say(format_args!("{WARNING}warning:{WARNING:#} {line}"));
}

/// `error: …`, facts indented under it, then `hint: …`.
pub(crate) fn failure(failure: &Failure) {
    if failure.message.is_empty() {
        return;
    }
    say(format_args!("{ERROR}error:{ERROR:#} {}", failure.message));
    for fact in &failure.facts {
        say(format_args!("  {fact}"));
    }
    if !failure.hints.is_empty() {
        say("");
    }
    for hint in &failure.hints {
        say(format_args!("{HINT}hint:{HINT:#} {hint}"));
    }
}

/// Columns of text, each as wide as its widest cell; cells are separated by two blanks and lines have none at the end.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&headings]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    std::iter::once(&headings).chain(&rows).map(line).collect::<Vec<_>>().join("\n")
}

/// What comes out of files must not steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }).collect()
}
