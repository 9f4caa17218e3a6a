//! `vault edit` and `vault create` with scripts as editors. Vim, a terminal, and what reaches the disk are in the
//! end-to-end tests.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use pullpass_testing::{
    home::{Home, SEARCH_PATH, listing},
    run::{Ran, Signal, exit_code, run, run_with_input, signal, signal_group, wait},
};
use tempfile::TempDir;

use crate::support::*;

/// A home with two vault passwords, and a directory in memory in which nobody else works.
struct Desk {
    home: Home,
    memory: TempDir,
}

impl Desk {
    fn new() -> Desk {
        let memory = tempfile::Builder::new().prefix("pp-memory-").tempdir_in("/dev/shm").expect("a tmpfs at /dev/shm");
        let desk = Desk { home: Home::new(), memory };
        desk.home.write("dev", "dev-pw");
        desk.home.write("prod", "prod-pw");
        desk
    }

    /// `pullpass vault WORDS` with both passwords, and an editor that does `script`; `$1` is the file.
    fn command(&self, script: &str, words: &[&str]) -> Command {
        let editor = self.editor("editor", script);
        let mut command = command(&self.home, &[&["vault"][..], words].concat());
        command.args(["--vault-id", "dev@dev", "--vault-id", "prod@prod"]);
        command.env("PATH", SEARCH_PATH).env("XDG_RUNTIME_DIR", self.memory.path()).env("EDITOR", editor);
        command
    }

    fn editor(&self, name: &str, script: &str) -> PathBuf {
        let path = self.home.side_dir("editors").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("own file");
        path
    }

    /// [`Desk::command`], run to its end, after which memory is empty.
    #[track_caller]
    fn run(&self, script: &str, words: &[&str]) -> Ran {
        let ran = run(&mut self.command(script, words));
        assert_eq!(self.left_in_memory(), [""; 0], "{ran}");
        ran
    }

    fn left_in_memory(&self) -> Vec<String> {
        listing(self.memory.path()).into_keys().map(|path| path.display().to_string()).collect()
    }

    /// Encrypts `text` into `file` under one of the labels.
    fn vault(&self, file: &str, label: &str, text: &str) -> PathBuf {
        let path = self.home.write(file, "");
        let words = ["vault", "encrypt", "--vault-id", &format!("{label}@{label}"), "--output", file];
        run_with_input(&mut command(&self.home, &words), text).expect_success();
        path
    }

    /// What is in `file`, and under which label, when only the password of `label` is there.
    #[track_caller]
    fn assert_holds(&self, file: &str, label: &str, text: &str) {
        let id = format!("{label}@{label}");
        let seen = pullpass(&self.home, &["vault", "decrypt", file, "--output", "-", "--vault-id", &id]);
        assert_eq!(seen.expect_success(), text);
        let payload = fs::read_to_string(self.home.path().join(file)).expect("a file");
        assert!(payload.starts_with(&format!("$ANSIBLE_VAULT;1.2;AES256;{label}\n")), "{payload}");
    }

    /// What a failed edit kept, encrypted under the same label.
    #[track_caller]
    fn assert_kept(&self, directory: &Path, text: &str) {
        let kept: Vec<PathBuf> =
            fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
        let kept = kept.iter().find(|path| path.display().to_string().contains("f.yml.pullpass-new-"));
        let kept = kept.expect("a file that was kept");
        assert_eq!(mode(kept), 0o600);
        self.assert_holds(kept.to_str().expect("text"), "dev", text);
    }

    /// Starts an edit that has written `two` and goes on. The file `ready` tells so.
    fn start(&self) -> Child {
        self.vault("f.yml", "dev", "one");
        let mut command = self.command("echo two > \"$1\"; touch ready; exec sleep 60", &["edit", "f.yml"]);
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let child = quiet.spawn().expect("it starts");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.home.path().join("ready").exists() {
            assert!(Instant::now() < deadline, "the editor starts");
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(self.left_in_memory().len(), 2, "a directory and the file");
        child
    }
}

#[track_caller]
fn end(mut child: Child) -> i32 {
    let status = wait(&mut child, Duration::from_secs(20));
    if status.is_none() {
        signal_group(&child, Signal::KILL);
    }
    exit_code(status.expect("it ends"))
}

#[test]
fn a_changed_file_keeps_its_password_label_mode_and_link() {
    let desk = Desk::new();
    let path = desk.vault("f.yml", "prod", "a: one\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("own file");
    symlink("f.yml", desk.home.path().join("link.yml")).expect("a link");
    let before = fs::read(&path).expect("a file");
    let ran = desk.run("sed -i s/one/two/ \"$1\"", &["edit", "link.yml"]);
    assert!(ran.stderr.contains("edited: `link.yml`"), "{ran}");
    assert_eq!(ran.expect_success(), "");
    desk.assert_holds("f.yml", "prod", "a: two\n");
    assert_ne!(fs::read(&path).expect("a file"), before);
    assert_eq!(mode(&path), 0o640);
    assert!(desk.home.path().join("link.yml").is_symlink());

    // The label is a hint: the password that opened is the one that counts.
    let mislabelled = fs::read_to_string(&path).expect("a file").replacen(";prod\n", ";dev\n", 1);
    fs::write(&path, mislabelled).expect("own file");
    desk.run("sed -i s/two/three/ \"$1\"", &["edit", "f.yml"]).expect_success();
    let seen = pullpass(&desk.home, &["vault", "view", "f.yml", "--vault-id", "prod@prod"]);
    assert_eq!(seen.expect_success(), "a: three\n");
    assert_fails(&pullpass(&desk.home, &["vault", "view", "f.yml", "--vault-id", "dev@dev"]), 2, &["wrong vault"]);

    desk.run("sed -i s/three/four/ \"$1\"", &["edit", "f.yml", "--encrypt-vault-id", "prod"]).expect_success();
    desk.assert_holds("f.yml", "prod", "a: four\n");
}

#[test]
fn an_unchanged_file_is_left_alone() {
    let desk = Desk::new();
    // What we would write differently: one long line, and no line end.
    let path = desk.vault("f.yml", "dev", "one");
    let text = fs::read_to_string(&path).expect("a file");
    let (header, body) = text.split_once('\n').expect("a header");
    fs::write(&path, format!("{header}\r\n{}", body.replace('\n', ""))).expect("own file");
    let before = listing(&desk.home.path());
    for script in ["true", "cp \"$1\" \"$1.new\"; mv \"$1.new\" \"$1\"", "printf one > \"$1\""] {
        let ran = desk.run(script, &["edit", "f.yml", "--encrypt-vault-id", "prod", "--skip-tty-check", "-v"]);
        assert!(ran.stderr.contains("unchanged: `f.yml`"), "{ran}");
        ran.expect_success();
        assert_eq!(listing(&desk.home.path()), before);
    }
}

#[test]
fn the_copy_lies_in_memory_under_the_name_of_the_file_and_for_its_owner_alone() {
    let desk = Desk::new();
    desk.vault("group_vars/vault.yml", "dev", "one");
    // Backups and what filters leave in TMPDIR go with it.
    let script = "stat -c '%a %n' \"$1\" \"$(dirname \"$1\")\" > report; stat -f -c %T \"$1\" >> report
        echo \"$TMPDIR\" >> report; ulimit -c >> report; cat \"$1\" >> report
        echo left > \"$1~\"; mkdir \"$TMPDIR/d\"; echo left > \"$TMPDIR/d/f\"; ln -s \"$HOME/report\" \"$TMPDIR/link\"";
    desk.run(script, &["edit", "group_vars/vault.yml"]).expect_success();
    let report = fs::read_to_string(desk.home.path().join("report")).expect("a report");
    let lines: Vec<&str> = report.lines().collect();
    let [file, directory, kind, temporary, cores, text] = lines[..] else { panic!("{report}") };
    let directory = directory.strip_prefix("700 ").expect("a directory of one user");
    assert_eq!(Path::new(directory).parent(), Some(desk.memory.path()));
    assert_eq!(file, format!("600 {directory}/vault.yml"));
    assert_eq!((kind, temporary, cores, text), ("tmpfs", directory, "0", "one"));
}

#[test]
fn a_disk_is_no_place_to_edit() {
    let desk = Desk::new();
    desk.vault("f.yml", "dev", "one");
    // The target directory is on a disk, which `/tmp` may not be.
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let mut command =
        desk.command("stat -f -c %T \"$1\" > report; ls -A \"$XDG_RUNTIME_DIR\" >> report", &["edit", "f.yml"]);
    run(command.env("XDG_RUNTIME_DIR", disk.path())).expect_success();
    assert_eq!(fs::read_to_string(desk.home.path().join("report")).expect("a report"), "tmpfs\n");
}

#[test]
fn nothing_is_changed_when_the_editor_fails() {
    let desk = Desk::new();
    desk.vault("f.yml", "dev", "one");
    let before = listing(&desk.home.path());
    for (script, code, said) in [
        ("echo two > \"$1\"; exit 3", 1, "ended with exit code 3"),
        ("rm \"$1\"", 1, "left no file"),
        ("rm -r \"$TMPDIR\"; mkdir -m 700 \"$TMPDIR\"", 1, "left no file"),
        ("kill -SEGV $$", 1, "ended by a signal"),
        ("echo two > \"$1\"; kill -INT $$", 130, "interrupted"),
    ] {
        let ran = desk.run(script, &["edit", "f.yml"]);
        assert_fails(&ran, code, &[said, "nothing was changed"]);
        assert_eq!(listing(&desk.home.path()), before);
    }
    for editor in ["/no/such/editor", "''", "vi 'open"] {
        let mut command = desk.command("", &["edit", "f.yml"]);
        assert_fails(&run(command.env("EDITOR", editor)), 2, &["set `EDITOR`"]);
        assert_eq!((listing(&desk.home.path()) == before, desk.left_in_memory().len()), (true, 0));
    }
}

#[test]
fn what_cannot_be_edited_is_refused_before_an_editor_opens() {
    let desk = Desk::new();
    desk.vault("f.yml", "dev", "one");
    desk.home.write("plain.yml", "a: 1\n");
    desk.home.write("damaged.yml", "$ANSIBLE_VAULT;1.1;AES256\n12\n");
    let before = listing(&desk.home.path());
    for (words, said) in [
        (&["f.yml", "plain.yml"][..], "is not encrypted, and no value in it is"),
        (&["f.yml", "missing.yml"], "there is no file `missing.yml`"),
        (&["damaged.yml"], "cut off"),
        (&["-"], "files only"),
        (&["f.yml", "--encrypt-vault-id", "test"], "no vault password is labelled `test`"),
    ] {
        let ran = desk.run("touch opened", &[&["edit"], words].concat());
        assert_fails(&ran, 2, &[said]);
        assert_eq!(listing(&desk.home.path()), before, "{words:?}");
    }
    let mut foreign = desk.command("touch opened", &["edit", "f.yml"]);
    desk.home.write("dev", "another-pw");
    assert_fails(&run(&mut foreign), 2, &["wrong vault password"]);
    assert!(!desk.home.path().join("opened").exists());
}

#[test]
fn several_files_are_edited_one_after_the_other() {
    let desk = Desk::new();
    desk.vault("a.yml", "dev", "one");
    desk.vault("b.yml", "prod", "one");
    let ran = desk.run("test -e second && exit 1; touch second; printf two > \"$1\"", &["edit", "a.yml", "b.yml"]);
    assert_fails(&ran, 1, &["edited: `a.yml`", "exit code 1"]);
    desk.assert_holds("a.yml", "dev", "two");
    desk.assert_holds("b.yml", "prod", "one");
}

#[test]
fn nothing_at_all_and_every_byte_can_be_written() {
    let desk = Desk::new();
    desk.vault("f.yml", "dev", "one");
    desk.run(": > \"$1\"", &["edit", "f.yml"]).expect_success();
    desk.assert_holds("f.yml", "dev", "");
    desk.run("printf '\\r\\n\\377\\000' > \"$1\"; chmod 666 \"$1\"", &["edit", "f.yml"]).expect_success();
    desk.assert_holds("f.yml", "dev", "\r\n\u{fffd}\0");
}

#[test]
fn work_that_cannot_be_saved_is_kept_encrypted() {
    let desk = Desk::new();
    let path = desk.vault("f.yml", "dev", "one");
    let ran = desk.run("echo two > \"$1\"; echo foreign > f.yml", &["edit", "f.yml"]);
    assert_fails(&ran, 3, &["changed meanwhile", "`./f.yml.pullpass-new-", "pullpass vault view"]);
    assert_eq!(fs::read_to_string(&path).expect("a file"), "foreign\n");
    desk.assert_kept(&desk.home.path(), "two\n");

    // What is pasted may be a vault itself.
    let desk = Desk::new();
    desk.vault("f.yml", "dev", "one");
    assert_fails(&desk.run("cp f.yml \"$1\"", &["edit", "f.yml"]), 2, &["encrypted already", ".pullpass-new-"]);
    desk.assert_holds("f.yml", "dev", "one");

    // Beside the file is no room any more.
    let desk = Desk::new();
    desk.vault("group/f.yml", "dev", "one");
    let script = "echo two > \"$1\"; rm -r group; touch group";
    let ran = run(&mut desk.command(script, &["edit", "group/f.yml"]));
    assert_fails(&ran, 3, &["`group/f.yml` is left as it is", "encrypted"]);
    assert_eq!(desk.left_in_memory().len(), 1, "{ran}");
    desk.assert_kept(desk.memory.path(), "two\n");
}

#[test]
fn an_edit_that_is_told_to_stop_leaves_no_plaintext_and_loses_no_work() {
    for number in [Signal::TERM, Signal::HUP] {
        let desk = Desk::new();
        let child = desk.start();
        signal(&child, number);
        assert_eq!(end(child), 130);
        assert_eq!(desk.left_in_memory(), [""; 0]);
        desk.assert_holds("f.yml", "dev", "one");
        desk.assert_kept(&desk.home.path(), "two\n");
    }
}

#[test]
fn ctrl_c_reaches_the_editor_and_ends_the_edit_when_that_ends() {
    let desk = Desk::new();
    let child = desk.start();
    let before = listing(&desk.home.path());
    signal_group(&child, Signal::INT);
    assert_eq!(end(child), 130);
    assert_eq!((listing(&desk.home.path()) == before, desk.left_in_memory().len()), (true, 0));

    // An editor that goes on is not ended over the person's head.
    let desk = Desk::new();
    desk.vault("f.yml", "dev", "one");
    desk.run("trap : INT QUIT; kill -INT $PPID; kill -QUIT $PPID; sleep 0.2; echo two > \"$1\"", &["edit", "f.yml"])
        .expect_success();
    desk.assert_holds("f.yml", "dev", "two\n");
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next_when_its_editor_is_gone_too() {
    let desk = Desk::new();
    let child = desk.start();
    signal(&child, Signal::KILL);
    assert_eq!(end(child), 128 + 9);
    let editors = editors_of(&desk);
    assert_eq!(editors.len(), 1, "the editor lives on");
    run(&mut desk.command("true", &["edit", "f.yml"])).expect_success();
    assert_eq!(desk.left_in_memory().len(), 2, "the person still edits it");

    for editor in editors {
        rustix::process::kill_process(editor, Signal::KILL).expect("a process of ours");
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while !editors_of(&desk).is_empty() {
        assert!(Instant::now() < deadline, "it ends");
        thread::sleep(Duration::from_millis(5));
    }
    let ran = desk.run("true", &["edit", "f.yml"]);
    assert!(ran.stderr.contains("which a killed run had left"), "{ran}");
    desk.assert_holds("f.yml", "dev", "one");
}

/// Processes that have the desk's copy among their open files.
fn editors_of(desk: &Desk) -> Vec<rustix::process::Pid> {
    let is_one = |process: &fs::DirEntry| {
        let open = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        open.filter_map(|file| fs::read_link(file.path()).ok()).any(|path| path.starts_with(desk.memory.path()))
    };
    let processes = fs::read_dir("/proc").expect("the processes").flatten().filter(is_one);
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    pids.filter_map(rustix::process::Pid::from_raw).collect()
}

#[test]
fn the_editor_is_the_one_of_the_environment_then_of_ansible_cfg_then_vi() {
    let desk = Desk::new();
    desk.vault("f.yml", "dev", "one");
    let report = desk.home.path().join("report");
    for name in ["one", "two", "three", "vi"] {
        desk.editor(name, "printf '%s ' \"${0##*/}\" \"$@\" > report");
    }
    let editors = desk.home.side_dir("editors");
    let opened = |variables: &[(&str, &str)]| {
        let mut command = desk.command("", &["edit", "f.yml"]);
        command.env_remove("EDITOR").env("PATH", format!("{}:{SEARCH_PATH}", editors.display()));
        run(command.envs(variables.iter().copied())).expect_success();
        let words = fs::read_to_string(&report).expect("a report");
        words.split(desk.memory.path().to_str().expect("text")).next().expect("words").trim().to_owned()
    };
    assert_eq!(opened(&[("VISUAL", "one")]), "vi");
    desk.home.write("ansible.cfg", "[defaults]\neditor = three -x 'y z' \"\\d\"\n");
    assert_eq!(opened(&[("EDITOR", "")]), "three -x y z \\d");
    assert_eq!(opened(&[("ANSIBLE_EDITOR", "two")]), "two");
    assert_eq!(opened(&[("ANSIBLE_EDITOR", "two"), ("EDITOR", "one")]), "one");
}

#[test]
fn only_vim_gets_vims_arguments_and_editors_that_keep_copies_are_warned_of() {
    let desk = Desk::new();
    desk.vault("f.yml", "dev", "one");
    let run = |name: &str, version: &str| {
        let script = format!("test \"$1\" = --version && {{ echo '{version}'; exit; }}; printf '%s ' \"$@\" > report");
        let editor = desk.editor(name, &script);
        let mut command = desk.command("", &["edit", "f.yml"]);
        let ran = pullpass_testing::run::run(command.env("EDITOR", format!("{} -u x", editor.display())));
        let report = fs::read_to_string(desk.home.path().join("report")).expect("a report");
        let words = report.split(desk.memory.path().to_str().expect("text")).next().expect("words").trim().to_owned();
        (words, ran.stderr.contains("may stay there, on a disk"))
    };
    let vim = "-n -i NONE -c silent! set nobackup nowritebackup noundofile viminfo= -u x".to_owned();
    for (name, version) in
        [("vi", "VIM - Vi IMproved 9.0"), ("vim.tiny", "VIM - Vi IMproved 8"), ("nvim", "NVIM v0.10")]
    {
        assert_eq!(run(name, version), (vim.clone(), false));
    }
    for (name, version, is_warned) in [
        ("vi", "BusyBox v1.36", false),
        ("vi", "usage: vi", true),
        ("vim", "not it", false),
        ("code", "1.90", true),
        ("nano", "GNU nano", false),
    ] {
        assert_eq!(run(name, version), ("-u x".to_owned(), is_warned), "{name} {version}");
    }
}

#[test]
fn a_new_file_is_written_in_an_editor() {
    let desk = Desk::new();
    let words = ["create", "--skip-tty-check", "--encrypt-vault-id", "prod"];
    let ran = desk.run("test ! -s \"$1\" && echo new > \"$1\"", &[&words[..], &["group_vars/all/vault.yml"]].concat());
    assert!(ran.stderr.contains("created: `group_vars/all/vault.yml`"), "{ran}");
    assert_eq!(ran.expect_success(), "");
    desk.assert_holds("group_vars/all/vault.yml", "prod", "new\n");
    assert_eq!(mode(&desk.home.path().join("group_vars/all/vault.yml")), 0o600);
    // As ansible-vault has it.
    desk.run("true", &[&words[..], &["empty.yml"]].concat()).expect_success();
    desk.assert_holds("empty.yml", "prod", "");
}

#[test]
fn no_file_is_made_when_it_is_there_or_nobody_can_write_it() {
    let desk = Desk::new();
    desk.vault("f.yml", "dev", "one");
    let before = listing(&desk.home.path());
    let dev = ["--encrypt-vault-id", "dev"];
    for (words, script, code, said) in [
        (&["f.yml", "--skip-tty-check"][..], "touch opened", 2, "pullpass vault edit f.yml"),
        (&[".", "--skip-tty-check"], "touch opened", 2, "is there already"),
        (&["-", "--skip-tty-check"], "touch opened", 2, "takes a file"),
        (&["new.yml"], "touch opened", 2, "--skip-tty-check"),
        (&["new.yml", "--skip-tty-check"], "echo x > \"$1\"; exit 1", 1, "exit code 1"),
        (&["new.yml", "--skip-tty-check", "--vault-id", "dév@dev"], "exit 1", 1, "exit code 1"),
    ] {
        assert_fails(&desk.run(script, &[&["create"], words, &dev].concat()), code, &[said]);
        assert_eq!(listing(&desk.home.path()), before, "{words:?}");
    }
    let bad = ["create", "new.yml", "--skip-tty-check", "--vault-id", "dév@dev", "--encrypt-vault-id", "dév"];
    assert_fails(&desk.run("touch opened", &bad), 2, &["vault label"]);
    assert_fails(&desk.run("touch opened", &["create", "new.yml", "--skip-tty-check"]), 2, &["several"]);
    assert_eq!(listing(&desk.home.path()), before);

    // Somebody else made it meanwhile.
    let words = [&["create", "f2.yml", "--skip-tty-check"][..], &dev].concat();
    assert_fails(&desk.run("echo two > \"$1\"; echo theirs > f2.yml", &words), 3, &["changed meanwhile", "encrypted"]);
    assert_eq!(fs::read_to_string(desk.home.path().join("f2.yml")).expect("a file"), "theirs\n");
}

#[test]
fn values_in_a_file_are_edited_in_place_and_the_others_keep_their_bytes() {
    let desk = Desk::new();
    let value = |name: &str, label: &str, text: &str| {
        let id = format!("{label}@{label}");
        let words = ["vault", "encrypt_string", "--stdin-name", name, "--vault-id", &id, "--encrypt-vault-id", label];
        run_with_input(&mut command(&desk.home, &words), text).expect_success()
    };
    let (one, two) = (value("one", "dev", "first"), value("two", "prod", "second: # 'x'"));
    desk.home.write("f.yml", format!("# top\n{one}between: 1   # stays\n{two}# end"));

    let seen = desk.run("true", &["view", "f.yml"]).expect_success();
    assert_eq!(seen, "# top\none: !vault \"first\"\nbetween: 1   # stays\ntwo: !vault \"second: # 'x'\"\n# end\n");

    let before = fs::read_to_string(desk.home.path().join("f.yml")).expect("a file");
    let ran = desk.run("true", &["edit", "f.yml"]);
    assert!(ran.stderr.contains("unchanged: `f.yml`"), "{ran}");
    assert_eq!(fs::read_to_string(desk.home.path().join("f.yml")).expect("a file"), before);

    let script =
        "sed -i 's/second/new/; s/between: 1/between: 2/' \"$1\"; printf '\\nthree: !vault \"third\"\\n' >> \"$1\"";
    let undecided = desk.run(script, &["edit", "f.yml"]);
    assert_fails(&undecided, 2, &["none of them to encrypt with", "`three`, line 6", "what you wrote is in"]);
    assert_eq!(fs::read_to_string(desk.home.path().join("f.yml")).expect("a file"), before);
    desk.run(script, &["edit", "f.yml", "--encrypt-vault-id", "prod"]).expect_success();
    let after = fs::read_to_string(desk.home.path().join("f.yml")).expect("a file");
    assert!(after.starts_with(&format!("# top\n{one}between: 2   # stays\ntwo: !vault |\n")), "{after}");
    assert!(after.contains("$ANSIBLE_VAULT;1.2;AES256;prod\n"), "{after}");
    let shown = pullpass(
        &desk.home,
        &["inventory", "show", "f.yml", "--reveal", "--json", "--vault-id", "dev@dev", "--vault-id", "prod@prod"],
    );
    let secrets: Vec<_> = (0..3).map(|at| json(&shown)["secrets"][at]["secret"].clone()).collect();
    assert_eq!(secrets, ["first", "new: # 'x'", "third"]);

    // What the person breaks is not written, and not lost.
    let broken = desk.run("printf 'four: [1\\n' >> \"$1\"", &["edit", "f.yml"]);
    assert_fails(&broken, 2, &["malformed YAML", "what you wrote is in"]);
    assert_eq!(fs::read_to_string(desk.home.path().join("f.yml")).expect("a file"), after);
}

#[test]
fn values_in_a_file_are_decrypted_in_place() {
    let desk = Desk::new();
    let words = ["vault", "encrypt_string", "--stdin-name", "a", "--vault-id", "dev@dev"];
    let block = run_with_input(&mut command(&desk.home, &words), "x: 1").expect_success();
    desk.home.write("f.yml", format!("{block}b: 2\n"));
    let mut wrong = command(&desk.home, &["vault", "decrypt", "f.yml", "--vault-id", "prod@prod"]);
    let before = listing(&desk.home.path());
    assert_fails(&run(&mut wrong), 2, &["wrong vault password", "`a`, line 1", "`f.yml`"]);
    assert_eq!(listing(&desk.home.path()), before);
    desk.run("true", &["decrypt", "f.yml"]).expect_success();
    assert_eq!(fs::read_to_string(desk.home.path().join("f.yml")).expect("a file"), "a: \"x: 1\"\nb: 2\n");
}
