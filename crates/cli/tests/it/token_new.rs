use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use pullpass_testing::{canned, home::Home, run::Ran};

use crate::support::*;

const PULLS: [(&str, &str); 1] = [("x-oauth-scopes", "read:packages")];

fn new(home: &Home, token: &str, words: &[&str]) -> Ran {
    home.write("pw", "correct horse\n");
    let ran = pullpass_with_input(home, &[&["token", "new", "--at", "github"][..], words].concat(), token);
    assert!(token.is_empty() || !ran.said().contains(token), "{ran}");
    ran
}

fn page(words: &[&str]) -> String {
    let ran = new(&Home::new(), "", &[&["--print-url"][..], words].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran}");
    ran.stdout.trim_end().to_owned()
}

#[test]
fn the_page_is_filled_in_with_exactly_what_is_needed() {
    let github = "https://github.com/settings/tokens/new";
    assert_eq!(page(&[]), format!("{github}?scopes=read:packages&description=pullpass&default_expires_at=90"));
    assert_eq!(
        page(&["--scope", "write:packages,delete:packages", "--note", "fleet & co", "--expires", "never"]),
        format!("{github}?scopes=write:packages,delete:packages&description=fleet+%26+co&default_expires_at=none")
    );
    assert!(page(&["--expires", "30d"]).ends_with("=30") && page(&["--expires", "100d"]).ends_with("=custom"));
    for host in ["octo.ghe.com", "git.example.org:8443"] {
        assert!(page(&["--github-host", host]).starts_with(&format!("https://{host}/settings/tokens/new?")));
    }
}

#[test]
fn what_github_cannot_make_is_refused_before_anybody_is_asked() {
    let home = Home::new();
    assert_fails(&new(&home, "", &["--expires", "12h"]), 2, &["whole days"]);
    assert_fails(&new(&home, "", &["--scope", "repo"]), 2, &["read:packages"]);
    assert_fails(&new(&home, "", &["--user", "octocat"]), 2, &["--user"]);
    assert_fails(&new(&home, "", &["--into-inventory", "i.yml"]), 2, &["--key-path"]);
    assert_fails(&new(&home, "", &["--note", &whole("ghp")]), 2, &["there is a token in the note"]);
    assert_fails(&new(&home, "", &[]), 2, &["no terminal", "https://github.com/settings/tokens/new?scopes"]);
}

#[test]
fn a_good_token_goes_encrypted_into_the_inventory() {
    let home = Home::new();
    let github = Enterprise::of_octocat(&home, &PULLS);
    home.write("inventory.yml", "all:\n  vars:\n    region: eu # kept\n");
    let (host, token) = (github.api.host(), whole("ghp"));
    let words = ["--github-host", &host, "--password-stdin", "--into-inventory", "inventory.yml"];
    let more = ["--key-path", "all.vars.ghcr_pat", "--vault-password-file", "pw"];
    let ran = new(&home, &token, &[&words[..], &more].concat());
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("octocat") && ran.stderr.contains("added: `all.vars.ghcr_pat`"), "{ran}");
    assert!(ran.stderr.contains("it never ends"), "{ran}");
    let text = fs::read_to_string(home.path().join("inventory.yml")).expect("an inventory");
    assert!(text.starts_with("all:\n  vars:\n    region: eu # kept\n    ghcr_pat: !vault |"), "{text}");
    assert!(!text.contains(&token));
    let show = ["inventory", "show", "inventory.yml", "--vault-password-file", "pw", "--reveal", "--json"];
    assert_eq!(json(&pullpass(&home, &show))["secrets"][0]["secret"], token);
    assert_eq!(github.api.requests().len(), 1);
}

#[test]
fn a_good_token_logs_the_engines_in_as_its_owner() {
    let home = Home::new();
    let github = Enterprise::of_octocat(&home, &PULLS);
    let token = whole("ghp");
    let basic = format!("Basic {}", STANDARD.encode(format!("octocat:{token}")));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let registry = runtime.block_on(canned::Canned::start(move |request: &canned::Request| {
        let status = if request.header("authorization") == basic { 200 } else { 401 };
        canned::response(status, &[("www-authenticate", "Basic realm=\"r\"")], "{}")
    }));
    let (host, registry) = (github.api.host(), registry.host());
    let words = ["--github-host", &host, "--password-stdin", "--login", &registry, "--docker", "--podman"];
    let ran = new(&home, &token, &words);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains(&format!("{registry} accepted ghp_…nXls of octocat")), "{ran}");
    for store in [docker_config(&home), podman_runtime(&home)] {
        assert!(fs::read_to_string(store).expect("a store").contains(&registry));
    }
    assert_fails(&new(&home, &token, &[&words[..5], &["--docker", "-u", "a:b"]].concat()), 2, &["a user name"]);
}

#[test]
fn a_token_that_is_not_what_was_asked_for_is_put_nowhere() {
    for (token, headers, code, said) in [
        (whole("ghp"), [("x-oauth-scopes", "repo")], 1, "it lacks `read:packages`"),
        (whole("ghp")[..39].to_owned(), PULLS, 1, "was not copied whole"),
        (whole("ghs"), PULLS, 1, "opens nothing for it"),
        ("0123456789abcdef".repeat(3)[..40].to_owned(), PULLS, 1, "GitHub did not make it"),
    ] {
        let home = Home::new();
        let github = Enterprise::of_octocat(&home, &headers);
        let host = github.api.host();
        let words = ["--github-host", &host, "--password-stdin", "--into-inventory", "i.yml", "--key-path", "pat"];
        let words = [&words[..], &["--login", "127.0.0.1:1", "--docker", "--vault-password-file", "pw"]].concat();
        assert_fails(&new(&home, &token, &words), code, &[said, "the token was put nowhere"]);
        assert!(!home.path().join("i.yml").exists() && !docker_config(&home).exists());
    }
    let home = Home::new();
    let github = Enterprise::answering(&home, |_| canned::json(503, "{}"));
    let host = github.api.host();
    let words = ["--github-host", &host, "--password-stdin", "--into-inventory", "i.yml", "--key-path", "pat"];
    assert_fails(&new(&home, &whole("ghp"), &words), 3, &["503", "the token was put nowhere"]);
    assert!(!home.path().join("i.yml").exists());
}

#[test]
fn a_token_that_lives_longer_or_may_do_more_than_was_asked_for_is_said() {
    let home = Home::new();
    let end = (Timestamp::now() + SignedDuration::from_hours(24 * 60)).strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let headers = [("x-oauth-scopes", "repo, read:packages"), ("github-authentication-token-expiration", &end)];
    let github = Enterprise::of_octocat(&home, &headers);
    let words = ["--github-host", &github.api.host(), "--password-stdin", "--expires", "30d"];
    let ran = new(&home, &whole("ghp"), &words);
    assert_eq!(ran.code, 0, "{ran}");
    for said in
        ["it lives longer than was asked for: 30 days", "more than pull: `repo`", "pullpass login ghcr.io -u octocat"]
    {
        assert!(ran.stderr.contains(said), "`{said}` is missing: {ran}");
    }
    let ran = new(&home, &whole("ghp"), &[&words[..3], &["--expires", "60d"]].concat());
    assert!(!ran.stderr.contains("lives longer"), "{ran}");
}

#[test]
fn an_inventory_that_cannot_take_it_is_found_out_before_the_token_is_asked_for() {
    let home = Home::new();
    home.write("i.yml", "a: [\n");
    let words = ["--password-stdin", "--into-inventory", "i.yml", "--key-path", "a.b"];
    assert_fails(&new(&home, "", &words), 2, &["i.yml", "nothing was changed"]);
}
