//! Podman and skopeo with storage and configuration of the test's own.
//!
//! Where each setting has to be, found by trial with podman 4.3 as root:
//! - storage: `storage.conf` named by CONTAINERS_STORAGE_CONF (root ignores the one below HOME). `vfs` needs no overlayfs;
//! - `containers.conf` named by CONTAINERS_CONF: without `tmp_dir`, all podmans of root share `/run/libpod`; with the
//!   default `lock_type` they share one piece of memory, and a test would wait for another's lock;
//! - `policy.json`, `registries.conf` and `certs.d` below `$HOME/.config/containers`, which root reads too;
//! - plain HTTP: `insecure = true` for that location in `registries.conf`. It also switches the certificate check off,
//!   so a test over TLS must not have it. There is no exception for loopback, as Docker has one;
//! - TLS: the CA as `certs.d/HOST:PORT/ca.crt`. The port has to be there exactly as in the reference.
//!
//! One thing cannot be moved: root's podman notes which blobs it saw where in `/var/lib/containers/cache`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::find;
use crate::home::Home;
use crate::run::run;

/// The storage and configuration that podman and skopeo use in one home.
pub struct Podman<'home> {
    home: &'home Home,
    podman: PathBuf,
    skopeo: PathBuf,
}

impl<'home> Podman<'home> {
    /// Writes the configuration into `home`. Nothing is started: podman has no daemon.
    pub fn new(home: &'home Home) -> Podman<'home> {
        let base = home.side_dir("podman");
        let dir = |name: &str| base.join(name).display().to_string();
        let storage =
            format!("[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n", dir("root"), dir("run"));
        let engine =
            format!("[engine]\ntmp_dir = \"{}\"\nlock_type = \"file\"\nevents_logger = \"none\"\n", dir("tmp"));
        fs::write(base.join("storage.conf"), storage).expect("storage.conf");
        fs::write(base.join("containers.conf"), engine).expect("containers.conf");
        home.write(".config/containers/policy.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
        home.write(".config/containers/registries.conf", "unqualified-search-registries = []\n");
        Podman { home, podman: find("podman"), skopeo: find("skopeo") }
    }

    /// Lets podman and skopeo speak plain HTTP to `registry` (`host:port`).
    pub fn allow_http(&self, registry: &str) {
        let rule = format!("[[registry]]\nlocation = \"{registry}\"\ninsecure = true\n");
        self.home.write(".config/containers/registries.conf", rule);
    }

    /// Lets podman and skopeo trust the certificate authority `ca` (PEM) for `registry` (`host:port`).
    pub fn trust(&self, registry: &str, ca: &str) {
        self.home.write(&format!(".config/containers/certs.d/{registry}/ca.crt"), ca);
    }

    /// `podman` in this home.
    pub fn podman(&self) -> Command {
        self.command(&self.podman)
    }

    /// `skopeo` in this home.
    pub fn skopeo(&self) -> Command {
        self.command(&self.skopeo)
    }

    /// The environment that makes any program in this home use this storage, `pullpass` when it calls podman for example.
    pub fn environment(&self) -> [(&'static str, PathBuf); 2] {
        let base = self.home.side_dir("podman");
        [("CONTAINERS_STORAGE_CONF", base.join("storage.conf")), ("CONTAINERS_CONF", base.join("containers.conf"))]
    }

    /// The names with tags of all images in this storage.
    pub fn images(&self) -> Vec<String> {
        let listed = run(self.podman().args(["images", "--format", "{{.Repository}}:{{.Tag}}"])).expect_success();
        listed.lines().map(str::to_owned).collect()
    }

    fn command(&self, program: &PathBuf) -> Command {
        let mut command = self.home.command(program);
        command.envs(self.environment());
        command
    }
}
