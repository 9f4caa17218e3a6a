//! `docs/recording.svg`, which `scripts/record` makes of real runs. `UPDATE_DOCS=1` writes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pullpass_testing::home::Home;
use pullpass_testing::run::run;

use crate::program::pullpass;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace above e2e").to_owned()
}

fn committed() -> PathBuf {
    root().join("docs/recording.svg")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn it_shows_what_the_program_prints_today() {
    let home = Home::new();
    let fresh = home.path().join("recording.svg");
    run(Command::new(root().join("scripts/record")).arg(&fresh)).expect_success();
    let fresh = read(&fresh);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(committed(), &fresh).expect("docs can be written");
        return;
    }
    let shown = read(&committed());
    let differing = fresh.lines().zip(shown.lines()).find(|(today, then)| today != then);
    assert!(fresh == shown, "docs/recording.svg is old, run: scripts/record\n  first (today, then): {differing:#?}");
}

#[test]
fn it_shows_the_end_where_nothing_may_move() {
    let shown = read(&committed());
    let (before, rest) = shown.split_once("@media (prefers-reduced-motion:no-preference){").expect("what moves");
    let (moving, after) = rest.split_once("\n}\n</style>").expect("the end of what moves");
    for word in ["animation", "visibility"] {
        assert!(moving.contains(word), "{word} is in what moves");
        assert!(!before.contains(word) && !after.contains(word), "{word} is outside of what moves");
    }
    assert!(before.contains("#rows{transform:translateY("), "the last rows are the ones that are seen");
}

#[test]
fn it_is_small_and_has_neither_a_script_nor_a_token() {
    let shown = read(&committed());
    assert!(shown.len() < 150_000, "{} bytes", shown.len());
    assert!(!shown.contains("<script") && !shown.contains("href"), "it runs and fetches nothing");
    let home = Home::new();
    let copy = home.write("recording.svg", &shown);
    run(pullpass(&home).arg("scan").arg(copy)).expect_success();
    // What is shown of a token is in it, and would be seen by the scan if it were whole.
    assert!(shown.contains("ghp_…x9Qf"), "a fingerprint is shown");
}
