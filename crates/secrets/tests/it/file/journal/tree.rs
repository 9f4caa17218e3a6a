//! Fifty files in fifty directories, and a process of its own that changes them, for tests that end it.

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use pullpass_secrets::file::{
    self, Access, FileError,
    journal::{self, Change, JournalError},
};
use tempfile::TempDir;

pub(super) const COUNT: usize = 50;

/// Everything that there is: content, mode, owner, group and number of names, by path.
pub(super) type Contents = BTreeMap<PathBuf, (Vec<u8>, u32, u32, u32, u64)>;

pub(super) struct Tree {
    home: TempDir,
    pub(super) old: Contents,
    pub(super) new: Contents,
}

/// In memory if there is such a place: what a killed process wrote is there all the same.
fn home() -> TempDir {
    let memory = Path::new("/dev/shm");
    let home = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    home.expect("a temporary directory")
}

impl Tree {
    /// Files with all kinds of modes, and of several owners if the system lets us.
    pub(super) fn new() -> Tree {
        let home = home();
        let is_root = rustix::process::geteuid().is_root();
        for (number, path) in files(home.path()).iter().enumerate() {
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, text("old", number)).expect("a file");
            if is_root && number % 3 == 2 {
                std::os::unix::fs::chown(path, Some(1000), Some(1001)).expect("chown by root");
            }
            let mode = [0o644, 0o640, 0o600, 0o700, 0o664][number % 5];
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
        }
        let old = contents(home.path());
        let mut new = old.clone();
        for (number, path) in files(Path::new("")).iter().enumerate() {
            new.get_mut(path).expect("one of the files").0 = text("new", number);
        }
        Tree { home, old, new }
    }

    /// The same, as it is now, somewhere else.
    pub(super) fn copy(&self) -> Tree {
        let home = home();
        let copied = Command::new("cp").arg("-a").arg(self.root().join("vars")).arg(home.path()).status();
        assert!(copied.expect("cp runs").success());
        Tree { home, old: self.old.clone(), new: self.new.clone() }
    }

    pub(super) fn root(&self) -> &Path {
        self.home.path()
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        files(self.root())
    }

    pub(super) fn replace(&self, should_stop: &dyn Fn() -> bool) -> Result<(), JournalError> {
        replace(self.root(), should_stop)
    }

    /// A run of another process that is killed at this call of the system.
    pub(super) fn interrupt(&self, call: &str, at: usize) {
        assert!(self.is_killed("replace", call, at), "there are less than {at} calls of {call}");
    }

    /// Lets another process do `what`, and kills it at this call of the system; `false` if there are less of them.
    pub(super) fn is_killed(&self, what: &str, call: &str, at: usize) -> bool {
        let (ended, _) = tampered(what, self.root(), call, &format!("signal=SIGKILL:when={at}"));
        assert!(ended.status.success() || ended.status.signal() == Some(9), "{what}, {call} {at}: {ended:?}");
        !ended.status.success()
    }
}

fn files(root: &Path) -> Vec<PathBuf> {
    (0..COUNT).map(|number| root.join(format!("vars/{number:02}/vault.yml"))).collect()
}

pub(super) fn text(version: &str, number: usize) -> Vec<u8> {
    format!("the {version} text of {number}\n").repeat(20).into_bytes()
}

fn replace(root: &Path, should_stop: &dyn Fn() -> bool) -> Result<(), JournalError> {
    let files = files(root);
    let texts: Vec<_> = (0..COUNT).map(|number| (text("old", number), text("new", number))).collect();
    let change = |(path, (old, new))| Change { path, old, new, access: Access::Kept };
    let changes: Vec<_> =
        files.iter().map(PathBuf::as_path).zip(texts.iter().map(|(o, n)| (&o[..], &n[..]))).map(change).collect();
    journal::replace_all(&changes, should_stop)
}

/// An edit of a store that makes the file longer.
fn append(path: &Path) -> Result<bool, FileError> {
    file::edit(path, Access::OwnerOnly, |old| Ok(Some([old.unwrap_or_default(), b" and mine"].concat())))
}

pub(super) fn contents(root: &Path) -> Contents {
    let mut found = Contents::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            let bytes = if metadata.is_dir() {
                directories.push(path.clone());
                Vec::new()
            } else if metadata.is_symlink() {
                fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes()
            } else {
                fs::read(&path).expect("a file")
            };
            // Directories have as many names as they have directories.
            let names = if metadata.is_dir() { 0 } else { metadata.nlink() };
            let path = path.strip_prefix(root).expect("it is below").to_owned();
            found.insert(path, (bytes, metadata.mode(), metadata.uid(), metadata.gid(), names));
        }
    }
    found
}

/// Lets `command` start this test program again, as the process that does `what` below `root`.
pub(super) fn worker<'a>(command: &'a mut Command, what: &str, root: &Path) -> &'a mut Command {
    let this = env::current_exe().expect("the path of this program");
    command.arg(this).args(["--ignored", "--exact", "file::journal::tree::a_process_that_others_start", "--nocapture"]);
    command
        .env("PULLPASS_TEST_WHAT", what)
        .env("PULLPASS_TEST_ROOT", root)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
}

/// Runs the worker while strace tampers with calls of the system, see `inject` in its manual. Gives strace's record too.
pub(in crate::file) fn tampered(what: &str, root: &Path, call: &str, tampering: &str) -> (Output, String) {
    let trace = tempfile::NamedTempFile::new().expect("a file");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e"]).arg(format!("trace={call}")).arg("-o").arg(trace.path());
    strace.arg("-e").arg(format!("inject={call}:{tampering}"));
    let ended = worker(&mut strace, what, root).output().expect("strace runs");
    (ended, fs::read_to_string(trace.path()).expect("the record"))
}

#[test]
#[ignore = "it is started by other tests, with what it is to do in its environment"]
fn a_process_that_others_start() {
    let root = PathBuf::from(env::var_os("PULLPASS_TEST_ROOT").expect("where"));
    let pending = || journal::pending(&root.join("vars")).map(|pending| pending.expect("a journal"));
    let done = match env::var("PULLPASS_TEST_WHAT").expect("what").as_str() {
        "edit" => append(&root.join("config.json")).map(drop).map_err(JournalError::from),
        "replace" => replace(&root, &|| false),
        "check" => journal::check(files(&root).iter().map(PathBuf::as_path)),
        "recover" => pending().and_then(|pending| pending.recover().map(drop)),
        "roll_back" => pending().and_then(|pending| pending.roll_back().map(drop)),
        what => panic!("nobody can {what}"),
    };
    done.unwrap_or_else(|error| panic!("{error}"));
}
