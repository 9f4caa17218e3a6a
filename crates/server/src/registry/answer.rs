//! Errors as the distribution API answers them.

use std::fmt;

use axum::{body::Body, response::Response};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use pullpass_oci::{Challenge, ErrorBody, ErrorCode, Scope, error_code::ErrorEntry, route::InvalidRoute};

use crate::{auth::decision::Refusal, blobs::session::UploadError, error::Error};

/// The scope of challenges for requests that name no repository. ghcr.io has the same placeholder; it opens nothing.
const PLACEHOLDER_SCOPE: &str = "repository:user/image:pull";

/// The header that names content.
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Makes the one challenge that each 401 carries. Realm and service come from the configuration alone.
pub(crate) struct Challenger {
    pub(crate) realm: String,
    pub(crate) service: String,
    /// What people write behind `docker login`.
    pub(crate) registry: String,
}

/// Anything but success.
pub(crate) enum Failure {
    Refused(Refusal),
    Answer(StatusCode, ErrorCode, String, Vec<(HeaderName, String)>),
    /// Ours, not the client's.
    Internal(String),
}

impl Failure {
    pub(crate) fn new(status: StatusCode, code: ErrorCode, message: String) -> Failure {
        Failure::Answer(status, code, message, Vec::new())
    }

    /// 400 with this code.
    pub(crate) fn bad(code: ErrorCode, message: &dyn fmt::Display) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, code, message.to_string())
    }

    /// 404 with this code.
    pub(crate) fn unknown(code: ErrorCode, message: &dyn fmt::Display) -> Failure {
        Failure::new(StatusCode::NOT_FOUND, code, message.to_string())
    }

    /// This answer with one more header.
    pub(crate) fn with(mut self, name: HeaderName, value: impl fmt::Display) -> Failure {
        if let Failure::Answer(_, _, _, headers) = &mut self {
            headers.push((name, value.to_string()));
        }
        self
    }

    pub(crate) fn into_response(self, challenger: &Challenger) -> Response {
        match self {
            Failure::Refused(refusal) => refused(refusal, challenger),
            Failure::Answer(status, code, message, headers) => {
                let mut response = error(status, code, &message);
                for (name, value) in headers {
                    if let Ok(value) = HeaderValue::try_from(value) {
                        response.headers_mut().insert(name, value);
                    }
                }
                response
            }
            Failure::Internal(reason) => {
                tracing::error!(reason, "a request failed");
                let message = "the server could not read or write its storage: its log says why";
                let entry = ErrorEntry { code: "UNKNOWN".to_owned(), message: message.to_owned() };
                body(StatusCode::INTERNAL_SERVER_ERROR, &ErrorBody { errors: vec![entry] })
            }
        }
    }
}

impl Challenger {
    /// 401 with the message behind the words that the guide has.
    fn unauthorized(&self, message: &dyn fmt::Display, scopes: &[Scope], reason: Option<&str>) -> Response {
        let scopes: Vec<String> = scopes.iter().map(Scope::to_string).collect();
        let scope = if scopes.is_empty() { PLACEHOLDER_SCOPE.to_owned() } else { scopes.join(" ") };
        let mut challenge = Challenge::bearer(&self.realm, &self.service).with("scope", &scope);
        if let Some(reason) = reason {
            challenge = challenge.with("error", reason);
        }
        let message = format!("authentication required: {message}");
        let mut response = error(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, &message);
        if let Ok(value) = HeaderValue::try_from(challenge.to_string()) {
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        response
    }
}

fn refused(refusal: Refusal, challenger: &Challenger) -> Response {
    match refusal {
        Refusal::Unauthorized { cause: None, scopes, .. } => {
            let way_out = format!("log in with `docker login {}`", challenger.registry);
            challenger.unauthorized(&way_out, &scopes, None)
        }
        Refusal::Unauthorized { cause: Some(cause), is_bearer, scopes } => {
            challenger.unauthorized(&cause, &scopes, is_bearer.then_some("invalid_token"))
        }
        Refusal::Limited { scopes } => {
            let message = "the bearer token was not asked for this scope: ask the token service for another";
            challenger.unauthorized(&message, &scopes, Some("insufficient_scope"))
        }
        Refusal::Denied(denied) => {
            error(StatusCode::FORBIDDEN, ErrorCode::Denied, &format!("permission denied: {denied}"))
        }
        Refusal::Missing => {
            let message = "the package does not exist: its first push creates it";
            error(StatusCode::NOT_FOUND, ErrorCode::NameUnknown, message)
        }
    }
}

fn error(status: StatusCode, code: ErrorCode, message: &str) -> Response {
    body(status, &ErrorBody::new(code, message))
}

fn body(status: StatusCode, body: &ErrorBody) -> Response {
    json(status, &serde_json::to_string(body).unwrap_or_default())
}

/// An answer with a JSON text, and a line break behind it for people with curl.
pub(crate) fn json(status: StatusCode, text: &str) -> Response {
    let text = format!("{text}\n");
    let length = HeaderValue::from(text.len());
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Internal(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Internal(error.to_string())
    }
}

impl From<http::Error> for Failure {
    fn from(error: http::Error) -> Failure {
        Failure::Internal(error.to_string())
    }
}

impl From<InvalidRoute> for Failure {
    fn from(invalid: InvalidRoute) -> Failure {
        match invalid {
            InvalidRoute::Unknown => Failure::unknown(ErrorCode::Unsupported, &invalid),
            InvalidRoute::Name(_) => Failure::bad(ErrorCode::NameInvalid, &invalid),
            InvalidRoute::Digest(_) => Failure::bad(ErrorCode::DigestInvalid, &invalid),
            InvalidRoute::Reference => Failure::bad(ErrorCode::ManifestInvalid, &invalid),
        }
    }
}

impl From<UploadError> for Failure {
    fn from(error: UploadError) -> Failure {
        let (status, code) = match &error {
            UploadError::TooMany => (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests),
            UploadError::Busy => (StatusCode::CONFLICT, ErrorCode::BlobUploadInvalid),
            UploadError::Body(_) => (StatusCode::REQUEST_TIMEOUT, ErrorCode::BlobUploadInvalid),
            UploadError::Digest => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
            UploadError::Io(source) => return Failure::Internal(source.to_string()),
        };
        Failure::new(status, code, error.to_string())
    }
}
