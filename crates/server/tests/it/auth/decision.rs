//! The table of who may do what, over every route.

use pullpass_oci::Digest;
use pullpass_server::PatScope;
use reqwest::{Method, StatusCode};

use crate::support::{Answer, Pat, Running};

/// How a caller presents a token.
#[derive(Clone, Copy, Debug)]
enum By {
    Basic,
    BearerPat,
    Token,
}

const WAYS: [By; 3] = [By::Basic, By::BearerPat, By::Token];

struct Table {
    server: Running,
    digest: Digest,
    layer: Digest,
}

impl Table {
    /// `alice/private` and `alice/public` with the same image; users `alice` and `bob`.
    async fn new() -> Table {
        let server = Running::start().await;
        let alice = server.alice().await;
        server.user("bob").await;
        let image = server.push_image("alice/private", "1", b"contents", &alice).await;
        server.push_image("alice/public", "1", b"contents", &alice).await;
        server.publish("alice/public").await;
        Table { server, digest: image.digest(), layer: Digest::sha256(&image.layer) }
    }

    /// Every route with a name in it, with what it needs. Requests that would change something name what is not there.
    fn routes(&self, package: &str) -> Vec<(Method, String, PatScope)> {
        use PatScope::{Delete, Read, Write};
        let (digest, layer) = (&self.digest, &self.layer);
        let absent = Digest::sha256(b"absent");
        let session = "00000000-0000-4000-8000-000000000000";
        let mut routes = Vec::new();
        for method in [Method::GET, Method::HEAD] {
            for path in [
                "manifests/1".to_owned(),
                "manifests/none".to_owned(),
                format!("manifests/{digest}"),
                format!("blobs/{layer}"),
                format!("blobs/{absent}"),
                "tags/list".to_owned(),
            ] {
                routes.push((method.clone(), path, Read));
            }
            routes.push((method, format!("blobs/uploads/{session}"), Write));
        }
        for (method, path, scope) in [
            (Method::POST, "blobs/uploads/".to_owned(), Write),
            (Method::POST, format!("blobs/uploads/?digest={absent}"), Write),
            (Method::POST, format!("blobs/uploads/?mount={layer}&from=alice/private"), Write),
            (Method::PATCH, format!("blobs/uploads/{session}"), Write),
            (Method::PUT, format!("blobs/uploads/{session}?digest={absent}"), Write),
            (Method::DELETE, format!("blobs/uploads/{session}"), Write),
            (Method::PUT, "manifests/new".to_owned(), Write),
            (Method::DELETE, "manifests/none".to_owned(), Delete),
            (Method::DELETE, format!("manifests/{absent}"), Delete),
            (Method::DELETE, format!("blobs/{absent}"), Delete),
        ] {
            routes.push((method, path, scope));
        }
        routes.into_iter().map(|(method, path, scope)| (method, format!("/v2/{package}/{path}"), scope)).collect()
    }

    async fn ask(&self, method: &Method, path: &str, needed: PatScope, pat: Option<&Pat>, by: By) -> Answer {
        let request = self.server.request(method.clone(), path, None);
        let request = match (pat, by) {
            (None, By::Basic | By::BearerPat) => request,
            (Some(pat), By::Basic) => request.basic_auth("x", Some(&pat.text)),
            (Some(pat), By::BearerPat) => {
                use base64::{Engine, engine::general_purpose::STANDARD};
                request.bearer_auth(STANDARD.encode(format!("x:{}", pat.text)))
            }
            (pat, By::Token) => {
                let package: Vec<&str> = path.trim_start_matches("/v2/").split('/').take(2).collect();
                let actions = match needed {
                    PatScope::Read => "pull",
                    PatScope::Write => "pull,push",
                    PatScope::Delete => "delete",
                };
                let query = format!("scope=repository:{}:{actions}", package.join("/"));
                request.bearer_auth(self.server.bearer(&query, pat).await)
            }
        };
        Answer::of(request).await
    }
}

fn may(scopes: &[PatScope], needed: PatScope) -> bool {
    scopes.contains(&needed) || (needed == PatScope::Read && scopes.contains(&PatScope::Write))
}

#[tokio::test]
async fn everybody_gets_what_the_rules_say_however_they_present_it() {
    use PatScope::{Delete, Read, Write};
    let table = Table::new().await;
    let server = &table.server;
    for user in [None, Some("alice"), Some("bob")] {
        for scopes in [&[Read][..], &[Write], &[Delete], &[Read, Delete], &[Write, Delete]] {
            if user.is_none() && scopes != [Read] {
                continue;
            }
            let pat = match user {
                Some(user) => Some(server.token(user, scopes, None).await),
                None => None,
            };
            for package in ["alice/private", "alice/public", "alice/missing"] {
                for (method, path, needed) in table.routes(package) {
                    let is_public = package == "alice/public" && needed == Read;
                    let expected = match user {
                        _ if is_public => None,
                        None => Some((StatusCode::UNAUTHORIZED, "UNAUTHORIZED")),
                        Some("alice") if may(scopes, needed) => None,
                        _ => Some((StatusCode::FORBIDDEN, "DENIED")),
                    };
                    for by in WAYS {
                        let answer = table.ask(&method, &path, needed, pat.as_ref(), by).await;
                        let case = format!("{user:?} {scopes:?} {by:?} {method} {path}: {}", answer.text());
                        match expected {
                            Some((status, code)) => {
                                assert_eq!(answer.status, status, "{case}");
                                let has_challenge = answer.headers.contains_key("www-authenticate");
                                assert_eq!(has_challenge, status == StatusCode::UNAUTHORIZED, "{case}");
                                assert!(method == Method::HEAD || answer.code() == code, "{case}");
                            }
                            None => {
                                let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
                                assert!(!refused.contains(&answer.status), "{case}");
                            }
                        }
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_dead_credential_opens_nothing_not_even_what_is_public() {
    let table = Table::new().await;
    let server = &table.server;
    let revoked = server.token("alice", &crate::support::ALL, None).await;
    let expired = server.token("alice", &crate::support::ALL, Some(server.now() + 1)).await;
    server.revoke(&revoked).await;
    server.advance(1);
    for pat in [&revoked, &expired] {
        for package in ["alice/private", "alice/public", "alice/missing"] {
            for (method, path, needed) in table.routes(package) {
                for by in [By::Basic, By::BearerPat] {
                    let answer = table.ask(&method, &path, needed, Some(pat), by).await;
                    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
                    answer.challenge();
                }
            }
        }
    }
}

#[tokio::test]
async fn a_hidden_package_and_a_missing_one_are_the_same_to_the_byte() {
    let table = Table::new().await;
    let server = &table.server;
    let bob = server.token("bob", &crate::support::ALL, None).await;
    let narrow = server.token("alice", &[PatScope::Delete], None).await;
    for (authorization, is_owner) in [(String::new(), false), (bob.text, false), (narrow.text, true)] {
        let mut compared = 0;
        for ((method, hidden, needed), (_, missing, _)) in
            table.routes("alice/private").into_iter().zip(table.routes("alice/missing"))
        {
            // The owner may know what is there; with this token, only by deleting.
            if is_owner && needed == PatScope::Delete {
                continue;
            }
            compared += 1;
            let mut answers = Vec::new();
            for path in [hidden, missing] {
                let login = match authorization.as_str() {
                    "" => String::new(),
                    token => format!("authorization: Bearer {token}\r\n"),
                };
                let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{login}");
                let answer = server.raw(&format!("{head}content-length: 0\r\n\r\n")).await;
                let lines = answer.lines().filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
                let comparable: Vec<String> =
                    lines.map(|line| line.replace("alice/missing", "alice/private")).collect();
                answers.push(comparable);
            }
            let length = |answer: &[String]| answer.iter().position(|line| line.starts_with("content-length"));
            assert!(length(&answers[0]).is_some(), "{:?}", answers[0]);
            assert_eq!(answers[0], answers[1], "{method}");
            assert!(answers[0][0].contains("401") || answers[0][0].contains("403"), "{:?}", answers[0]);
        }
        assert!(compared > 10);
    }
}

#[tokio::test]
async fn refusals_name_the_cause_and_the_way_out() {
    let table = Table::new().await;
    let server = &table.server;
    let reader = server.token("alice", &[PatScope::Read], None).await;
    let answer = Answer::of(server.request(Method::POST, "/v2/alice/private/blobs/uploads/", Some(&reader))).await;
    assert_eq!(
        answer.message(),
        "permission denied: the token has no scope `write:packages`: create one that has with `pullpass token new`"
    );
    let bob = server.token("bob", &crate::support::ALL, None).await;
    let answer = server.get("/v2/alice/private/tags/list", Some(&bob)).await;
    assert!(answer.message().starts_with("permission denied: the package does not exist or "), "{}", answer.message());
    let answer = server.get("/v2/bob/missing/tags/list", Some(&bob)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "NAME_UNKNOWN"));
}

#[tokio::test]
async fn only_a_name_below_ones_own_is_ones_own() {
    let server = Running::start().await;
    server.user("al").await;
    let al = server.token("al", &crate::support::ALL, None).await;
    for package in ["alice/app", "al", "al-ice/app", "bob/al/app"] {
        let path = format!("/v2/{package}/blobs/uploads/");
        let answer = Answer::of(server.request(Method::POST, &path, Some(&al))).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{package}");
    }
}

#[tokio::test]
async fn a_package_that_is_no_longer_public_closes_at_once() {
    let table = Table::new().await;
    let server = &table.server;
    let bearer = server.bearer("scope=repository:alice/public:pull", None).await;
    let path = "/v2/alice/public/manifests/1";
    let ask = || server.request(Method::GET, path, None).bearer_auth(&bearer);
    assert_eq!(Answer::of(ask()).await.status, StatusCode::OK);
    let private = pullpass_server::Visibility::Private;
    let request =
        pullpass_server::admin::Request::PackageSetVisibility { name: "alice/public".to_owned(), visibility: private };
    assert!(server.admin(request).await.is_ok());
    assert_eq!(Answer::of(ask()).await.status, StatusCode::UNAUTHORIZED);
}
