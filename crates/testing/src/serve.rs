//! A registry that `pullpass serve` runs, for tests of whatever speaks to one.

use std::io::{BufRead as _, BufReader};
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::home::Home;
use crate::run::{Signal, run_with_input, signal, wait};

/// The person that every test's registry knows.
pub const USER: &str = "alice";

/// A running `pullpass serve` on a free port of 127.0.0.1, ended on drop.
pub struct Server<'home> {
    home: Box<dyn Deref<Target = Home> + Send + Sync + 'home>,
    program: PathBuf,
    child: Child,
    /// `127.0.0.1:PORT`, as it stands in a reference.
    pub registry: String,
}

impl<'home> Server<'home> {
    /// Serves with [`USER`] as its only person: `program` is `pullpass`, `more` are further options of `serve`.
    pub fn start(home: &'home Home, program: impl Into<PathBuf>, more: &[&str]) -> Server<'home> {
        Server::start_at("127.0.0.1:0", home, program, more)
    }

    /// The same where it has to be, with a home that may be its own.
    pub fn start_at(
        address: &str,
        home: impl Deref<Target = Home> + Send + Sync + 'home,
        program: impl Into<PathBuf>,
        more: &[&str],
    ) -> Server<'home> {
        let program = program.into();
        let mut add = home.command(&program);
        add.args(["admin", "user", "add", USER, "--password-stdin", "--data"]).arg(data(&home));
        run_with_input(&mut add, "correct horse battery staple").expect_success();

        let mut serve = home.command(&program);
        serve.args(["serve", "--listen", address, "--data"]).arg(data(&home)).args(more);
        let mut child =
            serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("pullpass starts");
        let registry = announced_address(&mut child);
        Server { home: Box::new(home), program, child, registry }
    }

    /// `REGISTRY/PATH`.
    pub fn reference(&self, path: &str) -> String {
        format!("{}/{path}", self.registry)
    }

    /// A new token of [`USER`] with `scope`.
    pub fn token(&self, scope: &str) -> String {
        let words = ["token", "new", "--user", USER, "--note", "end to end", "--scope", scope];
        self.administer(&words).trim().to_owned()
    }

    /// What `pullpass WORDS --data DIR` prints.
    pub fn administer(&self, words: &[&str]) -> String {
        let mut command = self.home.command(&self.program);
        command.args(words).arg("--data").arg(data(&self.home));
        run_with_input(&mut command, "").expect_success()
    }

    /// Its data directory, with the socket for those who administer it.
    pub fn data(&self) -> PathBuf {
        data(&self.home)
    }

    /// The certificate authority that `--tls-dev` made, PEM.
    pub fn ca(&self) -> String {
        std::fs::read_to_string(data(&self.home).join("tls/ca.crt")).expect("the CA that --tls-dev made")
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        signal(&self.child, Signal::TERM);
        if wait(&mut self.child, Duration::from_secs(10)).is_none() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

fn data(home: &Home) -> PathBuf {
    home.side_dir("data")
}

/// Waits for `listening on http://127.0.0.1:PORT` and keeps reading, so that the server never waits for a full pipe.
fn announced_address(child: &mut Child) -> String {
    let (found, address) = mpsc::channel();
    let stderr = BufReader::new(child.stderr.take().expect("a piped standard error"));
    thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let url = line.split_once("listening on ").map(|(_, url)| url.trim().to_owned());
            if let Some(address) = url.as_deref().and_then(|url| url.split_once("://")).map(|(_, address)| address) {
                // Only the first is waited for.
                drop(found.send(address.to_owned()));
            }
        }
    });
    address.recv_timeout(Duration::from_secs(30)).expect("`listening on …` on standard error within 30 seconds")
}
