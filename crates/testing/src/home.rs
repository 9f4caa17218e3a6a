//! A home of its own for the programs that a test starts, so that none of them sees or touches the person's.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Where programs are looked for. A fixed list, so that a test does not depend on the PATH of whoever runs it.
pub const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A temporary HOME, XDG_RUNTIME_DIR and TMPDIR, removed on drop.
pub struct Home {
    root: TempDir,
    /// The process whose namespaces its programs are started in, see [`crate::namespace::Namespace::home`].
    namespaces_of: Option<u32>,
}

/// What [`listing`] says about one path: its type and permission bits, and the contents of a file or link.
#[derive(PartialEq, Eq)]
pub struct Entry {
    /// `dir`, `file`, `link`, `socket` or `device`.
    pub kind: &'static str,
    /// The permission bits, `0o600` for example.
    pub mode: u32,
    /// The bytes of a file, the target of a link, else nothing.
    pub contents: Vec<u8>,
}

impl std::fmt::Debug for Entry {
    /// Contents are told by their length: a failed comparison of two listings would print every file.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:o} ({} bytes)", self.kind, self.mode, self.contents.len())
    }
}

impl Default for Home {
    fn default() -> Home {
        Home::new()
    }
}

impl Home {
    /// An empty home.
    pub fn new() -> Home {
        // Sockets live below it and their paths are limited to 107 bytes, so not below a TMPDIR of any length.
        let root = tempfile::Builder::new().prefix("pp-").tempdir_in("/tmp").expect("a directory in /tmp");
        for name in ["home", "run", "tmp"] {
            let dir = root.path().join(name);
            fs::create_dir(&dir).expect("a new directory");
            fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).expect("own directory");
        }
        Home { root, namespaces_of: None }
    }

    pub(crate) fn in_namespaces_of(process: u32) -> Home {
        Home { namespaces_of: Some(process), ..Home::new() }
    }

    /// What programs see as HOME.
    pub fn path(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// What programs see as XDG_RUNTIME_DIR.
    pub fn runtime_dir(&self) -> PathBuf {
        self.root.path().join("run")
    }

    /// What programs see as TMPDIR.
    pub fn temp_dir(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// A directory beside HOME that is removed with it, made if missing.
    pub fn side_dir(&self, name: &str) -> PathBuf {
        let dir = self.root.path().join(name);
        fs::create_dir_all(&dir).expect("a directory beside the home");
        dir
    }

    /// `program` with this home and nothing else in its environment: no DOCKER_CONFIG, REGISTRY_AUTH_FILE, proxy or
    /// token of whoever runs the test, and [`SEARCH_PATH`] as PATH.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match self.namespaces_of {
            None => Command::new(program),
            Some(process) => {
                let mut command = Command::new("nsenter");
                command.args(["--mount", "--net", "--target", &process.to_string()]);
                // Entering a mount namespace leads to its root.
                command.arg(format!("--wdns={}", self.path().display())).arg("--").arg(program);
                command
            }
        };
        command
            .env_clear()
            .env("HOME", self.path())
            .env("XDG_RUNTIME_DIR", self.runtime_dir())
            .env("TMPDIR", self.temp_dir())
            .env("PATH", SEARCH_PATH)
            .env("LANG", "C.UTF-8")
            .current_dir(self.path());
        command
    }

    /// Writes `contents` to `relative` below HOME, readable by its owner only, and returns the full path.
    pub fn write(&self, relative: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(relative);
        fs::create_dir_all(path.parent().expect("a path below HOME has a parent")).expect("directories below HOME");
        fs::write(&path, contents).expect("a file below HOME");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("own file");
        path
    }
}

/// Everything below `root`, by path relative to it. Two equal listings mean that nothing was touched.
pub fn listing(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir).expect("a readable directory") {
            let path = entry.expect("a readable entry").path();
            let meta = fs::symlink_metadata(&path).expect("an entry that stays while it is listed");
            let (kind, contents) = match meta.file_type() {
                kind if kind.is_dir() => ("dir", Vec::new()),
                kind if kind.is_symlink() => {
                    ("link", fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes())
                }
                kind if kind.is_socket() => ("socket", Vec::new()),
                kind if kind.is_file() => ("file", fs::read(&path).expect("a readable file")),
                // Engines keep one of the disk that they are on.
                _ => ("device", Vec::new()),
            };
            if kind == "dir" {
                pending.push(path.clone());
            }
            let relative = path.strip_prefix(root).expect("an entry below the root").to_owned();
            found.insert(relative, Entry { kind, mode: meta.permissions().mode() & 0o7777, contents });
        }
    }
    found
}
