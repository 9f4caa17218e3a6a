//! The same through the programs: whole files in any shape, which password of several encrypts, and a prescribed salt.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use pullpass_secrets::vault;
use pullpass_testing::home::Home;
use pullpass_testing::run::{Ran, run};

use super::case::{Case, reshape};
use super::password;
use crate::program::{ansible, pullpass};
use crate::random::Random;

/// How many files one call takes, and how many calls there are a direction.
const FILES: usize = 5;
const CALLS: u64 = 6;

type Program = fn(&Home, &[&str]) -> Command;

fn ours(home: &Home, words: &[&str]) -> Command {
    let mut command = pullpass(home);
    command.arg("vault").args(words);
    command
}

fn theirs(home: &Home, words: &[&str]) -> Command {
    let mut command = ansible(home, "ansible-vault");
    command.args(words);
    command
}

/// Encrypts files with one program, and decrypts them in other shapes with the other.
fn exchange(encrypts: Program, decrypts: Program, seed: u64) {
    let random = &mut Random::new(seed);
    let home = Home::new();
    let names: Vec<String> = (0..FILES).map(|at| format!("file-{at}")).collect();
    for call in 0..CALLS {
        let cases: Vec<Case> = (0..FILES).map(|_| Case::new(random)).collect();
        let Case { password, label, .. } = &cases[0];
        // In a file, blanks around it are no part of the password.
        home.write("password", [b"(", password.as_slice(), b")\r\n"].concat());
        let id = label.as_ref().filter(|label| !label.contains('@')).map(|label| format!("{label}@password"));
        let option = id.as_ref().map_or("--vault-password-file=password".to_owned(), |id| format!("--vault-id={id}"));
        let name = format!("seed {seed}, call {call}, `{option}`");
        let paths: Vec<PathBuf> =
            cases.iter().zip(&names).map(|(case, name)| home.write(name, &case.plaintext)).collect();

        run(encrypts(&home, &["encrypt", &option]).args(&names)).expect_success();
        for path in &paths {
            let payload = fs::read(path).expect("an encrypted file");
            let label = id.as_ref().and(label.clone()).filter(|label| label != "default");
            assert_eq!(vault::label(&payload), label, "{name}");
            fs::write(path, reshape(random, &payload)).expect("own file");
        }
        run(decrypts(&home, &["decrypt", &option]).args(&names)).expect_success();
        for (path, case) in paths.iter().zip(&cases) {
            assert!(fs::read(path).expect("a decrypted file") == case.plaintext, "{name}, {}", path.display());
        }
    }
}

#[test]
fn ansible_vault_decrypts_files_that_pullpass_encrypted() {
    exchange(ours, theirs, 1);
}

#[test]
fn pullpass_decrypts_files_that_ansible_vault_encrypted() {
    exchange(theirs, ours, 2);
}

/// What `program` encrypts `plain` under, of the passwords `a` and `b`, and the label that it writes.
fn chosen(program: Program, home: &Home, words: &[&str], variables: &[(&str, &str)]) -> Option<(&'static str, String)> {
    let mut command = program(home, &["encrypt", "plain", "--output", "out"]);
    let ran: Ran = run(command.args(words).envs(variables.iter().copied()));
    let payload = fs::read(home.path().join("out")).ok()?;
    fs::remove_file(home.path().join("out")).expect("own file");
    assert_eq!(ran.code, 0, "{ran}");
    let opens = |name: &&str| vault::decrypt(&payload, &password(name.as_bytes())).is_ok();
    let used = ["a", "b"].into_iter().find(opens).expect("one of the two");
    Some((used, vault::label(&payload).unwrap_or_default()))
}

#[test]
fn the_same_password_of_several_is_chosen_to_encrypt_with() {
    let home = Home::new();
    for name in ["a", "b", "plain"] {
        home.write(name, name);
    }
    let two = ["--vault-id", "dev@a", "--vault-id", "prod@b"];
    let with = |more: &[&'static str]| [&two[..], more].concat();
    type Case<'a> = (Vec<&'a str>, &'a [(&'a str, &'a str)], Option<(&'static str, &'static str)>);
    let cases: [Case<'_>; 8] = [
        (with(&["--encrypt-vault-id", "prod"]), &[], Some(("b", "prod"))),
        (with(&[]), &[("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "dev")], Some(("a", "dev"))),
        (with(&["--encrypt-vault-id", "prod"]), &[("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "dev")], Some(("b", "prod"))),
        (with(&[]), &[], None),
        (with(&["--encrypt-vault-id", "test"]), &[], None),
        (with(&[]), &[("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "test")], None),
        (vec!["--vault-password-file", "a"], &[("ANSIBLE_VAULT_IDENTITY", "corp")], Some(("a", "corp"))),
        (vec!["--vault-id", "dev@a"], &[("ANSIBLE_VAULT_ID_MATCH", "1")], Some(("a", "dev"))),
    ];
    for (words, variables, expected) in cases {
        let expected = expected.map(|(used, label)| (used, label.to_owned()));
        assert_eq!(chosen(theirs, &home, &words, variables), expected, "ansible-vault: {words:?} {variables:?}");
        assert_eq!(chosen(ours, &home, &words, variables), expected, "pullpass: {words:?} {variables:?}");
    }
}

#[test]
fn only_the_matching_password_is_tried_where_that_is_asked_for() {
    let home = Home::new();
    home.write("a", "a");
    let payload = vault::encrypt(b"text\n", &password(b"a"), Some("dev")).expect("a label");
    home.write("payload", payload);
    for (id, only_matching, ours_opens, theirs_opens) in [
        ("dev@a", "1", true, true),
        ("prod@a", "1", false, false),
        ("a", "yes", false, false),
        ("prod@a", "", true, true),
        // On purpose: to Ansible, any text means yes.
        ("prod@a", "0", true, false),
        ("prod@a", "False", true, false),
    ] {
        for (program, opens) in [(ours as Program, ours_opens), (theirs, theirs_opens)] {
            let mut command = program(&home, &["view", "payload", "--vault-id", id]);
            let ran = run(command.env("ANSIBLE_VAULT_ID_MATCH", only_matching));
            assert_eq!(ran.code == 0, opens, "{only_matching}: {ran}");
            assert!(!opens || ran.stdout == "text\n", "{ran}");
        }
    }
}

#[test]
fn under_a_prescribed_salt_ansible_vault_writes_what_pullpass_makes_of_it() {
    let home = Home::new();
    let salt = b"a salt of thirty-two bytes again";
    home.write("password", "pw");
    let cases: Vec<Case> = (0..FILES as u64).map(|seed| Case::new(&mut Random::new(seed))).collect();
    let names: Vec<String> = (0..FILES).map(|at| format!("file-{at}")).collect();
    let paths: Vec<PathBuf> = cases.iter().zip(&names).map(|(case, name)| home.write(name, &case.plaintext)).collect();
    let mut command = theirs(&home, &["encrypt", "--vault-id", "dev@password"]);
    command.env("ANSIBLE_VAULT_ENCRYPT_SALT", str::from_utf8(salt).expect("ASCII"));
    run(command.args(&names)).expect_success();
    for (path, case) in paths.iter().zip(&cases) {
        let made = vault::encrypt_with_salt(&case.plaintext, &password(b"pw"), Some("dev"), salt).expect("a label");
        assert_eq!(fs::read_to_string(path).expect("an encrypted file"), made);
    }
}
