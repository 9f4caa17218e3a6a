//! What GitHub says of its tokens, when it is asked.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use pullpass_testing::ghcr::{Ghcr, Token};
use pullpass_testing::home::Home;
use pullpass_testing::run::{Ran, run};
use serde_json::Value;

use super::json;
use crate::program::pullpass;
use crate::site::Site;

fn site() -> Site {
    Site::new(Ghcr::new().account("octocat"))
}

/// How often GitHub was asked.
fn asked(site: &Site) -> usize {
    site.github().api.requests().len()
}

fn status(home: &Home, words: &[&str]) -> Ran {
    run(pullpass(home).args(["status", "--json"]).args(words))
}

fn entry(ran: &Ran) -> Value {
    json(ran)["stores"][0]["entries"][0].clone()
}

fn store(home: &Home, token: &str) {
    let auth = STANDARD.encode(format!("whoever:{token}"));
    home.write(".docker/config.json", format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{auth}"}}}}}}"#));
}

#[test]
fn only_when_asked_for_github_tells_whose_a_token_is_what_it_may_and_when_it_ends() {
    let site = site();
    let home = site.home();
    let end = Timestamp::from_second(Timestamp::now().as_second()).expect("now") + SignedDuration::from_hours(24 * 5);
    let token = site.ghcr().token("octocat", Token::classic(&["read:packages"]).expires(end));
    store(&home, &token);

    let ran = status(&home, &["--check"]);
    assert_eq!((ran.code, asked(&site)), (0, 0), "{ran}");
    let found = entry(&ran);
    assert_eq!((&found["alive"], &found["expires"]), (&true.into(), &Value::Null));

    let metrics = home.path().join("pullpass.prom");
    let ran = status(&home, &["--github", "--metrics", &metrics.display().to_string()]);
    assert_eq!((ran.code, asked(&site)), (0, 1), "{ran}");
    let found = entry(&ran);
    assert_eq!((&found["login"], &found["scopes"][0]), (&"octocat".into(), &"read:packages".into()), "{found}");
    assert_eq!(found["expires"], end.to_string());
    let metrics = fs::read_to_string(metrics).expect("metrics");
    let sample = |name: &str| metrics.lines().find(|line| line.starts_with(&format!("{name}{{"))).map(str::to_owned);
    let expiry = sample("pullpass_credential_expiry_timestamp_seconds").expect("an end");
    assert!(expiry.ends_with(&format!(" {}", end.as_second())), "{expiry}");
    assert!(sample("pullpass_credential_alive").is_some_and(|alive| alive.ends_with(" 1")), "{metrics}");

    // For cron.
    assert_eq!(status(&home, &["--github", "--warn-days", "4"]).code, 0);
    assert_eq!(status(&home, &["--github", "--warn-days", "6"]).code, 1);
    let ran = run(pullpass(&home).args(["status", "--github"]));
    assert!(ran.stdout.contains("read:packages") && ran.stdout.contains(&end.to_string()[..10]), "{ran}");
    assert!(!ran.said().contains(&token), "{ran}");
}

#[test]
fn a_dead_token_is_sent_to_nobody_twice() {
    let site = site();
    let home = site.home();
    let token = site.ghcr().token("octocat", Token::classic(&["read:packages"]));
    store(&home, &token);
    site.ghcr().revoke(&token);
    let ran = status(&home, &["--check", "--github"]);
    assert_eq!((ran.code, asked(&site)), (1, 0), "ghcr.io has said it: {ran}");
    assert_eq!(entry(&ran)["alive"], false);
    for _ in 0..2 {
        let ran = status(&home, &["--github"]);
        assert_eq!((ran.code, asked(&site)), (1, 1), "{ran}");
        assert!(ran.stderr.contains("refused"), "{ran}");
    }
}
