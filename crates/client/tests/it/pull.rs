use std::{fs, sync::Arc};

use pullpass_client::{
    Credential, Failure, Options, Stage,
    pull::{self, Attempt, Connection, Opened},
};
use pullpass_oci::{Digest, Image, Platform, Reference, media_type};
use pullpass_secrets::Secret;
use pullpass_testing::{
    canned::{self, Canned, Reply, Request},
    ghcr::{Ghcr, Running, Token, Visibility},
};
use tokio::task::JoinSet;

use crate::{challenge, credential, denied, ghcr, image, open_registry, token};

fn reference(server: &Canned, rest: &str) -> Reference {
    format!("{}/{rest}", server.host()).parse().expect("a reference")
}

/// An index with the sample image for `amd64` and another for `arm64`.
fn index(image: &Image) -> String {
    let entry = |digest: &Digest, architecture: &str, size: usize| {
        serde_json::json!({
            "mediaType": media_type::OCI_MANIFEST,
            "digest": digest.to_string(),
            "size": size,
            "platform": { "os": "linux", "architecture": architecture },
        })
    };
    serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": [
            entry(&Digest::sha256(b"arm"), "arm64", 3),
            entry(&image.digest(), "amd64", image.manifest.len()),
        ],
    })
    .to_string()
}

fn with_index(request: &Request) -> Reply {
    match request.path() {
        "/v2/o/n/manifests/multi" => {
            canned::response(200, &[("content-type", media_type::OCI_INDEX)], index(&image())).into()
        }
        _ => open_registry(request),
    }
}

#[tokio::test]
async fn an_attempt_records_each_step() {
    let server = Canned::start(ghcr).await;
    let (reference, credential) = (reference(&server, "o/n:1"), credential());
    // Spawned, because a server makes attempts from its own tasks.
    let attempt =
        tokio::spawn(async move { pull::attempt(&reference, "amd64", Some(&credential), Options::default()).await })
            .await
            .unwrap();
    let opened = attempt.outcome.unwrap();
    assert_eq!(opened.digest, image().digest());
    assert_eq!(opened.layers[0].digest, Digest::sha256(&image().layer));
    assert_eq!(attempt.is_credential_alive, Some(true));
    let steps: Vec<(Stage, Option<u16>)> = attempt.steps.iter().map(|step| (step.stage, step.status)).collect();
    // The first, over HTTPS, has no answer.
    assert_eq!(
        steps,
        [(Stage::Ping, None), (Stage::Ping, Some(401)), (Stage::Token, Some(200)), (Stage::Manifest, Some(200))]
    );
    assert!(attempt.steps[2].url.ends_with("/token?account=octocat&service=ghcr.io&scope=repository%3Ao%2Fn%3Apull"));
}

#[tokio::test]
async fn a_dead_credential_on_a_public_image_answers_three_questions() {
    let server = Canned::start(|request: &Request| match (request.path(), request.header("authorization")) {
        ("/token", "") => token(),
        ("/token", _) => denied("denied"),
        _ => ghcr(request),
    })
    .await;
    let reference = reference(&server, "o/n:1");
    let with = pull::attempt(&reference, "amd64", Some(&credential()), Options::default()).await;
    assert_eq!(with.is_credential_alive, Some(false));
    assert!(matches!(with.outcome.unwrap_err().failure, Failure::CredentialRefused { .. }));
    let without = pull::attempt(&reference, "amd64", None, Options::default()).await;
    assert_eq!(without.is_credential_alive, None);
    without.outcome.unwrap();
}

#[tokio::test]
async fn a_live_credential_without_access_to_a_private_image_answers_three_questions() {
    let server = Canned::start(|request: &Request| match (request.path(), request.header("authorization")) {
        ("/token", "") => challenge("/token"),
        (path, value) if path.contains("/manifests/") && !value.is_empty() => denied("permission denied: no grant"),
        _ => ghcr(request),
    })
    .await;
    let reference = reference(&server, "o/n:1");
    let with = pull::attempt(&reference, "amd64", Some(&credential()), Options::default()).await;
    assert_eq!(with.is_credential_alive, Some(true));
    assert!(matches!(with.outcome.unwrap_err().failure, Failure::AccessDenied(_)));
    let without = pull::attempt(&reference, "amd64", None, Options::default()).await;
    let error = without.outcome.unwrap_err();
    assert!(matches!(error.failure, Failure::AuthenticationRequired(_)), "{error}");
    assert_eq!(error.request.stage, Stage::Token);
}

#[tokio::test]
async fn of_an_index_the_image_for_the_platform_is_opened() {
    let server = Canned::start(with_index).await;
    let reference = reference(&server, "o/n:multi");
    let opened = pull::attempt(&reference, "amd64", None, Options::default()).await.outcome.unwrap();
    assert_eq!(opened.digest, Digest::sha256(index(&image()).as_bytes()));
    assert_eq!(opened.image.digest, image().digest());

    let error = pull::attempt(&reference, "riscv64", None, Options::default()).await.outcome.unwrap_err();
    assert_eq!(error.to_string(), "`o/n:multi` has no image for `linux/riscv64`, only for linux/arm64, linux/amd64");
}

#[tokio::test]
async fn what_is_no_manifest_is_named() {
    let server = Canned::start(|request: &Request| match request.path() {
        "/v2/" => open_registry(request),
        _ => canned::response(200, &[("content-type", "text/html")], "<html>").into(),
    })
    .await;
    let attempt = pull::attempt(&reference(&server, "o/n:1"), "amd64", None, Options::default()).await;
    let error = attempt.outcome.unwrap_err();
    assert!(error.to_string().ends_with("is no manifest: `text/html` is no media type of a manifest"), "{error}");
}

#[tokio::test]
async fn a_pull_leaves_an_image_layout() {
    let server = Canned::start(with_index).await;
    let directory = tempfile::tempdir().unwrap();
    let reference = reference(&server, "o/n:multi");
    let pulled = pull::pull(&reference, "amd64", None, Options::default(), directory.path()).await.outcome.unwrap();
    let Image { config, layer, manifest } = image();
    assert_eq!(pulled.bytes, (config.len() + layer.len()) as u64);
    for bytes in [config, layer, manifest.clone()] {
        let path = directory.path().join("blobs/sha256").join(Digest::sha256(&bytes).hex());
        assert_eq!(fs::read(path).unwrap(), bytes);
    }
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(directory.path().join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"][0]["digest"], Digest::sha256(&manifest).to_string());
    assert_eq!(index["manifests"][0]["size"], manifest.len());
    let layout: serde_json::Value =
        serde_json::from_slice(&fs::read(directory.path().join("oci-layout")).unwrap()).unwrap();
    assert_eq!(layout["imageLayoutVersion"], "1.0.0");

    // Again: the blobs are there.
    let again = pull::pull(&reference, "amd64", None, Options::default(), directory.path()).await.outcome.unwrap();
    assert_eq!(again.bytes, 0);
}

#[tokio::test]
async fn a_layer_with_other_bytes_is_not_kept() {
    let layer = Digest::sha256(&image().layer);
    let path = format!("/v2/o/n/blobs/{layer}");
    let server = Canned::start(move |request: &Request| match request.path() {
        asked if asked == path => canned::response(200, &[], vec![0; image().layer.len()]).into(),
        _ => open_registry(request),
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let reference = reference(&server, "o/n:1");
    let attempt = pull::pull(&reference, "amd64", None, Options::default(), directory.path()).await;
    let error = attempt.outcome.unwrap_err();
    assert!(matches!(error.failure, Failure::DigestMismatch { .. }), "{error}");
    let kept: Vec<_> = fs::read_dir(directory.path().join("blobs/sha256"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(kept, [Digest::sha256(&image().config).hex()]);
    assert!(!directory.path().join("index.json").exists());
}

/// A ghcr.io with three private packages of octocat's and a public one.
async fn packages() -> Running {
    let ghcr = Ghcr::new().account("octocat");
    let names = ["octocat/a", "octocat/b", "octocat/c"];
    let private = |ghcr: Ghcr, name| ghcr.package(name, Visibility::Private, &["octocat"]).image("1", &image());
    let ghcr = names.into_iter().fold(ghcr, private);
    ghcr.package("octocat/open", Visibility::Public, &[]).image("1", &image()).start().await
}

/// Asks for eight tags of each repository at the same time over one connection.
async fn ask_for_many(ghcr: &Running, repositories: &[&str], credential: Option<Credential>) -> Vec<Attempt<Opened>> {
    let registry = ghcr.registry.host().parse().expect("a registry");
    let connection = Connection::open(&registry, credential.as_ref(), Options::default()).await.outcome;
    let connection = Arc::new(connection.expect("a connection"));
    let platform: Arc<Platform> = Arc::new("linux/amd64".parse().expect("a platform"));
    let mut tasks = JoinSet::new();
    for repository in repositories.iter().flat_map(|name| [*name; 8]) {
        let (connection, platform) = (Arc::clone(&connection), Arc::clone(&platform));
        let reference: Reference = ghcr.reference(&format!("{repository}:1")).parse().expect("a reference");
        tasks.spawn(async move { connection.attempt(&reference, &platform).await });
    }
    tasks.join_all().await
}

fn token_requests(ghcr: &Running) -> usize {
    ghcr.registry.requests().iter().filter(|request| request.path() == "/token").count()
}

#[tokio::test]
async fn one_token_a_repository_is_asked_for_however_many_images_are_wanted_at_once() {
    let ghcr = packages().await;
    let secret = Secret::new(ghcr.token("octocat", Token::classic(&["read:packages"])));
    let credential = Credential { user: "octocat".to_owned(), secret };
    let attempts = ask_for_many(&ghcr, &["octocat/a", "octocat/b", "octocat/c"], Some(credential)).await;
    assert!(attempts.iter().all(|attempt| attempt.outcome.is_ok() && attempt.is_credential_alive == Some(true)));
    assert_eq!(token_requests(&ghcr), 3);
    // Each has its own requests in its record, and nobody else's.
    let recorded: Vec<usize> = attempts.iter().map(|attempt| attempt.steps.len()).collect();
    assert_eq!((recorded.iter().sum::<usize>(), recorded.iter().max()), (24 + 3, Some(&2)), "{recorded:?}");
}

#[tokio::test]
async fn of_a_package_that_does_not_open_that_is_asked_once_and_others_open_all_the_same() {
    let ghcr = packages().await;
    let attempts = ask_for_many(&ghcr, &["octocat/a", "octocat/open"], None).await;
    let opened = attempts.iter().filter(|attempt| attempt.outcome.is_ok()).count();
    let shut = attempts.iter().filter_map(|attempt| attempt.outcome.as_ref().err());
    let shut = shut.filter(|error| matches!(error.failure, Failure::AuthenticationRequired(_))).count();
    assert_eq!((opened, shut, token_requests(&ghcr)), (8, 8, 2));
}

#[tokio::test]
async fn a_dead_credential_is_sent_once_however_many_images_are_wanted_at_once() {
    let ghcr = packages().await;
    let attempts = ask_for_many(&ghcr, &["octocat/a", "octocat/b"], Some(credential())).await;
    let is_refused = |attempt: &Attempt<Opened>| {
        let error = attempt.outcome.as_ref().expect_err("it is dead");
        matches!(error.failure, Failure::CredentialRefused { .. })
    };
    assert!(attempts.iter().all(is_refused));
    assert_eq!(token_requests(&ghcr), 1);
}

#[tokio::test]
async fn of_several_variants_the_one_that_is_asked_for_is_opened() {
    let digests: Vec<Digest> = [b"v6", b"v7"].map(|bytes| Digest::sha256(bytes)).into();
    let manifest = |variant: &str, digest: &Digest| {
        serde_json::json!({
            "mediaType": media_type::OCI_MANIFEST, "digest": digest.to_string(), "size": 2,
            "platform": { "os": "linux", "architecture": "arm", "variant": variant },
        })
    };
    let manifests = [manifest("v6", &digests[0]), manifest("v7", &digests[1])];
    let index = serde_json::json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests });
    let server = Canned::start(move |request: &Request| match request.path() {
        "/v2/o/n/manifests/multi" => {
            canned::response(200, &[("content-type", media_type::OCI_INDEX)], index.to_string()).into()
        }
        _ => open_registry(request),
    })
    .await;
    let connection = Connection::open(&server.host().parse().unwrap(), None, Options::default()).await;
    let connection = connection.outcome.unwrap();
    for (platform, digest) in [("linux/arm", &digests[0]), ("linux/arm/v7", &digests[1])] {
        connection.attempt(&reference(&server, "o/n:multi"), &platform.parse().unwrap()).await;
        let log = server.log();
        assert!(log.last().unwrap().contains(&digest.to_string()), "{platform}: {log:?}");
    }
    let attempt = connection.attempt(&reference(&server, "o/n:multi"), &"linux/arm/v8".parse().unwrap()).await;
    assert!(matches!(attempt.outcome.unwrap_err().failure, Failure::NoPlatform { .. }));
}
