//! `docs/guide/troubleshooting.md`

use std::collections::BTreeSet;

use pullpass_testing::home::Home;

use crate::support::*;

#[test]
fn every_command_of_ours_on_the_page_has_the_options_that_it_is_given() {
    let page = include_str!("../../../../docs/guide/troubleshooting.md").replace('\n', " ");
    let code = page.split('`').skip(1).step_by(2);
    let commands = code.filter_map(|code| code.strip_prefix("sudo ").unwrap_or(code).strip_prefix("pullpass "));
    let commands: BTreeSet<&str> = commands.filter_map(|command| command.split(" | ").next()).collect();
    assert!(commands.len() > 10, "{commands:?}");
    let home = Home::new();
    for command in commands {
        let of_ours = [("REGISTRY", "ghcr.io"), ("OWNER", "octocat"), ("NAME", "app"), ("TAG", "v1")];
        let command = of_ours.iter().fold(command.to_owned(), |command, (word, ours)| command.replace(word, ours));
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        pullpass(&home, &words).expect_success();
    }
    assert_ne!(pullpass(&home, &["login", "REGISTRY", "--no-such-option", "--help"]).code, 0);
}
