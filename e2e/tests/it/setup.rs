//! The guide as a conversation: from nothing to a pull that the engine itself makes, on a terminal and unattended.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use pullpass_testing::engines::docker::{self, Engine};
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::ghcr::{Ghcr, Token, Visibility};
use pullpass_testing::home::{Entry, Home, listing};
use pullpass_testing::run::{Ran, run, run_with_input};
use pullpass_testing::terminal;
use serde_json::Value;

use crate::program::{program, pullpass};
use crate::sample;
use crate::site::Site;

const IMAGE: &str = "ghcr.io/midokura/hello:v1";
const FIRST: &str = "or a registry alone [ghcr.io]: ";
const INVENTORY: &str = "or `none` [inventory.yml]: ";
const KEYS: &str = "its keys there, joined by dots [all.vars.iaas_console.ghcr_pat]: ";
const TOKEN: &str = "[Enter: make one at github.com]: ";
const AGREE: &str = "go ahead? (yes or no): ";

fn site() -> Site {
    Site::new(
        Ghcr::new()
            .account("octocat")
            .account("hubot")
            .organization("midokura", &["octocat"])
            .package("midokura/hello", Visibility::Private, &["octocat"])
            .image("v1", &sample::image()),
    )
}

fn classic(site: &Site, login: &str) -> String {
    site.ghcr().token(login, Token::classic(&["read:packages"]))
}

/// `pullpass setup WORDS` on a terminal.
fn converse(home: &Home, variables: &[(&str, String)], words: &str, answers: &[(&str, &str)]) -> Ran {
    let script = home.side_dir("script").join("setup");
    fs::write(&script, format!("{} setup {words}", program().display())).expect("a script");
    let mut command = home.command("script");
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    terminal::bash(&mut command, &script);
    terminal::converse(&mut command, answers)
}

/// `pullpass setup WORDS` without one.
fn unattended(home: &Home, token: &str, words: &[&str]) -> Ran {
    let words = [&["setup", IMAGE, "--yes", "--podman", "--docker", "--password-stdin"][..], words].concat();
    run_with_input(pullpass(home).args(words), token)
}

/// The home without what pullpass has seen there, which are no logins.
fn files(home: &Home) -> BTreeMap<PathBuf, Entry> {
    let mut files = listing(&home.path());
    files.retain(|path, _| !path.starts_with(".local"));
    files.extend(listing(&home.runtime_dir()));
    files
}

fn revealed(home: &Home, file: &str, password: &str) -> String {
    let words = ["inventory", "show", file, "--vault-password-file", password, "--reveal", "--json"];
    run(pullpass(home).args(words)).expect_success()
}

/// What both engines find in the environment.
fn engines(daemon: &Engine, podman: &Podman) -> Vec<(&'static str, String)> {
    let own = podman.environment().map(|(name, path)| (name, path.display().to_string()));
    own.into_iter().chain([("DOCKER_HOST", daemon.host())]).collect()
}

fn pull_with_both(home: &Home, daemon: &Engine, podman: &Podman) {
    let client = docker::clients().remove(0);
    run(daemon.command(&client, home).args(["pull", "-q", IMAGE])).expect_success();
    run(podman.podman().args(["pull", "-q", IMAGE])).expect_success();
}

#[test]
fn a_person_gets_from_nothing_to_a_pull_within_a_minute() {
    let site = site();
    let (home, token) = (site.home(), classic(&site, "octocat"));
    let daemon = Engine::start_in(site.home());
    let podman = Podman::new(&home);
    let start = Instant::now();
    let answers = [
        (FIRST, IMAGE),
        (INVENTORY, ""),
        (KEYS, ""),
        ("vault password: ", "correct horse"),
        ("vault password again: ", "correct horse"),
        (TOKEN, "\x03"),
    ];
    let before = files(&home);
    let ran = converse(&home, &engines(&daemon, &podman), "", &answers);
    assert!(ran.code == 130 && files(&home) == before, "{ran}");
    let mut answers = answers;
    answers[5] = (TOKEN, "");
    let answers = [&answers[..], &[("new token: ", token.as_str()), (AGREE, "yes")]].concat();
    let ran = converse(&home, &engines(&daemon, &podman), "", &answers);
    assert_eq!(ran.code, 0, "{ran}");
    pull_with_both(&home, &daemon, &podman);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    for said in [
        "https://github.com/settings/tokens/new?scopes=read:packages",
        "owner:    octocat",
        "the login of `octocat` opens the image, which does not open without",
        "docker will pull",
        "podman will pull",
        "pullpass fleet login -i inventory.yml --image ghcr.io/midokura/hello:v1",
    ] {
        assert!(ran.stdout.contains(said), "`{said}` is missing: {ran}");
    }
    assert!(!ran.stdout.contains(&token), "{ran}");
    home.write("pw", "correct horse\n");
    assert!(revealed(&home, "inventory.yml", "pw").contains(&token));
    let text = fs::read_to_string(home.path().join("inventory.yml")).expect("an inventory");
    assert!(text.contains("ghcr_user: octocat") && !text.contains(&token), "{text}");
}

#[test]
fn an_unattended_run_does_the_same_and_a_second_one_no_harm() {
    let site = site();
    let (home, token) = (site.home(), classic(&site, "octocat"));
    let daemon = Engine::start_in(site.home());
    let podman = Podman::new(&home);
    home.write("pw", "correct horse\n");
    let start = Instant::now();
    let words = ["setup", IMAGE, "-i", "inventory.yml", "--vault-password-file", "pw", "--yes", "--json"];
    let once = |more: &[&str]| {
        let mut command: Command = pullpass(&home);
        command.args(words).args(more).arg("--password-stdin").envs(engines(&daemon, &podman));
        let ran = run_with_input(&mut command, &token);
        assert!(ran.code == 0 && !ran.said().contains(&token), "{ran}");
        serde_json::from_str::<Value>(&ran.stdout).expect("one document")
    };
    let before = files(&home);
    once(&["--dry-run"]);
    assert_eq!(files(&home), before);
    let result = once(&[]);
    pull_with_both(&home, &daemon, &podman);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    assert_eq!((&result["user"], &result["inventory"]["changed"]), (&"octocat".into(), &true.into()), "{result:#}");
    let verified = result["verify"]["engines"].as_array().expect("both engines");
    assert!(verified.len() == 2 && verified.iter().all(|engine| engine["will_pull"] == true), "{result:#}");
    let before = files(&home);
    assert_eq!(once(&[])["inventory"]["changed"], false);
    assert_eq!(files(&home), before);
}

#[test]
fn an_inventory_keeps_every_other_byte_and_a_wrong_vault_password_changes_nothing() {
    let site = site();
    let (home, token) = (site.home(), classic(&site, "octocat"));
    home.write("pw", "correct horse\n");
    home.write("other", "another horse\n");
    let text = "# ours\nall:\n  hosts: {gpu1: {}}   # one\n  vars:\n    site: 'x'\n";
    home.write("hosts.yml", text);
    let inventory = |password| ["--inventory", "hosts.yml", "--vault-password-file", password];
    // No Docker daemon is here to be asked: all is done but the proof.
    let ran = unattended(&home, &token, &inventory("pw"));
    assert!(ran.code == 3 && ran.stderr.contains("daemon") && ran.stdout.contains("ghcr.io accepted ghp_"), "{ran}");
    let new = fs::read_to_string(home.path().join("hosts.yml")).expect("an inventory");
    assert!(new.starts_with(text) && revealed(&home, "hosts.yml", "pw").contains(&token), "{new}");
    let before = files(&home);
    let ran = unattended(&home, &classic(&site, "octocat"), &inventory("other"));
    assert!(ran.code == 2 && ran.stderr.contains("does not open"), "{ran}");
    assert_eq!(files(&home), before);
    let answers = [("vault password: ", "wrong"), ("vault password again: ", "wrong"), ("vault password: ", "\x03")];
    let ran =
        converse(&home, &[], &format!("{IMAGE} -i hosts.yml --key-path all.vars.iaas_console.ghcr_pat"), &answers);
    assert!(ran.code == 130 && ran.stdout.contains("does not open"), "{ran}");
    assert_eq!(files(&home), before);
}

#[test]
fn a_token_that_would_not_pull_is_put_nowhere() {
    let site = site();
    let home = site.home();
    home.write("pw", "correct horse\n");
    let revoked = classic(&site, "octocat");
    site.ghcr().revoke(&revoked);
    let before = files(&home);
    for (token, said) in [
        (revoked, "it is dead"),
        (site.ghcr().token("octocat", Token::fine_grained()), "no fine-grained"),
        (site.ghcr().token("octocat", Token::classic(&["repo"])), "lacks `read:packages`"),
        (classic(&site, "octocat").replacen("ghp_", "ghp_0", 1), "characters"),
        (classic(&site, "hubot"), "will not pull"),
    ] {
        let ran = unattended(&home, &token, &["-i", "inventory.yml", "--vault-password-file", "pw"]);
        assert!(ran.code != 0 && ran.stderr.contains(said), "`{said}` is missing: {ran}");
        assert_eq!(files(&home), before, "{ran}");
    }
    let ran = unattended(&home, &classic(&site, "hubot"), &["--no-inventory", "-u", "octocat"]);
    assert!(ran.code == 1 && ran.stderr.contains("the token is of `hubot`, not of `octocat`"), "{ran}");
    assert_eq!(files(&home), before);
}

#[test]
fn ctrl_c_at_any_question_leaves_everything_as_it_was() {
    let site = site();
    let (home, token) = (site.home(), classic(&site, "octocat"));
    let answers = [
        (FIRST, IMAGE),
        (INVENTORY, ""),
        (KEYS, ""),
        ("vault password: ", "correct horse"),
        ("vault password again: ", "correct horse"),
        (TOKEN, token.as_str()),
        (AGREE, "yes"),
    ];
    let before = files(&home);
    for last in 0..answers.len() {
        let mut answers = answers[..=last].to_vec();
        answers[last].1 = "\x03";
        let ran = converse(&home, &[], "--docker --podman", &answers);
        assert_eq!(ran.code, 130, "{ran}");
        assert_eq!(files(&home), before, "{ran}");
    }
    let mut refused = answers;
    refused[6] = (AGREE, "no");
    let ran = converse(&home, &[], "--docker --podman", &refused);
    assert!(ran.code == 1 && ran.stdout.contains("nothing was changed"), "{ran}");
    assert_eq!(files(&home), before);
}

#[test]
fn wrong_answers_are_asked_for_again_with_the_reason() {
    let site = site();
    let (home, token) = (site.home(), classic(&site, "octocat"));
    let fine_grained = site.ghcr().token("octocat", Token::fine_grained());
    let answers = [
        (FIRST, "ghcr.io/Not An Image"),
        (FIRST, IMAGE),
        (TOKEN, "ghp_short"),
        (TOKEN, &fine_grained),
        (TOKEN, &token),
        (AGREE, "no"),
    ];
    let ran = converse(&home, &[], "--no-inventory --podman", &answers);
    assert_eq!(ran.code, 1, "{ran}");
    for said in ["this is no image", "no fine-grained", "opens the image", "nothing was changed"] {
        assert!(ran.stdout.contains(said), "`{said}` is missing: {ran}");
    }
}

#[test]
fn what_is_missing_without_a_terminal_is_named_by_its_option() {
    let site = site();
    let home = site.home();
    for (words, option) in [
        (&["setup"][..], "--yes"),
        (&["setup", "--yes"], "pullpass setup ghcr.io/owner/name:tag"),
        (&["setup", IMAGE, "--yes"], "--inventory FILE"),
        (&["setup", IMAGE, "--yes", "--no-inventory", "--podman"], "--password-stdin"),
    ] {
        let ran = run_with_input(pullpass(&home).args(words), "");
        assert!(ran.code == 2 && ran.stderr.contains(option), "{ran}");
    }
}

#[test]
fn a_token_in_a_tracked_file_is_said_before_anybody_agrees() {
    let site = site();
    let (home, token) = (site.home(), classic(&site, "octocat"));
    home.write("deploy.sh", format!("#!/bin/sh\nTOKEN={token}\n"));
    home.write("ignored", &token);
    run(home.command("git").args(["init", "--quiet", "."])).expect_success();
    run(home.command("git").args(["add", "deploy.sh"])).expect_success();
    let ran = unattended(&home, &token, &["--no-inventory", "--dry-run"]);
    assert_eq!(ran.code, 0, "{ran}");
    for said in ["deploy.sh:2: ", "this very token is among them", "nothing was changed"] {
        assert!(ran.stderr.contains(said), "`{said}` is missing: {ran}");
    }
    assert!(!ran.said().contains(&token) && !ran.stderr.contains("ignored"), "{ran}");
}
