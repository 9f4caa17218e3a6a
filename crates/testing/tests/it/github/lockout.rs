//! Too many bad tries, and tokens that one host knows before the other.

use std::time::Duration;

use pullpass_testing::ghcr::{Switches, Token};

use super::Site;
use crate::ghcr::basic;

const LOCKED: &str = "Maximum number of login attempts exceeded. Please try again later.";

// several bad-credential requests in a short time => ALL authentication for that user is answered 403 for a while, even
// valid ones. [D]
#[tokio::test]
async fn several_bad_tries_lock_an_account_out_for_a_while() {
    let switches = Switches { login_attempts: 3, lockout: Duration::from_millis(400), ..Switches::default() };
    let site = Site::with(|ghcr| ghcr.switches(switches)).await;
    let (dead, alive) = (site.reader(), site.reader());
    site.ghcr.revoke(&dead);
    for _ in 0..3 {
        assert_eq!(site.tell("GET /user", &dead).await.status, 401);
    }
    for token in [&dead, &alive] {
        let refused = site.tell("GET /user", token).await;
        assert_eq!((refused.status, &refused.json()["message"]), (403, &LOCKED.into()));
    }
    assert_eq!(site.ask("GET /users/octocat", "").await.status, 200, "nobody is locked out");
    let other = site.ghcr.token("hubot", Token::classic(&[]));
    assert_eq!(site.tell("GET /user", &other).await.status, 200);
    assert_eq!(site.registry("GET /token", &basic("octocat", &alive)).await.status, 200);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(site.tell("GET /user", &alive).await.status, 200);
}

#[tokio::test]
async fn what_never_was_a_token_locks_out_its_like() {
    let site = Site::with(|ghcr| ghcr.switches(Switches { login_attempts: 1, ..Switches::default() })).await;
    assert_eq!(site.tell("GET /user", "guessed").await.status, 401);
    assert_eq!(site.tell("GET /user", "guessed again").await.status, 403);
    assert_eq!(site.tell("GET /user", &site.reader()).await.status, 200);
}

#[tokio::test]
async fn a_lockout_reaches_the_registry_when_switched_so() {
    let site = Site::with(|ghcr| ghcr.switches(Switches { lockout_reaches_registry: true, ..Switches::default() }));
    let site = site.await;
    let token = site.reader();
    assert_eq!(site.registry("GET /token", &basic("octocat", &token)).await.status, 200);
    site.ghcr.lock_out("octocat");
    assert_eq!(site.tell("GET /user", &token).await.status, 403);
    let refused = site.registry("GET /token", &basic("octocat", &token)).await;
    assert_eq!((refused.status, refused.message()), (403, "denied".to_owned()));
}

#[tokio::test]
async fn a_fresh_token_reaches_one_host_before_the_other() {
    let site = Site::new().await;
    let soon = Duration::from_millis(400);
    let at_github = site.ghcr.token("octocat", Token::classic(&["read:packages"]).active_after(soon));
    let at_ghcr = site.ghcr.token("octocat", Token::classic(&["read:packages"]).known_after(soon));
    for (token, registry, api) in [(&at_github, 403, 200), (&at_ghcr, 200, 401)] {
        assert_eq!(site.registry("GET /token", &basic("octocat", token)).await.status, registry);
        assert_eq!(site.tell("GET /user", token).await.status, api);
    }
    tokio::time::sleep(soon).await;
    for token in [at_github, at_ghcr] {
        assert_eq!(site.registry("GET /token", &basic("octocat", &token)).await.status, 200);
        assert_eq!(site.tell("GET /user", &token).await.status, 200);
    }
}
