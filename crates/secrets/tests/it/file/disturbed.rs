//! An edit that others disturb: programs that do not lock, kills, a file system that can do less.

use std::{fs, os::unix::fs::MetadataExt, os::unix::process::ExitStatusExt, path::Path, thread, time::Duration};

use super::{home, journal::tree::tampered, names, set_mode};

/// As Docker and Podman do it: a new file renamed over the old one.
fn rename_over(path: &Path, text: &str) {
    let other = path.with_extension("other");
    fs::write(&other, text).expect("a file");
    fs::rename(other, path).expect("a rename");
}

#[test]
fn what_another_program_writes_in_the_last_moment_is_merged_and_not_replaced() {
    let home = home();
    let path = home.path().join("config.json");
    fs::write(&path, "old").unwrap();
    let ended = thread::scope(|scope| {
        // Between the last look at the file and the exchange.
        let edit = scope.spawn(|| tampered("edit", home.path(), "renameat2", "delay_enter=1000000:when=1").0);
        while names(home.path()).len() == 1 {
            assert!(!edit.is_finished());
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(300));
        rename_over(&path, "theirs");
        edit.join().expect("no panic")
    });
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs and mine");
    assert_eq!(names(home.path()), ["config.json"]);
}

#[test]
fn a_file_system_that_cannot_exchange_files_gets_the_edit_too() {
    let home = home();
    let path = home.path().join("config.json");
    fs::write(&path, "old").unwrap();
    let (ended, trace) = tampered("edit", home.path(), "renameat2", "error=EINVAL");
    assert!(ended.status.success() && trace.contains("EINVAL"), "{ended:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old and mine");
    assert_eq!(names(home.path()), ["config.json"]);
}

#[test]
fn a_kill_at_any_call_leaves_the_old_file_or_the_new_one() {
    for call in ["openat", "write", "fchown", "fchmod", "fsync", "renameat2", "unlink"] {
        for at in (1..).step_by(if call == "openat" { 3 } else { 1 }) {
            let home = home();
            let path = home.path().join("config.json");
            fs::write(&path, "old").unwrap();
            set_mode(&path, 0o600);
            std::os::unix::fs::chown(&path, Some(1234), Some(1234)).unwrap();
            let (ended, _) = tampered("edit", home.path(), call, &format!("signal=SIGKILL:when={at}"));
            assert!(ended.status.success() || ended.status.signal() == Some(9), "{ended:?}");
            let (text, found) = (fs::read_to_string(&path).unwrap(), fs::metadata(&path).unwrap());
            assert!(text == "old and mine" || text == "old" && !ended.status.success(), "{call} {at}: {text}");
            assert_eq!((found.mode() & 0o7777, found.uid()), (0o600, 1234), "{call} {at}");
            if ended.status.success() {
                assert!(at > 1, "{call} is not called");
                break;
            }
        }
    }
}

#[test]
fn an_error_of_any_call_leaves_the_old_file_and_nothing_beside_it() {
    for (call, at) in [("fchown", 1), ("fchmod", 1), ("fsync", 1), ("renameat2", 1)] {
        let home = home();
        let path = home.path().join("config.json");
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::chown(&path, Some(1234), Some(1234)).unwrap();
        let (ended, _) = tampered("edit", home.path(), call, &format!("error=EIO:when={at}"));
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && said.contains("config.json`: Input/output error"), "{call}: {said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old", "{call}");
        assert_eq!(names(home.path()), ["config.json"], "{call}");
    }
}
