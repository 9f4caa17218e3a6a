use jiff::{SignedDuration, Timestamp};
use pullpass_client::{
    Credential, Failure, Options, RegistryError,
    github::{self, Account, Answered, Limit, Owner, Package, Sso},
};
use pullpass_secrets::Secret;
use pullpass_testing::{
    canned::{self, Canned},
    ghcr::{Failing, Ghcr, Running, Switches, Token},
    github::Github,
};
use url::Url;

struct Site {
    ghcr: Running,
    github: Github,
}

impl Site {
    async fn new() -> Site {
        let ghcr = Ghcr::new().account("octocat").switches(Switches::default()).start().await;
        let github = Github::start(&ghcr).await;
        Site { ghcr, github }
    }

    async fn account(&self, token: &str) -> Result<Account, RegistryError> {
        account(&self.github.api, token).await
    }
}

async fn account(api: &Canned, token: &str) -> Result<Account, RegistryError> {
    let credential = Credential { user: "stored".to_owned(), secret: Secret::new(token.to_owned()) };
    github::account(&origin(api), &credential, Options::default()).await.result
}

fn origin(api: &Canned) -> Url {
    format!("{}/", api.origin()).parse().expect("an address")
}

fn stored() -> Credential {
    Credential { user: "stored".to_owned(), secret: Secret::new("secret".to_owned()) }
}

async fn package(api: &Canned, is_organization: bool, name: &str) -> Answered<Package> {
    let owner = Owner { login: "octo".to_owned(), is_organization };
    github::package(&origin(api), &owner, name, &stored(), Options::default()).await
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
        (429, "x-ratelimit-remaining", "17", None),
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

#[tokio::test]
async fn a_locked_out_account_is_not_taken_for_a_limit() {
    let message = "Maximum number of login attempts exceeded. Please try again later.";
    let body = format!(r#"{{"message":"{message}"}}"#);
    let headers = [("x-ratelimit-remaining", "0"), ("retry-after", "60")];
    let api = Canned::start(move |_| canned::response(403, &headers, body.clone())).await;
    let error = account(&api, "secret").await.expect_err("locked out");
    let Failure::AccessDenied(said) = error.failure else { panic!("{error}") };
    assert_eq!(said.errors[0].code, message);
}

#[tokio::test]
async fn refusals_come_with_the_headers_that_tell_why() {
    let page = "https://github.com/orgs/octo/sso?authorization_request=AB12=";
    let required = format!("required; url={page}");
    let headers = [
        ("x-github-sso", required.as_str()),
        ("x-ratelimit-limit", "5000"),
        ("x-ratelimit-remaining", "4987"),
        ("x-ratelimit-reset", "1790000000"),
    ];
    let refusal =
        canned::response(403, &headers, r#"{"message":"Resource protected by organization SAML enforcement."}"#);
    let api = Canned::start(move |_| refusal.clone()).await;
    let answered = package(&api, true, "app").await;
    let error = answered.result.expect_err("no access");
    assert!(matches!(error.failure, Failure::AccessDenied(_)), "{error}");
    assert_eq!(answered.sso, Some(Sso::Required { url: page.to_owned() }));
    let resets = Timestamp::from_second(1_790_000_000).ok();
    assert_eq!(answered.limit, Some(Limit { limit: 5000, remaining: 4987, resets }));
}

#[tokio::test]
async fn an_answer_may_leave_out_organisations() {
    let headers = [("x-github-sso", "partial-results; organizations=21955855,20582480")];
    let api = Canned::start(move |_| canned::response(200, &headers, r#"{"login":"octocat"}"#)).await;
    let answered = github::account(&origin(&api), &stored(), Options::default()).await;
    assert_eq!(answered.result.expect("alive").login, "octocat");
    assert_eq!(answered.sso, Some(Sso::Partial { organizations: vec![21_955_855, 20_582_480] }));
    assert_eq!(answered.limit, None);
}

#[tokio::test]
async fn an_owner_is_a_person_or_an_organisation_and_is_asked_for_without_a_token() {
    for (kind, is_organization) in [("User", false), ("Organization", true)] {
        let body = format!(r#"{{"login":"Octo","type":"{kind}"}}"#);
        let api = Canned::start(move |_| canned::json(200, &body)).await;
        let answered = github::owner(&origin(&api), "octo", Options::default()).await;
        let owner = answered.result.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(owner, Owner { login: "Octo".to_owned(), is_organization });
        let request = api.requests().remove(0);
        assert_eq!(request.target, "/users/octo");
        assert!(!request.headers.contains_key("authorization"));
    }
    let api = Canned::start(|_| canned::json(404, r#"{"message":"Not Found"}"#)).await;
    let error = github::owner(&origin(&api), "nobody", Options::default()).await.result.expect_err("nobody");
    assert!(matches!(error.failure, Failure::NotFound(_)), "{error}");
    assert_eq!(error.to_string(), format!("`{}` has no `nobody`: 404 not found", api.host()));
}

#[tokio::test]
async fn a_package_says_who_sees_it_and_what_it_is_linked_to() {
    let body = r#"{"visibility":"private","repository":{"full_name":"octo/app"},"html_url":"https://github.com/p"}"#;
    let api = Canned::start(move |_| canned::json(200, body)).await;
    let linked = package(&api, true, "app/web").await.result.unwrap_or_else(|error| panic!("{error}"));
    let expected = Package {
        visibility: "private".to_owned(),
        repository: Some("octo/app".to_owned()),
        html_url: Some("https://github.com/p".to_owned()),
    };
    assert_eq!(linked, expected);
    let request = api.requests().remove(0);
    assert_eq!(request.target, "/orgs/octo/packages/container/app%2Fweb", "a slash in a name is part of it");
    assert_eq!(request.header("authorization"), "Bearer secret");

    let api = Canned::start(|_| canned::json(200, r#"{"visibility":"public","repository":null}"#)).await;
    let lone = package(&api, false, "app").await.result.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((lone.visibility.as_str(), lone.repository, lone.html_url), ("public", None, None));
    assert_eq!(api.requests().remove(0).target, "/users/octo/packages/container/app");
}

#[test]
fn every_github_has_its_api_where_it_is_documented() {
    let at = |host| github::api(host).map(String::from);
    assert_eq!(at("github.com").as_deref(), Some(github::API));
    assert_eq!(at("GitHub.com").as_deref(), Some(github::API));
    assert_eq!(at("octo.ghe.com").as_deref(), Some("https://api.octo.ghe.com/"));
    assert_eq!(at("git.example.org:8443").as_deref(), Some("https://git.example.org:8443/api/v3/"));
    for no_host in ["", "git.example.org/octo", "user@git.example.org", "two words", "git.example.org?x", "https://a"] {
        assert_eq!(at(no_host), None, "{no_host}");
    }
}

#[tokio::test]
async fn an_enterprise_servers_questions_keep_the_path_of_its_api() {
    let api = Canned::start(|_| canned::json(200, r#"{"login":"octocat"}"#)).await;
    let url = origin(&api).join("api/v3/").expect("an address");
    github::account(&url, &stored(), Options::default()).await.result.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(api.requests().remove(0).target, "/api/v3/user");
}

#[tokio::test]
async fn whoever_has_a_token_can_revoke_it_and_sends_nothing_else() {
    let site = Site::new().await;
    let [one, other, kept] = [0; 3].map(|_| site.ghcr.token("octocat", Token::classic(&["read:packages"])));
    let api = origin(&site.github.api);
    let answered =
        github::revoke(&api, &[&one, &other].map(|text| Secret::new(text.clone())), Options::default()).await;
    answered.result.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answered.limit.map(|limit| (limit.limit, limit.remaining)), Some((60, 59)));
    let request = site.github.api.requests().remove(0);
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/credentials/revoke"));
    assert!(!request.headers.contains_key("authorization"), "GitHub answers 403 to whoever sends one");
    for dead in [&one, &other] {
        let error = site.account(dead).await.expect_err("dead");
        assert!(matches!(error.failure, Failure::CredentialRefused { .. }), "{error}");
    }
    assert!(site.account(&kept).await.is_ok());
}

#[tokio::test]
async fn a_revocation_that_github_does_not_take_is_an_error_without_the_token() {
    let site = Site::new().await;
    let api = origin(&site.github.api);
    let token = site.ghcr.token("octocat", Token::classic(&["read:packages"]));
    let tokens = |count| vec![Secret::new(token.clone()); count];
    for none in [0, github::MAX_REVOKED + 1] {
        let error = github::revoke(&api, &tokens(none), Options::default()).await.result.expect_err("not sent");
        assert!(error.to_string().contains("1 to 1000 tokens") && error.facts()[0].contains("POST"), "{error}");
    }
    assert!(site.github.api.requests().is_empty());
    assert!(github::revoke(&api, &tokens(github::MAX_REVOKED), Options::default()).await.result.is_ok());

    site.github.fail("/credentials/revoke", Failing::RateLimited);
    let error = github::revoke(&api, &tokens(1), Options::default()).await.result.expect_err("limited");
    assert!(matches!(error.failure, Failure::RateLimited { .. }), "{error}");
    for status in [200, 403, 404, 422, 302] {
        let body = format!(r#"{{"message":"no: {token}"}}"#);
        let refusing = Canned::start(move |_| canned::response(status, &[("location", "/user")], body.clone())).await;
        // So many that the first is not remembered.
        let many: Vec<Secret> = (0..100).map(|number| Secret::new(format!("other-{number}"))).collect();
        let tokens = [tokens(1), many].concat();
        let error = github::revoke(&origin(&refusing), &tokens, Options::default()).await.result.expect_err("refused");
        let said = format!("{error} {:?}", error.facts());
        assert!(said.contains("credentials/revoke") && !said.contains(&token), "{status} {said}");
        assert_eq!(refusing.requests().len(), 1, "it is sent once");
    }
}
