mod auth;
mod diagnosis;
mod github;
mod http;
mod pull;
mod registry;

use pullpass_client::{Credential, Options, Registry, RegistryError};
use pullpass_oci::{Digest, Image, RepositoryName, media_type, route::ManifestReference};
use pullpass_secrets::Secret;
use pullpass_testing::canned::{self, Canned, Reply, Request};

/// What no request to a stranger and no error may show.
const CANARY: &str = "canary-password-7d1f";
const TOKEN: &str = "canary-bearer-93ac";

fn credential() -> Credential {
    Credential { user: "octocat".to_owned(), secret: Secret::new(CANARY.to_owned()) }
}

fn image() -> Image {
    Image::with_file("amd64", "hello", b"hello\n")
}

fn name() -> RepositoryName {
    "o/n".parse().expect("a name")
}

fn tag() -> ManifestReference {
    "1".parse().expect("a tag")
}

async fn connect_to(host: &str, credential: Option<Credential>) -> Result<Registry, RegistryError> {
    Registry::connect(&host.parse().expect("a registry"), credential, Options::default()).await
}

async fn connect(server: &Canned, credential: Option<Credential>) -> Registry {
    connect_to(&server.host(), credential).await.unwrap_or_else(|error| panic!("{error}"))
}

/// The error of something that must fail and whose value cannot be printed.
fn failure<T>(result: Result<T, RegistryError>) -> RegistryError {
    result.err().expect("this must fail")
}

/// The 401 of a registry with a token service, with the scope that ghcr.io writes at `/v2/`.
fn challenge(realm: &str) -> Reply {
    challenge_for(realm, "repository:user/image:pull")
}

fn challenge_for(realm: &str, scope: &str) -> Reply {
    let value = format!(r#"Bearer realm="{realm}",service="ghcr.io",scope="{scope}""#);
    let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
    canned::response(401, &[("www-authenticate", &value), ("content-type", "application/json")], body).into()
}

fn denied(message: &str) -> Reply {
    canned::json(403, &format!(r#"{{"errors":[{{"code":"DENIED","message":"{message}"}}]}}"#)).into()
}

fn token() -> Reply {
    canned::json(200, &format!("{{\"token\":\"{TOKEN}\"}}\n")).into()
}

fn manifest(bytes: &[u8]) -> Reply {
    let digest = Digest::sha256(bytes).to_string();
    let headers = [("content-type", media_type::OCI_MANIFEST), ("docker-content-digest", digest.as_str())];
    canned::response(200, &headers, bytes.to_vec()).into()
}

fn not_found() -> Reply {
    canned::json(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#).into()
}

/// What a registry without any login answers for the sample image.
fn open_registry(request: &Request) -> Reply {
    let Image { config, layer, manifest: bytes } = image();
    let blob = |bytes: &Vec<u8>| format!("/v2/o/n/blobs/{}", Digest::sha256(bytes));
    match request.path() {
        "/v2/" => canned::json(200, "{}").into(),
        "/v2/o/n/manifests/1" => manifest(&bytes),
        path if path == format!("/v2/o/n/manifests/{}", image().digest()) => manifest(&bytes),
        path if path == blob(&config) => canned::response(200, &[], config).into(),
        path if path == blob(&layer) => canned::response(200, &[], layer).into(),
        _ => not_found(),
    }
}

/// The same behind a token service as ghcr.io's: `/token` looks at the credential alone.
fn ghcr(request: &Request) -> Reply {
    let basic = format!("Basic {}", encoded());
    match (request.path(), request.header("authorization")) {
        ("/token", value) if value == basic => token(),
        ("/token", "") => challenge(&format!("{}/token", request.origin)),
        ("/token", _) => denied("denied"),
        (_, value) if value == format!("Bearer {TOKEN}") => open_registry(request),
        _ => challenge(&format!("{}/token", request.origin)),
    }
}

fn encoded() -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(format!("octocat:{CANARY}"))
}

/// Fails when an error shows any secret in any way.
fn assert_keeps_secrets(error: &RegistryError) {
    let mut texts = vec![format!("{error}"), format!("{error:?}"), format!("{error:#?}"), error.facts().join("\n")];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        texts.extend([format!("{cause}"), format!("{cause:?}")]);
        source = cause.source();
    }
    for text in texts {
        for secret in [CANARY, TOKEN, encoded().as_str()] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
