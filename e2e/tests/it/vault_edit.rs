//! `vault edit` beside the real ansible-vault, with the real Vim, and what reaches a disk meanwhile.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use pullpass_testing::{
    canary::Canary,
    engines::find,
    home::{Home, listing},
    run::{Ran, run, run_with_input},
    terminal,
};

use crate::program::{ansible, program, pullpass};

/// What has to reach no disk.
const MARK: &str = "CanaryOfTheEditorInTestsOnly0123456789";

/// A Vim that keeps everything it can in the person's home.
const VIMRC: &str = "\
set nocompatible
set swapfile directory=~/kept/swap updatecount=1
set backup writebackup backupdir=~/kept/backup backupcopy=yes backupskip=
set undofile undodir=~/kept/undo
set viminfo='100,<1000,s100 viminfofile=~/kept/viminfo
";

fn editor(home: &Home, script: &str) -> PathBuf {
    let path = home.write("editor", format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("own file");
    path
}

/// A home with a password and a vault that has the mark in it.
fn home() -> Home {
    let home = Home::new();
    home.write("pw", "correct horse");
    let mut encrypt = pullpass(&home);
    encrypt.args(["vault", "encrypt", "--vault-id", "dev@pw", "--output", "f.yml"]);
    run_with_input(&mut encrypt, &format!("a: one # {MARK}\n")).expect_success();
    home
}

fn view(home: &Home, file: &str) -> String {
    run(ansible(home, "ansible-vault").args(["view", "--vault-id", "dev@pw", file])).expect_success()
}

#[test]
fn both_programs_make_the_same_of_an_edit() {
    for (script, expected) in [
        ("sed -i s/one/two/ \"$1\"", format!("a: two # {MARK}\n")),
        ("true", format!("a: one # {MARK}\n")),
        // `view` adds a line end.
        (": > \"$1\"", "\n".to_owned()),
        ("printf 'c: 3' > \"$1.new\"; mv \"$1.new\" \"$1\"", "c: 3\n".to_owned()),
    ] {
        for program in [program(), crate::program::ansible_path("ansible-vault")] {
            let home = home();
            let before = fs::read(home.path().join("f.yml")).expect("a file");
            let mut command = home.command(&program);
            if program.ends_with("pullpass") {
                command.arg("vault");
            }
            command.args(["edit", "--vault-id", "dev@pw", "f.yml"]).env("EDITOR", editor(&home, script));
            run(&mut command).expect_success();
            assert_eq!(view(&home, "f.yml"), expected, "{} {script}", program.display());
            let after = fs::read(home.path().join("f.yml")).expect("a file");
            assert!(after.starts_with(b"$ANSIBLE_VAULT;1.2;AES256;dev\n"));
            assert_eq!(after == before, script == "true");
        }
    }
}

#[test]
fn both_programs_start_the_same_editor_and_make_the_same_new_file() {
    let home = home();
    for name in ["one", "two", "three"] {
        let path = editor(&home, &format!("echo {name} $# > report; echo new > \"$1\""));
        fs::rename(path, home.path().join(name)).expect("own file");
    }
    home.write("ansible.cfg", "[defaults]\neditor = ./three\n");
    for (variables, expected) in [
        (&[][..], "three 1\n"),
        (&[("VISUAL", "./one")], "three 1\n"),
        (&[("ANSIBLE_EDITOR", "./two")], "two 1\n"),
        (&[("ANSIBLE_EDITOR", "./two"), ("EDITOR", "./one")], "one 1\n"),
    ] {
        let mut ours = pullpass(&home);
        ours.arg("vault");
        for mut command in [ours, ansible(&home, "ansible-vault")] {
            command.args(["create", "--skip-tty-check", "--vault-id", "dev@pw", "group_vars/new.yml"]);
            let ran = run(command.envs(variables.iter().copied()));
            assert_eq!(ran.code, 0, "{ran}");
            assert_eq!(fs::read_to_string(home.path().join("report")).expect("a report"), expected, "{ran}");
            assert_eq!(view(&home, "group_vars/new.yml"), "new\n");
            // Neither overwrites, and both want a terminal.
            assert_ne!(run(&mut command).code, 0);
            fs::remove_file(home.path().join("group_vars/new.yml")).expect("own file");
        }
    }
    for (action, is_opened) in [("create", false), ("edit", true)] {
        let mut ours = pullpass(&home);
        ours.arg("vault");
        let file = if action == "edit" { "f.yml" } else { "new.yml" };
        for mut command in [ours, ansible(&home, "ansible-vault")] {
            let ran = run(command.args([action, "--vault-id", "dev@pw", file]));
            assert_eq!(ran.code == 0, is_opened, "without a terminal: {ran}");
        }
    }
}

/// Where the calls in a trace opened a file for writing: no file that survives, but the new one with the encrypted text.
fn written(trace: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(trace).expect("a trace");
    assert!(text.contains("/dev/shm/pullpass-edit-"), "the trace has the edit in it");
    let writes = |line: &&str| ["O_WRONLY", "O_RDWR", "creat("].iter().any(|word| line.contains(word));
    let path = |line: &str| line.split('"').nth(1).map(str::to_owned);
    let paths = text.lines().filter(writes).filter(|line| !line.contains(" = -1 ")).filter_map(path);
    let is_memory =
        |path: &str| ["/dev/shm/", "/dev/null", "/dev/tty", "/dev/pts/"].iter().any(|at| path.starts_with(at));
    let is_ours = |path: &str| path.contains("/.pullpass-");
    paths.filter(|path| !is_memory(path) && !is_ours(path)).collect()
}

/// `pullpass vault edit f.yml` on a terminal, traced.
fn edit_on_terminal(home: &Home, editor: &str, trace: &Path, answers: &[(&str, &str)]) -> Ran {
    let calls = "trace=open,openat,openat2,creat,rename,renameat,renameat2";
    let script = format!(
        "export TERM=xterm EDITOR='{editor}'\nexec strace -f -e {calls} -o '{}' '{}' vault edit --vault-id dev@prompt f.yml",
        trace.display(),
        program().display(),
    );
    let mut command = home.command("script");
    terminal::bash(&mut command, &home.write("conversation", script));
    terminal::converse(&mut command, answers)
}

#[test]
fn vim_leaves_nothing_of_what_a_person_edits() {
    let home = home();
    home.write(".vimrc", VIMRC);
    for name in ["swap", "backup", "undo"] {
        fs::create_dir_all(home.path().join("kept").join(name)).expect("a directory");
    }
    let trace = home.side_dir("trace").join("calls");
    let before = listing(&home.path());
    // Yanked, pasted, changed, written twice: something for each of Vim's files.
    let keys =
        [("vault password (dev): ", "correct horse"), (MARK, "yyp:%s/one/two/"), ("two", ":w"), ("written", ":1d|wq")];
    let ran = edit_on_terminal(&home, &find("vim").display().to_string(), &trace, &keys);
    assert!(ran.code == 0 && ran.stdout.contains("edited: `f.yml`"), "{ran}");
    assert_eq!(written(&trace), BTreeSet::new());
    let canary = Canary::new(MARK);
    assert_eq!(canary.files_below(&home.path()), [""; 0]);
    let changed: Vec<PathBuf> = listing(&home.path())
        .into_iter()
        .filter(|(path, entry)| before.get(path) != Some(entry))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(changed, ["conversation", "f.yml"].map(PathBuf::from));
    let edited = view(&home, "f.yml");
    assert!(edited.contains(MARK) && !edited.contains("one"), "{edited}");

    // The same Vim by itself keeps it in every one of them, so that this test sees what there is to see.
    let plain = home.write("plain.yml", format!("a: one # {MARK}\n"));
    let mut vim = home.command(find("vim"));
    vim.args(["-u", ".vimrc", "-es", "-c", "normal yyp", "-c", "%s/one/two/", "-c", "w", "-c", "preserve"]);
    run(vim.args(["-c", "!cp -r kept during", "-c", "wq"]).arg(&plain));
    let kept: BTreeSet<String> = canary
        .files_below(&home.path())
        .into_iter()
        .filter_map(|found| {
            let path = found.split(": ").next()?.to_owned();
            let name = path.strip_prefix("kept/").or(path.strip_prefix("during/"))?;
            name.split('/').next().map(str::to_owned)
        })
        .collect();
    assert_eq!(kept, ["backup", "swap", "undo", "viminfo"].map(str::to_owned).into());
}

#[test]
fn what_stands_in_for_vi_is_used_as_what_it_is() {
    let home = home();
    for name in ["vi", "vim"] {
        let mut edit = pullpass(&home);
        edit.args(["vault", "edit", "--vault-id", "dev@pw", "f.yml"]);
        edit.env("EDITOR", format!("{name} -es -c '%s/a: /{name}: /e' -c 's/vi: /a: /e' -c x"));
        let ran = run(&mut edit);
        assert!(ran.code == 0 && !ran.stderr.contains("warning"), "{ran}");
    }
    assert!(view(&home, "f.yml").contains(MARK));
}

#[test]
fn the_plaintext_is_in_no_file_on_a_disk_while_it_is_edited() {
    let home = home();
    let root = home.path().parent().expect("a directory").to_owned();
    // The editor itself looks, with the file open and changed; the file is a witness that looking finds it.
    let script = format!(
        "echo x{MARK} > \"$1\"\ngrep -rlF {MARK} '{}' \"$1\" --exclude=editor --exclude=calls > \"$1.found\"\nmv \"$1.found\" report",
        root.display()
    );
    let trace = home.side_dir("trace").join("calls");
    let mut command = home.command("strace");
    command.args([
        "-f",
        "-e",
        "trace=write,pwrite64,writev,pwritev,sendto,sendfile,copy_file_range",
        "-s",
        "4096",
        "-y",
        "-o",
    ]);
    command.arg(&trace).arg(program()).args(["vault", "edit", "--vault-id", "dev@pw", "f.yml"]);
    run(command.env("EDITOR", editor(&home, &script))).expect_success();
    let report = fs::read_to_string(home.path().join("report")).expect("a report");
    assert!(report.starts_with("/dev/shm/pullpass-edit-") && report.ends_with("/f.yml\n"), "{report}");
    assert_eq!(report.lines().count(), 1, "{report}");

    // Every write of it, of us and of the editor, went into memory.
    let trace = fs::read_to_string(trace).expect("a trace");
    let writes: Vec<&str> = trace.lines().filter(|line| line.contains(MARK)).collect();
    assert_eq!(writes.len(), 2, "ours and the editor's: {writes:?}");
    assert!(writes.iter().all(|line| line.contains("</dev/shm/pullpass-edit-")), "{writes:?}");
    // Then zeros went over it.
    assert!(
        trace.lines().any(|line| line.contains("</dev/shm/pullpass-edit-") && line.contains("\"\\0\\0\\0")),
        "{trace}"
    );
    fs::remove_file(home.path().join("editor")).expect("own file");
    assert_eq!(Canary::new(MARK).files_below(&home.path()), [""; 0]);
    assert_eq!(view(&home, "f.yml"), format!("x{MARK}\n"));
}

#[test]
fn without_a_directory_in_memory_nothing_is_decrypted_to_a_file() {
    let home = home();
    // On the disk of the target directory, wherever the home is.
    let disk = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("no-memory-{}", std::process::id()));
    fs::create_dir_all(&disk).expect("a directory");
    let before = listing(&home.path());
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--", "sh", "-c"]);
    command
        .arg("mount --bind \"$1\" /dev/shm && mount --bind \"$1\" /run/user && shift && exec \"$@\"")
        .arg("sh")
        .arg(&disk);
    command.arg(program()).args(["vault", "edit", "--vault-id", "dev@pw", "f.yml"]);
    command.env_clear().env("PATH", pullpass_testing::home::SEARCH_PATH).env("HOME", home.path());
    command.env("XDG_RUNTIME_DIR", &disk).env("TMPDIR", &disk).env("EDITOR", "touch opened").current_dir(home.path());
    let ran = run(&mut command);
    let left = listing(&disk);
    fs::remove_dir_all(&disk).expect("own directory");
    assert_eq!(ran.code, 2, "{ran}");
    for word in
        ["there is no directory in memory", "`/dev/shm`: not a tmpfs", "nothing was decrypted", "mount -t tmpfs"]
    {
        assert!(ran.stderr.contains(word), "{ran}");
    }
    assert!(left.is_empty() && listing(&home.path()) == before);
}
