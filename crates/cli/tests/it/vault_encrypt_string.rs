//! How many secrets, under which names, in which shape. What a person is asked on a terminal is in the end-to-end tests.

use std::fs;

use pullpass_testing::{home::Home, run::Ran};

use crate::support::*;

/// A home with a vault password.
fn home() -> Home {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    home
}

fn encrypt(home: &Home, words: &[&str], input: &str) -> Ran {
    let command = ["vault", "encrypt_string", "--vault-password-file", "pw"];
    pullpass_with_input(home, &[&command[..], words].concat(), input)
}

fn decrypt(home: &Home, block: &str) -> String {
    pullpass_with_input(home, &["vault", "decrypt", "--vault-password-file", "pw"], block).expect_success()
}

/// The values of several blocks, each decrypted by itself, with the lines in front of them.
fn values(home: &Home, blocks: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in blocks.lines() {
        match found.last_mut().filter(|_| line.starts_with(' ')) {
            Some((_, payload)) => *payload += &format!("{line}\n"),
            None => found.push((line.to_owned(), String::new())),
        }
    }
    found.into_iter().map(|(key, payload)| (key, decrypt(home, &payload))).collect()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn every_spelling_of_a_name_is_taken() {
    let home = home();
    for words in [
        &["-n", "a"][..],
        &["--name", "a"],
        &["--name=a"],
        &["--stdin-name", "a"],
        &["--stdin-name", "a", "-"],
        &["-n", "a", "-", "-v"],
        &["-vvv", "-n", "a", "--show-input"],
    ] {
        let blocks = encrypt(&home, words, "x\n").expect_success();
        assert_eq!(values(&home, &blocks), [pair("a: !vault |", "x")], "{words:?}");
    }
    let unnamed = encrypt(&home, &[], "x").expect_success();
    assert_eq!(values(&home, &unnamed), [pair("!vault |", "x")]);
    for name in ["_x9", "my-key", "ghcr.io"] {
        assert!(encrypt(&home, &["-n", name], "x").expect_success().starts_with(&format!("{name}: !vault |\n")));
    }
    for name in ["", "9", "-x", "a b", "a:", "a\nb", "{{x}}"] {
        assert_fails(&encrypt(&home, &[&format!("--name={name}")], "x"), 2, &["a variable is named with"]);
    }
}

#[test]
fn several_names_take_one_line_each() {
    let home = home();
    let blocks = encrypt(&home, &["-n", "a", "-n", "b", "-n", "c"], "one\r\n two \n{{ x }}\n").expect_success();
    let expected = [pair("a: !vault |", "one"), pair("b: !vault |", " two "), pair("c: !vault |", "{{ x }}")];
    assert_eq!(values(&home, &blocks), expected);
    for (input, words) in [
        ("hunter2\n", "2 names need 2 lines on standard input, not 1"),
        ("hunter2\ntwo\nthree\n", "2 names need 2 lines on standard input, not 3"),
        ("hunter2\n\n", "the secret is empty"),
    ] {
        let ran = encrypt(&home, &["-n", "a", "-n", "b", "--output", "out"], input);
        assert_fails(&ran, 2, &[words]);
        assert!(ran.stdout.is_empty() && !ran.stderr.contains("hunter2") && !home.path().join("out").exists(), "{ran}");
    }
}

#[test]
fn one_line_end_is_left_off_and_said_to_be_where_it_may_be_missed() {
    let home = home();
    for (input, expected, is_said) in [
        ("token", "token", false),
        ("token\n", "token", false),
        ("a key\nof two lines\n", "a key\nof two lines", true),
        ("a key\nof two lines", "a key\nof two lines", false),
        ("kept\n\n", "kept\n", true),
    ] {
        let ran = encrypt(&home, &[], input);
        assert_eq!(ran.stderr.contains("line end"), is_said, "{ran}");
        assert_eq!(decrypt(&home, &ran.expect_success()), expected);
    }
}

#[test]
fn an_output_file_is_replaced_and_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = home();
    let out = home.write("out.yml", "before");
    fs::set_permissions(&out, fs::Permissions::from_mode(0o644)).expect("own file");
    for spelling in [&["--output", "out.yml"][..], &["--output=~/out.yml"], &["--output=$HOME/out.yml"]] {
        let ran = encrypt(&home, &[&["-n", "a"], spelling].concat(), "x");
        assert_eq!(ran.expect_success(), "");
        assert_eq!(values(&home, &fs::read_to_string(&out).expect("a file")), [pair("a: !vault |", "x")]);
        assert_eq!(mode(&out), 0o600);
    }
    assert_eq!(values(&home, &encrypt(&home, &["--output", "-"], "x").expect_success()), [pair("!vault |", "x")]);
    assert!(!home.path().join("-").exists() && !home.path().join("~").exists());
}

#[test]
fn what_contradicts_itself_or_is_a_secret_is_refused() {
    let home = home();
    for words in [
        &["--stdin-name", "a", "-n", "b"][..],
        &["--stdin-name", "a", "--prompt"],
        &["--prompt", "-"],
        &["-n", "a", "hunter2hunter2"],
        &["-", "hunter2hunter2"],
        &["--", "-n", "hunter2hunter2"],
    ] {
        let ran = encrypt(&home, words, "x");
        assert_fails(&ran, 2, &[]);
        assert!(ran.stdout.is_empty() && !ran.stderr.contains("hunter2"), "{ran}");
    }
    // A token where its name belongs would be printed in front of the block.
    let body = "a".repeat(36);
    let token = format!("ghp{}{body}", '_');
    let ran = encrypt(&home, &["-n", &token], "x");
    assert_fails(&ran, 2, &["does not belong on a command line"]);
    assert!(!ran.said().contains(&body));
    // Without a terminal there is nobody to ask.
    assert_fails(&encrypt(&home, &["--prompt", "-n", "a"], "x"), 2, &["cannot ask for the secret"]);
}

#[test]
fn the_indentation_is_two_blanks_or_that_of_ansible() {
    let home = home();
    for (words, indent) in [(&[][..], 2), (&["--like-ansible"], 10)] {
        let block = encrypt(&home, words, "x").expect_success();
        let indents: Vec<usize> = block.lines().skip(1).map(|line| line.len() - line.trim_start().len()).collect();
        assert!(indents.len() > 3 && indents.iter().all(|found| *found == indent), "{block}");
    }
}
