//! What organizations forbid, in the words of api.github.com and of ghcr.io.

use jiff::{SignedDuration, Timestamp};
use pullpass_testing::ghcr::{Policy, PolicyRefusal, Switches, Token, Visibility};

use super::{PACKAGE, Site};
use crate::Answer;

async fn site(policy: Policy) -> Site {
    switched(policy, Switches::default()).await
}

async fn switched(policy: Policy, switches: Switches) -> Site {
    Site::with(|ghcr| {
        ghcr.policy("midokura", policy).package("midokura/open", Visibility::Public, &[]).switches(switches)
    })
    .await
}

fn message(answer: &Answer) -> String {
    answer.json()["message"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

// REST gives 403 + header `X-GitHub-SSO: required; url=https://github.com/orgs/O/sso?authorization_request=...`. Body
// `Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this
// organization.`
#[tokio::test]
async fn a_token_is_authorised_for_single_sign_on_or_told_where() {
    let site = site(Policy::SingleSignOn).await;
    let token = site.reader();
    let refused = site.tell(PACKAGE, &token).await;
    assert_eq!(refused.status, 403);
    let header = refused.header("x-github-sso").expect("where to authorise it");
    let request = header.strip_prefix("required; url=https://github.com/orgs/midokura/sso?authorization_request=");
    assert!(request.is_some_and(|request| request.len() >= 32), "{header}");
    assert_eq!(
        message(&refused),
        "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to \
         this organization."
    );
    let user = site.tell("GET /user", &token).await;
    assert_eq!((user.status, user.header("x-github-sso")), (200, None), "for one organization only");

    site.ghcr.authorise(&token, "midokura");
    assert_eq!(site.tell(PACKAGE, &token).await.status, 200);
    let authorised = site.ghcr.token("octocat", Token::oauth(&["read:packages"]).authorised("midokura"));
    assert_eq!(site.tell(PACKAGE, &authorised).await.status, 200);
    let outsider = site.ghcr.token("hubot", Token::classic(&["read:packages"]));
    assert_eq!(site.tell(PACKAGE, &outsider).await.status, 404, "who is no member signs on nowhere");
}

// or 404, or 200 with `X-GitHub-SSO: partial-results; organizations=21955855,20582480`
#[tokio::test]
async fn single_sign_on_hides_or_counts_when_switched_so() {
    let switches = Switches { policies_hide: true, user_names_single_sign_on: true, ..Switches::default() };
    let site = switched(Policy::SingleSignOn, switches).await;
    let token = site.reader();
    let hidden = site.tell(PACKAGE, &token).await;
    assert_eq!((hidden.status, hidden.header("x-github-sso")), (404, None));
    let id = site.ask("GET /users/midokura", "").await.json()["id"].clone();
    let user = site.tell("GET /user", &token).await;
    assert_eq!(user.header("x-github-sso"), Some(&*format!("partial-results; organizations={id}")));
    site.ghcr.authorise(&token, "midokura");
    assert_eq!(site.tell("GET /user", &token).await.header("x-github-sso"), None);
}

// Org/enterprise policy texts (403 JSON from api.github.com) [V]
#[tokio::test]
async fn classic_tokens_are_forbidden_in_githubs_words() {
    let site = site(Policy::NoClassicTokens).await;
    let refused = site.tell(PACKAGE, &site.reader()).await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        message(&refused),
        "`midokura` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a \
         personal access token with fine-grained permissions."
    );
    assert_eq!(site.tell("GET /user", &site.reader()).await.status, 200);
    let oauth = site.ghcr.token("octocat", Token::oauth(&["read:packages"]));
    assert_eq!(site.tell(PACKAGE, &oauth).await.status, 200, "only gho_/GITHUB_TOKEN");
}

#[tokio::test]
async fn a_long_lifetime_is_forbidden_with_the_page_to_change_it() {
    let site = site(Policy::MaximumLifetime { enterprise: "octo-corp".to_owned(), days: 365 }).await;
    let in_days = |days: i64| Timestamp::now() + SignedDuration::from_hours(24 * days);
    let short = site.ghcr.token("octocat", Token::classic(&["read:packages"]).expires(in_days(365)));
    assert_eq!(site.tell(PACKAGE, &short).await.status, 200);
    let long = site.ghcr.token("octocat", Token::classic(&["read:packages"]).expires(in_days(366)));
    for token in [long, site.reader()] {
        let refused = message(&site.tell(PACKAGE, &token).await);
        let (words, number) = refused.rsplit_once('/').expect("an address");
        assert_eq!(
            words,
            "The 'octo-corp' enterprise forbids access via a personal access tokens (classic) if the token's lifetime is \
             greater than 365 days. Please adjust your token's lifetime at the following URL: \
             https://github.com/settings/tokens"
        );
        assert!(number.parse::<u32>().is_ok(), "{number}");
    }
}

// OAuth app not approved by org (gho_): U ok, P 403/404, personal packages ok.
#[tokio::test]
async fn an_oauth_app_has_to_be_approved() {
    let site = site(Policy::ApprovedAppsOnly).await;
    let oauth = site.ghcr.token("octocat", Token::oauth(&["read:packages"]));
    let refused = site.tell(PACKAGE, &oauth).await;
    assert_eq!(refused.status, 403);
    assert!(message(&refused).contains("the `midokura` organization has enabled OAuth App access restrictions"));
    assert_eq!(site.tell("GET /user", &oauth).await.status, 200);
    assert_eq!(site.tell(PACKAGE, &site.reader()).await.status, 200);
}

// IP allow list (GHEC): REST 403
#[tokio::test]
async fn an_ip_allow_list_is_named() {
    let site = site(Policy::IpAllowList).await;
    let refused = site.tell(PACKAGE, &site.reader()).await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        message(&refused),
        "Although you appear to have the correct authorization credentials, the `midokura` organization has an IP \
         allow list enabled, and your IP address is not permitted to access this resource."
    );
    site.ghcr.lift_policies("midokura");
    assert_eq!(site.tell(PACKAGE, &site.reader()).await.status, 200);
}

// What ghcr.io itself says in these cases: not found [U]
#[tokio::test]
async fn the_registry_knows_the_token_and_refuses_the_package() {
    let policies = [
        Policy::SingleSignOn,
        Policy::NoClassicTokens,
        Policy::MaximumLifetime { enterprise: "octo-corp".to_owned(), days: 365 },
        Policy::IpAllowList,
    ];
    let refusals = [
        (PolicyRefusal::NoAccess, 403, "requested access to the resource is denied"),
        (PolicyRefusal::Denied, 403, "denied"),
        (PolicyRefusal::Unauthorized, 401, "authentication required"),
    ];
    for policy in policies {
        for (policy_refusal, status, message) in refusals {
            let site = switched(policy.clone(), Switches { policy_refusal, ..Switches::default() }).await;
            let token = site.ghcr.token("octocat", Token::classic(&["write:packages"]));
            let basic = crate::ghcr::basic("octocat", &token);
            assert_eq!(site.registry("GET /token", &basic).await.status, 200);
            let asked = [
                "GET /v2/midokura/hello/manifests/v1",
                "GET /v2/midokura/open/manifests/v1",
                "POST /v2/midokura/new/blobs/uploads/",
            ];
            for asked in asked {
                let refused = site.pull(asked, &token).await;
                assert_eq!((refused.status, refused.message().as_str()), (status, message), "{policy:?} {asked}");
            }
        }
    }
    let site = switched(Policy::NoClassicTokens, Switches { public_ignores_policies: true, ..Switches::default() });
    let site = site.await;
    assert_eq!(site.pull("GET /v2/midokura/open/tags/list", &site.reader()).await.status, 200);
    assert_eq!(site.pull("GET /v2/midokura/hello/tags/list", &site.reader()).await.status, 403);
}
