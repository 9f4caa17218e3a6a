//! A network and a file system view of the test's own: this machine only, any port, any host name, its own `/etc`.
//!
//! In here `ghcr.io` is ours and port 443 is free, so that command lines with the real name run unchanged. A holder process
//! makes the namespaces and keeps them; programs enter them with `nsenter`. It needs root, as the engines do.
//!
//! Every address of 192.0.2.0/24 (RFC 5737) is this machine too, unless a test wants others. Docker takes any certificate from 127.0.0.0/8, falls back
//! to plain HTTP there and then shows that failure instead of the first: a registry on loopback would not be a faithful one.
//!
//! `/etc` is a copy on a tmpfs that only these programs see: hosts and certificate directories can be written there,
//! engines leave their keys there, and the machine's own `/etc` is out of reach.

use std::fs::{self, File};
use std::future::Future;
use std::io::{BufRead as _, BufReader};
use std::ops::Deref;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::home::{Home, SEARCH_PATH};
use crate::run::wait;

/// `$1` is an empty directory, addresses follow. `cat` ends with its standard input, so the namespaces end with the test, however it ends.
const HOLD: &str = r#"
set -e
ip link set lo up
mount -t tmpfs -o mode=755 pullpass-test "$1"
cp -a /etc/. "$1"
mount --bind "$1" /etc
shift
for address; do
    # An IPv6 address is not looked for among neighbours first: it can be listened on at once.
    case $address in *:*) ip address add "$address" dev lo nodad ;; *) ip address add "$address" dev lo ;; esac
done
echo ready
exec cat
"#;

/// The namespaces. They end on drop; programs that still run in them do not, and have to be ended before.
pub struct Namespace {
    holder: Child,
    /// Where the copy of `/etc` is mounted before it takes its place: empty for everybody else.
    _etc: TempDir,
}

impl Namespace {
    /// New namespaces whose `/etc/hosts` is `hosts`.
    ///
    /// # Panics
    /// When the machine does not let us: it takes root, or the right to mount and to make networks.
    pub fn new(hosts: &str) -> Namespace {
        Namespace::with_addresses(&["192.0.2.1/24"], hosts)
    }

    /// The same with other addresses beside 127.0.0.1 and ::1. All others are unreachable.
    ///
    /// # Panics
    /// As [`Namespace::new`].
    pub fn with_addresses(addresses: &[&str], hosts: &str) -> Namespace {
        let etc = tempfile::Builder::new().prefix("pp-etc-").tempdir_in("/tmp").expect("a directory in /tmp");
        let mut holder = Command::new("unshare")
            .env_clear()
            .env("PATH", SEARCH_PATH)
            .args(["--mount", "--net", "--propagation", "private", "--", "sh", "-c", HOLD, "hold"])
            .arg(etc.path())
            .args(addresses)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare starts");
        let mut said = String::new();
        let stdout = holder.stdout.take().expect("a piped standard output");
        BufReader::new(stdout).read_line(&mut said).expect("a line");
        assert_eq!(said, "ready\n", "unshare and mount need root");
        let namespace = Namespace { holder, _etc: etc };
        fs::write(namespace.path("/etc/hosts"), hosts).expect("the hosts file");
        namespace
    }

    /// Lets Docker, Podman and pullpass trust the authority `ca` (PEM) for `registry`, as an administrator would.
    pub fn trust(&self, registry: &str, ca: &str) {
        for engine in ["docker", "containers"] {
            let dir = self.path(&format!("/etc/{engine}/certs.d/{registry}"));
            fs::create_dir_all(&dir).expect("a directory below /etc");
            fs::write(dir.join("ca.crt"), ca).expect("the authority");
        }
    }

    /// An empty home whose programs are started in here.
    pub fn home(&self) -> Home {
        Home::in_namespaces_of(self.holder.id())
    }

    /// Which network this is, as `/proc/PID/ns/net` spells it.
    pub fn network(&self) -> PathBuf {
        fs::read_link(format!("/proc/{}/ns/net", self.holder.id())).expect("the network of the holder")
    }

    /// The process that keeps the namespaces.
    pub(crate) fn holder(&self) -> u32 {
        self.holder.id()
    }

    /// Awaits `start` on a thread that listens in here, and runs what it spawned until the result is dropped.
    ///
    /// # Panics
    /// When `start` does.
    pub fn serve<T: Send + 'static, F: Future<Output = T>>(
        &self,
        start: impl FnOnce() -> F + Send + 'static,
    ) -> Served<T> {
        let network = File::open(format!("/proc/{}/ns/net", self.holder.id())).expect("the network of the holder");
        let (stop, stopped) = oneshot::channel::<()>();
        let (send, started) = mpsc::channel();
        let thread = thread::spawn(move || {
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).expect("the network");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                // Nobody waits any more when the test has failed meanwhile.
                drop(send.send(start().await));
                drop(stopped.await);
            });
        });
        let value = started.recv().expect("it starts");
        Served { value, _stop: stop, _thread: thread }
    }

    /// Where the host finds a file of the namespace.
    fn path(&self, absolute: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{absolute}", self.holder.id()))
    }
}

/// How many processes are in a network, see [`Namespace::network`].
pub fn processes_in(network: &Path) -> usize {
    let all = fs::read_dir("/proc").expect("the processes").flatten();
    // Processes end while they are listed.
    all.filter(|process| fs::read_link(process.path().join("ns/net")).is_ok_and(|other| other == network)).count()
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        if wait(&mut self.holder, Duration::from_secs(10)).is_none() {
            drop(self.holder.kill());
            drop(self.holder.wait());
        }
    }
}

/// What runs on a thread inside a [`Namespace`], until it is dropped.
pub struct Served<T> {
    value: T,
    // Dropping this end wakes the thread, which then ends.
    _stop: oneshot::Sender<()>,
    _thread: JoinHandle<()>,
}

impl<T> Deref for Served<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
