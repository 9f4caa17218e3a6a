use std::fs;

use pullpass_testing::home::{Home, listing};

use crate::support::*;

const PASSWORD: [&str; 2] = ["--vault-password-file", "pw"];

fn vault(home: &Home, words: &[&str], input: &str) -> pullpass_testing::run::Ran {
    pullpass_with_input(home, &[&["vault"][..], words, &PASSWORD].concat(), input)
}

#[test]
fn a_string_is_encrypted_under_its_name_and_decrypted_again() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    for spelling in ["encrypt_string", "encrypt-string"] {
        let block = vault(&home, &[spelling, "--name", "ghcr_pat"], "a secret\n").expect_success();
        assert!(block.starts_with("ghcr_pat: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n"), "{block}");
        // One line end of `echo` is no part of the secret; the block is decrypted as it stands.
        assert_eq!(vault(&home, &["decrypt"], &block).expect_success(), "a secret");
    }
    let labelled = vault(&home, &["encrypt_string", "--encrypt-vault-id", "prod"], "x").expect_success();
    assert!(labelled.starts_with("!vault |\n  $ANSIBLE_VAULT;1.2;AES256;prod\n"), "{labelled}");
}

#[test]
fn a_secret_as_an_argument_is_refused_and_not_repeated() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    let ran = vault(&home, &["encrypt_string", "hunter2hunter2", "--name", "x"], "");
    assert_fails(&ran, 2, &["does not belong on a command line"]);
    assert!(!ran.said().contains("hunter2"));
}

#[test]
fn a_wrong_password_opens_nothing_and_changes_nothing() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    let block = vault(&home, &["encrypt_string"], "a secret").expect_success();
    let payload: String = block.lines().skip(1).map(|line| format!("{}\n", line.trim())).collect();
    home.write("secrets.yml", &payload);
    home.write("pw", "another horse\n");
    let before = listing(&home.path());
    let ran = vault(&home, &["decrypt", "secrets.yml"], "");
    assert_fails(&ran, 2, &["password", "secrets.yml"]);
    assert!(ran.stdout.is_empty());
    assert_eq!(listing(&home.path()), before);

    home.write("pw", "correct horse\n");
    vault(&home, &["decrypt", "secrets.yml"], "").expect_success();
    assert_eq!(fs::read_to_string(home.path().join("secrets.yml")).expect("a file"), "a secret");
    assert_fails(&vault(&home, &["decrypt", "secrets.yml"], ""), 2, &["secrets.yml"]);
}

#[test]
fn passwords_are_read_as_ansible_reads_them() {
    let home = Home::new();
    home.write("pw", "  correct horse \n\n");
    let block = vault(&home, &["encrypt_string"], "a secret").expect_success();
    home.write("pw", "correct horse");
    assert_eq!(vault(&home, &["decrypt"], &block).expect_success(), "a secret");
    let mut by_variable = command(&home, &["vault", "decrypt"]);
    by_variable.env("ANSIBLE_VAULT_PASSWORD_FILE", "pw");
    assert_eq!(pullpass_testing::run::run_with_input(&mut by_variable, &block).expect_success(), "a secret");
    home.write("pw", " \n");
    assert_fails(&vault(&home, &["decrypt"], &block), 2, &["password"]);
    fs::remove_file(home.path().join("pw")).expect("own file");
    assert_fails(&vault(&home, &["decrypt"], &block), 2, &["there is no vault password file `pw`"]);
}
