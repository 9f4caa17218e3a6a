//! What a token is worth, as api.github.com and ghcr.io have it, and a new one by way of a person.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use pullpass_testing::canary::Canary;
use pullpass_testing::ghcr::{Ghcr, Policy, Switches, Token};
use pullpass_testing::home::{Home, SEARCH_PATH};
use pullpass_testing::run::{Ran, run, run_with_input};
use pullpass_testing::terminal;

use crate::program::{program, pullpass};
use crate::site::Site;

fn site() -> Site {
    Site::new(Ghcr::new().account("octocat").organization("midokura", &["octocat"]))
}

fn in_days(days: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(24 * days + 1)
}

fn inspect(home: &Home, token: &str, words: &[&str]) -> Ran {
    let ran = run_with_input(pullpass(home).args(["token", "inspect"]).args(words), token);
    assert!(token.is_empty() || !ran.said().contains(token), "{ran}");
    ran
}

#[test]
fn github_is_asked_once_for_a_token_however_often_it_is_stored() {
    let site = site();
    let home = site.home();
    let token = site.ghcr().token("octocat", Token::classic(&["read:packages"]).expires(in_days(12)));
    let auth = |user: &str| STANDARD.encode(format!("{user}:{token}"));
    home.write(".docker/config.json", format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{}"}}}}}}"#, auth("octocat")));
    let other = format!(r#"{{"auths":{{"ghcr.io/midokura":{{"auth":"{}"}}}}}}"#, auth("whoever"));
    home.write(".config/containers/auth.json", other);
    let ran = inspect(&home, "", &["--stored"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran}");
    for said in ["ghcr.io in `", "ghcr.io/midokura in `", "octocat", "read:packages", "in 12 days", "of 5000 left"] {
        assert!(ran.stdout.contains(said), "`{said}` is missing: {ran}");
    }
    assert!(!ran.said().contains(&token), "{ran}");
    assert_eq!(site.github().api.log(), ["GET /user"]);

    // What it has refused once, it is not sent by any command.
    site.ghcr().revoke(&token);
    assert_eq!(inspect(&home, &token, &[]).code, 1);
    assert_eq!(inspect(&home, "", &["--stored"]).code, 1);
    let ran = run(pullpass(&home).args(["status", "--github"]));
    assert!(ran.code == 1 && ran.stderr.contains("refused this token less than a minute ago"), "{ran}");
    assert_eq!(site.github().api.log().len(), 2);
}

#[test]
fn an_apps_token_lives_without_an_account_and_a_locked_out_one_is_not_known() {
    let site = site();
    let home = site.home();
    let ran = inspect(&home, &site.ghcr().token("midokura", Token::installation()), &[]);
    assert!(ran.code == 1 && ran.stdout.contains("alive:    yes") && ran.stderr.contains("opens nothing"), "{ran}");
    let fine_grained = site.ghcr().token("octocat", Token::fine_grained().expires(in_days(5)));
    let ran = inspect(&home, &fine_grained, &[]);
    assert!(ran.code == 1 && ran.stdout.contains("in 5 days") && ran.stderr.contains("no fine-grained"), "{ran}");
    let token = site.ghcr().token("octocat", Token::classic(&["read:packages"]));
    site.ghcr().lock_out("octocat");
    let ran = inspect(&home, &token, &[]);
    assert!(ran.code == 3 && ran.stdout.contains("maximum number of login attempts"), "{ran}");
}

#[test]
fn an_organisation_with_single_sign_on_that_leaves_a_token_out_is_said() {
    let switches = Switches { user_names_single_sign_on: true, ..Switches::default() };
    let ghcr = Ghcr::new().switches(switches).account("octocat").organization("midokura", &["octocat"]);
    let site = Site::new(ghcr.policy("midokura", Policy::SingleSignOn));
    let home = site.home();
    let token = Token::classic(&["read:packages"]).expires(in_days(5));
    let token = site.ghcr().token("octocat", token);
    let ran = inspect(&home, &token, &[]);
    assert!(ran.code == 0 && ran.stderr.contains("single sign-on leave it out, by number"), "{ran}");
    site.ghcr().authorise(&token, "midokura");
    assert_eq!(inspect(&home, &token, &[]).stderr, "");
}

#[test]
fn a_login_waits_for_a_token_that_is_not_active_yet() {
    let site = site();
    let home = site.home();
    let late = Token::classic(&["read:packages"]).active_after(Duration::from_secs(3));
    let token = site.ghcr().token("octocat", late);
    let login = |words: &[&str]| {
        let words = [&["login", "-u", "octocat", "--password-stdin", "--docker"][..], words].concat();
        run_with_input(pullpass(&home).args(words), &token)
    };
    assert_eq!(login(&[]).code, 1);
    let ran = login(&["--wait", "1m"]);
    assert!(ran.code == 0 && ran.stderr.contains("asking again for up to"), "{ran}");
}

/// `xdg-open` on the PATH, which writes down what it is given.
fn browser(home: &Home) -> String {
    let bin = home.side_dir("bin");
    let path = bin.join("xdg-open");
    fs::write(&path, "#!/bin/sh\necho \"$@\" > \"$HOME/opened\"\n").expect("a new file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own file");
    format!("{}:{SEARCH_PATH}", bin.display())
}

/// `pullpass token new --at github WORDS` on a terminal, with a person who pastes the token.
fn new(home: &Home, variables: &str, words: &str, token: &str) -> Ran {
    let script = format!("export {variables}\n{} token new --at github {words}", program().display());
    let mut command = home.command("script");
    terminal::bash(&mut command, &home.write("conversation", script));
    terminal::converse(&mut command, &[("token: ", token)])
}

#[test]
fn a_person_makes_a_token_on_githubs_page_and_pastes_it_and_it_is_put_where_they_said() {
    let site = site();
    let home = site.home();
    let token = site.ghcr().token("octocat", Token::classic(&["read:packages"]).expires(in_days(90)));
    home.write("pw", "correct horse\n");
    home.write("inventory.yml", "all:\n  vars: {}\n");
    let variables = format!("PATH='{}' DISPLAY=:0", browser(&home));
    let words = "--login --docker --podman --into-inventory inventory.yml --key-path all.vars.ghcr_pat \
                 --vault-password-file pw";
    let canary = Canary::new(&token);
    let watch = canary.watch(home.path().parent().expect("the directory of the home"));
    let ran = new(&home, &variables, words, &token);
    let seen = watch.stop();
    assert_eq!(ran.code, 0, "{ran}");
    let page = "https://github.com/settings/tokens/new?scopes=read:packages&description=pullpass&default_expires_at=90";
    assert!(ran.stdout.contains(&format!("opened {page}")), "{ran}");
    assert_eq!(fs::read_to_string(home.path().join("opened")).expect("a page").trim_end(), page);
    for said in ["choose it if the page has not", "octocat", "ghcr.io accepted ghp_…", "set: `all.vars.ghcr_pat`"] {
        assert!(ran.stdout.replace("added:", "set:").contains(said), "`{said}` is missing: {ran}");
    }
    assert!(!ran.stdout.contains(&token), "it is not shown while it is typed, nor later");
    assert!(seen.arguments.is_empty() && seen.environments.is_empty(), "no process had it in its arguments");

    let words = ["inventory", "show", "inventory.yml", "--vault-password-file", "pw", "--reveal", "--json"];
    assert!(run(pullpass(&home).args(words)).expect_success().contains(&token), "it is there, encrypted");
    assert!(!fs::read_to_string(home.path().join("inventory.yml")).expect("an inventory").contains(&token));
    for engine in ["--docker", "--podman"] {
        assert_eq!(run(pullpass(&home).args(["login", "--get-login", engine])).expect_success(), "octocat\n");
    }
    assert_eq!(site.github().api.log(), ["GET /user"]);
}

#[test]
fn a_token_that_github_does_not_know_yet_is_waited_for() {
    let site = site();
    let home = site.home();
    let late = Token::classic(&["read:packages"]).known_after(Duration::from_secs(3));
    let token = site.ghcr().token("octocat", late);
    let words = ["token", "new", "--at", "github", "--password-stdin", "--wait", "1m", "--login", "--docker"];
    let ran = run_with_input(pullpass(&home).args(words), &token);
    assert!(ran.code == 0 && ran.stderr.contains("asking again for up to"), "{ran}");
    assert!(ran.stdout.contains("ghcr.io accepted ghp_…") && !ran.said().contains(&token), "{ran}");
}

#[test]
fn without_a_display_the_page_is_named_and_without_a_place_nothing_is_kept() {
    let site = site();
    let home = site.home();
    let token = site.ghcr().token("octocat", Token::classic(&["repo", "read:packages"]));
    let path = browser(&home);
    for (variables, words) in [(format!("PATH='{path}'"), ""), (format!("PATH='{path}' DISPLAY=:0"), "--no-open")] {
        let ran = new(&home, &variables, words, &token);
        assert_eq!(ran.code, 0, "{ran}");
        for said in [
            "open https://github.com/settings/tokens/new?",
            "more than pull: `repo`",
            "pullpass login ghcr.io -u octocat",
        ] {
            assert!(ran.stdout.contains(said), "`{said}` is missing: {ran}");
        }
        assert!(!ran.stdout.contains(&token) && !home.path().join("opened").exists(), "{ran}");
        assert!(!home.path().join(".docker").exists());
    }
}
