use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use pullpass_testing::{canned, home::Home, run::Ran};

use crate::support::*;

fn inspect(home: &Home, token: &str, words: &[&str]) -> Ran {
    let ran = pullpass_with_input(home, &[&["token", "inspect"][..], words].concat(), token);
    assert!(token.is_empty() || !ran.said().contains(token), "{ran}");
    ran
}

fn at<'a>(host: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["--github-host", host][..], more].concat()
}

#[test]
fn the_characters_of_a_token_tell_whether_it_was_copied_whole() {
    let home = Home::new();
    let token = whole("ghp");
    let ran = inspect(&home, &token, &["--offline"]);
    assert_eq!(ran.code, 0, "{ran}");
    for said in
        ["ghp_…nXls  GitHub classic personal access token", "whole:    yes", "ghcr.io takes it", "nobody was asked"]
    {
        assert!(ran.stdout.contains(said), "`{said}` is missing: {ran}");
    }
    // Also without `--offline`, a token that is not whole is sent to nobody.
    let github = Enterprise::of_octocat(&home, &[]);
    let host = github.api.host();
    for (bad, why) in [
        (token[..39].to_owned(), "was not copied whole"),
        (format!("{}x", &token[..39]), "checksum"),
        (format!("TOKEN={token}"), "in front of the token"),
        (format!("{token} "), "blank"),
    ] {
        assert_fails(&inspect(&home, &bad, &at(&host, &[])), 1, &[why, "copy it again"]);
    }
    assert!(github.api.requests().is_empty());
}

#[test]
fn every_kind_is_told_what_the_registry_makes_of_it() {
    let home = Home::new();
    let fine_grained = format!("github{}{}_{}", "_pat_", "A".repeat(22), "b".repeat(59));
    for (token, code, said) in [
        (whole("ghp"), 0, "takes it with `read:packages`"),
        (whole("gho"), 0, "gh auth refresh"),
        (whole("ghu"), 0, "nothing is documented"),
        (whole("ghs"), 1, "opens nothing for it"),
        (whole("ghr"), 1, "no password"),
        (fine_grained, 1, "takes no fine-grained tokens"),
        (pullpass_secrets::token::generate().expect("random bytes").reveal().to_owned(), 0, "for the pullpass server"),
        ("0123456789abcdef".repeat(3)[..40].to_owned(), 0, "before 2021"),
        ("hunter2hunter2".to_owned(), 1, "refuses passwords"),
    ] {
        let ran = inspect(&home, &token, &["--offline"]);
        assert_eq!(ran.code, code, "{ran}");
        assert!(ran.stdout.contains(said), "`{said}` is missing: {ran}");
        let found = json(&inspect(&home, &token, &["--offline", "--json"]))["tokens"][0].clone();
        assert_eq!((&found["whole"], found["problem"].is_null()), (&true.into(), code == 0), "{found}");
    }
}

#[test]
fn github_tells_whose_it_is_what_it_may_when_it_ends_and_how_often_it_may_ask() {
    let home = Home::new();
    let end = Timestamp::now() + SignedDuration::from_hours(24 * 12 + 1);
    let end_header = end.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let resets = (Timestamp::now() + SignedDuration::from_mins(31)).as_second().to_string();
    let github = Enterprise::of_octocat(
        &home,
        &[
            ("x-oauth-scopes", "read:packages"),
            ("github-authentication-token-expiration", &end_header),
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "4321"),
            ("x-ratelimit-reset", &resets),
        ],
    );
    let (host, token) = (github.api.host(), whole("ghp"));
    let ran = inspect(&home, &token, &at(&host, &[]));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran}");
    for said in ["alive:    yes", "octocat", "read:packages", "in 12 days", "4321 of 5000 left, all again in 3"] {
        assert!(ran.stdout.contains(said), "`{said}` is missing: {ran}");
    }
    assert_eq!(github.api.log(), ["GET /api/v3/user"]);
    assert_eq!(github.api.requests()[0].header("authorization"), format!("Bearer {token}"));
    let found = json(&inspect(&home, &token, &at(&host, &["--json"])))["tokens"][0].clone();
    assert_eq!((&found["alive"], &found["owner"]), (&true.into(), &"octocat".into()));
    assert_eq!(found["expires"], Timestamp::from_second(end.as_second()).expect("a time").to_string());
    assert_eq!((&found["limit"]["remaining"], &found["warnings"]), (&4321.into(), &serde_json::json!([])));
}

#[test]
fn a_token_that_can_do_more_than_pull_or_never_ends_is_warned_of() {
    let home = Home::new();
    let github = Enterprise::of_octocat(&home, &[("x-oauth-scopes", "repo, write:packages")]);
    let ran = inspect(&home, &whole("ghp"), &at(&github.api.host(), &[]));
    assert_eq!(ran.code, 0, "to push is to pull as well: {ran}");
    for said in ["`ghp_…nXls`: it can do more than pull: `repo`, `write:packages`", "it never ends"] {
        assert!(ran.stderr.contains(said), "`{said}` is missing: {ran}");
    }
}

#[test]
fn a_token_without_the_scope_cannot_pull() {
    let home = Home::new();
    for scopes in ["", "repo", "delete:packages"] {
        let github = Enterprise::of_octocat(&home, &[("x-oauth-scopes", scopes)]);
        let ran = inspect(&home, &whole("ghp"), &at(&github.api.host(), &[]));
        assert_fails(&ran, 1, &["it lacks `read:packages`", "pullpass token new --at github"]);
    }
}

#[test]
fn organizations_that_want_single_sign_on_are_named() {
    let home = Home::new();
    let headers = [("x-oauth-scopes", "read:packages"), ("x-github-sso", "partial-results; organizations=21,20")];
    let github = Enterprise::of_octocat(&home, &headers);
    let host = github.api.host();
    let ran = inspect(&home, &whole("ghp"), &at(&host, &[]));
    assert!(ran.code == 0 && ran.stderr.contains("single sign-on") && ran.stderr.contains("21, 20"), "{ran}");
    let found = json(&inspect(&home, &whole("ghp"), &at(&host, &["--json"])));
    assert_eq!(found["tokens"][0]["sso"]["left_out"], serde_json::json!([21, 20]));
}

#[test]
fn a_dead_token_is_sent_once_a_day_unless_the_person_wants_it() {
    let home = Home::new();
    let github = Enterprise::answering(&home, |_| canned::json(401, r#"{"message":"Bad credentials"}"#));
    let (host, token) = (github.api.host(), whole("ghp"));
    assert_fails(&inspect(&home, &token, &at(&host, &[])), 1, &["it is dead", "401 bad credentials"]);
    assert_fails(
        &inspect(&home, &token, &at(&host, &[])),
        1,
        &["it is dead", "refused this token less than a minute ago"],
    );
    assert_eq!(github.api.requests().len(), 1);
    inspect(&home, &token, &at(&host, &["--retry"]));
    assert_eq!(github.api.requests().len(), 2);
}

#[test]
fn what_github_does_not_answer_is_not_known() {
    for (status, body) in [
        (500, "{}"),
        (429, r#"{"message":"slow down"}"#),
        (403, r#"{"message":"Maximum number of login attempts exceeded. Please try again later."}"#),
    ] {
        let home = Home::new();
        let github = Enterprise::answering(&home, move |_| canned::response(status, &[("retry-after", "60")], body));
        let ran = inspect(&home, &whole("ghp"), &at(&github.api.host(), &["--json"]));
        assert_eq!(ran.code, 3, "{ran}");
        let found = &json(&ran)["tokens"][0];
        assert_eq!((&found["alive"], &found["is_unanswered"]), (&serde_json::Value::Null, &true.into()), "{found}");
        assert!(found["said"].as_str().is_some_and(|said| said.contains(&status.to_string())), "{found}");
    }
}

#[test]
fn github_is_not_sent_what_it_did_not_make() {
    let home = Home::new();
    let github = Enterprise::of_octocat(&home, &[]);
    let host = github.api.host();
    let pullpass_token = pullpass_secrets::token::generate().expect("random bytes").reveal().to_owned();
    for token in
        [whole("ghr"), pullpass_token, "hunter2hunter2".to_owned(), "0123456789abcdef".repeat(3)[..40].to_owned()]
    {
        inspect(&home, &token, &at(&host, &[]));
    }
    assert!(github.api.requests().is_empty());
}

#[test]
fn stored_tokens_are_each_asked_about_once_wherever_they_are_and_at_their_own_github() {
    let home = Home::new();
    let github = Enterprise::of_octocat(&home, &[("x-oauth-scopes", "read:packages")]);
    let host = github.api.host();
    let (token, other) = (whole("ghp"), whole("gho"));
    let login = |user: &str, secret: &str| format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(format!("{user}:{secret}")));
    let (first, second) = (login("a", &token), login("c", &token));
    let [quay, ghcr] = [login("b", "hunter2hunter2"), login("a", &other)];
    home.write(
        ".docker/config.json",
        format!(r#"{{"auths":{{"containers.{host}":{first},"quay.io":{quay},"ghcr.io":{ghcr}}}}}"#),
    );
    home.write(".config/containers/auth.json", format!(r#"{{"auths":{{"containers.{host}/octo":{second}}}}}"#));
    let ran = inspect(&home, "", &at(&host, &["--stored"]));
    assert_eq!(ran.code, 0, "{ran}");
    for said in ["stored:   containers.", "/octo in `", "docker/config.json", "auth.json", "it is for quay.io"] {
        assert!(ran.stdout.contains(said), "`{said}` is missing: {ran}");
    }
    assert!(ran.stdout.contains("it is stored for ghcr.io, and not sent to 127.0.0.1"), "{ran}");
    assert!(![&token, &other, "hunter2"].into_iter().any(|secret| ran.said().contains(secret)), "{ran}");
    let sent: Vec<_> = github.api.requests().iter().map(|sent| sent.header("authorization").to_owned()).collect();
    assert_eq!(sent, [format!("Bearer {token}")]);
    let found = json(&inspect(&home, "", &at(&host, &["--stored", "--json"])));
    assert_eq!(found["tokens"].as_array().map(Vec::len), Some(3), "{found}");

    home.write(".config/containers/auth.json", "{");
    assert_fails(&inspect(&home, "", &["--stored", "--offline"]), 2, &["auth.json"]);
    assert_eq!(inspect(&Home::new(), "", &["--stored"]).code, 0, "no token is no bad token");
}

#[test]
fn a_github_that_answers_nobody_is_not_asked_again() {
    let home = Home::new();
    let github = Enterprise::answering(&home, |_| canned::json(429, "{}"));
    let auth = |secret: &str| STANDARD.encode(format!("a:{secret}"));
    let logins = [auth(&whole("ghp")), auth(&whole("gho"))].map(|auth| format!(r#"{{"auth":"{auth}"}}"#));
    let host = github.api.host();
    let [first, second] = logins;
    home.write(".docker/config.json", format!(r#"{{"auths":{{"{host}":{first},"containers.{host}":{second}}}}}"#));
    let ran = inspect(&home, "", &at(&host, &["--stored", "--json"]));
    assert_eq!((ran.code, github.api.requests().len()), (3, 1), "{ran}");
    for token in json(&ran)["tokens"].as_array().expect("tokens") {
        assert!(token["said"].as_str().is_some_and(|said| said.contains("429")), "{token}");
    }
}

#[test]
fn a_token_on_the_command_line_is_refused_and_not_repeated() {
    let home = Home::new();
    let token = whole("ghp");
    for words in [vec![token.as_str()], vec!["--token-from", &token], vec!["--github-host", &token]] {
        let ran = inspect(&home, "", &words);
        assert!(ran.code == 2 && !ran.said().contains(&token), "{ran}");
    }
    assert_fails(&inspect(&home, "", &["--offline"]), 2, &["no secret on standard input"]);
    assert_fails(&inspect(&home, "", &["--github-host", "a/b"]), 2, &["a host is wanted"]);
    let kept = fs::read_dir(home.path().join(".local/state/pullpass")).expect("a key").count();
    assert_eq!(kept, 1, "nothing of a token is kept");
}
