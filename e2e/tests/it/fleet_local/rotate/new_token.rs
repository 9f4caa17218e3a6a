//! New tokens that cannot take the place of the old one, and other reasons not to begin.

use super::*;

#[test]
fn a_token_that_cannot_take_the_place_of_the_old_one_changes_nothing() {
    let mut fleet = Fleet::logged_in(&["one"]);
    let soon = Timestamp::now() + SignedDuration::from_hours(48);
    let read = || Token::classic(&["read:packages"]);
    let old = fleet.old().to_owned();
    let good = fleet.new_token();
    let torn = good[..good.len() - 1].to_owned();
    let cases = [
        (old, 2, "the new token is the old one"),
        (torn, 2, "it was not copied whole"),
        (fleet.token("hubot", read()), 1, "is of `hubot`, the old one of `octocat`"),
        (fleet.token("octocat", Token::classic(&[])), 1, "does not open what the old one opens"),
        (fleet.token("octocat", Token::fine_grained()), 1, "does not open what the old one opens"),
        (fleet.token("octocat", read().expired()), 1, "ghcr.io refuses the new token"),
        (fleet.token("octocat", read().expires(soon)), 1, "the new token ends on"),
    ];
    let before = fleet.everything();
    for (token, code, said) in cases {
        let ran = fleet.rotate(&[], &token);
        assert_eq!(ran.code, code, "{said}: {ran}");
        assert!(ran.stderr.contains(said), "{said}: {ran}");
        assert_eq!(fleet.everything(), before, "{said}");
        assert_eq!(fleet.unfinished(), Vec::<Value>::new(), "the next run begins anew: {said}");
    }
    let ran = fleet.resume(&[]);
    assert!(ran.code == 1 && ran.stderr.contains("no rotation has begun"), "{ran}");

    let dry = fleet.rotate(&["--dry-run"], "");
    assert!(dry.code == 0 && dry.stderr.contains("stands in inventory.yml"), "{dry}");
    assert_eq!(fleet.everything(), before);

    fleet.home.write("vault-password", "a wrong one\n");
    let before = fleet.everything();
    let ran = fleet.rotate(&[], &good);
    assert!(ran.code == 2 && ran.stderr.contains("ecrypt"), "{ran}");
    assert_eq!(fleet.everything(), before);
    assert!(fleet.is_alive(fleet.old()));
}

#[test]
fn a_token_that_somebody_has_is_revoked_first() {
    let mut fleet = Fleet::logged_in(&["one"]);
    for words in [&["init", "--quiet"][..], &["config", "user.name", "me"], &["config", "user.email", "me@example.org"]]
    {
        git(&fleet, words);
    }
    let new = fleet.new_token();
    let rotate = |more: &[&str], input: &str| fleet.rotate(&[&["--compromised", "--git-commit"], more].concat(), input);
    let ran = rotate(&[], &new);
    assert!(ran.code == 2 && ran.stderr.contains("not committed") && ran.stderr.contains("inventory.yml"), "{ran}");
    assert!(fleet.is_alive(fleet.old()));
    git(&fleet, &["add", "inventory.yml"]);
    git(&fleet, &["commit", "--quiet", "--message", "begin"]);

    // There is no new token yet.
    let ran = rotate(&[], "");
    assert_ne!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("the old token is revoked") && ran.stderr.contains("--resume"), "{ran}");
    assert!(!fleet.is_alive(fleet.old()));
    assert_eq!(fleet.has("one"), Some(0));
    let ran = fleet.run(&["rotate", "--rollback"]);
    assert!(ran.code == 2 && ran.stderr.contains("there is no way back"), "{ran}");

    let ran = fleet.run_with(&["rotate", "--resume", "--yes", "--password-stdin", "--git-commit"], &new);
    assert_eq!(ran.code, 0, "{ran}");
    fleet.assert_rotated(&["one"], 1);
    assert_eq!(git(&fleet, &["status", "--porcelain", "inventory.yml"]), "");
    assert!(git(&fleet, &["log", "-1", "--format=%s"]).contains("Rotate the token of ghcr.io"));
}

fn git(fleet: &Fleet, words: &[&str]) -> String {
    run(fleet.home.command("git").args(words)).expect_success()
}
