//! The order in which passwords are looked for, and what is stripped from each. What Ansible itself does with the same
//! sources is compared in the end-to-end tests.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use pullpass_testing::{
    home::{Home, SEARCH_PATH},
    run::{Ran, run, run_with_input},
};

use crate::support::*;

/// `pullpass vault WORDS` with the system's programs, which scripts need.
fn vault(home: &Home, words: &[&str]) -> Command {
    let mut command = command(home, &[&["vault"][..], words].concat());
    command.env("PATH", SEARCH_PATH);
    command
}

/// A vault under `password`, which is taken as it stands.
fn encrypt(home: &Home, file: &str, label: &str, password: &str) {
    let plain = home.write("plain", format!("opened by {password}"));
    let id = format!("{label}@{}", script(home, "print", &format!("printf '%s' '{password}'")));
    let words = ["encrypt", "--vault-id", &id, "plain", "--output", file];
    run(&mut vault(home, &words)).expect_success();
    fs::remove_file(plain).expect("own file");
}

fn script(home: &Home, name: &str, body: &str) -> String {
    let path = home.write(name, format!("#!/bin/sh\n{body}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("own file");
    name.to_owned()
}

fn view(home: &Home, file: &str, words: &[&str]) -> Ran {
    run(&mut vault(home, &[&["view", file][..], words].concat()))
}

#[track_caller]
fn assert_opens(ran: Ran, password: &str) {
    assert_eq!(ran.expect_success(), format!("opened by {password}\n"));
}

#[test]
fn a_file_loses_blanks_and_a_script_only_line_ends() {
    let home = Home::new();
    encrypt(&home, "bare", "default", "pw");
    encrypt(&home, "blank", "default", "pw ");
    home.write("file", " \t pw \r\n\n");
    assert_opens(view(&home, "bare", &["--vault-password-file", "file"]), "pw");
    let prints = script(&home, "prints", "printf '\\r\\npw \\n\\n'");
    assert_opens(view(&home, "blank", &["--vault-password-file", &prints]), "pw ");
    assert_fails(&view(&home, "bare", &["--vault-password-file", &prints]), 2, &["wrong vault password"]);
    assert_opens(view(&home, "blank", &["--vault-password-command", "printf '%s\\n' 'pw '"]), "pw ");
    let mut by_variable = vault(&home, &["view", "blank", "--vault-password-env", "VAULT_PASSWORD"]);
    assert_opens(run(by_variable.env("VAULT_PASSWORD", "pw \n")), "pw ");
    for empty in ["", "\n", " \n"] {
        home.write("file", empty);
        assert_fails(&view(&home, "bare", &["--vault-password-file", "file"]), 2, &["empty", "`file`"]);
    }
}

#[test]
fn a_client_script_is_asked_for_a_label_and_may_not_know_it() {
    let home = Home::new();
    let client = script(
        &home,
        "keys-client.sh",
        "case \"$1 $2\" in '--vault-id '*) test \"$2\" = no && { echo 'never heard' >&2; exit 2; }; echo \"pw-$2\";; *) exit 7;; esac",
    );
    encrypt(&home, "dev", "dev", "pw-dev");
    encrypt(&home, "none", "default", "pw-default");
    assert_opens(view(&home, "dev", &["--vault-id", &format!("dev@{client}")]), "pw-dev");
    assert_opens(view(&home, "none", &["--vault-password-file", &client]), "pw-default");
    let unknown = view(&home, "dev", &["--vault-id", &format!("no@{client}")]);
    assert_fails(&unknown, 2, &["knows no vault id `no`", "never heard"]);
    assert_fails(&view(&home, "dev", &["--vault-id", &client]), 2, &["exit code 7"]);
    // One that gives nothing is a warning as long as another does.
    let both = view(&home, "dev", &["--vault-id", &format!("no@{client}"), "--vault-id", &format!("dev@{client}")]);
    assert!(both.stderr.contains("warning: "), "{both}");
    assert_opens(both, "pw-dev");
}

#[test]
fn an_executable_that_is_no_script_and_one_that_everybody_may_write_are_not_taken() {
    let home = Home::new();
    encrypt(&home, "secret", "default", "pw");
    let path = home.write("file", "pw\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("own file");
    assert_fails(&view(&home, "secret", &["--vault-password-file", "file"]), 2, &["cannot run", "chmod -x"]);
    let open = script(&home, "open", "touch ran; echo pw");
    fs::set_permissions(home.path().join(&open), fs::Permissions::from_mode(0o777)).expect("own file");
    assert_fails(&view(&home, "secret", &["--vault-password-file", &open]), 2, &["everybody may write"]);
    assert!(!home.path().join("ran").exists());
    let words = ["--vault-password-file", "no/such/file"];
    assert_fails(&view(&home, "secret", &words), 2, &["there is no vault password file `no/such/file`"]);
}

#[test]
fn a_password_file_is_opened_by_an_earlier_password() {
    let home = Home::new();
    encrypt(&home, "secret", "default", "inner");
    home.write("outer", "outer");
    home.write("encrypted", "inner");
    let words = ["encrypt", "encrypted", "--vault-password-file", "outer"];
    run(&mut vault(&home, &words)).expect_success();
    let ids = ["--vault-id", "a@outer", "--vault-id", "b@encrypted"];
    assert_opens(view(&home, "secret", &ids), "inner");
    assert_fails(&view(&home, "secret", &["--vault-id", "b@encrypted"]), 2, &["`encrypted`"]);
}

#[test]
fn the_first_ansible_cfg_counts_and_the_environment_before_it() {
    let home = Home::new();
    for name in ["named", "here", "own", "variable"] {
        encrypt(&home, &format!("by-{name}"), "default", name);
        home.write(&format!("pass/{name}"), name);
    }
    let cfg = |name: &str| format!("[defaults]\nvault_password_file = pass/{name} ; a comment\n");
    home.write(".ansible.cfg", cfg("own"));
    assert_opens(view(&home, "by-own", &[]), "own");
    home.write("ansible.cfg", cfg("here"));
    assert_opens(view(&home, "by-here", &[]), "here");
    assert_fails(&view(&home, "by-own", &[]), 2, &["wrong vault password"]);
    // A path in the file is relative to the file.
    home.write("etc/ansible.cfg", "[defaults]\nvault_password_file = ../pass/named\n");
    for named in ["etc", "etc/ansible.cfg", "~/etc"] {
        assert_opens(run(vault(&home, &["view", "by-named"]).env("ANSIBLE_CONFIG", named)), "named");
    }
    let mut by_variable = vault(&home, &["view", "by-variable"]);
    assert_opens(run(by_variable.env("ANSIBLE_VAULT_PASSWORD_FILE", "$HOME/pass/variable")), "variable");

    let mut without = vault(&home, &["view", "by-here", "--vault-password-file", "pass/here"]);
    assert_opens(run(without.env("ANSIBLE_CONFIG", "/dev/null")), "here");

    // Whoever may write here may not name a script for us.
    script(&home, "evil", "touch ran; echo here");
    home.write("ansible.cfg", "[defaults]\nvault_password_file = evil\n");
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).expect("own directory");
    let ran = view(&home, "by-own", &[]);
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).expect("own directory");
    assert!(ran.stderr.contains("`./ansible.cfg` is ignored"), "{ran}");
    assert_opens(ran, "own");
    assert!(!home.path().join("ran").exists());
}

#[test]
fn a_script_beside_a_file_that_is_opened_is_never_run() {
    let home = Home::new();
    encrypt(&home, "repository/secret", "default", "pw");
    home.write("pw", "pw");
    home.write("repository/ansible.cfg", "[defaults]\nvault_password_file = evil\n");
    script(&home, "repository/evil", "touch ran; echo pw");
    assert_opens(view(&home, "repository/secret", &["--vault-password-file", "pw"]), "pw");
    let show = pullpass(&home, &["inventory", "show", "repository/ansible.cfg"]);
    assert!(!home.path().join("ran").exists() && !home.path().join("repository/ran").exists(), "{show}");
}

#[test]
fn encrypting_with_several_passwords_needs_a_choice() {
    let home = Home::new();
    home.write("dev", "dev-pw");
    home.write("prod", "prod-pw");
    home.write("plain", "text");
    let ids = ["--vault-id", "dev@dev", "--vault-id", "prod@prod"];
    let encrypt = |more: &[&str], identity: &str| {
        let words = [&["encrypt", "plain", "--output", "out"][..], &ids, more].concat();
        run(vault(&home, &words).env("ANSIBLE_VAULT_ENCRYPT_IDENTITY", identity))
    };
    let header = || fs::read_to_string(home.path().join("out")).expect("a file").lines().next().map(str::to_owned);
    assert_fails(&encrypt(&[], ""), 2, &["several", "`dev`, `prod`", "--encrypt-vault-id"]);
    assert!(!home.path().join("out").exists());
    encrypt(&[], "prod").expect_success();
    assert_eq!(header().as_deref(), Some("$ANSIBLE_VAULT;1.2;AES256;prod"));
    encrypt(&["--encrypt-vault-id", "dev"], "prod").expect_success();
    assert_eq!(header().as_deref(), Some("$ANSIBLE_VAULT;1.2;AES256;dev"));
    assert_eq!(view(&home, "out", &["--vault-password-file", "dev"]).expect_success(), "text\n");
    assert_fails(&encrypt(&["--encrypt-vault-id", "test"], ""), 2, &["no vault password is labelled `test`"]);
    // A password that could not be read might have been the one that was meant.
    let words = ["encrypt", "plain", "--vault-id", "dev@dev", "--vault-id", "prod@missing"];
    assert_fails(&run(&mut vault(&home, &words)), 2, &["there is no vault password file `missing`", "none of them"]);
}

#[test]
fn only_the_matching_label_is_tried_where_that_is_asked_for() {
    let home = Home::new();
    encrypt(&home, "dev", "dev", "pw");
    home.write("pw", "pw");
    assert_opens(view(&home, "dev", &["--vault-id", "prod@pw"]), "pw");
    let matching = |id: &str| run(vault(&home, &["view", "dev", "--vault-id", id]).env("ANSIBLE_VAULT_ID_MATCH", "1"));
    assert_opens(matching("dev@pw"), "pw");
    assert_fails(&matching("prod@pw"), 2, &["labelled `dev`"]);
}

#[test]
fn a_prescribed_salt_is_ignored_and_said_to_be() {
    let home = Home::new();
    home.write("pw", "pw");
    let encrypt = || {
        let mut command = vault(&home, &["encrypt", "--vault-password-file", "pw"]);
        run_with_input(command.env("ANSIBLE_VAULT_ENCRYPT_SALT", "salt"), "text")
    };
    let (first, second) = (encrypt(), encrypt());
    assert!(first.stderr.contains("ANSIBLE_VAULT_ENCRYPT_SALT is ignored"), "{first}");
    assert_ne!(first.expect_success(), second.expect_success());
}

#[test]
fn inventory_set_takes_the_password_of_the_label_that_a_value_has() {
    let home = Home::new();
    home.write("dev", "dev-pw");
    home.write("prod", "prod-pw");
    let set = |path: &str, more: &[&str]| {
        let ids = ["inventory", "set", "i.yml", path, "--vault-id", "dev@dev", "--vault-id", "prod@prod"];
        pullpass_with_input(&home, &[&ids[..], more].concat(), "a secret")
    };
    set("a", &["--encrypt-vault-id", "prod"]).expect_success();
    set("a", &[]).expect_success();
    assert!(fs::read_to_string(home.path().join("i.yml")).expect("a file").contains(";prod\n"));
    assert_fails(&set("b", &[]), 2, &["several", "--encrypt-vault-id"]);
    let show = |id: &str| pullpass(&home, &["inventory", "show", "i.yml", "--vault-id", id]);
    show("prod@prod").expect_success();
    assert_fails(&pullpass(&home, &["inventory", "show", "i.yml", "--vault-id", "prod@none"]), 2, &["`none`"]);
    assert_eq!(show("prod@dev").code, 2);
}
