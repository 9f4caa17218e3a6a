//! `/v2/NAME/manifests/REFERENCE`

use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use http::{
    HeaderName, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION},
};
use http_body_util::BodyExt;
use pullpass_oci::{
    Algorithm, Digest, ErrorCode, Hasher, Manifest, RepositoryName, Route, manifest::MAX_BYTES,
    route::ManifestReference,
};

use super::{
    Answer, Call,
    answer::{CONTENT_DIGEST, Failure},
};
use crate::{
    auth::decision::Push,
    db::content::{BadReference, References, StoredManifest},
};

/// Says that the registry took note of the `subject` (OCI distribution spec, "Pushing Manifests with Subject").
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

pub(super) async fn handle(call: &Call, body: Body, name: &RepositoryName, reference: &ManifestReference) -> Answer {
    match call.method {
        Method::GET | Method::HEAD => get(call, name, reference).await,
        Method::PUT => put(call, body, name, reference).await,
        Method::DELETE => delete(call, name, reference).await,
        _ => call.not_allowed("GET, HEAD, PUT, DELETE"),
    }
}

async fn get(call: &Call, name: &RepositoryName, reference: &ManifestReference) -> Answer {
    let permit = call.permit(name).await?;
    let manifest = call.app.content.manifest(&permit, reference).await?.ok_or_else(|| unknown(reference))?;
    Ok(Response::builder()
        .header(CONTENT_TYPE, manifest.media_type)
        .header(CONTENT_LENGTH, manifest.bytes.len())
        .header(CONTENT_DIGEST, manifest.digest.to_string())
        .body(Body::from(manifest.bytes))?)
}

async fn put(call: &Call, body: Body, name: &RepositoryName, reference: &ManifestReference) -> Answer {
    let permit = call.permit::<Push>(name).await?;
    let bytes = read(body).await?;
    let media_type = call.header(CONTENT_TYPE).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
    let invalid = |error| Failure::bad(ErrorCode::ManifestInvalid, &error);
    let manifest = Manifest::parse(&media_type, &bytes).map_err(invalid)?;
    let (digest, tag) = match reference {
        ManifestReference::Tag(tag) => (digest_of(Algorithm::Sha256, &bytes), Some(tag)),
        ManifestReference::Digest(asked) => {
            let digest = digest_of(asked.algorithm(), &bytes);
            if digest != *asked {
                return Err(Failure::bad(ErrorCode::DigestInvalid, &format!("the manifest has the digest `{digest}`")));
            }
            (digest, None)
        }
    };
    let (references, subject) = References::of(manifest);
    let stored = StoredManifest { digest: digest.clone(), media_type, bytes };
    let accepted = call.app.content.add_manifest(&permit, &stored, &references, tag, call.app.now()).await?;
    accepted.map_err(|bad| match bad {
        BadReference::Missing(digest) => {
            let message = format!("the manifest names `{digest}`, which the package does not have: push it first");
            Failure::unknown(ErrorCode::ManifestBlobUnknown, &message)
        }
        BadReference::Size(digest) => {
            let message = format!("the manifest gives `{digest}` another size than it has");
            Failure::bad(ErrorCode::ManifestInvalid, &message)
        }
    })?;
    let route = Route::Manifest(name.clone(), ManifestReference::Digest(digest.clone()));
    let mut response = Response::builder()
        .status(StatusCode::CREATED)
        .header(LOCATION, route.to_string())
        .header(CONTENT_DIGEST, digest.to_string())
        .header(CONTENT_LENGTH, 0);
    if let Some(subject) = subject {
        response = response.header(OCI_SUBJECT, subject.digest.to_string());
    }
    Ok(response.body(Body::empty())?)
}

async fn delete(call: &Call, name: &RepositoryName, reference: &ManifestReference) -> Answer {
    let permit = call.permit(name).await?;
    if !call.app.content.remove_manifest(&permit, reference).await? {
        return Err(unknown(reference));
    }
    Ok(Response::builder().status(StatusCode::ACCEPTED).header(CONTENT_LENGTH, 0).body(Body::empty())?)
}

fn unknown(reference: &ManifestReference) -> Failure {
    let message = match reference {
        ManifestReference::Tag(tag) => format!("the package has no tag `{tag}`"),
        ManifestReference::Digest(_) => "the package has no such manifest".to_owned(),
    };
    Failure::unknown(ErrorCode::ManifestUnknown, &message)
}

/// The whole body, unless it is larger than a manifest may be.
async fn read(mut body: Body) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let broken = |error| {
            let message = format!("the request body did not arrive whole: {error}");
            Failure::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::ManifestInvalid, message)
        };
        if let Ok(data) = frame.map_err(broken)?.into_data() {
            if bytes.len() + data.len() > MAX_BYTES {
                let message = format!("a manifest has at most {MAX_BYTES} bytes");
                return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::ManifestInvalid, message));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}

fn digest_of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}
