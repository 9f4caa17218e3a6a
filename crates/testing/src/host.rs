//! Hosts in a network of the test's own, reached over SSH: each has a file system, processes and a network of its own.
//!
//! A host's root is this machine's with layers on top, an overlay: what a host writes stays in its own layer, over a reboot
//! too, and never reaches this machine. `/run`, `/tmp` and `/dev/shm` are empty after every start. A host ends with its first
//! process, and that one with the test, however the test ends. The layers are in memory and end with the network.
//!
//! Somebody who operates the hosts logs in as [`OPERATOR`], who may become anybody. [`DEPLOYER`] runs containers without root.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::XattrFlags;
use tempfile::TempDir;

use crate::engines::{find, find_all};
use crate::home::SEARCH_PATH;
use crate::namespace::Namespace;
use crate::run::{Signal, run, signal, wait};

/// Who logs in over SSH, and has `sudo` without a password.
pub const OPERATOR: &str = "ops";
/// Who runs Podman without being root.
pub const DEPLOYER: &str = "deploy";
const DEPLOYER_ID: &str = "47001";
/// A variable of every session over SSH, also with `sudo`. Its value is [`Rack::mark`].
pub const MARK: &str = "PULLPASS_TEST_RACK";

/// What is in no layer below the shared one, see `base.sh`: files of this machine's people, images, logs.
const HIDDEN: [&str; 10] = [
    "etc",
    "root",
    "home",
    "opt",
    "srv",
    "var/tmp",
    "var/log",
    "var/lib/containerd",
    "var/lib/containers",
    "var/lib/docker",
];

/// Room for hosts in a network. It has to end after the hosts and before the network.
pub struct Rack {
    /// The process that keeps the network.
    holder: u32,
    /// Where the layers are mounted in there: empty for everybody else.
    disks: TempDir,
}

impl Rack {
    /// No host yet. They will have the `/etc` of `network` as it is now; `key` is the public key of [`OPERATOR`].
    ///
    /// # Panics
    /// When the machine does not let us: it takes root, `sshd`, `sudo`, and a kernel with overlays.
    pub fn new(network: &Namespace, key: &str) -> Rack {
        find("sshd");
        find("sudo");
        let disks = tempfile::Builder::new().prefix("pp-disks-").tempdir_in("/tmp").expect("a directory in /tmp");
        let rack = Rack { holder: network.holder(), disks };
        let mut base = enter(&rack.holder.to_string(), &["--mount"]);
        base.args(["sh", "-c", include_str!("host/base.sh"), "base"]).arg(rack.mark());
        run(base.args([key, MARK]).arg(rack.mark())).expect_success();
        for dir in HIDDEN {
            let dir = rack.path("base").join(dir);
            rustix::fs::setxattr(&dir, "trusted.overlay.opaque", b"y", XattrFlags::empty()).expect("we are root");
        }
        rack
    }

    /// Starts a new host, `host-NUMBER` at 203.0.113.(10 + NUMBER), with Podman and perhaps with a Docker Engine.
    ///
    /// # Panics
    /// When it does not start, or is there already.
    pub fn host(&self, number: u8, has_docker: bool) -> Host {
        let name = format!("host-{number}");
        let disk = self.path(&name);
        for part in ["layer/etc/ssh", "work", "root"] {
            fs::create_dir_all(disk.join(part)).expect("a directory of the rack");
        }
        let host = Host {
            address: Ipv4Addr::new(203, 0, 113, 10 + number),
            key: make_key(&disk.join("layer/etc/ssh/ssh_host_ed25519_key")),
            layer: disk.join("layer"),
            disks: self.mark().to_owned(),
            holder: self.holder,
            name,
            has_docker,
            power: Mutex::new(None),
        };
        host.start();
        if !has_docker {
            let programs = ["docker", "dockerd"].map(find_all).concat();
            run(host.command_as("root", "rm").arg("-f").args(programs)).expect_success();
        }
        host
    }

    /// Distinguishes this rack's sessions from all other processes of this machine, see [`MARK`].
    pub fn mark(&self) -> &Path {
        self.disks.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        // Absolute paths would replace what they are joined to.
        let disks = self.disks.path().strip_prefix("/").expect("an absolute path");
        Path::new("/proc").join(self.holder.to_string()).join("root").join(disks).join(name)
    }
}

/// A host of a [`Rack`]. It ends on drop.
pub struct Host {
    /// What it is called, also by itself.
    pub name: String,
    /// Where it is reached.
    pub address: Ipv4Addr,
    /// Its public key, as a file of known hosts has it behind the address.
    pub key: String,
    /// Whether it has a Docker Engine, which root uses.
    pub has_docker: bool,
    /// What it has written itself, whether it runs or not.
    pub layer: PathBuf,
    disks: PathBuf,
    holder: u32,
    power: Mutex<Option<Power>>,
}

/// What keeps a host running.
struct Power {
    /// Waits for the host's first process.
    process: Child,
    /// Ends that process when it is closed.
    line: ChildStdin,
    /// The number of that process.
    init: u32,
}

impl Host {
    /// Starts it and waits until its services do. One that runs is left alone.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&self) {
        let mut power = self.power();
        if power.is_some() {
            return;
        }
        let mut command = enter(&self.holder.to_string(), &["--mount"]);
        command
            .args(["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--"])
            .args(["sh", "-c", include_str!("host/boot.sh"), "boot"])
            .arg(&self.disks)
            .args([&self.name, &self.address.to_string(), &format!("/proc/{}/ns/net", self.holder)])
            .arg(self.has_docker.to_string());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("nsenter starts");
        let mut said = String::new();
        let stdout = process.stdout.take().expect("a piped standard output");
        BufReader::new(stdout).read_line(&mut said).expect("a line");
        let init = said.trim().parse().unwrap_or_else(|_| panic!("`{}` does not start", self.name));
        let line = process.stdin.take().expect("a piped standard input");
        *power = Some(Power { process, line, init });
    }

    /// Ends it with all its processes at once, as when its power is cut.
    pub fn stop(&self) {
        let Some(Power { mut process, line, .. }) = self.power().take() else { return };
        drop(line);
        if wait(&mut process, Duration::from_secs(10)).is_none() {
            signal(&process, Signal::KILL);
            drop(process.wait());
        }
    }

    /// Stops and starts it.
    pub fn reboot(&self) {
        self.stop();
        self.start();
    }

    /// Which start of it runs now, if any does: two starts differ.
    pub fn running(&self) -> Option<u32> {
        self.power().as_ref().map(|power| power.init)
    }

    /// `program` on this host, in a session of `user`: [`OPERATOR`], [`DEPLOYER`] or root. It fails when the host does not run.
    pub fn command_as(&self, user: &str, program: impl AsRef<OsStr>) -> Command {
        let init = self.running().map_or_else(|| "none".to_owned(), |init| init.to_string());
        let home = if user == "root" { "/root".to_owned() } else { format!("/home/{user}") };
        let mut command = enter(&init, &["--mount", "--net", "--pid", "--uts", "--ipc", &format!("--wdns={home}")]);
        if user != "root" {
            command.args(["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--"]);
        }
        if user == DEPLOYER {
            command.env("XDG_RUNTIME_DIR", format!("/run/user/{DEPLOYER_ID}"));
        }
        command.env("HOME", home).env("USER", user).env("LANG", "C.UTF-8").arg(program);
        command
    }

    /// Where this machine finds a file of the host's.
    ///
    /// # Panics
    /// When the host does not run.
    pub fn path(&self, absolute: &str) -> PathBuf {
        let init = self.running().expect("a host that runs");
        PathBuf::from(format!("/proc/{init}/root{absolute}"))
    }

    fn power(&self) -> MutexGuard<'_, Option<Power>> {
        self.power.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes a key for SSH in `file`, without a passphrase, and returns the public one.
///
/// # Panics
/// When there is a key already.
pub fn make_key(file: &Path) -> String {
    let mut command = Command::new(find("ssh-keygen"));
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(file);
    run(&mut command).expect_success();
    let public = fs::read_to_string(file.with_extension("pub")).expect("the public key");
    public.trim().to_owned()
}

/// What follows runs in namespaces of a process, with nothing in its environment.
fn enter(process: &str, namespaces: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command.env_clear().env("PATH", SEARCH_PATH);
    command.args(["--target", process]).args(namespaces).arg("--");
    command
}
