//! What api.github.com says of a token: GitHub's documentation, "REST API endpoints for users", and of headers "Scopes for
//! OAuth apps" and "Token expiration and revocation". The question is asked once: GitHub locks an account out after a few
//! bad tries.

use jiff::{Timestamp, fmt::strtime};
use pullpass_oci::error_code::ErrorEntry;
use reqwest::{
    Method,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use serde::Deserialize;
use url::Url;

use crate::{
    auth::{Credential, header},
    error::{Asked, Failure, RegistryError, Said},
    http::{Answer, Http, MAX_JSON, Options, Request, Stage},
    registry::retry_after::retry_after,
};

/// Where GitHub answers.
pub const API: &str = "https://api.github.com/";

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

/// Asks whose token this is. `api` is [`API`], or where a stand-in listens.
///
/// # Errors
/// [`Failure::CredentialRefused`] for a dead token, [`Failure::AccessDenied`] for one without an account, such as a workflow's,
/// [`Failure::RateLimited`], and what keeps a request from being answered.
pub async fn account(api: &Url, credential: &Credential, options: Options) -> Result<Account, RegistryError> {
    let host =
        [api.host_str().unwrap_or_default().to_owned(), api.port().map(|port| format!(":{port}")).unwrap_or_default()];
    let host = host.concat();
    let failed = |failure| RegistryError {
        request: Box::new(Asked {
            registry: host.clone(),
            stage: Stage::Account,
            method: Method::GET.to_string(),
            url: api.to_string(),
            subject: "user".to_owned(),
        }),
        failure,
        over_https: None,
    };
    let unreachable = |why: String| failed(Failure::Unreachable { why });
    let name = host.parse().map_err(|_| unreachable("it has no address".to_owned()))?;
    let url = api.join("user").map_err(|error| unreachable(error.to_string()))?;
    // No other text can be a token, and no header could carry it.
    if HeaderValue::from_str(credential.secret.reveal()).is_err() {
        return Err(failed(Failure::BadAnswer { why: "was not asked: the token has a line break in it".to_owned() }));
    }
    let http = Http::new(&name, api, options).map_err(failed)?;
    http.remember(&credential.secret);
    let mut request = Request::new(Stage::Account, Method::GET, url, "user");
    request.headers.insert(AUTHORIZATION, header("Bearer", &credential.secret));
    request.headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    request.headers.insert("x-github-api-version", HeaderValue::from_static("2022-11-28"));
    let mut answer = http.send(request).await?;
    let body = answer.bytes(&http, MAX_JSON).await?;
    if answer.status.as_u16() != 200 {
        return Err(refusal(&http, &answer, &body, &credential.user));
    }
    #[derive(Deserialize)]
    struct User {
        login: String,
    }
    let user: User = serde_json::from_slice(&body)
        .map_err(|_| answer.error(&http, Failure::BadAnswer { why: "does not say whose the token is".to_owned() }))?;
    Ok(Account {
        login: user.login,
        scopes: answer.header("x-oauth-scopes").map(scopes),
        expires: answer.header("github-authentication-token-expiration").and_then(expiry),
    })
}

fn refusal(http: &Http, answer: &Answer, body: &[u8], user: &str) -> RegistryError {
    #[derive(Deserialize)]
    struct Problem {
        message: String,
    }
    let problem = serde_json::from_slice::<Problem>(body).ok();
    // It has no code; what it says stands for one.
    let errors = problem.map(|problem| ErrorEntry { code: problem.message, message: String::new() });
    let said = Said { status: answer.status.as_u16(), errors: errors.into_iter().collect() };
    let retry_after = retry_after(&answer.headers, &said);
    let is_limited = retry_after.is_some() || answer.header("x-ratelimit-remaining") == Some("0");
    answer.error(
        http,
        match said.status {
            401 => Failure::CredentialRefused { user: user.to_owned(), said },
            403 | 429 if is_limited => Failure::RateLimited { said, retry_after },
            403 => Failure::AccessDenied(said),
            _ => Failure::UnexpectedStatus(said),
        },
    )
}

fn scopes(header: &str) -> Vec<String> {
    header.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

/// GitHub writes `2026-12-31 23:59:59 UTC` for classic tokens and `2026-12-31 23:59:59 +0200` for others.
fn expiry(header: &str) -> Option<Timestamp> {
    let text = header.trim().replace("UTC", "+0000");
    strtime::parse("%Y-%m-%d %H:%M:%S %z", text).ok()?.to_timestamp().ok()
}
