use pullpass_testing::home::Home;

use crate::support::*;

#[test]
fn every_command_has_help_and_most_have_examples() {
    let home = Home::new();
    let help = pullpass(&home, &["--help"]).expect_success();
    for command in ["login", "logout", "status", "verify", "inventory", "vault", "token", "serve", "admin", "demo"] {
        assert!(help.contains(command));
        assert!(pullpass(&home, &[command, "--help"]).expect_success().contains("Usage:"));
    }
    for words in [["inventory", "set"], ["vault", "encrypt_string"], ["vault", "decrypt"], ["token", "new"]] {
        assert!(pullpass(&home, &[words[0], words[1], "--help"]).expect_success().contains("Example"), "{words:?}");
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
