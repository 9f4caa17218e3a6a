//! Signals, full disks, and directories that take no file.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, lchown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use pullpass_testing::{
    home::Home,
    run::{Signal, exit_code, run, signal, wait},
};

use super::tree::Tree;
use crate::program::program;

#[test]
fn ctrl_c_is_heard_until_the_change_happens() {
    for (signal, call, at, is_new) in [
        ("SIGINT", "linkat", 1, false),
        ("SIGTERM", "fchmod", 25, false),
        ("SIGHUP", "linkat", 49, false),
        ("SIGINT", "renameat", 30, true),
        ("SIGTERM", "unlinkat", 9, true),
    ] {
        let (home, tree) = (Home::new(), Tree::new());
        let ran = tree.tampered(&home, call, &format!("signal={signal}:when={at}"), &[]);
        if is_new {
            assert_eq!(ran.code, 0, "{ran}");
            tree.assert_new(&format!("{signal} at {call} {at}"));
        } else {
            assert!(ran.code == 130 && ran.stderr.ends_with("interrupted: every file is as it was\n"), "{ran}");
            assert!(tree.is_old(), "{signal} at {call} {at}");
        }
    }
}

#[test]
fn ctrl_c_before_anything_is_replaced_ends_it_at_once() {
    for (by, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (home, tree) = (Home::new(), Tree::new());
        let script = home.write("slow", "#!/bin/sh\ntouch asked\nsleep 20\necho new\n");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("own file");
        let more = ["--new-vault-password-file", script.to_str().expect("text")];
        // A shell's background job ignores Ctrl-C, and so would everything that this test starts in one.
        let mut command = home.command("env");
        command.arg("--default-signal").arg(program());
        let mut child = tree.rekey(command, &more).stderr(Stdio::null()).spawn().expect("it starts");
        let deadline = Instant::now() + Duration::from_secs(60);
        while !tree.root().join("asked").exists() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        signal(&child, by);
        let ended = wait(&mut child, Duration::from_secs(10)).expect("it ends before the script does");
        assert_eq!(exit_code(ended), code);
        fs::remove_file(tree.root().join("asked")).expect("the script was asked");
        assert!(tree.is_old());
    }
}

/// A file system of its own, that is full but for so many bytes.
struct SmallDisk(PathBuf);

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    for free in [0, 100 << 10, 200 << 10] {
        let home = Home::new();
        let disk = SmallDisk(home.side_dir("disk"));
        let mut mount = Command::new("mount");
        run(mount.args(["-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs"]).arg(&disk.0)).expect_success();
        let tree = Tree::below(&disk.0);
        let filler = disk.0.join("filler");
        fs::write(&filler, vec![0; 16 << 20]).expect_err("16 MiB do not fit into 8");
        let length = filler.metadata().expect("the filler").len();
        fs::OpenOptions::new().write(true).open(&filler).and_then(|file| file.set_len(length - free)).expect("room");

        let ran = tree.run(&home, &[]);
        assert!(ran.code == 3 && ran.stderr.contains("No space left on device"), "{free} bytes free: {ran}");
        let said = if free < 100 << 10 { "the journal of a change" } else { "no file was replaced" };
        assert!(ran.stderr.contains(said), "{ran}");
        assert!(tree.is_old(), "{free} bytes free");
        fs::remove_file(filler).expect("the filler");
        tree.run(&home, &[]).expect_success();
        tree.assert_new(&format!("after {free} bytes were free"));
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

/// `command` without the rights of root, which ignores modes.
fn as_anybody(home: &Home, command: &[&str]) -> Command {
    let mut words = home.command("setpriv");
    words.args(["--inh-caps=-all", "--bounding-set=-all"]).args(command);
    words
}

/// A tree with one owner, who is not asked for rights that only root has.
fn own_tree() -> Tree {
    let tree = Tree::new();
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    for path in tree.contents().keys() {
        lchown(tree.root().join(path), Some(user), Some(group)).expect("chown");
    }
    tree
}

#[test]
fn a_directory_that_is_read_only_is_named_and_nothing_is_replaced() {
    let (home, tree) = (Home::new(), own_tree());
    let program = program();
    for closed in ["shared/linked", "inv", ""] {
        let closed = tree.root().join(closed);
        chmod(&closed, 0o555);
        let before = tree.contents();
        let words = as_anybody(&home, &[program.to_str().expect("text")]);
        let ran = run(&mut tree.rekey(words, &[]));
        let place = format!("`{}/", closed.display().to_string().trim_end_matches('/'));
        assert!(ran.code == 3 && ran.stderr.contains("Permission denied") && ran.stderr.contains(&place), "{ran}");
        assert!(tree.contents() == before, "{}", closed.display());
        chmod(&closed, 0o755);
    }
}

#[test]
fn a_directory_that_becomes_read_only_in_the_middle_leaves_what_the_next_run_undoes() {
    let (home, tree) = (Home::new(), own_tree());
    let original = tree.contents();
    let watched = tree.root().join("inv/group_vars/all/05.yml");
    let (program, old) = (program(), fs::read(&watched).expect("a file"));
    let delay = "inject=renameat:delay_enter=3s:when=20";
    let words =
        ["strace", "-f", "-o", "/dev/null", "-e", "trace=renameat", "-e", delay, program.to_str().expect("text")];
    let mut rekey = tree.rekey(as_anybody(&home, &words), &[]);
    let child = rekey.stderr(Stdio::piped()).spawn().expect("setpriv and strace start");
    let deadline = Instant::now() + Duration::from_secs(60);
    while fs::read(&watched).expect("a file") == old && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    let directory = tree.root().join("inv/group_vars/all");
    chmod(&directory, 0o555);
    let ended = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(3) && said.contains("what is left to be undone is in `"), "{said}");
    let hint = format!("hint: undo it with `pullpass inventory rekey --rollback {}`", tree.root().display());
    assert!(said.contains(&hint), "{said}");

    chmod(&directory, 0o755);
    let copy = tree.copy();
    tree.run(&home, &["--rollback"]).expect_success();
    assert!(tree.contents() == original);
    let ran = copy.run(&home, &[]);
    assert!(ran.code == 0 && ran.stderr.contains("undone: an interrupted change of 50 files"), "{ran}");
}
