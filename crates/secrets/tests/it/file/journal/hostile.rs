//! Journals that somebody else has put there, as a cloned repository may.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
};

use pullpass_secrets::file::journal::{self, Change, JournalError, Pending};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{GO_ON, contents};

const ID: &str = "0123456789abcdef";

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// A directory whose `victim` is to become `evil`, in a directory that holds other things.
struct Trap {
    home: TempDir,
}

impl Trap {
    fn new() -> Trap {
        let trap = Trap { home: tempfile::tempdir().expect("a temporary directory") };
        for directory in ["", "clone", "clone/vars", "elsewhere"] {
            let directory = trap.path(directory);
            fs::create_dir_all(&directory).expect("a directory");
            for (name, text) in [
                ("victim".to_owned(), "precious"),
                (format!(".pullpass-{ID}-0.new"), "evil"),
                (format!(".pullpass-{ID}-0.old"), "evil"),
            ] {
                fs::write(directory.join(name), text).expect("a file");
            }
        }
        trap
    }

    fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    fn journal(&self) -> PathBuf {
        self.path("clone").join(journal::NAME)
    }

    fn plant(&self, text: impl AsRef<[u8]>) {
        fs::write(self.journal(), text).expect("a file");
        super::super::set_mode(&self.journal(), 0o600);
    }

    /// What is asked for does not happen, whoever asks, and nothing is touched.
    #[track_caller]
    fn assert_refused(&self, expected: &str) {
        let before = contents(self.home.path());
        let find = || journal::pending(&self.path("clone"));
        let ways: [fn(Pending) -> _; 3] = [Pending::recover, Pending::resume, Pending::roll_back];
        let mut said = Vec::new();
        for way in ways {
            match find().and_then(|pending| way(pending.expect("a journal"))) {
                Err(error) => said.push(error.to_string()),
                Ok(done) => panic!("{done:?}"),
            }
            assert!(contents(self.home.path()) == before, "{said:?}");
        }
        assert!(said[0].contains(expected), "{said:?}");
        let victim = self.path("clone/victim");
        let change = Change { path: &victim, old: b"precious", new: b"new", access: super::Access::Kept };
        journal::replace_all(&[change], GO_ON).expect_err("a journal is in the way");
        assert!(contents(self.home.path()) == before);
    }
}

fn record(path: &str) -> Value {
    let file = json!({ "path": path, "old": hash("precious"), "new": hash("evil") });
    json!({ "version": 1, "recovery": "forward", "id": ID, "files": [file] })
}

#[test]
fn the_trap_would_snap_shut_if_it_were_set_right() {
    let trap = Trap::new();
    trap.plant(record("victim").to_string());
    journal::pending(&trap.path("clone")).unwrap().expect("a journal").recover().unwrap();
    assert_eq!(fs::read(trap.path("clone/victim")).unwrap(), b"evil");
}

#[test]
fn paths_out_of_the_directory_are_refused() {
    let trap = Trap::new();
    let absolute = trap.path("elsewhere/victim").display().to_string();
    for path in [
        "../victim",
        "../elsewhere/victim",
        "vars/../../victim",
        "vars/../victim",
        "./victim",
        "..",
        ".",
        "",
        "/",
        "vars/..",
        &absolute,
        journal::NAME,
        "vars/.pullpass-0123456789abcdef-0.old",
    ] {
        trap.plant(record(path).to_string());
        trap.assert_refused("it names files that it cannot be about");
    }
    let mut twice = record("victim");
    twice["files"] = json!([record("vars/victim")["files"][0], record("vars//./victim")["files"][0]]);
    trap.plant(twice.to_string());
    trap.assert_refused("it names files that it cannot be about");
}

#[test]
fn symbolic_links_are_not_followed() {
    for name in ["link", "vars/link"] {
        let trap = Trap::new();
        symlink(trap.path("elsewhere"), trap.path("clone").join(name)).unwrap();
        trap.plant(record(&format!("{name}/victim")).to_string());
        trap.assert_refused(&format!("cannot open `{}`", trap.path("clone").join(name).display()));
    }
    for name in ["victim".to_owned(), format!(".pullpass-{ID}-0.new")] {
        let trap = Trap::new();
        let link = trap.path("clone").join(name);
        fs::rename(&link, trap.path("elsewhere/theirs")).unwrap();
        symlink(trap.path("elsewhere/theirs"), &link).unwrap();
        trap.plant(record("victim").to_string());
        let before = contents(trap.home.path());
        let error = journal::pending(&trap.path("clone")).unwrap().expect("a journal").recover().unwrap_err();
        assert!(error.to_string().contains(&link.display().to_string()), "{error}");
        assert!(contents(trap.home.path()) == before);
    }
}

#[test]
fn only_a_file_with_the_right_hash_is_replaced_and_only_by_one_with_the_right_hash() {
    let trap = Trap::new();
    fs::write(trap.path("clone/victim"), "more precious").unwrap();
    trap.plant(record("victim").to_string());
    let before = contents(trap.home.path());
    for _ in 0..2 {
        let error = journal::pending(&trap.path("clone")).unwrap().expect("a journal").recover().unwrap_err();
        assert!(matches!(error, JournalError::Edited { .. }), "{error}");
        assert!(contents(trap.home.path()) == before);
    }

    let trap = Trap::new();
    for suffix in ["new", "old"] {
        fs::write(trap.path(&format!("clone/.pullpass-{ID}-0.{suffix}")), "worse").unwrap();
    }
    trap.plant(record("victim").to_string());
    let error = journal::pending(&trap.path("clone")).unwrap().expect("a journal").recover().unwrap_err();
    assert!(matches!(error, JournalError::Missing { .. }), "{error}");
    assert_eq!(fs::read(trap.path("clone/victim")).unwrap(), b"precious");
}

#[test]
fn rolling_back_removes_nothing_but_files_with_the_names_of_this_journal() {
    let trap = Trap::new();
    let other = trap.path("clone/.pullpass-fedcba9876543210-0.new");
    fs::write(&other, "of another run").unwrap();
    trap.plant(record("victim").to_string());
    let mut expected = contents(trap.home.path());
    journal::pending(&trap.path("clone")).unwrap().expect("a journal").roll_back().unwrap();
    for gone in [journal::NAME.to_owned(), format!(".pullpass-{ID}-0.new"), format!(".pullpass-{ID}-0.old")] {
        expected.remove(&Path::new("clone").join(gone)).expect("it was there");
    }
    assert!(contents(trap.home.path()) == expected);
}

#[test]
fn a_journal_that_others_could_have_written_is_refused() {
    let trap = Trap::new();
    trap.plant(record("victim").to_string());
    for mode in [0o644, 0o640, 0o620, 0o602, 0o660, 0o666] {
        fs::set_permissions(trap.journal(), fs::Permissions::from_mode(mode)).unwrap();
        trap.assert_refused("others may read or write it");
    }
}

#[test]
fn a_journal_of_somebody_else_is_refused_but_where_everybody_may_write_it_is_in_nobodys_way() {
    let trap = Trap::new();
    trap.plant(record("vars/victim").to_string());
    chown(trap.journal(), Some(1000), None).expect("only root can make files of others");
    trap.assert_refused("it belongs to another user");

    let draft = trap.path("clone").join(format!("{}.new", journal::NAME));
    fs::copy(trap.journal(), &draft).unwrap();
    chown(&draft, Some(1000), None).unwrap();
    super::super::set_mode(&trap.path("clone"), 0o1777);
    assert!(journal::pending(&trap.path("clone/vars")).unwrap().is_none());
    let victim = trap.path("clone/vars/victim");
    let change = Change { path: &victim, old: b"precious", new: b"new", access: super::Access::Kept };
    journal::replace_all(&[change], GO_ON).unwrap();
    assert_eq!(fs::read(victim).unwrap(), b"new");
    assert!(trap.journal().exists() && draft.exists());
}

#[test]
fn a_damaged_journal_is_refused() {
    let trap = Trap::new();
    let whole = record("victim").to_string();
    for length in 0..whole.len() {
        trap.plant(&whole[..length]);
        let error = journal::pending(&trap.path("clone")).err().expect("it is damaged");
        assert!(matches!(error, JournalError::Untrusted { .. }), "{error}");
    }
    trap.plant([whole.as_bytes(), b"x"].concat());
    trap.assert_refused("it is damaged");

    for (key, value, expected) in [
        ("version", json!(2), "it is of a version that is unknown here"),
        ("recovery", json!("sideways"), "it is damaged"),
        ("id", json!("../../../evil"), "it is damaged"),
        ("id", json!("0123456789abcde"), "it is damaged"),
        ("id", json!("0123456789abcdef00"), "it is damaged"),
        ("files", json!([{ "path": "victim" }]), "it is damaged"),
        ("command", json!("evil"), "it is damaged"),
    ] {
        let mut changed = record("victim");
        changed[key] = value;
        trap.plant(changed.to_string());
        trap.assert_refused(expected);
    }
}

#[test]
fn a_journal_that_is_no_file_is_refused_without_waiting() {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    for what in ["pipe", "directory", "link", "large"] {
        let trap = Trap::new();
        let journal = trap.journal();
        match what {
            "pipe" => rustix::fs::mknodat(rustix::fs::CWD, &journal, rustix::fs::FileType::Fifo, mode, 0).unwrap(),
            "directory" => {
                fs::create_dir(&journal).unwrap();
                fs::set_permissions(&journal, fs::Permissions::from_mode(0o700)).unwrap();
            }
            "link" => {
                trap.plant(record("victim").to_string());
                fs::rename(&journal, trap.path("elsewhere/journal")).unwrap();
                symlink(trap.path("elsewhere/journal"), &journal).unwrap();
            }
            _ => {
                trap.plant("");
                fs::File::options().write(true).open(&journal).unwrap().set_len(super::file::MAX_LEN + 1).unwrap();
            }
        }
        let error = journal::pending(&trap.path("clone")).err().expect("it is refused");
        assert!(error.to_string().contains(&journal.display().to_string()), "{what}: {error}");
    }
}
