//! pullpass beside the real ansible-vault and ansible-playbook: each opens what the other writes.

use std::path::{Path, PathBuf};
use std::{fs, iter};

use pullpass_testing::home::Home;
use pullpass_testing::run::{Ran, run, run_with_input};

use crate::program::{ansible, pullpass};

const PASSWORD: &str = "pa ss:wörd # '\"";

/// Texts around the block size, and those that a shell, YAML or a template would change.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [1, 15, 16, 17, 31, 32, 33, 40, 80, 10_000].iter().map(|n| "x".repeat(*n)).collect();
    let special = [
        "{{ not_a_template }}",
        "text about $ANSIBLE_VAULT;1.1;AES256",
        "  spaces around  ",
        "two\nlines",
        "carriage\r\nreturn",
        "a: 'b' \"c\" # d \\ e",
        "ünïcödé 🗝",
        "null",
        "\ttab",
        "two newlines at the end\n\n",
    ];
    texts.extend(special.map(str::to_owned));
    assert_eq!(texts.len(), 20);
    texts
}

fn password_file(home: &Home) -> PathBuf {
    home.write("vault-password", PASSWORD)
}

/// The payload inside a `NAME: !vault |` block.
fn payload(block: &str) -> String {
    let lines = block.lines().skip(1).map(str::trim_start);
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn encrypt(home: &Home, text: &str, more: &[&str]) -> String {
    let mut command = pullpass(home);
    command
        .args(["vault", "encrypt_string", "--name", "x", "--vault-password-file"])
        .arg(password_file(home))
        .args(more);
    // One newline at the end is taken off, as a shell's `echo` adds one.
    run_with_input(&mut command, &format!("{text}\n")).expect_success()
}

#[test]
fn ansible_vault_opens_what_pullpass_writes() {
    let home = Home::new();
    let files: Vec<PathBuf> = texts()
        .iter()
        .enumerate()
        .map(|(at, text)| {
            let label: &[&str] = if at % 2 == 0 { &[] } else { &["--encrypt-vault-id", "dev"] };
            home.write(&format!("ours-{at}"), payload(&encrypt(&home, text, label)))
        })
        .collect();
    run(ansible(&home, "ansible-vault")
        .args(["decrypt", "--vault-password-file"])
        .arg(password_file(&home))
        .args(&files))
    .expect_success();
    for (text, file) in iter::zip(texts(), files) {
        assert_eq!(fs::read_to_string(file).expect("a decrypted file"), text);
    }
}

#[test]
fn pullpass_opens_what_ansible_vault_writes() {
    let home = Home::new();
    let every_byte: Vec<u8> = (0..=255).collect();
    let contents: Vec<Vec<u8>> = texts().into_iter().map(String::into_bytes).chain([every_byte]).collect();
    for (label, name) in [("--vault-password-file=", "plain"), ("--vault-id=dev@", "labelled")] {
        let files: Vec<PathBuf> =
            contents.iter().enumerate().map(|(at, bytes)| home.write(&format!("{name}-{at}"), bytes)).collect();
        let password = format!("{label}{}", password_file(&home).display());
        run(ansible(&home, "ansible-vault").args(["encrypt", &password]).args(&files)).expect_success();
        for (bytes, file) in iter::zip(&contents, &files) {
            let out = home.path().join("out");
            decrypt(&home, file, &out).expect_success();
            assert_eq!(&fs::read(out).expect("a decrypted file"), bytes, "{}", file.display());
        }
    }
}

fn decrypt(home: &Home, file: &Path, out: &Path) -> Ran {
    let mut command = pullpass(home);
    command.args(["vault", "decrypt"]).arg(file).arg("--output").arg(out);
    run(command.arg("--vault-password-file").arg(password_file(home)))
}

#[test]
fn a_block_of_ansible_encrypt_string_is_decrypted_as_it_stands() {
    let home = Home::new();
    let mut theirs = ansible(&home, "ansible-vault");
    theirs.args(["encrypt_string", "--stdin-name", "ghcr_pat", "--vault-password-file"]).arg(password_file(&home));
    let block = run_with_input(&mut theirs, "a secret").expect_success();
    assert!(block.starts_with("ghcr_pat: !vault |\n          $ANSIBLE_VAULT;1.1;AES256\n"), "{block}");
    let mut ours = pullpass(&home);
    ours.args(["vault", "decrypt", "--vault-password-file"]).arg(password_file(&home));
    assert_eq!(run_with_input(&mut ours, &block).expect_success(), "a secret");
}

#[test]
fn a_wrong_password_opens_nothing_on_either_side() {
    let home = Home::new();
    let wrong = home.write("wrong-password", "not the password");
    let file = home.write("secret", payload(&encrypt(&home, "a secret", &[])));
    let before = fs::read(&file).expect("the file");
    for mut command in [ansible(&home, "ansible-vault"), {
        let mut ours = pullpass(&home);
        ours.arg("vault");
        ours
    }] {
        let refused = run(command.arg("decrypt").arg(&file).arg("--vault-password-file").arg(&wrong));
        assert_ne!(refused.code, 0, "{refused}");
        assert!(!refused.said().contains("a secret"));
        assert_eq!(fs::read(&file).expect("the file"), before);
    }
}

const INVENTORY: &str = "\
# The bastion is reached through the VPN.
all:
  hosts:
    box:
      ansible_connection: local   # no network in this test
  vars:
    iaas_console:
      ghcr_user: \"octocat\"
";

/// `ansible-inventory --list` decrypts nothing, so a play has to look at the value.
const PLAYBOOK: &str = "\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.assert:
        that:
          - iaas_console.ghcr_pat == expected
          - iaas_console.ghcr_user == 'octocat'
";

#[test]
fn a_playbook_sees_the_token_that_inventory_set_wrote() {
    let home = Home::new();
    let inventory = home.write("inventory.yml", INVENTORY);
    let playbook = home.write("playbook.yml", PLAYBOOK);
    let mut set = pullpass(&home);
    set.args(["inventory", "set"]).arg(&inventory).arg("all.vars.iaas_console.ghcr_pat");
    set.arg("--vault-password-file").arg(password_file(&home));
    run_with_input(&mut set, "the token").expect_success();

    let written = fs::read_to_string(&inventory).expect("the inventory");
    let kept: Vec<&str> = written.lines().filter(|line| INVENTORY.lines().any(|old| old == *line)).collect();
    assert_eq!(kept, INVENTORY.lines().collect::<Vec<_>>(), "every other line stays as it was:\n{written}");
    assert!(!written.contains("the token"));

    let play = |expected: &str| {
        let mut command = ansible(&home, "ansible-playbook");
        command.arg("-i").arg(&inventory).arg("--vault-password-file").arg(password_file(&home));
        run(command.arg("-e").arg(format!("{{\"expected\": \"{expected}\"}}")).arg(&playbook))
    };
    play("the token").expect_success();
    assert_eq!(play("another").code, 2, "the play compares");
}
