//! `/v2/NAME/blobs/uploads/` and the sessions below it.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use http::{
    HeaderName, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE},
};
use pullpass_oci::{Action, Digest, ErrorCode, RepositoryName, Route, Scope};
use tokio::task;

use super::{
    Answer, Call,
    answer::{CONTENT_DIGEST, Failure},
};
use crate::{
    auth::decision::{Permit, Pull, Push},
    blobs::session::Session,
};

const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// `POST`: mounts a blob, takes one whole, or opens a session.
pub(super) async fn open(call: &Call, body: Body, name: &RepositoryName) -> Answer {
    if call.method != Method::POST {
        return call.not_allowed("POST");
    }
    let from: Option<RepositoryName> = call.parameter("from").and_then(|from| from.parse().ok());
    let permit = call.permit::<Push>(name).await.map_err(|failure| match (failure, from.clone()) {
        (Failure::Refused(refusal), Some(from)) => refusal.and_for(Scope::new(from, [Action::Pull])).into(),
        (failure, _) => failure,
    })?;
    if let Some(from) = &from
        && let Some(digest) = mount(call, &permit, from).await?
    {
        return created(name, &digest);
    }
    let Some(digest) = call.digest()? else {
        return progress(StatusCode::ACCEPTED, name, &*call.app.sessions.begin(&permit)?);
    };
    let (app, wanted) = (Arc::clone(&call.app), digest.clone());
    to_the_end(async move {
        let published = app.sessions.take_whole(&permit, body, &wanted).await?;
        Ok(app.content.add_blob(&permit, &published, app.now()).await?)
    })
    .await?;
    created(name, &digest)
}

/// Mounts what `mount` names. Whatever stands in the way, the answer is an upload session: an error would tell what is
/// there, and clients know how to go on.
async fn mount(call: &Call, permit: &Permit<Push>, from: &RepositoryName) -> Result<Option<Digest>, Failure> {
    let Some(digest) = call.parameter("mount").and_then(|digest| digest.parse::<Digest>().ok()) else {
        return Ok(None);
    };
    let source: Permit<Pull> = match call.permit(from).await {
        Ok(source) => source,
        Err(Failure::Internal(reason)) => return Err(Failure::Internal(reason)),
        Err(_) => return Ok(None),
    };
    let Some(blob) = call.app.content.blob(&source, &digest).await? else { return Ok(None) };
    call.app.content.mount_blob(permit, &blob, call.app.now()).await?;
    Ok(Some(digest))
}

/// `GET`, `PATCH`, `PUT` and `DELETE` of an open session.
pub(super) async fn handle(call: &Call, body: Body, name: &RepositoryName, id: &str) -> Answer {
    if !matches!(call.method, Method::GET | Method::HEAD | Method::PATCH | Method::PUT | Method::DELETE) {
        return call.not_allowed("GET, PATCH, PUT, DELETE");
    }
    let permit = call.permit::<Push>(name).await?;
    let session = call.app.sessions.find(&permit, id).ok_or_else(|| {
        let message = "there is no such upload: it ended, was idle for an hour, or belongs to somebody else";
        Failure::unknown(ErrorCode::BlobUploadUnknown, &message)
    })?;
    match call.method {
        Method::PATCH => {
            check_position(call, name, &session)?;
            call.app.sessions.append(&session, body).await?;
            progress(StatusCode::ACCEPTED, name, &session)
        }
        Method::PUT => put(call, body, permit, session).await,
        Method::DELETE => {
            call.app.sessions.cancel(&session)?;
            Ok(Response::builder().status(StatusCode::NO_CONTENT).body(Body::empty())?)
        }
        _ => progress(StatusCode::NO_CONTENT, name, &session),
    }
}

async fn put(call: &Call, body: Body, permit: Permit<Push>, session: Arc<Session>) -> Answer {
    let missing = || Failure::bad(ErrorCode::DigestInvalid, &"the parameter `digest` is missing");
    let digest = call.digest()?.ok_or_else(missing)?;
    check_position(call, permit.name(), &session)?;
    let answer = created(permit.name(), &digest);
    let app = Arc::clone(&call.app);
    to_the_end(async move {
        let published = app.sessions.finish(&session, body, &digest).await?;
        Ok(app.content.add_blob(&permit, &published, app.now()).await?)
    })
    .await?;
    answer
}

/// Does work that does not end with the request: a client that goes away between a blob's file and its row must not leave
/// the one without the other.
async fn to_the_end(work: impl Future<Output = Result<(), Failure>> + Send + 'static) -> Result<(), Failure> {
    task::spawn(work).await.map_err(|error| Failure::Internal(error.to_string()))?
}

/// A chunk that says where it belongs must continue what is there: `Content-Range: FIRST-LAST`.
fn check_position(call: &Call, name: &RepositoryName, session: &Session) -> Result<(), Failure> {
    let Some(header) = call.header(CONTENT_RANGE) else { return Ok(()) };
    let range = header.split_once('-').and_then(|(first, last)| {
        let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
        Some((first, last.checked_sub(first)?.checked_add(1)?))
    });
    let length = call.header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    match range {
        Some((first, chunk)) if first == session.size() && length.is_none_or(|length| length == chunk) => Ok(()),
        _ => {
            let message = format!("the upload has {} bytes: go on there", session.size());
            let failure = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::BlobUploadInvalid, message);
            Err(failure.with(RANGE, received(session)).with(LOCATION, location(name, session)))
        }
    }
}

fn created(name: &RepositoryName, digest: &Digest) -> Answer {
    Ok(Response::builder()
        .status(StatusCode::CREATED)
        .header(LOCATION, Route::Blob(name.clone(), digest.clone()).to_string())
        .header(CONTENT_DIGEST, digest.to_string())
        .header(CONTENT_LENGTH, 0)
        .body(Body::empty())?)
}

fn progress(status: StatusCode, name: &RepositoryName, session: &Session) -> Answer {
    let mut response = Response::builder()
        .status(status)
        .header(LOCATION, location(name, session))
        .header(RANGE, received(session))
        .header(UPLOAD_UUID, session.id().to_string());
    if status != StatusCode::NO_CONTENT {
        response = response.header(CONTENT_LENGTH, 0);
    }
    Ok(response.body(Body::empty())?)
}

fn location(name: &RepositoryName, session: &Session) -> String {
    Route::Upload(name.clone(), session.id().to_string()).to_string()
}

/// `0-LAST`; of nothing the field writes `0-0`, as the header cannot say it.
fn received(session: &Session) -> String {
    format!("0-{}", session.size().saturating_sub(1))
}
