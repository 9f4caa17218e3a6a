use jiff::{SignedDuration, Timestamp};
use pullpass_client::{
    Credential, Failure, Options, RegistryError,
    github::{self, Account},
};
use pullpass_secrets::Secret;
use pullpass_testing::{
    canned::{self, Canned},
    ghcr::{Ghcr, Running, Switches, Token},
    github::Github,
};

struct Site {
    ghcr: Running,
    github: Github,
}

impl Site {
    async fn new() -> Site {
        let ghcr = Ghcr::new().account("octocat").switches(Switches::default()).start().await;
        let github = Github::start(&ghcr.accounts).await;
        Site { ghcr, github }
    }

    async fn account(&self, token: &str) -> Result<Account, RegistryError> {
        account(&self.github.api, token).await
    }
}

async fn account(api: &Canned, token: &str) -> Result<Account, RegistryError> {
    let api = format!("{}/", api.origin()).parse().expect("an address");
    let credential = Credential { user: "stored".to_owned(), secret: Secret::new(token.to_owned()) };
    github::account(&api, &credential, Options::default()).await
}

fn in_days(days: i64) -> Timestamp {
    // The header has whole seconds.
    let now = Timestamp::from_second(Timestamp::now().as_second()).expect("now");
    now + SignedDuration::from_hours(24 * days)
}

#[tokio::test]
async fn a_living_token_has_an_account_scopes_and_an_end() {
    let site = Site::new().await;
    let at = in_days(30);
    let token = site.ghcr.token("octocat", Token::classic(&["repo", "read:packages", "write:packages"]).expires(at));
    let found = site.account(&token).await.unwrap_or_else(|error| panic!("{error}"));
    let scopes = Some(vec!["repo".to_owned(), "write:packages".to_owned()]);
    assert_eq!(found, Account { login: "octocat".to_owned(), scopes, expires: Some(at) });
    let request = site.github.api.requests().remove(0);
    assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/user"));
    assert_eq!(request.header("authorization"), format!("Bearer {token}"), "as it is, not in base64");
    assert_eq!(request.header("x-github-api-version"), "2022-11-28");
    assert!(request.header("user-agent").contains("pullpass"), "GitHub answers nobody without a name");
}

#[tokio::test]
async fn a_token_without_scopes_differs_from_one_of_a_kind_that_has_none() {
    let site = Site::new().await;
    let classic = site.account(&site.ghcr.token("octocat", Token::classic(&[]))).await.expect("alive");
    assert_eq!((classic.scopes, classic.expires), (Some(Vec::new()), None));
    // Of these GitHub writes the end in the account's own time zone.
    let at = in_days(7);
    let fine = site.account(&site.ghcr.token("octocat", Token::fine_grained().expires(at))).await.expect("alive");
    assert_eq!((fine.scopes, fine.expires), (None, Some(at)));
}

#[tokio::test]
async fn a_dead_token_is_refused_and_asked_for_once() {
    let site = Site::new().await;
    let token = site.ghcr.token("octocat", Token::classic(&["read:packages"]));
    site.ghcr.revoke(&token);
    let error = site.account(&token).await.expect_err("dead");
    assert!(matches!(error.failure, Failure::CredentialRefused { .. }), "{error}");
    let host = site.github.api.host();
    assert_eq!(error.to_string(), format!("`{host}` refused the credential of `stored`: 401 bad credentials"));
    assert_eq!(site.github.api.requests().len(), 1);
}

#[tokio::test]
async fn an_installation_token_has_no_account() {
    let site = Site::new().await;
    let error = site.account(&site.ghcr.token("octocat", Token::installation())).await.expect_err("no account");
    assert!(matches!(error.failure, Failure::AccessDenied(_)), "{error}");
}

#[tokio::test]
async fn a_limit_on_requests_is_not_taken_for_a_dead_token() {
    let body = r#"{"message":"API rate limit exceeded for user ID 1."}"#;
    for (status, header, value, wait) in [
        (403, "x-ratelimit-remaining", "0", None),
        (429, "retry-after", "60", Some(60)),
        (403, "retry-after", "7", Some(7)),
    ] {
        let api = Canned::start(move |_| canned::response(status, &[(header, value)], body)).await;
        let error = account(&api, "secret").await.expect_err("limited");
        let Failure::RateLimited { retry_after, .. } = &error.failure else { panic!("{error}") };
        assert_eq!(retry_after.map(|wait| wait.as_secs()), wait);
    }
}

#[tokio::test]
async fn no_answer_makes_an_error_repeat_the_token() {
    const CANARY: &str = "canary-token-51c3";
    for (status, body) in
        [(200, CANARY), (200, "[]"), (401, "{\"message\":\"canary-token-51c3\\u001b[31m\"}"), (302, "")]
    {
        let headers = [("location", "http://127.0.0.2:1/user")];
        let api = Canned::start(move |_| canned::response(status, &headers, body)).await;
        let error = account(&api, CANARY).await.expect_err("no answer");
        let said = format!("{error} {:?}", error.facts());
        assert!(!said.contains(CANARY) && !said.contains('\u{1b}'), "{said}");
    }
    let api = Canned::start(|_| canned::json(200, "{}")).await;
    let error = account(&api, "two\nlines").await.expect_err("no token");
    assert!(error.to_string().contains("line break"), "{error}");
    assert!(api.requests().is_empty(), "nothing is sent that no header can carry");
}
