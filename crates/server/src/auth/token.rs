//! `/token`: a login, or nobody, for a bearer token (the distribution project's `docs/content/spec/auth/token.md`).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{
    HeaderValue, Method, StatusCode,
    header::{ALLOW, CACHE_CONTROL},
};
use pullpass_oci::{ErrorCode, Scope};
use serde_json::json;

use super::{
    bearer::{Claims, LIFETIME},
    credential::{self, Cause, Credential},
    decision::Refusal,
};
use crate::{
    app::App,
    clock,
    registry::answer::{Failure, json as json_answer},
    request_log::Caller,
};

/// How many scopes of one request are looked at. A push with a mount has two.
const MAX_SCOPES: usize = 50;

/// Answers any request to `/token`.
pub(crate) async fn handle(State(app): State<Arc<App>>, request: Request) -> Response {
    let credential = app.credential(request.headers());
    let caller = Caller::of(&credential.caller);
    let answer = if matches!(*request.method(), Method::GET | Method::HEAD) {
        get(&app, credential, request.uri().query().unwrap_or_default()).await
    } else {
        // Clients that post first fall back to GET on this status.
        let message = "ask for tokens with GET".to_owned();
        Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message).with(ALLOW, "GET, HEAD"))
    };
    let mut response = answer.unwrap_or_else(|failure| failure.into_response(&app.challenger));
    response.extensions_mut().insert(caller);
    response
}

async fn get(app: &App, credential: Credential, query: &str) -> Result<Response, Failure> {
    let Credential { caller, is_bearer, .. } = credential;
    let parameters = url::form_urlencoded::parse(query.as_bytes());
    let asked: Vec<String> = parameters.filter(|(name, _)| name == "scope").map(|(_, value)| value.into()).collect();
    let mut asked = Scope::parse_all(asked.iter().map(String::as_str));
    asked.truncate(MAX_SCOPES);
    let refuse =
        |cause| Failure::from(Refusal::Unauthorized { cause: Some(cause), is_bearer: false, scopes: asked.clone() });
    let (pat, pat_version) = match &caller {
        credential::Caller::Refused(cause) => return Err(refuse(cause.clone())),
        _ if is_bearer => return Err(refuse(Cause::NotBasic)),
        credential::Caller::Anonymous => (0, 0),
        credential::Caller::Pat(pat) => (pat.id, pat.version),
    };
    // Less than asked is no error: the request that needs more says what is missing.
    let scopes = app.gate.grant(&caller, asked).await?;
    let issued = app.now();
    let token = app
        .bearers
        .sign(&Claims { pat, pat_version, issued, scopes })
        .ok_or_else(|| Failure::Internal("there is no key to sign bearer tokens with".to_owned()))?;
    let body = json!({
        "token": token,
        "access_token": token,
        "expires_in": LIFETIME,
        "issued_at": clock::rfc3339(issued),
    });
    let mut response = json_answer(StatusCode::OK, &body.to_string());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
