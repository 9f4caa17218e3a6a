//! A Docker daemon of the test's own.
//!
//! What it takes to run one inside a container, a virtual machine or a build sandbox, as root:
//! - `--storage-driver=vfs` needs neither overlayfs nor device mapper;
//! - `--bridge=none --iptables=false` needs neither the bridge module nor rights on the network. Pulls and pushes are done
//!   by the daemon in the host's network, so a registry on 127.0.0.1 is reachable;
//! - `--config-file` of our own, as the daemon refuses options that `/etc/docker/daemon.json` also sets;
//! - the daemon starts its own containerd below `--exec-root` and ends it with itself.
//!
//! Docker treats 127.0.0.0/8 as insecure: it tries TLS without checking the certificate, then plain HTTP. No setting is
//! needed for either. Its CA directory, `/etc/docker/certs.d`, cannot be moved, so a test never relies on it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{find, find_all};
use crate::home::{Home, SEARCH_PATH};
use crate::run::{self, Signal, run};

/// A daemon usually answers after a fifth of a second.
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A running daemon, ended and its storage removed on drop.
pub struct Engine {
    home: Home,
    daemon: Child,
}

/// Every Docker client on this machine: distributions ship one, Docker another, and they speak differently.
pub fn clients() -> Vec<PathBuf> {
    let found = find_all("docker");
    assert!(!found.is_empty(), "`docker` is not installed; run: sudo scripts/setup");
    found
}

impl Engine {
    /// Starts a daemon and waits until it answers. It ends with the thread that started it, even when that is killed.
    pub fn start() -> Engine {
        Engine::start_in(Home::new())
    }

    /// The same with a home, and with that the namespaces, of the caller's choice.
    pub fn start_in(home: Home) -> Engine {
        Engine::start_with(home, &[])
    }

    /// The same with variables, of which the daemon takes its proxy.
    pub fn start_with(home: Home, variables: &[(&str, &str)]) -> Engine {
        let base = home.side_dir("docker");
        let config = home.write("daemon.json", "{}");
        let log = fs::File::create(base.join("log")).expect("a log file");
        let mut command = home.command(find("setpriv"));
        command
            .envs(variables.iter().copied())
            .args(["--pdeathsig", "TERM", "--"])
            .arg(find("dockerd"))
            .arg("--config-file")
            .arg(config)
            .args(["--storage-driver=vfs", "--bridge=none", "--iptables=false", "--ip6tables=false"])
            .arg("--data-root")
            .arg(base.join("data"))
            .arg("--exec-root")
            .arg(base.join("exec"))
            .arg("--pidfile")
            .arg(base.join("pid"))
            .arg("--host")
            .arg(format!("unix://{}", base.join("socket").display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        let daemon = command.spawn().expect("setpriv and dockerd start");
        let mut engine = Engine { home, daemon };
        engine.wait_until_it_answers();
        engine
    }

    /// What DOCKER_HOST has to be for a client to speak to this daemon.
    pub fn host(&self) -> String {
        format!("unix://{}", self.base().join("socket").display())
    }

    /// The client `docker` (a path from [`clients`]) with the environment of `home`, speaking to this daemon.
    pub fn command(&self, docker: &std::path::Path, home: &Home) -> Command {
        let mut command = home.command(docker);
        command.env("DOCKER_HOST", self.host());
        command
    }

    /// The daemon's data root: everything that it keeps.
    pub fn data(&self) -> PathBuf {
        self.base().join("data")
    }

    /// Everything that the daemon has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.base().join("log")).unwrap_or_default()
    }

    fn base(&self) -> PathBuf {
        self.home.side_dir("docker")
    }

    fn wait_until_it_answers(&mut self) {
        let client = find("docker");
        let deadline = Instant::now() + START_LIMIT;
        loop {
            // `docker version` exits 0 only when the daemon has answered.
            if run(self.command(&client, &self.home).arg("version")).code == 0 {
                return;
            }
            if let Some(status) = self.daemon.try_wait().expect("a child of ours") {
                panic!("dockerd ended with {status}; it needs root\n{}", self.log());
            }
            assert!(Instant::now() < deadline, "dockerd does not answer after {START_LIMIT:?}\n{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if thread::panicking() {
            show_end_of(&self.log());
        }
        // SIGTERM lets the daemon end its containerd and unmount its data root; without that it cannot be removed.
        run::signal(&self.daemon, Signal::TERM);
        if run::wait(&mut self.daemon, STOP_LIMIT).is_none() {
            run::signal(&self.daemon, Signal::KILL);
            drop(self.daemon.wait());
            drop(Command::new("umount").env("PATH", SEARCH_PATH).arg(self.base().join("data")).status());
        }
    }
}

#[expect(clippy::print_stderr, reason = "the daemon's log goes with the storage, and explains a failed test")]
fn show_end_of(log: &str) {
    let lines: Vec<&str> = log.lines().collect();
    eprintln!("the last lines of dockerd's log:");
    for line in &lines[lines.len().saturating_sub(30)..] {
        eprintln!("  {line}");
    }
}
