use std::fs;

use pullpass_testing::home::{Home, listing};

use crate::support::*;

const PASSWORD: [&str; 2] = ["--vault-password-file", "pw"];

fn inventory(home: &Home, words: &[&str], input: &str) -> pullpass_testing::run::Ran {
    pullpass_with_input(home, &[&["inventory"][..], words, &PASSWORD].concat(), input)
}

#[test]
fn an_inventory_is_made_from_nothing_and_a_value_replaced() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    let path = home.path().join("inventory.yml");
    inventory(&home, &["set", "inventory.yml", "all.vars.console.ghcr_user", "--plain", "octocat"], "")
        .expect_success();
    inventory(&home, &["set", "inventory.yml", "all.vars.console.ghcr_pat"], "first\n").expect_success();
    let first = fs::read_to_string(&path).expect("an inventory");
    assert!(
        first.starts_with("all:\n  vars:\n    console:\n      ghcr_user: octocat\n      ghcr_pat: !vault |\n"),
        "{first}"
    );
    assert_eq!(mode(&path), 0o600);
    inventory(&home, &["set", "inventory.yml", "all.vars.console.ghcr_pat"], "second\n").expect_success();
    let second = fs::read_to_string(&path).expect("an inventory");
    assert_eq!(second.matches("ghcr_pat").count(), 1);
    let block: String =
        second.lines().skip_while(|line| !line.contains("ghcr_pat")).map(|line| format!("{line}\n")).collect();
    let plain = pullpass_with_input(&home, &[&["vault", "decrypt"][..], &PASSWORD].concat(), &block).expect_success();
    assert_eq!(plain, "second");
}

#[test]
fn comments_layout_and_vault_ids_are_kept() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    let block = pullpass_with_input(
        &home,
        &["vault", "encrypt_string", "--name", "pat", "--encrypt-vault-id", "prod", "--vault-password-file", "pw"],
        "old",
    )
    .expect_success();
    let head = "# my hosts\r\n---\r\nweb:   # the web\r\n  - 'quoted'\r\n".to_owned();
    let tail = "# the end";
    home.write("i.yml", format!("{head}{}{tail}", block.replace('\n', "\r\n")));
    inventory(&home, &["set", "i.yml", "pat"], "new").expect_success();
    let after = fs::read_to_string(home.path().join("i.yml")).expect("an inventory");
    assert!(after.starts_with(&head) && after.ends_with(&format!("\r\n{tail}")), "{after}");
    assert!(after.contains("$ANSIBLE_VAULT;1.2;AES256;prod\r\n"), "{after}");
    assert!(!after.replace("\r\n", "").contains('\n'), "{after}");
}

#[test]
fn what_cannot_be_edited_safely_is_refused_with_the_place() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    for (text, words) in [
        ("a: [1, 2\n", &["i.yml"][..]),
        ("a: 1\na: 2\n", &["`a`", "1", "2"]),
        ("a:\n\t- b\n", &["i.yml"]),
        ("a: 1\n---\nb: 2\n", &["i.yml"]),
    ] {
        home.write("i.yml", text);
        let before = listing(&home.path());
        assert_fails(&inventory(&home, &["set", "i.yml", "a"], "secret"), 2, words);
        assert_eq!(listing(&home.path()), before, "{text}");
    }
    home.write("latin1.yml", b"a: 1 # \xe9\n");
    let before = listing(&home.path());
    assert_fails(&inventory(&home, &["set", "latin1.yml", "a"], "secret"), 2, &["latin1.yml"]);
    assert_eq!(listing(&home.path()), before);
    assert_fails(&inventory(&home, &["set", "i.yml", "a..b"], "secret"), 2, &[]);
}

#[test]
fn secrets_are_listed_with_their_place_and_never_shown() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    let token = format!("ghp{}{}", '_', "PULLPASSfakeTokenForTests000001SnXls");
    inventory(&home, &["set", "i.yml", "all.vars.pat"], &token).expect_success();
    let ran = inventory(&home, &["show", "i.yml"], "");
    assert_eq!(ran.code, 0, "{ran}");
    for shown in ["all.vars.pat", "i.yml:3", "GitHub classic", "ghp_…nXls"] {
        assert!(ran.stdout.contains(shown), "`{shown}` is missing: {ran}");
    }
    let plain = home.write("plain.yml", format!("all:\n  vars:\n    pat: {token}\n"));
    let ran = pullpass(&home, &["inventory", "show", plain.to_str().expect("text"), "--json"]);
    assert_eq!(ran.code, 1, "a token in plain text is a finding: {ran}");
    assert_eq!(json(&ran)["secrets"][0]["problem"], "not encrypted");
    assert!(!ran.said().contains(&token));
}

#[test]
fn a_token_does_not_become_plain_by_mistake() {
    let home = Home::new();
    let token = format!("ghp{}{}", '_', "PULLPASSfakeTokenForTests000001SnXls");
    let ran = pullpass(&home, &["inventory", "set", "i.yml", "a", "--plain", &token]);
    assert_fails(&ran, 2, &["does not belong on a command line"]);
    assert!(!ran.said().contains(&token) && !home.path().join("i.yml").exists());
}

#[test]
fn a_mistyped_vault_password_does_not_part_the_values_of_a_file() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    inventory(&home, &["set", "i.yml", "all.vars.one"], "first").expect_success();
    home.write("pw", "corect horse\n");
    let before = fs::read(home.path().join("i.yml")).expect("a file");
    for path in ["all.vars.one", "all.vars.two"] {
        let ran = inventory(&home, &["set", "i.yml", path], "second");
        assert_fails(&ran, 2, &["wrong vault password", "does not open `all.vars.one`"]);
        assert_eq!(fs::read(home.path().join("i.yml")).expect("a file"), before);
    }
}
