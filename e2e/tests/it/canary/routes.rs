//! The requests of the hunt: each route of the server, in the ways in which it meets the token.

use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_oci::{Digest, Route, route::ManifestReference};
use pullpass_testing::run::run_with_input;

/// Every path below the server's routes, with every method and in every way of presenting the token, and says how many
/// requests that were. A new kind of route does not compile here, a new path does not pass.
pub(super) fn drive(registry: &str, token: &str) -> usize {
    let name: pullpass_oci::RepositoryName = "alice/app".parse().expect("a name");
    let digest = Digest::sha256(b"x");
    let routes = [
        Route::Root,
        Route::Manifest(name.clone(), ManifestReference::Tag("v1".parse().expect("a tag"))),
        Route::Manifest(name.clone(), ManifestReference::Digest(digest.clone())),
        Route::Blob(name.clone(), digest),
        Route::Uploads(name.clone()),
        Route::Upload(name.clone(), "00000000-0000-4000-8000-000000000000".to_owned()),
        Route::Tags(name),
    ];
    for route in &routes {
        match route {
            Route::Root
            | Route::Manifest(..)
            | Route::Blob(..)
            | Route::Uploads(..)
            | Route::Upload(..)
            | Route::Tags(..) => {}
        }
    }
    let source = include_str!("../../../../crates/server/src/routes.rs");
    let mounted: Vec<&str> = source.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(mounted, ["/token", "/v2", "/v2/", "/v2/{*rest}"], "every mounted path is driven");

    let mut paths: Vec<String> = routes.iter().map(Route::to_string).collect();
    paths.extend([
        "/token".to_owned(),
        "/v2".to_owned(),
        format!("/token?scope=repository:{token}:pull&account={token}"),
    ]);
    paths.extend([
        format!("/v2/{token}/manifests/{token}"),
        format!("/{token}"),
        format!("/v2/alice/app/blobs/uploads/{token}"),
    ]);
    let basic = |user: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")));
    let broken = format!("{token}x");
    let presented = [
        String::new(),
        basic("alice", token),
        basic(token, "x"),
        basic("alice", &broken),
        format!("Bearer {}", STANDARD.encode(token)),
        format!("Bearer {token}"),
        format!("Digest {token}"),
    ];
    let mut requests = 0;
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        for path in &paths {
            for authorization in &presented {
                let mut curl = Command::new("curl");
                curl.args([
                    "--silent",
                    "--max-time",
                    "10",
                    "--output",
                    "/dev/null",
                    "--dump-header",
                    "-",
                    "--request",
                    method,
                ]);
                curl.args(["--path-as-is", "--config", "-"]);
                // Read from standard input, so that the token is in no argument of this test either.
                let head = if method == "HEAD" { "head\n" } else { "" };
                let config =
                    format!("url = \"http://{registry}{path}\"\nheader = \"Authorization: {authorization}\"\n{head}");
                let ran = run_with_input(&mut curl, &config);
                assert_eq!(ran.code, 0, "{method} {} is answered: {}", path.replace(token, "TOKEN"), ran.stderr);
                assert!(
                    !ran.stdout.contains(token) && ran.stdout.starts_with("HTTP/1.1 "),
                    "{method}: {}",
                    ran.stdout.replace(token, "TOKEN")
                );
                requests += 1;
            }
        }
    }
    requests
}
