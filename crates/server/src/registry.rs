//! The OCI distribution API below `/v2/`: one module for each kind of URL.

pub(crate) mod answer;
mod blobs;
mod manifests;
mod root;
mod tags;
mod uploads;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, Method, StatusCode};
use pullpass_oci::{ErrorCode, Route};

use crate::{
    app::App,
    auth::{
        credential::Credential,
        decision::{Permit, Right, require_login},
    },
    request_log::Caller,
};
use answer::Failure;

/// A request below `/v2/`, read as far as all endpoints read it: all but its body.
struct Call {
    app: Arc<App>,
    credential: Credential,
    method: Method,
    headers: HeaderMap,
    /// Of the query, in the order in which they were written.
    parameters: Vec<(String, String)>,
}

/// What a handler gives.
type Answer = Result<Response, Failure>;

/// Answers any request below `/v2`.
pub(crate) async fn handle(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let credential = app.credential(&parts.headers);
    let caller = Caller::of(&credential.caller);
    let query = parts.uri.query().unwrap_or_default();
    let call = Call {
        app: Arc::clone(&app),
        credential,
        method: parts.method,
        headers: parts.headers,
        parameters: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
    };
    let answer = match Route::parse(parts.uri.path()) {
        Ok(Route::Root) => root::handle(&call),
        Ok(Route::Manifest(name, reference)) => manifests::handle(&call, body, &name, &reference).await,
        Ok(Route::Blob(name, digest)) => blobs::handle(&call, &name, &digest).await,
        Ok(Route::Uploads(name)) => uploads::open(&call, body, &name).await,
        Ok(Route::Upload(name, session)) => uploads::handle(&call, body, &name, &session).await,
        Ok(Route::Tags(name)) => tags::handle(&call, &name).await,
        // What is wrong with a path is for callers with a login only.
        Err(invalid) => require_login(&call.credential).map_err(Failure::from).and(Err(invalid.into())),
    };
    let mut response = answer.unwrap_or_else(|failure| failure.into_response(&app.challenger));
    response.extensions_mut().insert(caller);
    response
}

impl Call {
    async fn permit<A: Right>(&self, name: &pullpass_oci::RepositoryName) -> Result<Permit<A>, Failure> {
        self.app.permit(&self.credential, name).await
    }

    /// The first query parameter with this name.
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The query parameter `digest`.
    fn digest(&self) -> Result<Option<pullpass_oci::Digest>, Failure> {
        let parse = |text: &str| text.parse().map_err(|invalid| Failure::bad(ErrorCode::DigestInvalid, &invalid));
        self.parameter("digest").map(parse).transpose()
    }

    fn header(&self, name: http::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The answer to a method that the endpoint does not have.
    fn not_allowed(&self, allowed: &'static str) -> Answer {
        require_login(&self.credential)?;
        let message = format!("this endpoint takes {allowed}, not {}", self.method);
        let failure = Failure::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message);
        Err(failure.with(http::header::ALLOW, allowed))
    }
}
