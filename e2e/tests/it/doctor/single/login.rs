//! Hosts whose login or token is what is wrong, or what an organization allows it.

use pullpass_testing::ghcr::{Policy, Switches, Token, Visibility};

use super::super::scenario::{IMAGE, Scenario, USUAL, dead_login, good_login, in_days};
use crate::sample;

const PUBLIC: &[&str] = &["ghcr.io/midokura/public:v1"];
const PUSH: &[&str] = &[IMAGE, "--push"];
const PODMAN: &[&str] = &[IMAGE, "--podman"];

/// All of them.
pub(super) fn rows() -> Vec<Scenario> {
    [login(), token(), organization()].concat()
}

/// Logins that are dead, missing or elsewhere.
fn login() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "1 dead token, public image",
            host: dead_login,
            words: PUBLIC,
            expected: &["dead-login-on-public"],
            ..USUAL
        },
        Scenario { name: "2 dead token, private image", host: dead_login, expected: &["dead-login"], ..USUAL },
        Scenario {
            name: "2 expired token, private image",
            host: |host| {
                let token = host.token("octocat", Token::classic(&["read:packages"]).expired());
                host.podman(&[("ghcr.io", &token)]);
            },
            words: PODMAN,
            expected: &["dead-login"],
            ..USUAL
        },
        Scenario { name: "3 never logged in", expected: &["no-login"], ..USUAL },
        Scenario {
            name: "4 no such package, no login",
            words: &["ghcr.io/midokura/nothing:v1"],
            expected: &["no-such-package"],
            ..USUAL
        },
        Scenario {
            name: "4 no such package, with a login",
            host: good_login,
            words: &["ghcr.io/midokura/nothing:v1"],
            expected: &["no-such-package"],
            ..USUAL
        },
        Scenario {
            name: "4 no such owner",
            host: good_login,
            words: &["ghcr.io/midokuro/app:v1"],
            expected: &["no-such-package"],
            ..USUAL
        },
        Scenario {
            name: "5 no such tag",
            host: good_login,
            words: &["ghcr.io/midokura/app:v2"],
            expected: &["no-such-tag"],
            ..USUAL
        },
        Scenario {
            name: "6 no read role, a person's package",
            ghcr: |ghcr| ghcr.package("octocat/own", Visibility::Private, &["octocat"]).image("v1", &sample::image()),
            host: |host| {
                let token = host.token("hubot", Token::classic(&["read:packages"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            words: &["ghcr.io/octocat/own:v1"],
            expected: &["no-role"],
            ..USUAL
        },
        Scenario {
            name: "6 no read role, an organization's package",
            host: |host| {
                let token = host.token("hubot", Token::classic(&["read:packages"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["no-role/sso"],
            ..USUAL
        },
    ]
}

/// Tokens of the wrong kind, or with the wrong rights.
fn token() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "7 no scope read:packages",
            host: |host| {
                let token = host.token("octocat", Token::classic(&["repo"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["no-read-scope"],
            ..USUAL
        },
        Scenario {
            name: "8 no scope write:packages, push",
            ghcr: |ghcr| ghcr.writer("octocat"),
            host: good_login,
            words: PUSH,
            expected: &["no-write-scope"],
            ..USUAL
        },
        Scenario {
            name: "9 fine-grained token",
            host: |host| {
                let token = host.token("octocat", Token::fine_grained());
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["fine-grained-token"],
            ..USUAL
        },
        Scenario {
            name: "10 installation token of an app",
            host: |host| {
                let token = host.token("midokura", Token::installation());
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["installation-token/workflow-token"],
            ..USUAL
        },
        Scenario {
            name: "11 workflow token of another repository",
            host: |host| {
                let token = host.token("midokura", Token::workflow("midokura/other"));
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["installation-token/workflow-token"],
            ..USUAL
        },
        Scenario {
            name: "11 workflow token after its job",
            host: |host| {
                let token = host.token("midokura", Token::workflow("midokura/app"));
                host.site.ghcr().revoke(&token);
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["workflow-token/installation-token"],
            ..USUAL
        },
        Scenario {
            name: "16 push to a package without a write role",
            host: |host| {
                let token = host.token("octocat", Token::classic(&["write:packages"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            words: PUSH,
            expected: &["package-not-linked"],
            ..USUAL
        },
        Scenario {
            name: "17 organization lets nobody create packages",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::NoPackageCreation),
            host: |host| {
                let token = host.token("octocat", Token::classic(&["write:packages"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            words: &["ghcr.io/midokura/new:v1", "--push"],
            expected: &["no-such-package", "creation-disabled"],
            ..USUAL
        },
        Scenario {
            name: "18 password of an account",
            host: |host| {
                let password = host.secret("correct horse battery".to_owned());
                host.docker(&[("ghcr.io", &password)]);
            },
            expected: &["account-password"],
            ..USUAL
        },
        Scenario {
            name: "19 token cut off",
            host: |host| {
                let token = host.good();
                host.docker(&[("ghcr.io", &token[..30])]);
            },
            expected: &["mangled-token"],
            ..USUAL
        },
        Scenario {
            name: "19 token with a line break behind it",
            host: |host| {
                let token = host.good();
                host.docker(&[("ghcr.io", &format!("{token}\n"))]);
            },
            expected: &["mangled-token"],
            ..USUAL
        },
        Scenario {
            name: "19 token with a mistyped letter",
            host: |host| {
                let token = host.good();
                let swapped = if token.ends_with('0') { '1' } else { '0' };
                host.docker(&[("ghcr.io", &format!("{}{swapped}", &token[..token.len() - 1]))]);
            },
            expected: &["mangled-token"],
            ..USUAL
        },
        Scenario {
            name: "a refresh token",
            host: |host| {
                let token = host.good().replacen("ghp_", "ghr_", 1);
                let token = host.secret(token);
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["wrong-kind"],
            ..USUAL
        },
        Scenario {
            name: "a token that ends in three days",
            host: |host| {
                let token = host.token("octocat", Token::classic(&["read:packages"]).expires(in_days(3)));
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["expires-soon"],
            ..USUAL
        },
        Scenario {
            name: "a token that is seconds old",
            host: |host| {
                let fresh = Token::classic(&["read:packages"]).active_after(std::time::Duration::from_secs(600));
                let token = host.token("octocat", fresh);
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["not-active-yet/lockout"],
            ..USUAL
        },
    ]
}

/// What organizations decide.
fn organization() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "12 single sign-on",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::SingleSignOn),
            host: good_login,
            expected: &["sso"],
            ..USUAL
        },
        Scenario {
            name: "12 single sign-on, where GitHub hides what it protects",
            ghcr: |ghcr| {
                let switches = Switches { policies_hide: true, ..Switches::default() };
                ghcr.policy("midokura", Policy::SingleSignOn).switches(switches)
            },
            host: good_login,
            expected: &["no-role/sso"],
            ..USUAL
        },
        Scenario {
            name: "12 single sign-on, where GitHub hides it and says so",
            ghcr: |ghcr| {
                let switches = Switches { policies_hide: true, user_names_single_sign_on: true, ..Switches::default() };
                ghcr.policy("midokura", Policy::SingleSignOn).switches(switches)
            },
            host: good_login,
            expected: &["sso"],
            ..USUAL
        },
        Scenario {
            name: "14 OAuth app not approved, where GitHub hides it",
            ghcr: |ghcr| {
                let switches = Switches { policies_hide: true, ..Switches::default() };
                ghcr.policy("midokura", Policy::ApprovedAppsOnly).switches(switches)
            },
            host: |host| {
                let token = host.token("octocat", Token::oauth(&["read:packages"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["no-role/oauth-app-not-approved/sso"],
            ..USUAL
        },
        Scenario {
            name: "13 organization forbids classic tokens",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::NoClassicTokens),
            host: good_login,
            expected: &["token-policy"],
            ..USUAL
        },
        Scenario {
            name: "13 enterprise forbids long lives",
            ghcr: |ghcr| {
                ghcr.policy("midokura", Policy::MaximumLifetime { enterprise: "Midokura".to_owned(), days: 365 })
            },
            host: good_login,
            expected: &["token-policy"],
            ..USUAL
        },
        Scenario {
            name: "14 OAuth app not approved",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::ApprovedAppsOnly),
            host: |host| {
                let token = host.token("octocat", Token::oauth(&["read:packages"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["oauth-app-not-approved"],
            ..USUAL
        },
        Scenario {
            name: "15 IP allow list",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::IpAllowList),
            host: good_login,
            expected: &["ip-allow-list"],
            ..USUAL
        },
    ]
}
