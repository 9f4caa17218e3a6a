//! A rotation under way, and what its journal says.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pullpass_testing::run::{Ran, exit_code, wait};
use serde_json::Value;

use super::super::Fleet;

/// Several runs of Ansible on hosts that pull meanwhile, on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

/// `pullpass fleet rotate` on the controller. What it says is in a file beside the controller's home.
pub(super) struct Rotating<'fleet> {
    fleet: &'fleet Fleet,
    child: Child,
    said: PathBuf,
    command: String,
}

impl Fleet {
    /// Starts one with `input` as its standard input.
    pub(super) fn rotating(&self, words: &[impl AsRef<str>], input: &str) -> Rotating<'_> {
        let said = self.controller().side_dir("said");
        let number = fs::read_dir(&said).expect("a directory of ours").count();
        let said = said.join(number.to_string());
        let file = File::create(&said).expect("a new file");
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let mut command = self.pullpass();
        command.args(["fleet", "rotate"]).args(&words).stdin(Stdio::piped());
        command.stdout(file.try_clone().expect("an open file")).stderr(file);
        let mut child = command.spawn().expect("nsenter starts");
        let mut stdin = child.stdin.take().expect("a piped standard input");
        stdin.write_all(input.as_bytes()).expect("a pipe takes as much as a token");
        Rotating { fleet: self, child, said, command: format!("pullpass fleet rotate {}", words.join(" ")) }
    }

    /// Runs one to its end.
    pub(super) fn rotate(&self, words: &[impl AsRef<str>], input: &str) -> Ran {
        self.rotating(words, input).end()
    }

    /// The journal of the rotation that began last.
    pub(super) fn journal(&self) -> Option<Value> {
        let directories = fs::read_dir(self.controller().path().join(".local/state/pullpass/rotations")).ok()?;
        let texts = directories.flatten().filter_map(|one| fs::read(one.path().join("journal.json")).ok());
        let journals = texts.map(|text| serde_json::from_slice::<Value>(&text).expect("a journal is a whole one"));
        journals.max_by_key(|journal| journal["started"].as_str().expect("when it began").to_owned())
    }
}

impl Rotating<'_> {
    /// Waits until the journal is as it is to be. Says whether that was before the end.
    pub(super) fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < LIMIT {
            if self.fleet.journal().is_some_and(|journal| is_it(&journal)) {
                return true;
            }
            if self.child.try_wait().expect("a child of ours").is_some() {
                return false;
            }
            thread::sleep(Duration::from_millis(2));
        }
        panic!("it takes too long: {}", self.said());
    }

    /// `kill -9`, of pullpass alone.
    pub(super) fn kill(mut self) -> Ran {
        self.child.kill().expect("a child of ours");
        let status = self.child.wait().expect("a child of ours");
        self.ran(exit_code(status))
    }

    pub(super) fn end(mut self) -> Ran {
        let Some(status) = wait(&mut self.child, LIMIT) else {
            let said = self.said();
            self.kill();
            panic!("it takes too long: {said}");
        };
        self.ran(exit_code(status))
    }

    fn ran(&self, code: i32) -> Ran {
        Ran { command: self.command.clone(), code, stdout: self.said(), stderr: String::new() }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.said).expect("a file of ours")).into_owned()
    }
}

impl Drop for Rotating<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
