//! The shape of ghcr.io's answers, refusals above all.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use pullpass_oci::{Challenge, RepositoryName, Route};
use serde_json::{Value, json};

use super::issued::random;
use crate::canned::{Request, response};

pub(super) type Answer = Result<Response<Bytes>, Refusal>;

/// An error body, and whether a challenge goes with it.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    status: u16,
    code: &'static str,
    message: &'static str,
    is_challenged: bool,
}

/// Every text that was seen, in one place.
impl Refusal {
    pub(super) const CHALLENGE: Refusal = Refusal { is_challenged: true, ..Refusal::UNAUTHORIZED };
    pub(super) const UNAUTHORIZED: Refusal = Refusal::unauthorized("authentication required");
    pub(super) const NO_TOKEN: Refusal = Refusal::unauthorized("authentication token not provided");
    pub(super) const UNAUTHENTICATED: Refusal =
        Refusal::unauthorized("unauthenticated: User cannot be authenticated with the token provided.");

    pub(super) const DEAD_CREDENTIAL: Refusal = Refusal::denied("denied");
    pub(super) const INVALID_TOKEN: Refusal = Refusal::denied("invalid token");
    pub(super) const NO_ACCESS: Refusal = Refusal::denied("requested access to the resource is denied");
    pub(super) const WRONG_SCOPES: Refusal =
        Refusal::denied("permission_denied: The token provided does not match expected scopes.");
    pub(super) const NO_WRITE: Refusal = Refusal::denied("permission_denied: write_package");
    pub(super) const NO_CREATE: Refusal = Refusal::denied("permission_denied: create_package");
    pub(super) const NO_INSTALLATION: Refusal =
        Refusal::denied("permission_denied: The requested installation does not exist.");
    pub(super) const INSTALLATION_READ: Refusal =
        Refusal::denied("installation not allowed to Read organization package");
    pub(super) const INSTALLATION_WRITE: Refusal =
        Refusal::denied("installation not allowed to Write organization package");
    pub(super) const INSTALLATION_CREATE: Refusal =
        Refusal::denied("installation not allowed to Create organization package");

    pub(super) const MANIFEST_UNKNOWN: Refusal = Refusal::new(404, "MANIFEST_UNKNOWN", "manifest unknown");
    pub(super) const INDEX_NOT_ACCEPTED: Refusal =
        Refusal::new(404, "MANIFEST_UNKNOWN", "OCI index found, but Accept header does not support OCI indexes");
    pub(super) const MANIFEST_INVALID: Refusal = Refusal::new(400, "MANIFEST_INVALID", "manifest invalid");
    pub(super) const MANIFEST_BLOB_UNKNOWN: Refusal =
        Refusal::new(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
    pub(super) const BLOB_UNKNOWN: Refusal = Refusal::new(404, "BLOB_UNKNOWN", "blob unknown to registry");
    pub(super) const UPLOAD_UNKNOWN: Refusal =
        Refusal::new(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
    pub(super) const UPLOAD_INVALID: Refusal = Refusal::new(416, "BLOB_UPLOAD_INVALID", "blob upload invalid");
    pub(super) const DIGEST_INVALID: Refusal =
        Refusal::new(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
    pub(super) const CHUNK_TOO_LARGE: Refusal = Refusal::new(
        416,
        "REQUESTED_RANGE_NOT_SATISFIABLE",
        "the request body is too large and exceeds the maximum permissible limit of 4.00MiB",
    );
    pub(super) const RATE_LIMITED: Refusal =
        Refusal::new(429, "TOOMANYREQUESTS", "retry-after: 985.86µs, allowed: 44000/minute");
    pub(super) const UNSUPPORTED: Refusal = Refusal::new(405, "UNSUPPORTED", "The operation is unsupported.");

    const fn new(status: u16, code: &'static str, message: &'static str) -> Refusal {
        Refusal { status, code, message, is_challenged: false }
    }

    const fn unauthorized(message: &'static str) -> Refusal {
        Refusal::new(401, "UNAUTHORIZED", message)
    }

    const fn denied(message: &'static str) -> Refusal {
        Refusal::new(403, "DENIED", message)
    }

    pub(super) fn with_status(self, status: u16) -> Refusal {
        Refusal { status, ..self }
    }

    pub(super) fn into_response(self, request: &Request) -> Response<Bytes> {
        let body = json!({ "errors": [{ "code": self.code, "message": self.message }] });
        let mut response = json(self.status, &body);
        if self.is_challenged {
            set(&mut response, header::WWW_AUTHENTICATE.as_str(), &challenge(request, &origin(request)));
        }
        response
    }
}

/// The challenge for what was asked: ghcr.io names a placeholder where the path names no repository.
pub(super) fn challenge(request: &Request, realm_origin: &str) -> String {
    let repository = repository(request.path());
    let name = repository.as_ref().map_or("user/image", RepositoryName::as_str);
    Challenge::bearer(&format!("{realm_origin}/token"), "ghcr.io")
        .with("scope", &format!("repository:{name}:pull"))
        .to_string()
}

/// The repository that a path names.
fn repository(path: &str) -> Option<RepositoryName> {
    if let Some((name, _)) = referrers(path) {
        return Some(name);
    }
    match Route::parse(path).ok()? {
        Route::Root => None,
        Route::Manifest(name, _)
        | Route::Blob(name, _)
        | Route::Uploads(name)
        | Route::Upload(name, _)
        | Route::Tags(name) => Some(name),
    }
}

/// `/v2/NAME/referrers/DIGEST`
pub(super) fn referrers(path: &str) -> Option<(RepositoryName, &str)> {
    let (name, digest) = path.strip_prefix("/v2/")?.rsplit_once("/referrers/")?;
    Some((name.parse().ok()?, digest))
}

/// A body as Go's encoder writes it: with a line break at the end.
pub(super) fn json(status: u16, body: &Value) -> Response<Bytes> {
    response(status, &[("content-type", "application/json")], format!("{body}\n"))
}

/// What Go's router says where nothing is.
pub(super) fn not_found() -> Response<Bytes> {
    response(404, &[("content-type", "text/plain; charset=utf-8")], "404 page not found\n")
}

pub(super) fn set(response: &mut Response<Bytes>, name: &'static str, value: &str) {
    response.headers_mut().insert(name, HeaderValue::from_str(value).expect("visible characters"));
}

/// `https://ghcr.io` to a client that came by that name, `http://127.0.0.1:PORT` to one that came by address.
pub(super) fn origin(request: &Request) -> String {
    format!("{}://{}", scheme(request), request.header("host"))
}

pub(super) fn scheme(request: &Request) -> &str {
    request.origin.split(':').next().unwrap_or_default()
}

/// Five hexadecimal groups, as GitHub's edge numbers requests.
pub(crate) fn request_id() -> String {
    let digits: String =
        random(28).bytes().map(|byte| char::from(b"0123456789ABCDEF"[usize::from(byte % 16)])).collect();
    format!("{}:{}:{}:{}:{}", &digits[..4], &digits[4..9], &digits[9..14], &digits[14..20], &digits[20..])
}

/// The values of the query parameter `name`.
pub(super) fn parameters(request: &Request, name: &str) -> Vec<String> {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
}
