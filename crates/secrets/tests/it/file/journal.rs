mod hostile;
mod kill;
pub(super) mod tree;

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use pullpass_secrets::file::{
    self, Access, FileError,
    journal::{self, Change, JournalError, Recovered},
};
use tempfile::TempDir;
use tree::{Tree, contents, worker};

const GO_ON: &dyn Fn() -> bool = &|| false;

fn home() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn change<'a>(path: &'a Path, old: &'a str, new: &'a str) -> Change<'a> {
    Change { path, old: old.as_bytes(), new: new.as_bytes(), access: Access::Kept }
}

/// Files with `old` in them.
fn write_old<const N: usize>(home: &TempDir, names: [&str; N]) -> [std::path::PathBuf; N] {
    names.map(|name| {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, "old").expect("a file");
        path
    })
}

#[test]
fn all_files_are_replaced_and_keep_modes_owners_and_nothing_is_left() {
    let tree = Tree::new();
    tree.replace(GO_ON).unwrap();
    assert!(contents(tree.root()) == tree.new);
    assert!(journal::pending(tree.root()).unwrap().is_none());
}

#[test]
fn no_files_are_no_work_and_a_file_without_a_change_is_left_alone() {
    journal::replace_all(&[], GO_ON).unwrap();
    let home = home();
    let [one, two] = write_old(&home, ["one", "two"]);
    let inode = fs::metadata(&one).unwrap().ino();
    journal::replace_all(&[change(&one, "old", "old"), change(&two, "old", "new")], GO_ON).unwrap();
    assert_eq!(fs::metadata(&one).unwrap().ino(), inode);
    assert_eq!(fs::read(&two).unwrap(), b"new");
    assert_eq!(super::names(home.path()), ["one", "two"]);
}

#[test]
fn attributes_stay_and_access_can_be_narrowed() {
    let home = home();
    let [one, two] = write_old(&home, ["one", "a/two"]);
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(&one, "user.origin", b"here", flags).unwrap();
    super::set_mode(&two, 0o644);
    let narrow = Change { access: Access::OwnerOnly, ..change(&two, "old", "new") };
    journal::replace_all(&[change(&one, "old", "new"), narrow], GO_ON).unwrap();
    let mut value = [0; 16];
    let length = rustix::fs::getxattr(&one, "user.origin", &mut value).unwrap();
    assert_eq!(&value[..length], b"here");
    assert_eq!(file::mode(&two).unwrap(), Some(0o600));
}

#[test]
fn links_stay_and_a_hard_link_is_parted_from_its_other_name() {
    let home = home();
    let [target, named_twice] = write_old(&home, ["dotfiles/target", "named"]);
    let (link, other) = (home.path().join("vars/link"), home.path().join("other"));
    fs::create_dir(home.path().join("real")).unwrap();
    symlink("real", home.path().join("vars")).unwrap();
    symlink("../dotfiles/target", &link).unwrap();
    fs::hard_link(&named_twice, &other).unwrap();
    journal::replace_all(&[change(&link, "old", "new"), change(&named_twice, "old", "new")], GO_ON).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert_eq!(fs::read(&named_twice).unwrap(), b"new");
    assert_eq!(fs::read(&other).unwrap(), b"old");

    let twice = journal::replace_all(&[change(&link, "new", "1"), change(&target, "new", "2")], GO_ON).unwrap_err();
    assert!(matches!(twice, JournalError::Twice(_)), "{twice}");
    assert_eq!(fs::read(&target).unwrap(), b"new");
}

#[test]
fn both_names_of_a_hard_link_can_be_changed_in_one_run() {
    let home = home();
    let [one] = write_old(&home, ["a/one"]);
    let two = home.path().join("two");
    fs::hard_link(&one, &two).unwrap();
    journal::replace_all(&[change(&one, "old", "1"), change(&two, "old", "2")], GO_ON).unwrap();
    assert_eq!((fs::read(&one).unwrap(), fs::read(&two).unwrap()), (b"1".to_vec(), b"2".to_vec()));
}

#[test]
fn a_file_that_is_not_what_was_read_stops_everything() {
    for what in ["edited", "missing", "directory", "writable", "read-only"] {
        let home = home();
        let [one, two, three] = write_old(&home, ["a/one", "b/two", "c/three"]);
        match what {
            "edited" => fs::write(&two, "theirs").unwrap(),
            "writable" => super::set_mode(&two, 0o666),
            "read-only" => super::set_mode(&two, 0o444),
            _ => fs::remove_file(&two).unwrap(),
        }
        if what == "directory" {
            fs::create_dir(&two).unwrap();
        }
        let changes = [&one, &two, &three].map(|path| change(path, "old", "new"));
        let before = contents(home.path());
        let error = journal::replace_all(&changes, GO_ON).unwrap_err().to_string();
        assert!(error.contains(&two.display().to_string()), "{what}: {error}");
        assert!(contents(home.path()) == before, "{what}: {error}");
    }
}

#[test]
fn what_another_program_wrote_at_the_last_moment_is_kept() {
    let home = home();
    let [one, two] = write_old(&home, ["a/one", "b/two"]);
    let asked = std::cell::Cell::new(0);
    let should_stop = || {
        asked.set(asked.get() + 1);
        if asked.get() == 3 {
            // Everything is staged by now. Once as an editor does it, once in place.
            fs::write(home.path().join("theirs"), "theirs").unwrap();
            fs::rename(home.path().join("theirs"), &one).unwrap();
            fs::write(&two, "theirs too").unwrap();
        }
        false
    };
    let error = journal::replace_all(&[change(&one, "old", "new"), change(&two, "old", "new")], &should_stop);
    let error = error.unwrap_err().to_string();
    assert_eq!(error, format!("another program changed `{}` meanwhile: no file was replaced", one.display()));
    assert_eq!(asked.get(), 3);
    assert_eq!(fs::read(&one).unwrap(), b"theirs");
    assert_eq!(fs::read(&two).unwrap(), b"theirs too");
    assert_eq!(super::names(&home.path().join("a")), ["one"]);
    assert_eq!(super::names(home.path()), ["a", "b"]);
}

#[test]
fn a_run_can_be_stopped_until_the_change_happens() {
    for moment in [1, 2, tree::COUNT, tree::COUNT + 1] {
        let tree = Tree::new();
        let asked = std::cell::Cell::new(0);
        let should_stop = || {
            asked.set(asked.get() + 1);
            asked.get() == moment
        };
        assert_eq!(tree.replace(&should_stop).unwrap_err().to_string(), "stopped: no file was replaced");
        assert!(contents(tree.root()) == tree.old, "stopped at {moment}");
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_named_and_nothing_is_replaced() {
    let tree = Tree::new();
    let root = tree.root().to_owned();
    for file in tree.files() {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        std::os::unix::fs::chown(file, Some(user.as_raw()), Some(group.as_raw())).unwrap();
    }
    let before = contents(&root);
    for (closed, of_journal) in [(root.join("vars/31"), false), (root.join("vars"), true)] {
        fs::set_permissions(&closed, Permissions::from_mode(0o555)).unwrap();
        for (what, elsewhere) in [("replace", ": no file was replaced"), ("check", "cannot write")] {
            // Without the rights of root, which ignores modes.
            let mut run = Command::new("setpriv");
            let as_anybody = run.args(["--inh-caps=-all", "--bounding-set=-all"]);
            let ended = worker(as_anybody, what, &root).output().expect("setpriv, of util-linux, runs");
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            let expected = if of_journal { "the journal of a change has to lie in" } else { elsewhere };
            assert!(!ended.status.success() && said.contains(expected), "{said}");
            let closed = closed.display().to_string();
            assert!(said.contains(&format!("`{closed}")) && said.contains("Permission denied"), "{said}");
        }
        fs::set_permissions(&closed, Permissions::from_mode(0o755)).unwrap();
        assert!(contents(&root) == before);
    }
}

#[test]
fn two_runs_and_single_edits_at_once_lose_nothing() {
    let home = home();
    let paths = write_old(&home, ["a/one", "b/two", "b/c/three"]);
    thread::scope(|scope| {
        // Each run adds one letter to every file; who comes too late reads again.
        for letter in ["x", "y"] {
            let paths = &paths;
            scope.spawn(move || {
                for _ in 0..10 {
                    loop {
                        let old = paths.each_ref().map(|path| fs::read(path).unwrap());
                        let new = old.each_ref().map(|old| [old, letter.as_bytes()].concat());
                        let changes: Vec<_> = (0..3)
                            .map(|at| Change { path: &paths[at], old: &old[at], new: &new[at], access: Access::Kept })
                            .collect();
                        match journal::replace_all(&changes, GO_ON) {
                            Ok(()) => break,
                            Err(JournalError::Undone(error)) if matches!(*error, JournalError::Changed(_)) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..20 {
                let add = |old: Option<&[u8]>| Ok::<_, FileError>(Some([old.unwrap_or_default(), b"z"].concat()));
                file::edit(&paths[1], Access::Kept, add).unwrap();
                thread::sleep(Duration::from_millis(2));
            }
        });
    });
    let count = |path: &Path, letter: u8| fs::read(path).unwrap().iter().filter(|byte| **byte == letter).count();
    let counts = paths.each_ref().map(|path| (count(path, b'x'), count(path, b'y'), count(path, b'z')));
    assert_eq!(counts, [(10, 10, 0), (10, 10, 20), (10, 10, 0)]);
}

#[test]
fn whoever_has_locked_one_of_the_directories_is_waited_for() {
    for directory in ["vars", "vars/31"] {
        let tree = Tree::new();
        let locked = fs::File::open(tree.root().join(directory)).unwrap();
        rustix::fs::flock(&locked, rustix::fs::FlockOperation::LockExclusive).unwrap();
        thread::scope(|scope| {
            let run = scope.spawn(|| tree.replace(GO_ON));
            thread::sleep(Duration::from_millis(300));
            assert!(!run.is_finished());
            assert!(contents(tree.root()) == tree.old);
            drop(locked);
            run.join().unwrap().unwrap();
        });
        assert!(contents(tree.root()) == tree.new);
    }
}

#[test]
fn a_pending_journal_is_found_from_below_and_keeps_others_from_its_files() {
    let tree = Tree::new();
    tree.interrupt("renameat", 27);
    assert!(journal::pending(&tree.root().join("missing")).unwrap().is_none());
    let file = &tree.files()[3];
    let pending = journal::pending(file).unwrap().expect("a journal above the file");
    assert!(pending.is_committed());
    assert_eq!(pending.journal(), tree.root().join("vars").join(journal::NAME));
    assert_eq!(pending.files().collect::<Vec<_>>(), tree.files());
    let holds = fs::read_to_string(pending.journal()).unwrap();
    assert_eq!(file::mode(&pending.journal()).unwrap(), Some(0o600));
    assert!(!holds.contains("old text") && !holds.contains("new text"), "{holds}");

    let old = fs::read(file).unwrap();
    let again = journal::replace_all(&[Change { path: file, old: &old, new: b"3", access: Access::Kept }], GO_ON);
    let error = again.unwrap_err();
    assert!(matches!(&error, JournalError::Interrupted(path) if *path == pending.journal()), "{error}");

    let edited = file::edit(file, Access::Kept, |_| Ok::<_, FileError>(Some(b"3".to_vec()))).unwrap_err();
    assert!(matches!(&edited, FileError::Interrupted { journal, .. } if *journal == pending.journal()), "{edited}");
    assert_eq!(fs::read(file).unwrap(), old);

    // A file of its own below the same directory is nobody's business.
    let other = tree.root().join("vars/03/other.yml");
    fs::write(&other, "old").unwrap();
    journal::replace_all(&[change(&other, "old", "new")], GO_ON).unwrap();
    assert!(file::edit(&other, Access::Kept, |_| Ok::<_, FileError>(Some(b"newer".to_vec()))).unwrap());
    fs::remove_file(&other).unwrap();

    assert_eq!(pending.recover().unwrap(), Recovered::RolledForward);
    assert!(contents(tree.root()) == tree.new);
}

#[test]
fn the_person_chooses_the_direction_while_there_is_a_choice() {
    for (call, at, resumed, rolled_back) in [
        ("linkat", 20, false, true),   // half staged
        ("renameat", 2, false, true),  // all staged, not yet committed
        ("renameat", 3, true, true),   // committed
        ("renameat", 30, true, true),  // half exchanged
        ("unlinkat", 40, true, false), // half cleaned
    ] {
        for (is_resume, is_possible) in [(true, resumed), (false, rolled_back)] {
            let tree = Tree::new();
            tree.interrupt(call, at);
            let before = contents(tree.root());
            let pending = journal::pending(tree.root().join("vars").as_path()).unwrap().expect("a journal");
            let result = if is_resume { pending.resume() } else { pending.roll_back() };
            match (result, is_possible) {
                (Ok(Recovered::RolledForward), true) if is_resume => assert!(contents(tree.root()) == tree.new),
                (Ok(Recovered::RolledBack), true) if !is_resume => assert!(contents(tree.root()) == tree.old),
                (Err(JournalError::NotCommitted(_)), false) if is_resume => assert!(contents(tree.root()) == before),
                (Err(JournalError::Missing { .. }), false) if !is_resume => assert!(contents(tree.root()) == before),
                (result, _) => panic!("{call} {at}: {result:?}"),
            }
        }
    }
}

#[test]
fn an_edit_after_the_interruption_is_never_overwritten() {
    // In the middle of the exchange the first file is new and the last one old. Each is edited, in place or by renaming.
    for (number, keeps, loses) in [(0, "resume", "roll_back"), (tree::COUNT - 1, "roll_back", "resume")] {
        for in_place in [true, false] {
            let tree = Tree::new();
            tree.interrupt("renameat", 27);
            let file = &tree.files()[number];
            if !in_place {
                fs::remove_file(file).unwrap();
            }
            fs::write(file, "edited").unwrap();
            let before = contents(tree.root());

            let settle = |how: &str| {
                let pending = journal::pending(file).unwrap().expect("a journal");
                if how == "resume" { pending.resume() } else { pending.roll_back() }
            };
            let error = settle(loses).unwrap_err();
            let JournalError::Edited { path, backup } = &error else { panic!("{error}") };
            assert_eq!(path, file);
            assert!(error.to_string().contains("`cp "), "{error}");
            assert!(contents(tree.root()) == before, "nothing was touched");

            if in_place && number == 0 {
                // The advice of the message, and the direction that was refused.
                fs::copy(backup, path).unwrap();
                settle(loses).unwrap();
                assert_eq!(fs::read(file).unwrap(), tree::text("old", number));
            } else {
                settle(keeps).unwrap();
                assert_eq!(fs::read(file).unwrap(), b"edited");
            }
            assert!(journal::pending(file).unwrap().is_none());
            for (other, path) in tree.files().iter().enumerate() {
                assert_eq!(super::names(path.parent().unwrap()), ["vault.yml"]);
                let expected = tree::text(if loses == "resume" || in_place { "old" } else { "new" }, other);
                assert!(other == number || fs::read(path).unwrap() == expected, "{}", path.display());
            }
        }
    }
}

#[test]
fn an_edit_of_a_file_that_was_about_to_be_put_back_is_not_overwritten_either() {
    let tree = Tree::new();
    tree.interrupt("renameat", 27);
    assert!(tree.is_killed("roll_back", "renameat", 3));
    let file = &tree.files()[10];
    fs::write(file, "edited").unwrap();
    let before = contents(tree.root());
    let recover = || journal::pending(file).unwrap().expect("a journal").recover();
    let error = recover().unwrap_err();
    let JournalError::Edited { path, backup } = &error else { panic!("{error}") };
    assert!(contents(tree.root()) == before, "nothing was touched");
    fs::copy(backup, path).unwrap();
    assert_eq!(recover().unwrap(), Recovered::RolledBack);
    assert_eq!(fs::read(file).unwrap(), tree::text("old", 10));
}

#[test]
fn edits_while_a_recovery_only_had_to_clean_up_are_kept() {
    let (staged, exchanged) = (Tree::new(), Tree::new());
    staged.interrupt("linkat", 4);
    exchanged.interrupt("unlinkat", 5);
    for (interrupted, expected) in [(staged, Recovered::RolledBack), (exchanged, Recovered::RolledForward)] {
        for at in 1..=8 {
            let tree = interrupted.copy();
            assert!(tree.is_killed("recover", "unlinkat", at));
            for file in tree.files() {
                fs::remove_file(&file).unwrap();
                fs::write(file, "edited").unwrap();
            }
            let pending = journal::pending(&tree.files()[0]).unwrap().expect("a journal");
            assert_eq!(pending.recover().unwrap(), expected, "{at}");
            for file in tree.files() {
                assert_eq!(fs::read(&file).unwrap(), b"edited");
                assert_eq!(super::names(file.parent().unwrap()), ["vault.yml"]);
            }
        }
    }
}

#[test]
fn a_run_under_way_is_waited_for_and_then_there_is_nothing_to_recover() {
    let tree = Tree::new();
    let should_stop = || {
        thread::sleep(Duration::from_millis(4));
        false
    };
    thread::scope(|scope| {
        scope.spawn(|| tree.replace(&should_stop).unwrap());
        let pending = loop {
            match journal::pending(&tree.files()[0]).unwrap() {
                Some(pending) => break pending,
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        assert_eq!(pending.recover().unwrap(), Recovered::Nothing);
    });
    assert!(contents(tree.root()) == tree.new);
}
