//! One line for each request. Never `Authorization`, never a query, and no path that is none of ours: somebody may have
//! pasted a token there.

use std::time::Instant;

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderName, HeaderValue, header::CONTENT_LENGTH};
use pullpass_oci::{Route, route::ManifestReference};
use pullpass_secrets::{Secret, token::Kind};

use crate::auth::credential;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const NO_SNIFF: HeaderName = HeaderName::from_static("x-content-type-options");

/// Who asked, for the log: a handler leaves it in the extensions of its response.
#[derive(Clone)]
pub(crate) struct Caller(String);

impl Caller {
    pub(crate) fn of(caller: &credential::Caller) -> Caller {
        Caller(match caller {
            credential::Caller::Anonymous => "-".to_owned(),
            credential::Caller::Pat(pat) => pat.fingerprint.clone(),
            credential::Caller::Refused(_) => "refused".to_owned(),
        })
    }
}

/// A route without the parts in which any text fits, where that text could be a token.
fn shown(route: &Route) -> String {
    let is_token = |text: &str| Kind::of(&Secret::new(text.to_owned())) != Kind::Unknown;
    match route {
        Route::Upload(name, _) => format!("/v2/{name}/blobs/uploads/(session)"),
        Route::Manifest(name, ManifestReference::Tag(tag)) if is_token(tag.as_str()) => {
            format!("/v2/{name}/manifests/(a token)")
        }
        route => route.to_string(),
    }
}

/// Logs the request, and puts on the headers that every answer has.
pub(crate) async fn layer(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let path = match request.uri().path() {
        "/token" => "/token".to_owned(),
        path => Route::parse(path).map_or_else(|_| "(no endpoint)".to_owned(), |route| shown(&route)),
    };
    let mut response = next.run(request).await;
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response.headers_mut().insert(NO_SNIFF, HeaderValue::from_static("nosniff"));
    let bytes = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()).unwrap_or("0");
    tracing::info!(
        %method,
        path,
        status = response.status().as_u16(),
        bytes,
        ms = start.elapsed().as_millis(),
        token = response.extensions().get::<Caller>().map_or("-", |caller| caller.0.as_str()),
        "request"
    );
    response
}
