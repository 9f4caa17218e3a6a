use pullpass_testing::home::Home;

use crate::support::*;

/// Every command and group of commands, as `--help` lists them.
fn commands(home: &Home) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut at = 0;
    while let Some(command) = found.get(at).cloned() {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = pullpass(home, &words).expect_success();
        let listed = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
        let lines = listed.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  "));
        let names = lines.filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_whitespace().next());
        found.extend(names.map(|name| format!("{command} {name}").trim().to_owned()));
        at += 1;
    }
    found
}

#[test]
fn every_command_has_help_with_examples() {
    let home = Home::new();
    let commands = commands(&home);
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = pullpass(&home, &words).expect_success();
        assert!(help.contains("Usage:") && help.contains("Example"), "{command}: {help}");
    }
    assert!(pullpass(&home, &["--version"]).expect_success().starts_with("pullpass "));
}

#[test]
fn completions_and_manual_pages_are_made() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(pullpass(&home, &["completions", shell]).expect_success().contains("pullpass"));
    }
    assert!(pullpass(&home, &["man"]).expect_success().contains(".TH pullpass 1"));
    pullpass(&home, &["man", "--directory", "man1"]).expect_success();
    assert!(home.path().join("man1/pullpass-vault-encrypt_string.1").exists());
}

#[test]
fn a_word_that_cannot_be_placed_is_not_repeated() {
    let home = Home::new();
    for words in [
        &["status", "ghcr.io", "hunter2hunter2"][..],
        &["hunter2hunter2"],
        &["token", "revoke", "hunter2hunter2"],
        &["token", "new", "--scope=hunter2hunter2", "--user", "a"],
        &["verify", "ghp_hunter2hunter2"],
    ] {
        let ran = pullpass(&home, words);
        assert_fails(&ran, 2, &[]);
        assert!(!ran.said().contains("hunter2"), "{ran}");
    }
}

#[test]
fn neither_base64_nor_odd_bytes_are_repeated_or_end_in_a_panic() {
    use std::os::unix::ffi::OsStrExt;
    let home = Home::new();
    let ran = pullpass(&home, &["status", "ghcr.io", "c2VjcmV0cGFzcw=="]);
    assert_fails(&ran, 2, &[]);
    assert!(!ran.said().contains("c2VjcmV0"), "{ran}");
    for words in [&["verify"][..], &["login", "ghcr.io", "-u"], &["status", "ghcr.io"], &[]] {
        let mut command = command(&home, words);
        command.arg(std::ffi::OsStr::from_bytes(b"hunter2\xff"));
        let ran = pullpass_testing::run::run(&mut command);
        assert_fails(&ran, 2, &[]);
        assert!(!ran.said().contains("hunter2") && !ran.said().contains("panicked"), "{ran}");
    }
}
