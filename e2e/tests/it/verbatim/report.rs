//! What is shown at the end: guide block × (registry, client), each ok or FAILED.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

/// Whether something holds, and if not, what was seen.
pub(crate) type Verdict = Result<(), String>;

/// The steps of one guide with one registry and one client.
pub(crate) struct Column {
    registry: &'static str,
    client: String,
    steps: Vec<Step>,
}

struct Step {
    /// Where its section is in the guide.
    at: usize,
    name: String,
    verdict: Verdict,
}

impl Column {
    /// None yet. `client` is a version.
    pub(crate) fn new(registry: &'static str, client: String) -> Column {
        Column { registry, client, steps: Vec::new() }
    }

    /// Adds what came of a step. `at` is where its section is in the guide: that is the order of the table.
    pub(crate) fn step(&mut self, at: usize, name: String, verdict: Verdict) {
        self.steps.push(Step { at, name, verdict });
        self.steps.sort_by_key(|step| step.at);
    }
}

/// Writes the table to `target/verbatim/NAME.txt`, which `scripts/test` shows.
///
/// # Panics
/// With everything that is not ok, or when the columns are not about the same steps.
pub(crate) fn close(name: &str, title: &str, columns: &[Column], left_out: &[usize]) {
    let table = table(title, columns);
    let dir = target().join("verbatim");
    fs::create_dir_all(&dir).expect("a directory in the target directory");
    fs::write(dir.join(format!("{name}.txt")), &table).expect("the table");

    let mut wrong = String::new();
    for column in columns {
        for Step { name, verdict, .. } in &column.steps {
            if let Err(seen) = verdict {
                writeln!(wrong, "\n== {} · {} · {name}\n{seen}", column.registry, column.client).expect("a string");
            }
        }
    }
    assert!(wrong.is_empty(), "{table}{wrong}");
    assert!(left_out.is_empty(), "the blocks that begin on the lines {left_out:?} were not executed\n{table}");
}

fn table(title: &str, columns: &[Column]) -> String {
    let names = |column: &Column| column.steps.iter().map(|step| step.name.clone()).collect::<Vec<_>>();
    let steps = names(&columns[0]);
    assert!(columns.iter().all(|column| names(column) == steps), "every column is about the same steps");
    let first = steps.iter().map(|step| step.chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = columns.iter().map(|column| column.registry.len().max(column.client.len())).collect();
    let mut text = format!("\n{title}\n");
    let mut row = |name: &str, cells: &mut dyn Iterator<Item = &str>| {
        write!(text, "  {name:first$}").expect("a string");
        for (cell, width) in cells.zip(&widths) {
            write!(text, "  {cell:width$}").expect("a string");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    };
    row("", &mut columns.iter().map(|column| column.registry));
    row("", &mut columns.iter().map(|column| column.client.as_str()));
    for (at, step) in steps.iter().enumerate() {
        let word = |column: &Column| if column.steps[at].verdict.is_ok() { "ok" } else { "FAILED" };
        row(step, &mut columns.iter().map(word));
    }
    text
}

/// Tests are built into `target/PROFILE/deps`.
fn target() -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    test.ancestors().nth(3).expect("target/PROFILE/deps").to_owned()
}
