//! What is left of a change that ends at any call of the system: by a kill, by an error, and (as far as the order of its
//! calls shows) by a power cut. PULLPASS_KILL_EVERY=1 takes every call and not a sample.

use std::{collections::BTreeSet, env, fs, process::Command, sync::Mutex, thread, time::Duration};

use pullpass_secrets::file::journal::{self, JournalError, Pending, Recovered};

use super::tree::{self, Tree, contents, tampered, worker};

/// The calls that change something, and those that open files.
const CALLS: [&str; 8] = ["openat", "write", "fchown", "fchmod", "fsync", "linkat", "renameat", "unlinkat"];

/// Numbers of calls: every one, or every `sample`th.
fn every(sample: usize) -> impl Iterator<Item = usize> {
    let step = env::var("PULLPASS_KILL_EVERY").map_or(sample, |step| step.parse().expect("a number"));
    (1..).step_by(step)
}

fn pending(tree: &Tree) -> Option<Pending> {
    journal::pending(&tree.root().join("vars")).expect("a journal that can be read")
}

/// Whether all is `old` and nothing else is there.
fn is_old(tree: &Tree) -> bool {
    contents(tree.root()) == tree.old
}

fn is_new(tree: &Tree) -> bool {
    contents(tree.root()) == tree.new
}

/// Every file is there, whole, with its mode and its owner.
fn assert_whole(tree: &Tree, at: &str) {
    let now = contents(tree.root());
    for (path, old) in &tree.old {
        let (bytes, mode, user, group, _) = &now[path];
        assert!(*bytes == old.0 || *bytes == tree.new[path].0, "{at}: {}", path.display());
        assert_eq!((*mode, *user, *group), (old.1, old.2, old.3), "{at}: {}", path.display());
    }
    let mut added = now.keys().filter(|path| !tree.old.contains_key(*path));
    assert!(added.all(|path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".pullpass-"))));
}

/// Runs these at the same time, each for its own call, and gives what they have seen.
fn for_all_calls<T: Ord + Send>(round: impl Fn(&str) -> Vec<T> + Sync) -> BTreeSet<T> {
    let seen = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for call in CALLS {
            let (round, seen) = (&round, &seen);
            scope.spawn(move || {
                let found = round(call);
                seen.lock().expect("no panic").extend(found);
            });
        }
    });
    seen.into_inner().expect("no panic")
}

#[test]
fn after_a_kill_at_any_call_a_recovery_ends_with_all_old_or_all_new() {
    let seen = for_all_calls(|call| {
        let mut seen = Vec::new();
        for at in every(19) {
            let tree = Tree::new();
            let is_killed = tree.is_killed("replace", call, at);
            let at = format!("{call} {at}");
            assert_whole(&tree, &at);
            let Some(found) = pending(&tree) else {
                assert!(is_old(&tree) && is_killed || is_new(&tree), "{at}");
                if is_killed {
                    continue;
                }
                break;
            };
            let is_committed = found.is_committed();
            let copy = tree.copy();
            match found.recover() {
                Ok(Recovered::RolledBack) => assert!(!is_committed && is_old(&tree), "{at}"),
                Ok(Recovered::RolledForward) => assert!(is_committed && is_new(&tree), "{at}"),
                result => panic!("{at}: {result:?}"),
            }
            assert!(pending(&tree).is_none(), "{at}");

            let is_cleaning = match pending(&copy).expect("a journal").roll_back() {
                Ok(Recovered::RolledBack) => {
                    assert!(is_old(&copy), "{at}");
                    false
                }
                Err(JournalError::Missing { .. }) => {
                    assert!(is_committed, "{at}");
                    assert_eq!(
                        pending(&copy).expect("a journal").recover().expect("forward"),
                        Recovered::RolledForward
                    );
                    assert!(is_new(&copy), "{at}");
                    true
                }
                result => panic!("{at}: {result:?}"),
            };
            seen.push((is_committed, is_cleaning));
        }
        seen
    });
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [(false, false), (true, false), (true, true)]);
}

#[test]
fn a_recovery_that_is_killed_at_any_call_can_be_repeated() {
    let half_staged = ("linkat", 25, "recover");
    let half_exchanged = ("renameat", 27, "recover");
    let half_exchanged_back = ("renameat", 27, "roll_back");
    let half_cleaned = ("unlinkat", 27, "recover");
    for (call, at, what) in [half_staged, half_exchanged, half_exchanged_back, half_cleaned] {
        let interrupted = Tree::new();
        interrupted.interrupt(call, at);
        let seen = for_all_calls(|call| {
            let mut seen = Vec::new();
            for at in every(37) {
                let tree = interrupted.copy();
                let is_killed = tree.is_killed(what, call, at);
                let at = format!("{what}, {call} {at}");
                assert_whole(&tree, &at);
                match pending(&tree) {
                    Some(pending) => match pending.recover() {
                        Ok(Recovered::RolledBack) => assert!(is_old(&tree), "{at}"),
                        Ok(Recovered::RolledForward) => assert!(is_new(&tree), "{at}"),
                        result => panic!("{at}: {result:?}"),
                    },
                    None => assert!(is_old(&tree) || is_new(&tree), "{at}"),
                }
                seen.push(is_new(&tree));
                if !is_killed {
                    break;
                }
            }
            seen
        });
        let expected: &[bool] = match (call, what) {
            ("linkat", _) => &[false],
            // Killed before the journal said that it goes back, it went forward.
            (_, "roll_back") => &[false, true],
            _ => &[true],
        };
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected, "{call} {at} {what}");
    }
}

#[test]
fn after_an_error_of_any_call_nothing_is_replaced_or_all_and_the_error_says_which() {
    let seen = for_all_calls(|call| {
        let mut seen = Vec::new();
        for at in every(23) {
            for (error, more) in [("EIO", ""), ("ENOSPC", "+")] {
                // Once, and from then on.
                let tree = Tree::new();
                let tampering = format!("error={error}:when={at}{more}");
                let (ended, trace) = tampered("replace", tree.root(), call, &tampering);
                if !trace.contains("(INJECTED)") {
                    assert!(ended.status.success() && is_new(&tree), "{call} {at}");
                    return seen;
                }
                let said = String::from_utf8_lossy(&ended.stderr);
                let at = format!("{call} {at}{more}: {said}");
                assert_whole(&tree, &at);
                match pending(&tree) {
                    None if ended.status.success() || said.contains("every file was replaced") => {
                        assert!(is_new(&tree), "{at}");
                    }
                    None => {
                        assert!(is_old(&tree), "{at}");
                        seen.push(said.contains("no file was replaced").then(|| call.to_owned()));
                    }
                    Some(pending) => {
                        assert!(said.contains(&format!("`{}`", pending.journal().display())), "{at}");
                        assert!(!more.is_empty() || said.contains("every file was replaced"), "{at}");
                        pending.recover().unwrap_or_else(|error| panic!("{at}: {error}"));
                        assert!(is_old(&tree) || is_new(&tree), "{at}");
                    }
                }
            }
        }
        seen
    });
    for call in ["openat", "write", "fchmod", "fsync", "linkat", "renameat"] {
        assert!(seen.contains(&Some(call.to_owned())), "{call}");
    }
}

#[test]
fn a_disk_that_is_full_from_some_moment_on_does_not_keep_anything_from_being_undone() {
    // The first write is that of the journal, and the last one says in it that it goes forward.
    for at in [20, tree::COUNT + 1, tree::COUNT + 2] {
        let tree = Tree::new();
        let (ended, trace) = tampered("replace", tree.root(), "write", &format!("error=ENOSPC:when={at}+"));
        assert!(!ended.status.success() && trace.contains("(INJECTED)"), "{at}");
        assert!(is_old(&tree), "{at}");
    }
}

#[test]
fn a_file_system_without_hard_links_is_an_error_and_nothing_is_replaced() {
    let tree = Tree::new();
    let (ended, _) = tampered("replace", tree.root(), "linkat", "error=EPERM");
    let said = String::from_utf8_lossy(&ended.stderr);
    let expected = format!("cannot make a hard link to `{}`: Operation not permitted", tree.files()[0].display());
    assert!(said.contains(&expected) && said.contains("no file was replaced"), "{said}");
    assert!(is_old(&tree));
}

/// Between the last look at all files and their exchange: the journal is just being made to say that this goes forward.
#[test]
fn an_edit_between_the_last_look_and_the_exchange_is_kept() {
    for number in [0, 30] {
        let tree = Tree::new();
        let file = &tree.files()[number];
        let said = thread::scope(|scope| {
            let delay = "delay_enter=1000000:when=2";
            let run = scope.spawn(|| tampered("replace", tree.root(), "renameat", delay).0.stderr);
            let names = [journal::NAME.to_owned(), format!("{}.new", journal::NAME)];
            while !names.iter().all(|name| tree.root().join("vars").join(name).exists()) {
                assert!(!run.is_finished());
                thread::sleep(Duration::from_millis(5));
            }
            fs::write(file, "edited").expect("an edit");
            run.join().expect("no panic")
        });
        let expected = format!("another program changed `{}` meanwhile: no file was replaced", file.display());
        assert!(String::from_utf8_lossy(&said).contains(&expected), "{}", String::from_utf8_lossy(&said));
        assert_eq!(fs::read(file).expect("the edit"), b"edited");
        fs::write(file, tree::text("old", number)).expect("the old text");
        assert!(is_old(&tree), "{number}");
    }
}

/// What a call is for, by the names in it.
fn purpose(call: &str) -> &'static str {
    match call {
        call if call.starts_with("unlinkat") && call.contains(".pullpass-journal\"") => "end",
        call if call.contains(".pullpass-journal") => "journal",
        call if call.starts_with("unlinkat") => "clean",
        call if call.starts_with("renameat") => "exchange",
        _ => "stage",
    }
}

/// A power cut may lose everything that was not synced, so each part of a change has to be before the next one begins.
#[test]
fn each_part_is_on_disk_before_the_next_one_begins() {
    for (what, expected) in [
        ("replace", ["journal", "stage", "journal", "exchange", "clean", "end"].as_slice()),
        ("roll_back", &["journal", "exchange", "clean", "end"]),
    ] {
        let tree = Tree::new();
        if what == "roll_back" {
            tree.interrupt("renameat", 27);
        }
        let trace = tempfile::NamedTempFile::new().expect("a file");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-y", "-e"]).arg(format!("trace={}", CALLS.join(","))).arg("-o").arg(trace.path());
        assert!(worker(&mut strace, what, tree.root()).output().expect("strace runs").status.success());

        let mut parts: Vec<&str> = Vec::new();
        let mut unsynced: BTreeSet<String> = BTreeSet::new();
        let text = fs::read_to_string(trace.path()).expect("the trace");
        let root = tree.root().display().to_string();
        for line in text.lines().filter(|line| line.contains(&root) && !line.contains(" = -1 ")) {
            let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
            // As in `renameat(5</directory>, "from", 5</directory>, "to") = 0`.
            let path = |text: &str| {
                text.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(path, _)| path.to_owned())
            };
            let on = path(call).expect("the path of a descriptor");
            if call.starts_with("fsync") {
                unsynced.remove(&on);
                continue;
            }
            if call.starts_with("openat") && !call.contains("O_CREAT") {
                continue;
            }
            let purpose = purpose(&format!("{call}{}", if call.starts_with("openat") { "" } else { &on }));
            if parts.last() != Some(&purpose) {
                assert!(unsynced.is_empty(), "{line}: {unsynced:?} were not synced before");
                parts.push(purpose);
            }
            if call.starts_with("renameat") && purpose == "journal" {
                assert!(!unsynced.iter().any(|path| path.ends_with(".new")), "{line}: {unsynced:?}");
            }
            if call.starts_with("openat") {
                let created = call.rsplit_once(" = ").and_then(|(_, result)| path(result));
                unsynced.insert(created.expect("the path of what was created"));
            }
            unsynced.insert(on);
        }
        assert_eq!(parts, expected);
        assert!(unsynced.is_empty(), "{unsynced:?} are not synced at the end");
    }
}
