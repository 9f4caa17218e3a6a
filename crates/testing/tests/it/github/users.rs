//! `/users/LOGIN`

use super::Site;

// `GET /users/{owner}` (type User/Organization) | works anonymously 60/h
#[tokio::test]
async fn everybody_may_know_who_is_a_person_and_who_an_organization() {
    let site = Site::new().await;
    for (login, kind) in [("octocat", "User"), ("Midokura", "Organization")] {
        let found = site.ask(&format!("GET /users/{login}"), "").await;
        assert_eq!((found.status, &found.json()["type"]), (200, &kind.into()));
        assert_eq!(found.json()["login"], login.to_ascii_lowercase(), "as it was registered");
        assert_eq!(found.header("x-ratelimit-limit"), Some("60"));
    }
    let nobody = site.ask("GET /users/none-such", "").await;
    assert_eq!((nobody.status, &nobody.json()["message"]), (404, &"Not Found".into()));
}

// `GET /rate_limit` is free of primary quota.
#[tokio::test]
async fn asking_for_the_rest_of_the_quota_is_free() {
    let site = Site::new().await;
    let token = site.reader();
    assert_eq!(site.tell("GET /user", &token).await.header("x-ratelimit-used"), Some("1"));
    for _ in 0..2 {
        let left = site.tell("GET /rate_limit", &token).await.json();
        assert_eq!((&left["rate"]["remaining"], &left["resources"]["core"]["used"]), (&4999.into(), &1.into()));
    }
}
