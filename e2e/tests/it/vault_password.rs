//! Where vault passwords come from and what is stripped from them, beside the real ansible-vault: both programs are given
//! the same sources and have to open the same payloads, and to encrypt under the same one of several passwords.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use pullpass_testing::{
    home::Home,
    run::{Ran, run, run_with_input},
    terminal,
};

use crate::program::{ansible, program, pullpass};

/// What the passwords of the payloads are, exactly.
const PASSWORDS: [&str; 6] = ["pw", "pw ", " pw", "pw\n# no comment", "two\nlines", "inner"];

/// One way to name a password: the words, the variables, and `ansible.cfg`.
#[derive(Default)]
struct Sources<'a> {
    words: &'a [&'a str],
    variables: &'a [(&'a str, &'a str)],
    cfg: &'a str,
}

fn script(home: &Home, name: &str, body: &str) {
    let path = home.write(name, format!("#!/bin/sh\n{body}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("own file");
}

/// `pullpass vault` and `ansible-vault`.
fn both(home: &Home) -> [(&'static str, Command); 2] {
    let mut ours = pullpass(home);
    ours.arg("vault");
    [("pullpass", ours), ("ansible-vault", ansible(home, "ansible-vault"))]
}

fn put_cfg(home: &Home, text: &str) {
    // Relative paths start at different places, so the file is not where the programs run.
    home.write("etc/ansible.cfg", text);
}

fn prepare(home: &Home, command: &mut Command, sources: &Sources<'_>) {
    command.args(sources.words).envs(sources.variables.iter().copied());
    command.env("ANSIBLE_CONFIG", home.path().join("etc"));
}

/// Which payloads `command` opens.
fn opened(home: &Home, sources: &Sources<'_>) -> [Vec<&'static str>; 2] {
    put_cfg(home, sources.cfg);
    both(home).map(|(_, command)| {
        let program = command.get_program().to_owned();
        let words: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let opens = |at: &usize| {
            let mut command = home.command(&program);
            command.args(&words).arg("view").arg(format!("payload-{at}"));
            prepare(home, &mut command, sources);
            let ran = run(&mut command);
            assert!(ran.code != 0 || ran.stdout == format!("text {at}\n"), "{ran}");
            ran.code == 0
        };
        (0..PASSWORDS.len()).filter(opens).map(|at| PASSWORDS[at]).collect()
    })
}

#[test]
fn every_source_gives_both_the_same_password() {
    let home = Home::new();
    for (at, password) in PASSWORDS.iter().enumerate() {
        let mut encrypt = pullpass(&home);
        encrypt.args(["vault", "encrypt", "--vault-password-env", "PW", "--output"]);
        encrypt.arg(home.path().join(format!("payload-{at}"))).env("PW", password);
        run_with_input(&mut encrypt, &format!("text {at}")).expect_success();
    }
    home.write("plain", " \t pw\r\n\n");
    home.write("etc/plain", "two\nlines\n");
    home.write("comment", "pw\n# no comment\n");
    script(&home, "blank", "printf '\\r\\npw \\n\\r'");
    script(&home, "front", "echo ' pw'");
    script(&home, "fails", "echo pw; exit 1");
    script(
        &home,
        "label-client.py",
        "test \"$1\" = --vault-id && case \"$2\" in dev) echo pw;; default) echo 'pw ';; *) exit 2;; esac",
    );
    home.write("encrypted", "inner");
    let mut encrypt = pullpass(&home);
    run(encrypt.args(["vault", "encrypt", "encrypted", "--vault-password-file", "comment"])).expect_success();
    let no_script = home.write("no-script", "pw");
    fs::set_permissions(no_script, fs::Permissions::from_mode(0o700)).expect("own file");
    home.write("empty", " \n");

    let words = |words| Sources { words, ..Sources::default() };
    let cfg = |cfg| Sources { cfg, ..Sources::default() };
    let cases: [(Sources<'_>, &[&str]); 19] = [
        (words(&["--vault-password-file", "plain"]), &["pw"]),
        (words(&["--vault-pass-file", "comment"]), &["pw\n# no comment"]),
        (words(&["--vault-password-file", "blank"]), &["pw "]),
        (words(&["--vault-id", "x@front"]), &[" pw"]),
        (words(&["--vault-id", "front"]), &[" pw"]),
        (words(&["--vault-password-file", "fails"]), &[]),
        (words(&["--vault-password-file", "no-script"]), &[]),
        (words(&["--vault-password-file", "empty"]), &[]),
        (words(&["--vault-password-file", "missing"]), &[]),
        (words(&["--vault-password-file", "label-client.py"]), &["pw "]),
        (words(&["--vault-id", "dev@label-client.py"]), &["pw"]),
        (words(&["--vault-id", "other@label-client.py"]), &[]),
        (words(&["--vault-id", "other@label-client.py", "--vault-id", "x@plain"]), &["pw"]),
        (words(&["--vault-id", "a@comment", "--vault-id", "b@encrypted"]), &["pw\n# no comment", "inner"]),
        (Sources { variables: &[("ANSIBLE_VAULT_PASSWORD_FILE", "~/blank")], ..Sources::default() }, &["pw "]),
        (
            Sources {
                words: &["--vault-password-file", "front"],
                variables: &[("ANSIBLE_VAULT_IDENTITY_LIST", "dev@label-client.py , x@blank")],
                cfg: "[defaults]\nvault_password_file = plain\nvault_identity_list = missing\n",
            },
            &["pw", "pw ", " pw", "two\nlines"],
        ),
        (cfg("[defaults]\nvault_password_file = plain ; beside this file\n"), &["two\nlines"]),
        (cfg("[defaults]\nvault_password_file = plain # no comment\n"), &[]),
        (cfg("[defaults]\nvault_identity_list = a@plain,\n  b@blank\n"), &["pw", "pw "]),
    ];
    for (at, (sources, expected)) in cases.iter().enumerate() {
        let [ours, theirs] = opened(&home, sources);
        let Sources { words, variables, cfg } = sources;
        assert_eq!(theirs, *expected, "ansible-vault, case {at}: {words:?} {variables:?} {cfg:?}");
        assert_eq!(ours, theirs, "case {at}: {words:?} {variables:?} {cfg:?}");
    }
}

#[test]
fn both_put_the_same_in_place_in_the_path_of_a_password_file() {
    let home = Home::new();
    for (file, password) in [("plain", "here"), ("etc/plain", "there")] {
        home.write(file, password);
        let mut encrypt = pullpass(&home);
        encrypt.args(["vault", "encrypt", "--vault-password-file", file, "--output"]);
        run_with_input(encrypt.arg(format!("payload-{password}")), password).expect_success();
    }
    let of_root = format!("~root/..{}/plain", home.path().display());
    let (mut cases, mut opened) = (Vec::new(), 0);
    for (path, in_variable, in_cfg, in_option) in [
        // Where there is no password, none is looked for under any other name.
        ("{{CWD}}/plain", Some("here"), Some("here"), None),
        ("{{ CWD }}/plain", None, None, None),
        ("{{ANSIBLE_HOME}}/plain", None, None, None),
        ("not there/../plain", Some("here"), Some("there"), Some("here")),
        ("$TILDE/plain", Some("here"), Some("here"), Some("here")),
        ("${ETC}plain", Some("there"), None, Some("there")),
        (&of_root, Some("here"), Some("here"), Some("here")),
        ("~nobody-has-this-name/plain", None, None, None),
    ] {
        cases.push((path, "ANSIBLE_VAULT_PASSWORD_FILE", in_variable));
        cases.push((path, "vault_password_file", in_cfg));
        cases.push((path, "--vault-password-file", in_option));
    }
    for (path, place, expected) in cases {
        put_cfg(&home, "");
        for (name, mut command) in both(&home) {
            command.args(["view", &format!("payload-{}", expected.unwrap_or("here"))]);
            command.envs([("TILDE", "~"), ("ETC", "etc/"), ("ANSIBLE_HOME", "etc")]);
            command.env("ANSIBLE_CONFIG", home.path().join("etc"));
            match place {
                "vault_password_file" => put_cfg(&home, &format!("[defaults]\n{place} = {path}\n")),
                "--vault-password-file" => drop(command.args([place, path])),
                _ => drop(command.env(place, path)),
            }
            let ran = run(&mut command);
            assert_eq!(ran.code == 0, expected.is_some(), "{name}, {place} {path}: {ran}");
            opened += usize::from(ran.code == 0);
        }
    }
    assert!(opened > 16, "{opened}");
}

#[test]
fn the_first_of_several_passwords_under_one_label_is_the_same_for_both() {
    let home = Home::new();
    let names = ["from-list", "from-id", "from-option", "from-variable"];
    for name in names {
        home.write(name, name);
    }
    home.write("plain", "text");
    for first in 0..names.len() {
        put_cfg(&home, "");
        for (name, mut command) in both(&home) {
            command.args(["encrypt", "plain", "--output", "out", "--encrypt-vault-id", "default"]);
            command.env("ANSIBLE_CONFIG", home.path().join("etc"));
            if first == 0 {
                command.env("ANSIBLE_VAULT_IDENTITY_LIST", "default@from-list");
            }
            if first <= 1 {
                command.args(["--vault-id", "default@from-id"]);
            }
            if first <= 2 {
                command.args(["--vault-password-file", "from-option"]);
            }
            run(command.env("ANSIBLE_VAULT_PASSWORD_FILE", "from-variable")).expect_success();
            let opens = |file: &&str| {
                run(pullpass(&home).args(["vault", "view", "out", "--vault-password-file", file])).code == 0
            };
            let used: Vec<&str> = names.into_iter().filter(opens).collect();
            assert_eq!(used, [names[first]], "{name}");
            fs::remove_file(home.path().join("out")).expect("own file");
        }
    }
    for (name, mut command) in both(&home) {
        command.args(["encrypt", "plain", "--vault-id", "a@from-id", "--vault-id", "b@from-list"]);
        assert_ne!(run(&mut command).code, 0, "{name} has to be told which");
    }
    assert_eq!(fs::read(home.path().join("plain")).expect("a file"), b"text");
}

/// A project whose ansible.cfg names one client script for two labels.
fn project(home: &Home) -> PathBuf {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a directory");
        for entry in fs::read_dir(from).expect("a readable directory") {
            let entry = entry.expect("a readable entry");
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).expect("a copy");
            }
        }
    }
    let to = home.path().join("project");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/project"), &to);
    to
}

#[test]
fn a_project_with_a_client_script_and_two_labels_needs_no_option() {
    let home = Home::new();
    let project = project(&home);
    for (inventory, id) in [("staging", "dev"), ("production", "prod")] {
        let file = format!("inventories/{inventory}/group_vars/all/ghcr.yml");
        let set = |more: &[&str]| {
            let mut set = pullpass(&home);
            set.args(["inventory", "set", &file, "iaas_console.ghcr_pat"]).args(more).current_dir(&project);
            run_with_input(&mut set, &format!("a secret of {inventory}"))
        };
        let shown = run(pullpass(&home).args(["inventory", "show", &file]).current_dir(&project)).expect_success();
        assert!(shown.contains(&format!("vault id {id}")) && shown.contains("ghp_"), "{shown}");
        // The label of the value that is replaced says which password.
        set(&[]).expect_success();

        let mut play = ansible(&home, "ansible");
        play.args(["-i", &format!("inventories/{inventory}"), "all", "-c", "local", "-m", "debug"]);
        play.args(["-a", "msg={{ iaas_console.ghcr_pat }}"]).current_dir(&project);
        let seen = run(&mut play).expect_success();
        assert!(seen.contains(&format!("a secret of {inventory}")), "{seen}");
    }
}

#[test]
fn each_opens_what_the_other_encrypted_or_rekeyed() {
    let home = Home::new();
    home.write("old", "old-pw");
    home.write("new", "new-pw");
    for (first, second) in [(0, 1), (1, 0)] {
        home.write("secret.yml", "a: 1\n");
        let call = |which: usize, words: &[&str]| {
            let [ours, theirs] = both(&home);
            let (_, mut command) = if which == 0 { ours } else { theirs };
            run(command.args(words)).expect_success()
        };
        call(first, &["encrypt", "--vault-id", "dev@old", "secret.yml"]);
        call(second, &["rekey", "--vault-id", "dev@old", "--new-vault-id", "prod@new", "secret.yml"]);
        let header = fs::read_to_string(home.path().join("secret.yml")).expect("a file");
        assert!(header.starts_with("$ANSIBLE_VAULT;1.2;AES256;prod\n"), "{header}");
        for which in [first, second] {
            assert_eq!(call(which, &["view", "--vault-id", "prod@new", "secret.yml"]), "a: 1\n");
        }
        call(first, &["decrypt", "--vault-password-file", "new", "secret.yml"]);
        assert_eq!(fs::read_to_string(home.path().join("secret.yml")).expect("a file"), "a: 1\n");
    }
}

/// `pullpass WORDS` on a terminal, with a person who answers.
pub(crate) fn converse(home: &Home, words: &str, answers: &[(&str, &str)]) -> Ran {
    let path = home.write("conversation", format!("{} {words}", program().display()));
    let mut command = home.command("script");
    terminal::bash(&mut command, &path);
    terminal::converse(&mut command, answers)
}

#[test]
fn a_person_is_asked_once_to_open_and_twice_to_encrypt_and_may_not_answer_with_nothing() {
    let home = Home::new();
    home.write("secret.yml", "a: 1\n");
    home.write("pw", "the password");
    let again = [("vault password: ", "  "), ("vault password again: ", "  ")];
    let ran = converse(&home, "vault encrypt secret.yml", &again);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stdout.contains("the vault password is empty"), "{ran}");
    let differ = [("vault password (dev): ", "one"), ("vault password (dev) again: ", "two")];
    assert_eq!(converse(&home, "vault encrypt --vault-id dev@prompt secret.yml", &differ).code, 2);
    assert_eq!(fs::read(home.path().join("secret.yml")).expect("a file"), b"a: 1\n");

    let twice = [("vault password (dev): ", " the password "), ("vault password (dev) again: ", " the password ")];
    assert_eq!(converse(&home, "vault encrypt --vault-id dev@prompt secret.yml", &twice).code, 0);
    let seen = converse(&home, "vault view -J secret.yml", &[("vault password: ", "the password")]);
    assert!(seen.code == 0 && seen.stdout.contains("a: 1"), "{seen}");
    let new = [("new vault password: ", "another"), ("new vault password again: ", "another")];
    assert_eq!(converse(&home, "vault rekey --vault-password-file pw secret.yml", &new).code, 0);
    home.write("pw", "another");
    let text = run(ansible(&home, "ansible-vault").args(["view", "--vault-id", "dev@pw", "secret.yml"]));
    assert_eq!(text.expect_success(), "a: 1\n");
}
