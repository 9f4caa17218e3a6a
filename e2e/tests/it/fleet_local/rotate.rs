//! `pullpass fleet rotate`

mod hosts;
mod inventory;
mod new_token;

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use pullpass_testing::home::{Entry, listing};
use pullpass_testing::run::{Signal, signal_group, wait};

use super::*;

const ROTATE: [&str; 5] = ["rotate", "-i", "inventory.yml", "--password-stdin", "--yes"];
const RESUME: [&str; 3] = ["rotate", "--resume", "--yes"];

impl Fleet {
    /// One whose hosts have the token of the inventory.
    fn logged_in(hosts: &[&str]) -> Fleet {
        let fleet = Fleet::new(hosts);
        hosts.iter().for_each(|host| fleet.log_in(host, fleet.old()));
        fleet
    }

    /// A token that may take the place of the first one.
    fn new_token(&mut self) -> String {
        self.token("octocat", Token::classic(&["read:packages"]))
    }

    fn rotate(&self, more: &[&str], input: &str) -> Ran {
        self.run_with(&[&ROTATE[..], more].concat(), input)
    }

    fn resume(&self, more: &[&str]) -> Ran {
        self.run(&[&RESUME[..], more].concat())
    }

    /// Everything that a rotation may change: files of the operator, and stores.
    fn everything(&self) -> BTreeMap<PathBuf, Entry> {
        let mut found = listing(&self.root());
        // What Ansible leaves of every run, and the key under which fingerprints are made.
        let is_trace = |path: &Path| {
            path.starts_with("home/.ansible") || path.ends_with("ansible.log") || path.starts_with("home/.local")
        };
        found.retain(|path, _| !is_trace(path));
        found
    }

    /// The journals of rotations that have not come to their end.
    fn unfinished(&self) -> Vec<Value> {
        let rotations = self.home.path().join(".local/state/pullpass/rotations");
        let Ok(rotations) = fs::read_dir(rotations) else { return Vec::new() };
        let journal = |path: PathBuf| -> Option<Value> {
            serde_json::from_slice(&fs::read(path.join("journal.json")).ok()?).expect("a journal is JSON")
        };
        let journals = rotations.flatten().filter_map(|entry| journal(entry.path()));
        journals.filter(|journal| journal["state"] == "begun" || journal["state"] == "returning").collect()
    }

    /// Whether ghcr.io still takes a token.
    fn is_alive(&self, token: &str) -> bool {
        let mut curl = self.home.command("curl");
        curl.args([
            "--silent",
            "--insecure",
            "--max-time",
            "20",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
        ]);
        let config = format!("user = \"octocat:{token}\"\nurl = \"https://ghcr.io/token?service=ghcr.io\"\n");
        run_with_input(curl.args(["--config", "-"]), &config).stdout == "200"
    }

    /// Every host has a token, the inventory has it, and the old one is dead.
    #[track_caller]
    fn assert_rotated(&self, hosts: &[&str], number: usize) {
        for host in hosts {
            assert_eq!(self.has(host), Some(number), "{host}");
            assert!(self.resolved("inventory.yml", host) == self.tokens[number], "{host}");
        }
        assert!(!self.is_alive(self.old()) && self.is_alive(&self.tokens[number]));
        assert_eq!(self.unfinished(), Vec::<Value>::new());
        let kept = listing(&self.home.path().join(".local/state/pullpass/rotations"));
        assert!(kept.keys().all(|path| path.extension().is_none_or(|extension| extension != "vault")), "{kept:?}");
    }

    /// Has a program of a host's do something more before it logs in for the next time.
    fn before_login(&self, host: &str, script: &str) {
        let path = self.home.side_dir("programs").join(host);
        let is_first = !path.exists();
        let done = self.home.side_dir("programs").join(format!("{host}.done"));
        let text = format!(
            "#!/bin/sh\nif [ \"$1\" = login ] && [ ! -e {done} ]; then touch {done}; {script}; fi\nexec {program} \"$@\"\n",
            done = done.display(),
            program = program().display()
        );
        fs::write(&path, text).expect("a program");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("own file");
        if is_first {
            set_for_host(self, host, &format!("registry_login_executable: {}", path.display()));
        } else {
            fs::remove_file(done).expect("it was done before");
        }
    }

    /// Runs a script where the programs of the fleet run.
    fn inside(&self, script: &str, argument: &str) -> String {
        let mut shell = self.home.command("sh");
        run(shell.args(["-ec", script, "sh", argument])).expect_success()
    }
}

/// A text without the digits of its payloads, which are others each time.
fn without_payloads(text: &str) -> Vec<String> {
    let is_digits = |line: &&str| {
        let line = line.trim();
        !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    text.lines().filter(|line| !is_digits(line)).map(str::to_owned).collect()
}
