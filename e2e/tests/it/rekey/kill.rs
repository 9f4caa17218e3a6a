//! `kill -9` at every step of the program, and what the next run makes of what is left. PULLPASS_REKEY_EVERY=N takes every
//! Nth step and not a small choice.

use std::{collections::BTreeMap, env, sync::Mutex, thread};

use pullpass_testing::{home::Home, run::Ran};

use super::tree::Tree;

/// The calls of the system that change something, and those that open files.
const CALLS: [&str; 9] = ["openat", "flock", "write", "fchown", "fchmod", "fsync", "linkat", "renameat", "unlinkat"];
/// Steps of all kinds: reading, the journal, staging, the commit, the exchange, and the removal of what was needed.
const CHOSEN: [(&str, usize); 10] = [
    ("openat", 60),
    ("fsync", 1),
    ("linkat", 25),
    ("fchmod", 49),
    ("renameat", 2),
    ("renameat", 3),
    ("renameat", 30),
    ("unlinkat", 3),
    ("unlinkat", 60),
    ("write", 120),
];

/// What a killed run left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    /// Every file as it was, and nothing else.
    Nothing,
    /// What can only be rolled back.
    Staged,
    /// What can be rolled back or finished.
    Committed,
    /// What can only be finished.
    Cleaning,
    /// Every file is new, and nothing else is there.
    Done,
}

#[test]
fn after_kill_9_at_any_step_the_next_run_ends_with_all_old_or_all_new() {
    let seen = Mutex::new(BTreeMap::new());
    let tell = &|call, left| *seen.lock().expect("no panic").entry((call, left)).or_insert(0) += 1;
    match env::var("PULLPASS_REKEY_EVERY") {
        Err(_) => {
            for (call, at) in CHOSEN {
                tell(call, round(call, at).unwrap_or_else(|| panic!("there are less than {at} calls of {call}")));
            }
        }
        Ok(step) => thread::scope(|scope| {
            let step = step.parse().expect("a number");
            for call in CALLS {
                scope.spawn(move || {
                    (1..).step_by(step).map_while(|at| round(call, at)).for_each(|left| tell(call, left))
                });
            }
        }),
    }
    let seen = seen.into_inner().expect("no panic");
    for ((call, left), count) in &seen {
        println!("{call:<10} {count:>4} kills left {left:?}");
    }
    println!("{} kills", seen.values().sum::<usize>());
    for wanted in [Left::Nothing, Left::Staged, Left::Committed, Left::Cleaning] {
        assert!(seen.keys().any(|(_, left)| *left == wanted), "no kill left {wanted:?}");
    }
}

/// Kills a run at this call of the system, and tries all ways out. `None` if there are less of these calls.
fn round(call: &str, at: usize) -> Option<Left> {
    let (home, tree) = (Home::new(), Tree::new());
    let ran = tree.tampered(&home, call, &format!("signal=SIGKILL:when={at}"), &[]);
    let at = format!("{call} {at}: {ran}");
    if ran.code == 0 {
        tree.assert_new(&at);
        return None;
    }
    assert_eq!(ran.code, 137, "{at}");
    if tree.is_old() {
        return Some(Left::Nothing);
    }
    if !tree.has_leftovers() {
        tree.assert_new(&at);
        return Some(Left::Done);
    }
    let [resumed, rolled_back] = [tree.copy(), tree.copy()];
    let is_resumed = resume(&home, &resumed, &at);
    let is_rolled_back = roll_back(&home, &rolled_back, &at);
    // A file was replaced whole or not at all.
    tree.assert_files_of(&[&resumed, &rolled_back], &at);

    let ran = tree.run(&home, &[]);
    if is_resumed {
        assert!(ran.code == 1 && ran.stderr.contains("finished: an interrupted change of 50 files"), "{at}{ran}");
        assert!(tree.contents() == resumed.contents(), "{at}");
    } else {
        assert!(ran.code == 0 && is_said_of_staged(&ran), "{at}{ran}");
        tree.assert_new(&at);
    }
    match (is_resumed, is_rolled_back) {
        (false, true) => Some(Left::Staged),
        (true, true) => Some(Left::Committed),
        (true, false) => Some(Left::Cleaning),
        (false, false) => panic!("{at} can neither be resumed nor rolled back"),
    }
}

/// Whether the draft of a journal or a journal was found.
fn is_said_of_staged(ran: &Ran) -> bool {
    ran.stderr.contains("undone: an interrupted change of 50 files")
        || ran.stderr.contains("removed: what an interrupted run left")
}

/// Whether all is new afterwards; else nothing is touched.
fn resume(home: &Home, tree: &Tree, at: &str) -> bool {
    let before = tree.contents();
    let ran = tree.run(home, &["--resume"]);
    let is_resumed = ran.code == 0 && ran.stderr.contains("finished: an interrupted change of 50 files");
    if is_resumed {
        tree.assert_new(at);
    } else if ran.code == 0 {
        assert!(ran.stderr.contains("removed: what an interrupted run left") && tree.is_old(), "{at}{ran}");
    } else {
        assert!(ran.code == 2 && ran.stderr.contains("cannot be resumed, only rolled back"), "{at}{ran}");
        assert!(ran.stderr.contains("hint: undo it with `pullpass inventory rekey --rollback"), "{at}{ran}");
        assert!(tree.contents() == before, "{at}");
    }
    is_resumed
}

/// Whether all is old afterwards; else all files were replaced, and `--resume` removes what is left.
fn roll_back(home: &Home, tree: &Tree, at: &str) -> bool {
    let before = tree.contents();
    let ran = tree.run(home, &["--rollback"]);
    if ran.code == 0 {
        assert!(is_said_of_staged(&ran) && tree.is_old(), "{at}{ran}");
        return true;
    }
    assert!(ran.code == 3 && ran.stderr.contains("too late") && ran.stderr.contains("--resume"), "{at}{ran}");
    assert!(tree.contents() == before, "{at}");
    assert!(resume(home, tree, at), "{at}");
    false
}
