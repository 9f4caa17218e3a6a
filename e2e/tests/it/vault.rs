//! pullpass beside the real ansible-vault and ansible-playbook: each opens what the other writes.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::{fs, iter};

use pullpass_testing::home::Home;
use pullpass_testing::run::{Ran, run, run_with_input};

use crate::program::{ansible, pullpass};
use crate::vault_password::converse as converse_with;

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

/// What a block looks like when its digits are left out: names, headers, indentation and lengths.
fn shape(blocks: &str) -> String {
    let is_digits = |line: &str| line.trim_start().bytes().all(|byte| byte.is_ascii_hexdigit());
    let line = |line: &str| if is_digits(line) { line.replace(|digit| digit != ' ', "#") } else { line.to_owned() };
    blocks.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// `encrypt_string WORDS` of both programs, ours with `--like-ansible`.
fn both(home: &Home, words: &[&str], input: &str) -> [String; 2] {
    password_file(home);
    let mut ours = pullpass(home);
    ours.args(["vault", "encrypt_string", "--like-ansible"]);
    let mut theirs = ansible(home, "ansible-vault");
    theirs.arg("encrypt_string");
    [ours, theirs].map(|mut command| run_with_input(command.args(words), input).expect_success())
}

#[test]
fn every_option_of_ansible_vault_is_taken() {
    let home = Home::new();
    let options = |help: &str| -> BTreeSet<String> {
        let words = help.split(|character: char| !character.is_ascii_alphanumeric() && !"-_".contains(character));
        let is_option = |word: &&str| word.starts_with('-') && (word.len() == 2 || word.starts_with("--"));
        words.filter(is_option).filter(|word| *word != "--").map(str::to_owned).collect()
    };
    let mut compared = 0;
    for action in ["create", "decrypt", "edit", "view", "encrypt", "encrypt_string", "rekey"] {
        let theirs = options(&run(ansible(&home, "ansible-vault").args([action, "--help"])).expect_success());
        let ours = options(&run(pullpass(&home).args(["vault", action, "--help"])).expect_success());
        assert_eq!(theirs.difference(&ours).collect::<Vec<_>>(), [""; 0], "{action}");
        compared += theirs.len();
    }
    assert!(compared > 60, "{compared}");
}

#[test]
fn the_spellings_of_encrypt_string_mean_the_same() {
    let home = Home::new();
    let password = ["--vault-password-file", "vault-password"];
    let ids = ["--vault-id", "dev@vault-password", "--vault-id", "prod@vault-password"];
    for words in [
        &[][..],
        &["-"],
        &["--stdin-name", "a"],
        &["--stdin-name=my-key", "-"],
        &["--output", "-", "--stdin-name", "a"],
    ] {
        let [ours, theirs] = both(&home, &[words, &password].concat(), "a secret\nof two lines");
        assert_eq!(shape(&ours), shape(&theirs), "{words:?}");
    }
    let labelled = [&ids[..], &["--encrypt-vault-id", "prod", "--stdin-name", "a"]].concat();
    let [ours, theirs] = both(&home, &labelled, "x");
    assert_eq!(shape(&ours), shape(&theirs));
    assert!(ours.contains("$ANSIBLE_VAULT;1.2;AES256;prod\n"), "{ours}");

    // Its secrets are arguments, which we refuse; ours are lines.
    let mut theirs = ansible(&home, "ansible-vault");
    let theirs = run(theirs.args(["encrypt_string", "-n", "a", "--name", "b", "one", "two"]).args(password));
    let mut ours = pullpass(&home);
    ours.args(["vault", "encrypt_string", "--like-ansible", "-n", "a", "--name", "b"]).args(password);
    assert_eq!(shape(&run_with_input(&mut ours, "one\ntwo\n").expect_success()), shape(&theirs.expect_success()));

    for contradiction in [&["--prompt", "--stdin-name", "a"][..], &["--prompt", "-"]] {
        for mut command in [ansible(&home, "ansible-vault"), pullpass(&home)] {
            if command.get_program().to_string_lossy().ends_with("pullpass") {
                command.arg("vault");
            }
            let ran = run(command.arg("encrypt_string").args(contradiction).args(password));
            assert!(ran.code != 0 && ran.stdout.is_empty(), "{ran}");
        }
    }
}

#[test]
fn an_output_file_is_made_the_same_way() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    for words in
        [&["--output", "out"][..], &["--output=~/out"], &["--output=$HOME/out"], &["--output", "not there/../out"]]
    {
        for at in [0, 1] {
            let old = home.write("out", "before");
            fs::set_permissions(&old, fs::Permissions::from_mode(0o644)).expect("own file");
            let mut commands = [pullpass(&home), ansible(&home, "ansible-vault")];
            commands[0].arg("vault");
            let command = commands[at].args(["encrypt_string", "--vault-password-file"]).arg(password_file(&home));
            assert_eq!(run_with_input(command.args(words), "x").expect_success(), "");
            let out = home.path().join("out");
            assert!(fs::read_to_string(&out).expect("a file").starts_with("!vault |\n"), "{words:?}");
            assert_eq!(out.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
        }
    }
}

/// The salt of a payload, whose text is hexadecimal twice.
fn salt(block: &str) -> Vec<u8> {
    let digits: String =
        block.lines().filter(|line| !line.contains('$') && !line.contains('!')).map(str::trim).collect();
    let inner = hex::decode(digits).expect("digits");
    hex::decode(inner.split(|byte| *byte == b'\n').next().expect("a salt")).expect("digits")
}

/// Ansible takes its salt from a variable, so it is given the one that we drew.
#[test]
fn like_ansible_is_byte_for_byte_what_ansible_vault_writes() {
    let home = Home::new();
    for (text, label) in iter::zip(texts(), ["default", "dev"].into_iter().cycle()) {
        let id = format!("{label}@{}", password_file(&home).display());
        let words = ["encrypt_string", "--stdin-name", "x", "--vault-id", &id];
        let (ours, salt) = loop {
            let mut command = pullpass(&home);
            command.arg("vault").args(words).arg("--like-ansible");
            let ours = run_with_input(&mut command, &format!("{text}\n")).expect_success();
            // A variable cannot hold every byte.
            match salt(&ours) {
                salt if salt.contains(&0) => {}
                salt => break (ours, salt),
            }
        };
        assert_eq!(salt.len(), 32);
        let mut theirs = ansible(&home, "ansible-vault");
        theirs.args(words).env("ANSIBLE_VAULT_ENCRYPT_SALT", OsStr::from_bytes(&salt));
        assert_eq!(ours, run_with_input(&mut theirs, &text).expect_success(), "{text:.20}");
    }
}

#[test]
fn a_person_is_asked_for_names_and_secrets() {
    let home = Home::new();
    let converse = |words: &str, answers: &[(&str, &str)]| {
        let file = password_file(&home);
        let words = format!("vault encrypt_string --vault-password-file {} --output out {words}", file.display());
        home.write("out", "");
        converse_with(&home, &words, answers)
    };
    let values = || -> Vec<(String, String)> {
        let out = fs::read_to_string(home.path().join("out")).expect("a file");
        let blocks = out.split_inclusive('\n').fold(Vec::<String>::new(), |mut blocks, line| {
            match blocks.last_mut().filter(|_| line.starts_with(' ')) {
                Some(block) => block.push_str(line),
                None => blocks.push(line.to_owned()),
            }
            blocks
        });
        let value = |block: &String| {
            let theirs = home.write("theirs", payload(block));
            let mut command = ansible(&home, "ansible-vault");
            command.args(["decrypt", "--output", "-", "--vault-password-file"]).arg(password_file(&home)).arg(theirs);
            (block.lines().next().unwrap_or_default().to_owned(), run(&mut command).expect_success())
        };
        blocks.iter().map(value).collect()
    };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());

    let asked = [("variable name (enter for none): ", "pat"), ("secret: ", "hünter2"), ("secret again: ", "hünter2")];
    let ran = converse("--prompt </dev/null", &asked);
    assert!(ran.code == 0 && ran.stdout.contains("pat") && !ran.stdout.contains("nter2"), "{ran}");
    assert_eq!(values(), [pair("pat: !vault |", "hünter2")]);

    let ran = converse("-p --show-input", &[("variable name (enter for none): ", ""), ("secret: ", "hünter2")]);
    assert!(ran.code == 0 && ran.stdout.contains("secret: hünter2\n"), "{ran}");
    assert_eq!(values(), [pair("!vault |", "hünter2")]);

    let asked = ["secret for `a`: ", "secret for `a` again: ", "secret for `b`: ", "secret for `b` again: "];
    let ran = converse("-n a -n b", &iter::zip(asked, ["one", "one", "two", "two"]).collect::<Vec<_>>());
    assert!(ran.code == 0 && !ran.stdout.contains("one"), "{ran}");
    assert_eq!(values(), [pair("a: !vault |", "one"), pair("b: !vault |", "two")]);

    for (words, answers, said) in [
        ("-p -n a", &[("secret: ", "one"), ("secret again: ", "two")][..], "the two answers differ"),
        ("-p", &[("variable name (enter for none): ", "a b")], "a variable is named with"),
        ("-n a --show-input", &[("secret: ", "")], "the secret is empty"),
    ] {
        let ran = converse(words, answers);
        assert!(ran.code == 2 && ran.stdout.contains(said), "{ran}");
        assert_eq!(values(), []);
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
