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
    vault(&home, &["decrypt", "inventory.yml"], "").expect_success();
    let after = fs::read_to_string(home.path().join("inventory.yml")).expect("a file");
    assert_eq!(after, "all:\n  hosts: {}\npat: \"a secret\"\n");
    let before = listing(&home.path());
    let ran = vault(&home, &["decrypt", "inventory.yml"], "");
    assert_fails(&ran, 2, &["is not encrypted, and no value in it is", "pullpass inventory check inventory.yml"]);
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

#[test]
fn whole_files_are_encrypted_viewed_rekeyed_and_decrypted() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.write("pw", "correct horse\n");
    home.write("new", "another horse\n");
    let files = [home.write("a.yml", "a: 1\n"), home.write("b.yml", "b: 2")];
    let read = |at: usize| fs::read_to_string(&files[at]).expect("a file");
    vault(&home, &["encrypt", "a.yml", "b.yml", "--encrypt-vault-id", "prod"], "").expect_success();
    assert!((0..2).all(|at| read(at).starts_with("$ANSIBLE_VAULT;1.2;AES256;prod\n")));
    let encrypted = [read(0), read(1)];
    assert_eq!(vault(&home, &["view", "a.yml", "b.yml"], "").expect_success(), "a: 1\nb: 2\n");
    assert_eq!([read(0), read(1)], encrypted, "viewing changes nothing");

    // The label and the mode stay; a file that is named twice is one file.
    fs::set_permissions(&files[0], fs::Permissions::from_mode(0o640)).expect("own file");
    let rekey = ["rekey", "a.yml", "./a.yml", "b.yml", "--new-vault-password-file", "new"];
    vault(&home, &rekey, "").expect_success();
    assert!((0..2).all(|at| read(at).starts_with("$ANSIBLE_VAULT;1.2;AES256;prod\n")));
    assert_eq!(mode(&files[0]), 0o640);
    assert_fails(&vault(&home, &["view", "a.yml"], ""), 2, &["wrong vault password", "a.yml"]);
    home.write("pw", "another horse\n");
    home.write("new", "a third horse\n");
    vault(&home, &["rekey", "a.yml", "b.yml", "--new-vault-id", "test@new"], "").expect_success();
    assert!(read(0).starts_with("$ANSIBLE_VAULT;1.2;AES256;test\n"));
    home.write("pw", "a third horse\n");

    vault(&home, &["decrypt", "a.yml", "b.yml"], "").expect_success();
    assert_eq!([read(0).as_str(), read(1).as_str()], ["a: 1\n", "b: 2"]);
    assert_eq!(mode(&files[0]), 0o600);
}

#[test]
fn one_bad_file_among_several_leaves_all_as_they_were() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    home.write("new", "another horse\n");
    home.write("other", "a third horse\n");
    for name in ["a.yml", "b.yml", "foreign.yml"] {
        home.write(name, "a secret");
    }
    vault(&home, &["encrypt", "a.yml", "b.yml"], "").expect_success();
    pullpass(&home, &["vault", "encrypt", "foreign.yml", "--vault-password-file", "other"]).expect_success();
    home.write("plain.yml", "a: 1\n");
    home.write("damaged.yml", "$ANSIBLE_VAULT;1.1;AES256\n12\n");
    let before = listing(&home.path());
    for bad in ["foreign.yml", "plain.yml", "damaged.yml", "missing.yml"] {
        let rekey = ["rekey", "a.yml", bad, "b.yml", "--new-vault-password-file", "new"];
        assert_fails(&vault(&home, &rekey, ""), 2, &[bad, "nothing was changed"]);
        assert_fails(&vault(&home, &["decrypt", "a.yml", bad, "b.yml"], ""), 2, &[bad, "nothing was changed"]);
        assert_eq!(listing(&home.path()), before);
    }
    assert_fails(&vault(&home, &["encrypt", "plain.yml", "a.yml"], ""), 2, &["already encrypted", "a.yml"]);
    assert_fails(&vault(&home, &["decrypt", "a.yml", "b.yml", "--output", "out"], ""), 2, &["one file only"]);
    assert_fails(&vault(&home, &["rekey", "a.yml", "--new-vault-id", "dév@new"], ""), 2, &["vault label"]);
    assert_eq!(listing(&home.path()), before);
}

#[test]
fn nothing_is_replaced_when_a_later_file_cannot_be() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    home.write("a.yml", "a secret");
    home.write("locked/b.yml", "another secret");
    let before = listing(&home.path());
    // Another process holds the second file's lock.
    let _lock = {
        let directory = fs::File::open(home.path().join("locked")).expect("a directory");
        directory.lock().expect("an exclusive lock");
        directory
    };
    let ran = vault(&home, &["encrypt", "a.yml", "locked/b.yml"], "");
    assert_fails(&ran, 2, &["locked"]);
    assert_eq!(listing(&home.path()), before);
}

#[test]
fn what_is_piped_is_encrypted_byte_for_byte() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    for text in ["", "text", "text\n", "\u{feff}two\r\nlines\n\n"] {
        let payload = vault(&home, &["encrypt"], text).expect_success();
        assert!(payload.starts_with("$ANSIBLE_VAULT;1.1;AES256\n"), "{payload}");
        assert_eq!(vault(&home, &["decrypt", "-"], &payload).expect_success(), text);
    }
    assert_fails(&vault(&home, &["rekey", "-"], ""), 2, &["not standard input"]);
}
