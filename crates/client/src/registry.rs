//! A connection to one registry, with or without a credential: OCI distribution spec, "Endpoints". Every method
//! authenticates when it must, at most twice a request, and never with a credential that was refused before.

use bytes::Bytes;
use pullpass_oci::{
    Action, Digest, Hasher, RepositoryName, Route, Scope, manifest::MAX_BYTES, media_type, route::ManifestReference,
};
use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue, LOCATION},
};
use serde::Deserialize;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::Mutex,
};
use url::Url;

use crate::{
    auth::{Credential, Scheme},
    error::{Asked, Failure, RegistryError},
    http::{Answer, Http, MAX_JSON, Options, Request, Stage, place},
};

use session::{Presented, Session};

pub(crate) mod retry_after;
mod session;

const CONTENT_DIGEST: &str = "docker-content-digest";
/// The registry that answers 405 to `DELETE` of an upload.
const NEVER_CANCELS: &str = "ghcr.io";

/// A manifest, its digest verified against every digest that was known beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// From the `Content-Type`, without parameters.
    pub media_type: String,
    /// The digest of the bytes.
    pub digest: Digest,
    /// The exact bytes.
    pub bytes: Bytes,
}

/// What a registry says of a manifest without sending it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// From the `Content-Type`, without parameters.
    pub media_type: String,
    /// From `Docker-Content-Digest`, if it is sent and is one.
    pub digest: Option<Digest>,
}

/// What [`Registry::authenticate`] has proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// The registry asked, and accepted what was presented: the credential, or nothing.
    Accepted,
    /// The registry lets everybody in at `/v2/`, so that nothing was presented and nothing is proved.
    NotAsked,
}

/// A connection to one registry.
pub struct Registry {
    name: pullpass_oci::Registry,
    /// `https://HOST/` or, for loopback registries only, `http://HOST/`.
    root: Url,
    http: Http,
    /// What `/v2/` asked for; none when it answered right away.
    scheme: Option<Scheme>,
    credential: Option<Credential>,
    session: Mutex<Session>,
    /// Held by whoever presents the credential before it is known whether it is alive.
    proving: Mutex<()>,
}

impl Registry {
    /// Asks `/v2/` what the registry wants, without the credential: over HTTPS and, when a loopback registry has none,
    /// over plain HTTP.
    ///
    /// # Errors
    /// When there is no registry, or none to be trusted.
    pub async fn connect(
        name: &pullpass_oci::Registry,
        credential: Option<Credential>,
        options: Options,
    ) -> Result<Registry, RegistryError> {
        let at = |scheme: &str| Url::parse(&format!("{scheme}://{}/", endpoint(name)));
        let failed = |failure| RegistryError {
            request: Box::new(Asked {
                registry: name.to_string(),
                stage: Stage::Ping,
                method: Method::GET.to_string(),
                url: format!("https://{name}/v2/"),
                subject: name.to_string(),
            }),
            failure,
            over_https: None,
        };
        let root = at("https").map_err(|error| failed(Failure::Unreachable { why: error.to_string() }))?;
        let http = Http::new(name, &root, options).map_err(failed)?;
        let (session, proving) = (Mutex::default(), Mutex::default());
        let mut registry = Registry { name: name.clone(), root, http, scheme: None, credential, session, proving };
        registry.scheme = match registry.ping().await {
            Err(error) if name.is_loopback() && is_without_tls(&error.failure) => {
                registry.root = at("http").map_err(|error| failed(Failure::Unreachable { why: error.to_string() }))?;
                registry.ping().await.map_err(|plain| RegistryError { over_https: Some(Box::new(error)), ..plain })?
            }
            result => result?,
        };
        Ok(registry)
    }

    /// The registry that was asked for.
    pub fn name(&self) -> &pullpass_oci::Registry {
        &self.name
    }

    /// Whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.root.scheme() == "https"
    }

    /// Whether the credential is alive: accepted or refused by the token service (or by the registry, where that takes
    /// it itself). None as long as it was not sent.
    pub async fn is_credential_alive(&self) -> Option<bool> {
        self.session.lock().await.credential.as_ref().map(Result::is_ok)
    }

    /// What a login does: a token for `scopes` (none of them to ask about the credential alone), then `/v2/` with it.
    ///
    /// # Errors
    /// When the credential is refused, or nothing was presented and that is not enough.
    pub async fn authenticate(&self, scopes: &[Scope]) -> Result<Login, RegistryError> {
        if self.scheme.is_none() {
            return Ok(Login::NotAsked);
        }
        self.send(self.request(Stage::Ping, Method::GET, &Route::Root), scopes, &[StatusCode::OK]).await?;
        Ok(Login::Accepted)
    }

    /// What a manifest is, without its bytes. A refusal of this request says less than one of [`Registry::manifest`],
    /// because it has no body.
    ///
    /// # Errors
    /// Among others [`Failure::NotFound`], [`Failure::AccessDenied`], [`Failure::AuthenticationRequired`].
    pub async fn head_manifest(
        &self,
        name: &RepositoryName,
        reference: &ManifestReference,
    ) -> Result<Head, RegistryError> {
        let request = self.manifest_request(Method::HEAD, name, reference);
        let answer = self.send(request, &[pull(name)], &[StatusCode::OK]).await?;
        let digest = answer.header(CONTENT_DIGEST).and_then(|digest| digest.parse().ok());
        Ok(Head { media_type: answer.media_type(), digest })
    }

    /// A manifest or an index.
    ///
    /// # Errors
    /// As [`Registry::head_manifest`], and [`Failure::DigestMismatch`].
    pub async fn manifest(
        &self,
        name: &RepositoryName,
        reference: &ManifestReference,
    ) -> Result<Fetched, RegistryError> {
        let request = self.manifest_request(Method::GET, name, reference);
        let mut answer = self.send(request, &[pull(name)], &[StatusCode::OK]).await?;
        let bytes = answer.bytes(&self.http, MAX_BYTES).await?;
        let promised: Option<Digest> = answer.header(CONTENT_DIGEST).and_then(|digest| digest.parse().ok());
        let asked = match reference {
            ManifestReference::Digest(digest) => Some(digest.clone()),
            ManifestReference::Tag(_) => None,
        };
        for expected in [&asked, &promised].into_iter().flatten() {
            let mut hasher = Hasher::new(expected.algorithm());
            hasher.update(&bytes);
            self.verify(&answer, expected, hasher)?;
        }
        let digest = asked.or(promised).unwrap_or_else(|| Digest::sha256(&bytes));
        Ok(Fetched { media_type: answer.media_type(), digest, bytes })
    }

    /// Tags of a repository, of which a registry may send some only: OCI distribution spec, "Listing Tags".
    ///
    /// # Errors
    /// As [`Registry::head_manifest`].
    pub async fn tags(&self, name: &RepositoryName) -> Result<Vec<String>, RegistryError> {
        #[derive(Deserialize)]
        struct Body {
            tags: Option<Vec<String>>,
        }
        let request = self.request(Stage::Tags, Method::GET, &Route::Tags(name.clone()));
        let mut answer = self.send(request, &[pull(name)], &[StatusCode::OK]).await?;
        let body = answer.bytes(&self.http, MAX_JSON).await?;
        let not_tags = |_| answer.error(&self.http, Failure::BadAnswer { why: "is no list of tags".to_owned() });
        let body: Body = serde_json::from_slice(&body).map_err(not_tags)?;
        Ok(body.tags.unwrap_or_default().iter().map(|tag| self.http.clean(tag)).collect())
    }

    /// Whether the repository has a blob.
    ///
    /// # Errors
    /// As [`Registry::head_manifest`], without [`Failure::NotFound`].
    pub async fn has_blob(&self, name: &RepositoryName, digest: &Digest) -> Result<bool, RegistryError> {
        let request = self.blob_request(Method::HEAD, name, digest);
        let answer = self.send(request, &[pull(name)], &[StatusCode::OK, StatusCode::NOT_FOUND]).await?;
        Ok(answer.status == StatusCode::OK)
    }

    /// Writes a blob into `sink` and says how long it was. What `sink` got is the blob only if this is `Ok`.
    ///
    /// # Errors
    /// As [`Registry::manifest`], [`Failure::BadAnswer`] when it is not `size` bytes long, and [`Failure::Sink`].
    pub async fn blob(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        size: Option<u64>,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<u64, RegistryError> {
        let request = self.blob_request(Method::GET, name, digest);
        let mut answer = self.send(request, &[pull(name)], &[StatusCode::OK]).await?;
        let mut hasher = Hasher::new(digest.algorithm());
        let mut length = 0;
        while let Some(chunk) = answer.chunk(&self.http).await? {
            length += chunk.len() as u64;
            if size.is_some_and(|size| length > size) {
                break;
            }
            hasher.update(&chunk);
            sink.write_all(&chunk).await.map_err(|error| answer.error(&self.http, Failure::Sink(error)))?;
        }
        if let Some(size) = size.filter(|size| *size != length) {
            let comparison = if length > size { "longer" } else { "shorter" };
            let why = format!("is {comparison} than the {size} bytes that the manifest promises of `{digest}`");
            return Err(answer.error(&self.http, Failure::BadAnswer { why }));
        }
        sink.flush().await.map_err(|error| answer.error(&self.http, Failure::Sink(error)))?;
        self.verify(&answer, digest, hasher)?;
        Ok(length)
    }

    /// Uploads a blob in one piece and says what it is called.
    ///
    /// # Errors
    /// When pushing is not allowed, or the registry wants the bytes somewhere else than on its own origin.
    pub async fn upload_blob(&self, name: &RepositoryName, bytes: Bytes) -> Result<Digest, RegistryError> {
        let digest = Digest::sha256(&bytes);
        let mut session = self.open_upload(name).await?;
        session.query_pairs_mut().append_pair("digest", &digest.to_string());
        let mut request = Request::new(Stage::Upload, Method::PUT, session, &format!("{name}@{digest}"));
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        request.body = bytes;
        self.send(request, &[push(name)], &[StatusCode::CREATED]).await?;
        Ok(digest)
    }

    /// Proves the right to push by opening an upload, which leaves nothing to see. It is cancelled where that can be done: at
    /// ghcr.io it lapses by itself.
    ///
    /// # Errors
    /// As [`Registry::upload_blob`].
    pub async fn can_push(&self, name: &RepositoryName) -> Result<(), RegistryError> {
        let session = self.open_upload(name).await?;
        if self.name.as_str() != NEVER_CANCELS {
            let cancel = Request::new(Stage::Upload, Method::DELETE, session, name.as_str());
            // The right is proved, however this ends.
            let _ = self.send(cancel, &[push(name)], &[StatusCode::NO_CONTENT]).await;
        }
        Ok(())
    }

    /// Where the bytes of a new upload go.
    async fn open_upload(&self, name: &RepositoryName) -> Result<Url, RegistryError> {
        let start = self.request(Stage::Upload, Method::POST, &Route::Uploads(name.clone()));
        let answer = self.send(start, &[push(name)], &[StatusCode::ACCEPTED]).await?;
        let location = answer.header(LOCATION.as_str()).unwrap_or_default();
        let refused = |why: String| answer.error(&self.http, Failure::RedirectRefused { why });
        let session = answer.url.join(location).map_err(|_| refused("its location is no address".to_owned()))?;
        if location.is_empty() {
            return Err(refused("an upload without a location".to_owned()));
        }
        if session.origin() != self.root.origin() {
            return Err(refused(format!("an upload to another origin, `{}`", place(&session))));
        }
        Ok(session)
    }

    /// Stores the exact bytes of a manifest and says what they are called.
    ///
    /// # Errors
    /// When pushing is not allowed, or the registry does not take the manifest.
    pub async fn put_manifest(
        &self,
        name: &RepositoryName,
        reference: &ManifestReference,
        media_type: &'static str,
        bytes: Bytes,
    ) -> Result<Digest, RegistryError> {
        let digest = Digest::sha256(&bytes);
        let mut request = self.manifest_request(Method::PUT, name, reference);
        request.stage = Stage::Upload;
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        request.body = bytes;
        self.send(request, &[push(name)], &[StatusCode::CREATED]).await?;
        Ok(digest)
    }

    /// What `/v2/` asks for.
    async fn ping(&self) -> Result<Option<Scheme>, RegistryError> {
        let mut answer = self.http.send(self.request(Stage::Ping, Method::GET, &Route::Root)).await?;
        let not_a_registry = |saw: String| answer.error(&self.http, Failure::NotARegistry { saw });
        let media_type = answer.media_type();
        let scheme = Scheme::choose(&answer.headers);
        match answer.status.as_u16() {
            // Even with a web page in the body, as a proxy in front of a registry sends it.
            401 if scheme.is_some() => Ok(scheme),
            ..500 if media_type == "text/html" => Err(not_a_registry(format!("a web page ({})", answer.status))),
            401 => Err(not_a_registry("401 without a challenge for Bearer or Basic".to_owned())),
            404 => Err(not_a_registry("404".to_owned())),
            200 if answer.header("docker-distribution-api-version").is_some() => Ok(None),
            200 => {
                let body = answer.bytes(&self.http, MAX_JSON).await?;
                if body.is_empty() || serde_json::from_slice::<serde_json::Value>(&body).is_ok() {
                    Ok(None)
                } else {
                    let saw = format!("200 with `{media_type}` in place of JSON");
                    Err(answer.error(&self.http, Failure::NotARegistry { saw }))
                }
            }
            _ => Err(self.refusal(answer, Presented::Nothing).await),
        }
    }

    fn verify(&self, answer: &Answer, expected: &Digest, hasher: Hasher) -> Result<(), RegistryError> {
        let found = hasher.finish();
        if found == *expected {
            return Ok(());
        }
        Err(answer.error(&self.http, Failure::DigestMismatch { expected: expected.clone(), found }))
    }

    fn request(&self, stage: Stage, method: Method, route: &Route) -> Request {
        let mut url = self.root.clone();
        // Names, tags and digests need no encoding.
        url.set_path(&route.to_string());
        let subject = match route {
            Route::Manifest(name, reference @ ManifestReference::Tag(_)) => format!("{name}:{reference}"),
            Route::Manifest(name, reference) => format!("{name}@{reference}"),
            Route::Blob(name, digest) => format!("{name}@{digest}"),
            Route::Uploads(name) | Route::Upload(name, _) | Route::Tags(name) => name.to_string(),
            Route::Root => self.name.to_string(),
        };
        Request::new(stage, method, url, &subject)
    }

    fn manifest_request(&self, method: Method, name: &RepositoryName, reference: &ManifestReference) -> Request {
        let mut request = self.request(Stage::Manifest, method, &Route::Manifest(name.clone(), reference.clone()));
        for media_type in media_type::MANIFESTS {
            request.headers.append(ACCEPT, HeaderValue::from_static(media_type));
        }
        request
    }

    fn blob_request(&self, method: Method, name: &RepositoryName, digest: &Digest) -> Request {
        self.request(Stage::Blob, method, &Route::Blob(name.clone(), digest.clone()))
    }

    /// An error that [`crate::pull`] finds in what was fetched.
    pub(crate) fn manifest_error(
        &self,
        name: &RepositoryName,
        reference: &ManifestReference,
        failure: Failure,
    ) -> RegistryError {
        self.http.error(&self.manifest_request(Method::GET, name, reference), failure)
    }
}

/// Docker Hub's registry is not where its name says.
fn endpoint(name: &pullpass_oci::Registry) -> &str {
    match name.as_str() {
        "docker.io" | "index.docker.io" => "registry-1.docker.io",
        other => other,
    }
}

fn pull(name: &RepositoryName) -> Scope {
    Scope::new(name.clone(), [Action::Pull])
}

fn push(name: &RepositoryName) -> Scope {
    Scope::new(name.clone(), [Action::Pull, Action::Push])
}

/// Whether plain HTTP may be what this port speaks. A certificate that is not trusted says that it is not.
fn is_without_tls(failure: &Failure) -> bool {
    matches!(failure, Failure::NotTls | Failure::Unreachable { .. })
}
