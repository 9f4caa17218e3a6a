//! What GitHub's API says of tokens, accounts and packages: GitHub's documentation, "REST API endpoints for users" and "…
//! for packages", and of headers "Scopes for OAuth apps", "Token expiration and revocation" and "Authenticating to the REST
//! API", "REST API endpoints for revoking credentials". Every question is asked once: GitHub locks an account out after a few bad tries.

use bytes::Bytes;
use jiff::{Timestamp, fmt::strtime};
use pullpass_oci::error_code::ErrorEntry;
use pullpass_secrets::{Secret, token};
use reqwest::{
    Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use url::Url;

use crate::{
    auth::{Credential, header},
    error::{Asked, Failure, RegistryError, Said},
    http::{Answer, Http, MAX_JSON, Options, Request, Stage},
    registry::retry_after::retry_after,
};

/// Where github.com answers.
pub const API: &str = "https://api.github.com/";

/// How many tokens one call of [`revoke`] may have.
pub const MAX_REVOKED: usize = 1000;

/// How the message begins with which GitHub answers a locked out account. It comes as a 403, and no token is to blame.
const LOCKOUT: &str = "Maximum number of login attempts exceeded";

/// An answer of GitHub's with the headers that tell why. They come with refusals as well.
#[derive(Debug)]
pub struct Answered<T> {
    /// What was asked for. Errors: [`Failure::CredentialRefused`] for a dead token, [`Failure::AccessDenied`] with what
    /// GitHub says, [`Failure::NotFound`], [`Failure::RateLimited`], and what keeps a request from being answered.
    pub result: Result<T, RegistryError>,
    /// `X-GitHub-SSO`
    pub sso: Option<Sso>,
    /// `x-ratelimit-*`
    pub limit: Option<Limit>,
}

/// What `X-GitHub-SSO` says of a token that its owner has not authorised for an organisation with single sign-on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sso {
    /// Nothing is shown before that.
    Required {
        /// The page to do it on; GitHub forgets it after an hour.
        url: String,
    },
    /// What belongs to these organisations was left out.
    Partial {
        /// By number.
        organizations: Vec<u64>,
    },
}

/// How many requests there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// In each period.
    pub limit: u64,
    /// Of these are left.
    pub remaining: u64,
    /// When the next period begins.
    pub resets: Option<Timestamp>,
}

/// What GitHub says of a living token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account's name.
    pub login: String,
    /// What the token may do, as GitHub shortens it: `write:packages` hides the `read:packages` that it includes. None for
    /// kinds of tokens that have no scopes (fine-grained ones and those of GitHub Apps).
    pub scopes: Option<Vec<String>>,
    /// Its end; none when it has none.
    pub expires: Option<Timestamp>,
}

/// Whose packages those under `ghcr.io/NAME/` are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The name as its owner spells it.
    pub login: String,
    /// An organisation's, not a person's.
    pub is_organization: bool,
}

/// A container package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// `public`, `private` or `internal`.
    pub visibility: String,
    /// `owner/name` of the repository that it is linked to, whose readers are its readers as a rule.
    pub repository: Option<String>,
    /// Its page.
    pub html_url: Option<String>,
}

/// Where the API of a GitHub is, by the host that its pages have: github.com, `SUB.ghe.com` (Enterprise Cloud with data
/// residency) or an Enterprise Server, with a port or without. None for what is no host.
pub fn api(host: &str) -> Option<Url> {
    let pages = Url::parse(&format!("https://{host}/")).ok()?;
    let is_host = pages.path() == "/" && pages.query().is_none() && pages.fragment().is_none();
    let has_user = !pages.username().is_empty() || pages.password().is_some();
    let name = pages.host_str().filter(|_| is_host && !has_user)?;
    if name == "github.com" || name.ends_with(".ghe.com") {
        return Url::parse(&format!("https://api.{name}/")).ok();
    }
    pages.join("api/v3/").ok()
}

/// Asks whose token this is. `api` is [`API`], that of [`api`], or where a stand-in listens. A token without an account, such
/// as a workflow's, is denied.
pub async fn account(api: &Url, credential: &Credential, options: Options) -> Answered<Account> {
    #[derive(Deserialize)]
    struct User {
        login: String,
    }
    let credential = Some(credential);
    let question = Question { api, path: &["user"], subject: "user", credential, posted: None, options };
    question
        .ask(|heard| {
            let user: User = heard.json()?;
            let header = |name| heard.answer.header(name);
            Some(Account {
                login: heard.http.clean(&user.login),
                scopes: header("x-oauth-scopes").map(|names| scopes(&heard.http.clean(names))),
                expires: header("github-authentication-token-expiration").and_then(expiry),
            })
        })
        .await
}

/// Asks who `name` is, without a credential.
pub async fn owner(api: &Url, name: &str, options: Options) -> Answered<Owner> {
    #[derive(Deserialize)]
    struct User {
        login: String,
        r#type: String,
    }
    let question = Question { api, path: &["users", name], subject: name, credential: None, posted: None, options };
    question
        .ask(|heard| {
            let user: User = heard.json()?;
            Some(Owner { login: heard.http.clean(&user.login), is_organization: user.r#type == "Organization" })
        })
        .await
}

/// Asks about the package that is `ghcr.io/OWNER/NAME`; `name` may have slashes. GitHub wants `read:packages` for it, even
/// when the package is public, and a package that the token may not see is not found.
pub async fn package(
    api: &Url,
    owner: &Owner,
    name: &str,
    credential: &Credential,
    options: Options,
) -> Answered<Package> {
    #[derive(Deserialize)]
    struct Fields {
        visibility: String,
        repository: Option<Repository>,
        html_url: Option<String>,
    }
    #[derive(Deserialize)]
    struct Repository {
        full_name: String,
    }
    let owners = if owner.is_organization { "orgs" } else { "users" };
    let path = &[owners, &owner.login, "packages", "container", name];
    let subject = &format!("{}/{name}", owner.login);
    let question = Question { api, path, subject, credential: Some(credential), posted: None, options };
    question
        .ask(|heard| {
            let fields: Fields = heard.json()?;
            let clean = |text: String| heard.http.clean(&text);
            Some(Package {
                visibility: clean(fields.visibility),
                repository: fields.repository.map(|repository| clean(repository.full_name)),
                html_url: fields.html_url.map(clean),
            })
        })
        .await
}

/// Revokes tokens, for good: classic and fine-grained personal ones, and those of OAuth and GitHub Apps for their users. Whoever
/// has a token may do so, without a credential, 60 times an hour; GitHub writes to its owner. Success says that GitHub has
/// taken the request, whether or not the tokens were any; that one is dead is shown by [`account`], which it refuses then.
/// [`Failure::BadAnswer`] when there are none or more than [`MAX_REVOKED`], which are not sent.
pub async fn revoke(api: &Url, tokens: &[Secret], options: Options) -> Answered<()> {
    let path = &["credentials", "revoke"];
    let question =
        Question { api, path, subject: "credentials/revoke", credential: None, posted: Some(tokens), options };
    question.ask(|_| Some(())).await
}

/// A question to GitHub, before it is asked.
struct Question<'a> {
    api: &'a Url,
    /// Not encoded yet.
    path: &'a [&'a str],
    subject: &'a str,
    credential: Option<&'a Credential>,
    /// The tokens to post instead of a question. That is answered with 202, and not done yet.
    posted: Option<&'a [Secret]>,
    options: Options,
}

/// A good answer.
struct Heard<'a> {
    http: &'a Http,
    answer: &'a Answer,
    body: Bytes,
}

impl Heard<'_> {
    fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Question<'_> {
    /// `read` finds nothing in an answer that is not what GitHub documents.
    async fn ask<T>(mut self, read: impl FnOnce(Heard<'_>) -> Option<T>) -> Answered<T> {
        let unanswered = |error| Answered { result: Err(error), sso: None, limit: None };
        let (http, request) = match self.request() {
            Ok(ready) => ready,
            Err(failure) => return unanswered(self.error(failure)),
        };
        let mut answer = match http.send(request).await {
            Ok(answer) => answer,
            Err(error) => return unanswered(error),
        };
        let sso = answer.header("x-github-sso").and_then(|header| sso(&http.clean(header)));
        let limit = limit(&answer);
        let result = answer.bytes(&http, MAX_JSON).await.and_then(|body| {
            if answer.status.as_u16() != if self.posted.is_some() { 202 } else { 200 } {
                return Err(answer.error(&http, self.refusal(&answer, &body)));
            }
            let unknown = || Failure::BadAnswer { why: "lacks what GitHub documents for it".to_owned() };
            read(Heard { http: &http, answer: &answer, body }).ok_or_else(|| answer.error(&http, unknown()))
        });
        Answered { result, sso, limit }
    }

    fn request(&mut self) -> Result<(Http, Request), Failure> {
        let unreachable = || Failure::Unreachable { why: "it has no address".to_owned() };
        let registry = self.host().parse().map_err(|_| unreachable())?;
        let mut url = self.api.clone();
        url.path_segments_mut().map_err(|()| unreachable())?.pop_if_empty().extend(self.path);
        let http = Http::new(&registry, self.api, std::mem::take(&mut self.options))?;
        let mut request = Request::new(Stage::Account, self.method(), url, self.subject);
        if let Some(Credential { secret, .. }) = self.credential {
            // No other text can be a token, and no header could carry it.
            if HeaderValue::from_str(secret.reveal()).is_err() {
                return Err(Failure::BadAnswer { why: "was not asked: the token has a line break in it".to_owned() });
            }
            http.remember(secret);
            request.headers.insert(AUTHORIZATION, header("Bearer", secret));
        }
        if let Some(tokens) = self.posted {
            if tokens.is_empty() || tokens.len() > MAX_REVOKED {
                let why = format!("was not asked: it revokes 1 to {MAX_REVOKED} tokens at a time");
                return Err(Failure::BadAnswer { why });
            }
            tokens.iter().for_each(|token| http.remember(token));
            let texts: Vec<&str> = tokens.iter().map(Secret::reveal).collect();
            request.body = json!({ "credentials": texts }).to_string().into();
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        request.headers.insert("x-github-api-version", HeaderValue::from_static("2022-11-28"));
        Ok((http, request))
    }

    fn method(&self) -> Method {
        if self.posted.is_some() { Method::POST } else { Method::GET }
    }

    /// `host[:port]`
    fn host(&self) -> String {
        let port = self.api.port().map(|port| format!(":{port}"));
        [self.api.host_str().unwrap_or_default(), &port.unwrap_or_default()].concat()
    }

    /// The error of a question that could not even be asked.
    fn error(&self, failure: Failure) -> RegistryError {
        let request = Asked {
            registry: self.host(),
            stage: Stage::Account,
            method: self.method().to_string(),
            url: self.api.to_string(),
            subject: self.subject.to_owned(),
        };
        RegistryError { request: Box::new(request), failure, over_https: None }
    }

    fn refusal(&self, answer: &Answer, body: &[u8]) -> Failure {
        #[derive(Deserialize)]
        struct Problem {
            message: String,
        }
        let problem = serde_json::from_slice::<Problem>(body).ok();
        let is_lockout = problem.as_ref().is_some_and(|problem| problem.message.starts_with(LOCKOUT));
        // It has no code; what it says stands for one.
        // More tokens than are remembered may have been posted.
        let errors = problem.map(|problem| ErrorEntry { code: token::mask(&problem.message), message: String::new() });
        let said = Said { status: answer.status.as_u16(), errors: errors.into_iter().collect() };
        let retry_after = retry_after(&answer.headers, &said);
        let is_limited = retry_after.is_some() || answer.header("x-ratelimit-remaining") == Some("0");
        match (said.status, self.credential) {
            (401, Some(Credential { user, .. })) => Failure::CredentialRefused { user: user.clone(), said },
            (401, None) => Failure::AuthenticationRequired(said),
            (429, _) => Failure::RateLimited { said, retry_after },
            (403, _) if is_limited && !is_lockout => Failure::RateLimited { said, retry_after },
            (403, _) => Failure::AccessDenied(said),
            (404, _) => Failure::NotFound(said),
            _ => Failure::UnexpectedStatus(said),
        }
    }
}

/// `required; url=ADDRESS` or `partial-results; organizations=1,2`
fn sso(header: &str) -> Option<Sso> {
    let (word, parameter) = header.split_once(';')?;
    let (name, value) = parameter.trim().split_once('=')?;
    match (word.trim(), name) {
        ("required", "url") => Some(Sso::Required { url: value.to_owned() }),
        ("partial-results", "organizations") => {
            let organizations = value.split(',').filter_map(|number| number.trim().parse().ok()).collect();
            Some(Sso::Partial { organizations })
        }
        _ => None,
    }
}

fn limit(answer: &Answer) -> Option<Limit> {
    let number = |name| answer.header(name)?.parse().ok();
    let resets = answer.header("x-ratelimit-reset").and_then(|seconds| seconds.parse().ok());
    Some(Limit {
        limit: number("x-ratelimit-limit")?,
        remaining: number("x-ratelimit-remaining")?,
        resets: resets.and_then(|seconds| Timestamp::from_second(seconds).ok()),
    })
}

fn scopes(header: &str) -> Vec<String> {
    header.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

/// GitHub writes `2026-12-31 23:59:59 UTC` for classic tokens and `2026-12-31 23:59:59 +0200` for others.
fn expiry(header: &str) -> Option<Timestamp> {
    let text = header.trim().replace("UTC", "+0000");
    strtime::parse("%Y-%m-%d %H:%M:%S %z", text).ok()?.to_timestamp().ok()
}
