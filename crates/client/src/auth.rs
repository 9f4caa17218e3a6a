//! From a challenge to what goes into `Authorization`: the distribution project's `docs/content/spec/auth/token.md`,
//! with the rules that keep a credential from going anywhere but to the registry and its token service.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use pullpass_oci::Challenge;
use pullpass_secrets::Secret;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use crate::{
    error::Failure,
    http::{Http, is_loopback, place},
};

/// Registries whose token service is on another host, as their challenges say and their documentation confirms.
const KNOWN_REALMS: [(&str, &str); 2] =
    [("registry-1.docker.io", "auth.docker.io"), ("registry.gitlab.com", "gitlab.com")];

/// A token lives at least this long, whatever its service says, and as long as this when it says nothing.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
/// No service means more than this, and an `Instant` cannot hold everything that a body can say.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// A token is renewed this long before it ends, so that none ends on its way.
const MARGIN: Duration = Duration::from_secs(10);

/// What a client presents: a user and a secret.
#[derive(Clone)]
pub struct Credential {
    /// The user. ghcr.io does not look at it.
    pub user: String,
    /// The password or token.
    pub secret: Secret,
}

impl Credential {
    /// `base64(user:secret)`, as it follows `Basic` (RFC 7617).
    pub(crate) fn encoded(&self) -> Secret {
        let pair = Secret::new(format!("{}:{}", self.user, self.secret.reveal()));
        Secret::new(STANDARD.encode(pair.reveal()))
    }
}

/// How a registry wants to be spoken to.
#[derive(Clone)]
pub(crate) enum Scheme {
    /// With a token of a token service.
    Bearer(TokenService),
    /// With the credential itself.
    Basic,
}

/// What a bearer challenge says.
#[derive(Clone)]
pub(crate) struct TokenService {
    realm: String,
    service: Option<String>,
    /// The scope that the refused request would have needed; a placeholder on ghcr.io's `/v2/`.
    pub(crate) scope: Option<String>,
}

impl Scheme {
    /// The best scheme among all challenges of an answer: Bearer, then Basic; others are not ours to speak.
    pub(crate) fn choose(headers: &HeaderMap) -> Option<Scheme> {
        let lines = headers.get_all(WWW_AUTHENTICATE).iter();
        let challenges: Vec<Challenge> =
            lines.flat_map(|line| Challenge::parse(&String::from_utf8_lossy(line.as_bytes()))).collect();
        let bearer = challenges.iter().filter(|challenge| challenge.scheme == "bearer").find_map(|challenge| {
            let parameter = |name| challenge.parameter(name).map(str::to_owned);
            Some(TokenService {
                realm: parameter("realm")?,
                service: parameter("service"),
                scope: parameter("scope").filter(|scope| !scope.is_empty()),
            })
        });
        let basic = || challenges.iter().any(|challenge| challenge.scheme == "basic").then_some(Scheme::Basic);
        bearer.map(Scheme::Bearer).or_else(basic)
    }
}

impl TokenService {
    /// The address of a token request: scopes one by one, as Docker sends them, and the user as `account`.
    ///
    /// # Errors
    /// When the realm is none that a request may go to, with or without a credential.
    pub(crate) fn url(&self, http: &Http, root: &Url, scopes: &str, user: Option<&str>) -> Result<Url, Failure> {
        let unreadable =
            |_| Failure::BadAnswer { why: "names a token service whose address cannot be read".to_owned() };
        let mut url = root.join("v2/").and_then(|base| base.join(&self.realm)).map_err(unreadable)?;
        let realm = place(&url);
        let is_known =
            KNOWN_REALMS.iter().any(|pair| (root.host_str(), url.host_str()) == (Some(pair.0), Some(pair.1)));
        if !http.is_home(&url) && !is_known && !http.options().confirmed_realms.contains(&realm) {
            return Err(Failure::RealmElsewhere { realm });
        }
        // Where the registry itself has plain HTTP, it is on loopback, and its token service may be as well.
        if url.scheme() != "https" && (root.scheme() == "https" || !is_loopback(&url)) {
            return Err(Failure::RealmInsecure { realm });
        }
        let mut query = url.query_pairs_mut();
        if let Some(user) = user {
            query.append_pair("account", user);
        }
        if let Some(service) = &self.service {
            query.append_pair("service", service);
        }
        query.extend_pairs(scopes.split_ascii_whitespace().map(|scope| ("scope", scope)));
        drop(query);
        Ok(url)
    }
}

/// A bearer token and its end by our own clock, because the service's `issued_at` is told by another.
#[derive(Clone)]
pub(crate) struct Bearer {
    pub(crate) token: Secret,
    pub(crate) end: Instant,
}

impl Bearer {
    /// Reads the answer of a token service. No token is repeated by the error, nor anything else of the body.
    pub(crate) fn parse(body: &[u8], received: Instant) -> Result<Bearer, Failure> {
        #[derive(Deserialize)]
        struct Body {
            token: Option<String>,
            access_token: Option<String>,
            expires_in: Option<serde_json::Value>,
        }
        let without = |why: &str| Failure::BadAnswer { why: why.to_owned() };
        let body: Body = serde_json::from_slice(body).map_err(|_| without("is not the JSON of a token service"))?;
        let is_usable = |token: &String| !token.is_empty() && HeaderValue::from_str(token).is_ok();
        let token = [body.token, body.access_token].into_iter().flatten().find(is_usable);
        let life = body.expires_in.and_then(|seconds| seconds.as_f64()).unwrap_or_default();
        let life = Duration::try_from_secs_f64(life).unwrap_or_default().clamp(SHORTEST_LIFE, LONGEST_LIFE);
        Ok(Bearer {
            token: Secret::new(token.ok_or_else(|| without("holds no token"))?),
            end: received + life - MARGIN,
        })
    }
}

/// The value of `Authorization`, hidden from every `Debug`.
pub(crate) fn header(scheme: &str, secret: &Secret) -> HeaderValue {
    let text = Secret::new(format!("{scheme} {}", secret.reveal()));
    let mut value = HeaderValue::from_str(text.reveal()).expect("base64, or a token that was checked");
    value.set_sensitive(true);
    value
}
