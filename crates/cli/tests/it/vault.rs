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

#[test]
fn a_file_with_one_encrypted_value_is_not_replaced_by_that_value() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    let block = vault(&home, &["encrypt_string", "--name", "pat"], "a secret").expect_success();
    home.write("inventory.yml", format!("all:\n  hosts: {{}}\n{block}"));
    let before = listing(&home.path());
    let ran = vault(&home, &["decrypt", "inventory.yml"], "");
    assert_fails(&ran, 2, &["not encrypted as a whole", "pullpass inventory show inventory.yml"]);
    assert_eq!(listing(&home.path()), before);
}

#[test]
fn what_is_decrypted_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.write("pw", "correct horse\n");
    let block = vault(&home, &["encrypt_string"], "a secret").expect_success();
    let payload: String = block.lines().skip(1).map(|line| format!("{}\n", line.trim())).collect();
    for output in [&["decrypt", "secrets.yml"][..], &["decrypt", "secrets.yml", "--output", "plain.txt"]] {
        let source = home.write("secrets.yml", &payload);
        let plain = home.write("plain.txt", "before");
        for path in [&source, &plain] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("own file");
        }
        vault(&home, output, "").expect_success();
        let written = if output.len() == 2 { source } else { plain };
        assert_eq!(fs::read_to_string(&written).expect("a file"), "a secret");
        assert_eq!(mode(&written), 0o600);
    }
}

#[test]
fn a_full_disk_behind_standard_output_is_no_success() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    home.write("secret", "a secret");
    let mut command = command(&home, &["vault", "encrypt_string", "--vault-password-file", "pw"]);
    let open = |path: &str| fs::OpenOptions::new().read(true).write(true).open(path).expect("a file");
    command.stdin(open(home.path().join("secret").to_str().expect("text"))).stdout(open("/dev/full"));
    let output = command.stderr(std::process::Stdio::piped()).output().expect("it starts");
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output could not be written"));
}
