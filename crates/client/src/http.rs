//! HTTP as a registry client needs it: no cookies, no retries, every wait bounded, every body capped, and redirects
//! followed by hand, because `Authorization` must never reach another origin.

use std::{
    cmp::Reverse,
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use pullpass_oci::{ErrorBody, Registry};
use pullpass_secrets::Secret;
use reqwest::{
    Client, Method, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, LOCATION},
};
use tokio::time::Instant;
use url::Url;

use crate::error::{Asked, Failure, RegistryError, Said};
use address::without_user;
pub(crate) use address::{is_loopback, place};
use certs::Trust;

mod address;
pub mod certificate;
mod certs;

const MAX_REDIRECTS: usize = 5;
/// The header with which GitHub numbers its answers.
pub(crate) const GITHUB_NUMBER: &str = "x-github-request-id";
/// The longest body of a token or an error, in bytes.
pub(crate) const MAX_JSON: usize = 1024 * 1024;
/// The longest text from outside that an error repeats, in characters.
const MAX_TEXT: usize = 1000;
/// An upload may take longer than any other request, as long as it moves at this many bytes per second.
const SLOWEST_UPLOAD: u64 = 64 * 1024;
/// How many of the secrets that were sent last are looked for in what comes back.
const REMEMBERED: usize = 32;

/// How a connection to one registry is made.
#[derive(Clone)]
pub struct Options {
    /// Directories laid out as Docker's `/etc/docker/certs.d/HOST[:PORT]`: every `*.crt` is trusted beside the system's
    /// authorities, `X.cert` and `X.key` are shown to a server that asks for a client certificate (the first pair by
    /// name). A directory that does not exist is passed over.
    pub certs_dirs: Vec<PathBuf>,
    /// Accept any certificate, as `--tls-verify=false` does. Plain HTTP is spoken to loopback registries only, with or
    /// without this.
    pub insecure: bool,
    /// Go through the proxy that the environment names; loopback addresses never do.
    pub system_proxy: bool,
    /// Token services, `host[:port]`, that the person has confirmed for this registry.
    pub confirmed_realms: Vec<String>,
    /// The end of the whole conversation, counted from its beginning.
    pub deadline: Option<Duration>,
    /// How long one request may take, up to the end of a small body or the head of a blob.
    pub request_timeout: Duration,
    /// How long a blob may go without a byte.
    pub idle_timeout: Duration,
    /// Is told of every request once it is answered or has failed.
    pub observer: Option<Observer>,
}

/// See [`Options::observer`].
pub type Observer = Arc<dyn Fn(Step) + Send + Sync>;

impl Default for Options {
    fn default() -> Options {
        Options {
            certs_dirs: Vec::new(),
            insecure: false,
            system_proxy: false,
            confirmed_realms: Vec::new(),
            deadline: None,
            request_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(60),
            observer: None,
        }
    }
}

/// Parts of the conversation with a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `/v2/`
    Ping,
    /// The token service.
    Token,
    /// `/v2/NAME/manifests/…`
    Manifest,
    /// `/v2/NAME/tags/list`
    Tags,
    /// `/v2/NAME/blobs/…`, to read.
    Blob,
    /// `/v2/NAME/blobs/uploads/…` and manifests, to write.
    Upload,
    /// GitHub's API.
    Account,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Ping => "ping",
            Stage::Token => "token",
            Stage::Manifest => "manifest",
            Stage::Tags => "tags",
            Stage::Blob => "blob",
            Stage::Upload => "upload",
            Stage::Account => "account",
        })
    }
}

/// One request that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it was for.
    pub stage: Stage,
    /// `GET`, `HEAD`, …
    pub method: String,
    /// The address, without what may be secret in it.
    pub url: String,
    /// The status of the answer; none when there was no answer.
    pub status: Option<u16>,
    /// Until the head of the answer.
    pub took: Duration,
    /// The clock of whoever answered, in whole seconds.
    pub date: Option<Timestamp>,
    /// Whether the answer has a number of GitHub's, as every one of ghcr.io does.
    pub is_githubs: bool,
}

/// A request to be sent.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) stage: Stage,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn new(stage: Stage, method: Method, url: Url, subject: &str) -> Request {
        let subject = subject.to_owned();
        Request { stage, method, url, subject, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// GET and HEAD have no body that would have to be sent again.
    fn may_be_redirected(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }
}

/// The head of an answer, its body still to be read.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// What was asked in the end, after redirects.
    pub(crate) url: Url,
    asked: Asked,
    response: Response,
}

/// The clients and limits of one conversation.
pub(crate) struct Http {
    registry: Registry,
    /// Where the registry really is, which for Docker Hub is not where its name says.
    root: Url,
    options: Options,
    client: Client,
    /// For loopback addresses, which no proxy can reach.
    direct: Client,
    end: Option<Instant>,
    sent: Mutex<Vec<Secret>>,
}

impl Http {
    /// # Errors
    /// [`Failure::Certificates`] only. No provider of rustls needs to be installed in the process.
    pub(crate) fn new(registry: &Registry, root: &Url, options: Options) -> Result<Http, Failure> {
        let trust = Trust::load(&options.certs_dirs)?;
        let unusable = |error: reqwest::Error| Failure::Certificates {
            path: options.certs_dirs.first().cloned().unwrap_or_default(),
            why: format!("cannot be used: {}", innermost(&error)),
        };
        let direct = trust.client(options.insecure, false).map_err(unusable)?;
        let client =
            if options.system_proxy { trust.client(options.insecure, true).map_err(unusable)? } else { direct.clone() };
        let end = options.deadline.map(|deadline| Instant::now() + deadline);
        Ok(Http {
            registry: registry.clone(),
            root: root.clone(),
            options,
            client,
            direct,
            end,
            sent: Mutex::default(),
        })
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Sends a request and follows redirects.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Answer, RegistryError> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send_once(&request).await?;
            let location = response.headers().get(LOCATION).filter(|_| is_redirect(response.status()));
            let Some(location) = location.filter(|_| request.may_be_redirected()) else {
                return Ok(Answer {
                    status: response.status(),
                    headers: response.headers().clone(),
                    asked: self.asked(&request),
                    url: request.url,
                    response,
                });
            };
            let next = self
                .next_hop(&request, location.to_str().unwrap_or_default())
                .map_err(|why| self.error(&request, Failure::RedirectRefused { why }))?;
            if next.origin() != request.url.origin() {
                request.headers.remove(AUTHORIZATION);
            }
            request.url = next;
        }
        let why = format!("more than {MAX_REDIRECTS} in a row");
        Err(self.error(&request, Failure::RedirectRefused { why }))
    }

    async fn send_once(&self, request: &Request) -> Result<Response, RegistryError> {
        let client = if is_loopback(&request.url) { &self.direct } else { &self.client };
        let started = Instant::now();
        let sent = client
            .request(request.method.clone(), without_user(&request.url))
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send();
        let own = self.options.request_timeout + Duration::from_secs(request.body.len() as u64 / SLOWEST_UPLOAD);
        let result = match self.within(own, sent).await {
            Ok(result) => result.map_err(failure_of),
            Err(timeout) => Err(timeout),
        };
        if let Some(observer) = &self.options.observer {
            let Asked { stage, method, url, .. } = self.asked(request);
            let took = started.elapsed();
            let answered = result.as_ref().ok();
            observer(Step {
                stage,
                method,
                url,
                took,
                status: answered.map(|response| response.status().as_u16()),
                date: answered.and_then(|response| date(response.headers())),
                is_githubs: answered.is_some_and(|response| response.headers().contains_key(GITHUB_NUMBER)),
            });
        }
        result.map_err(|failure| self.error(request, failure))
    }

    /// Where a redirect leads, or why it is not followed.
    fn next_hop(&self, request: &Request, location: &str) -> Result<Url, String> {
        let next = request.url.join(location).map_err(|_| "its location is no address".to_owned())?;
        let place = place(&next);
        if !matches!(next.scheme(), "http" | "https") {
            return Err(format!("to the scheme `{}`", next.scheme()));
        }
        if request.url.scheme() == "https" && next.scheme() == "http" {
            return Err(format!("from HTTPS to plain HTTP at `{place}`"));
        }
        if address::is_private(&next) && !self.is_home(&next) {
            return Err(format!("to the private address `{place}`"));
        }
        // What answers elsewhere is neither this registry nor its token service, and would get no credential.
        if matches!(request.stage, Stage::Ping | Stage::Token | Stage::Account) && next.origin() != request.url.origin()
        {
            return Err(format!("to another origin, `{place}`"));
        }
        Ok(next)
    }

    /// Whether this is the registry's own host, on any port. `localhost` and `127.0.0.1` are one on the same port.
    pub(crate) fn is_home(&self, url: &Url) -> bool {
        let is_same_port = url.port_or_known_default() == self.root.port_or_known_default();
        url.host() == self.root.host() || (is_same_port && is_loopback(url) && is_loopback(&self.root))
    }

    /// Waits for `future` as long as it may take by itself, and never beyond the end of the conversation.
    async fn within<T>(&self, own: Duration, future: impl Future<Output = T>) -> Result<T, Failure> {
        let left = self.end.map_or(own, |end| end.saturating_duration_since(Instant::now()));
        let after = if left < own { self.options.deadline.unwrap_or(own) } else { own };
        tokio::time::timeout(left.min(own), future).await.map_err(|_| Failure::Timeout { after })
    }

    /// Remembers a secret that is about to be sent, so that no answer can make us repeat it.
    pub(crate) fn remember(&self, secret: &Secret) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.retain(|known| known != secret);
        let forgotten = sent.len().saturating_sub(REMEMBERED - 1);
        sent.drain(..forgotten);
        sent.push(secret.clone());
    }

    /// A text from outside, fit to be shown: without what we sent in confidence, without what a terminal would obey.
    pub(crate) fn clean(&self, text: &str) -> String {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // The longest first, because a short password may occur inside of an encoded one.
        sent.sort_by_key(|secret| Reverse(secret.reveal().len()));
        let hide = |text: String, secret: &Secret| text.replace(secret.reveal(), "…");
        let text = sent.iter().filter(|secret| !secret.reveal().is_empty()).fold(text.to_owned(), hide);
        let is_direction = |character| matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let is_obeyed = |character: char| character.is_control() || is_direction(character);
        text.chars().map(|character| if is_obeyed(character) { ' ' } else { character }).take(MAX_TEXT).collect()
    }

    fn asked(&self, request: &Request) -> Asked {
        let mut url = without_user(&request.url);
        url.set_fragment(None);
        // A storage URL and an upload session carry their rights in the query.
        if request.stage != Stage::Token {
            url.set_query(None);
        }
        Asked {
            registry: self.registry.to_string(),
            stage: request.stage,
            method: request.method.to_string(),
            url: self.clean(url.as_str()),
            subject: self.clean(&request.subject),
        }
    }

    /// The error for `request`, with every text in it cleaned.
    pub(crate) fn error(&self, request: &Request, failure: Failure) -> RegistryError {
        self.error_at(self.asked(request), failure)
    }

    pub(crate) fn error_at(&self, asked: Asked, mut failure: Failure) -> RegistryError {
        for text in failure.texts() {
            *text = self.clean(text);
        }
        RegistryError { request: Box::new(asked), failure, over_https: None }
    }
}

impl Answer {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The media type of the body without its parameters, in lower case.
    pub(crate) fn media_type(&self) -> String {
        let value = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    pub(crate) fn stage(&self) -> Stage {
        self.asked.stage
    }

    /// The error that this answer is.
    pub(crate) fn error(&self, http: &Http, failure: Failure) -> RegistryError {
        http.error_at(self.asked.clone(), failure)
    }

    /// The whole body, if it has at most `cap` bytes.
    pub(crate) async fn bytes(&mut self, http: &Http, cap: usize) -> Result<Bytes, RegistryError> {
        let response = &mut self.response;
        let read = http.within(http.options.request_timeout, async {
            let mut body = BytesMut::new();
            while let Some(chunk) = response.chunk().await.map_err(broken_off)? {
                if body.len() + chunk.len() > cap {
                    return Err(Failure::BadAnswer { why: format!("is longer than {cap} bytes") });
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body.freeze())
        });
        let result = read.await.and_then(|result| result);
        result.map_err(|failure| self.error(http, failure))
    }

    /// The next bytes of a long body; none at its end.
    pub(crate) async fn chunk(&mut self, http: &Http) -> Result<Option<Bytes>, RegistryError> {
        let read = http.within(http.options.idle_timeout, self.response.chunk()).await;
        let result = read.and_then(|chunk| chunk.map_err(broken_off));
        result.map_err(|failure| self.error(http, failure))
    }

    /// What the registry says in a refusal. A body that cannot be read says nothing; the status still does.
    pub(crate) async fn said(&mut self, http: &Http) -> Said {
        let body = self.bytes(http, MAX_JSON).await.unwrap_or_default();
        let errors = serde_json::from_slice::<ErrorBody>(&body).map(|body| body.errors).unwrap_or_default();
        Said { status: self.status.as_u16(), errors }
    }
}

/// The clock of whoever sent this.
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Timestamp::try_from(date).ok()
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn failure_of(error: reqwest::Error) -> Failure {
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        match tls_error(error) {
            Some(rustls::Error::InvalidMessage(_)) => return Failure::NotTls,
            Some(tls) => return Failure::Tls { why: tls.to_string() },
            None => cause = error.source(),
        }
    }
    Failure::Unreachable { why: innermost(&error) }
}

/// An `io::Error` does not name what it wraps as its source, so it has to be opened, as often as it was wrapped.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let wrapped = || tls_error(error.downcast_ref::<io::Error>()?.get_ref()?);
    error.downcast_ref().or_else(wrapped)
}

fn broken_off(error: reqwest::Error) -> Failure {
    Failure::BadAnswer { why: format!("broke off: {}", innermost(&error)) }
}

/// The cause at the end of the chain, which is the one that names the matter and the only one without the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
