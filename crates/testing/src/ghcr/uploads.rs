//! `/v2/NAME/blobs/uploads/` and the sessions below it.

use bytes::Bytes;
use http::{Method, Response};
use pullpass_oci::{Digest, RepositoryName, Route};

use super::{
    Call,
    answer::{Answer, Refusal, parameters},
    issued::random,
};
use crate::canned::response;

/// How much one `PATCH` with a `Content-Range` may bring. One without may bring any amount.
const CHUNK_LIMIT: usize = 4 * 1024 * 1024;

pub(super) struct Session {
    name: RepositoryName,
    bytes: Vec<u8>,
}

/// `POST`: proves the right to push and leaves nothing to see.
pub(super) fn open(call: &mut Call, name: &RepositoryName) -> Answer {
    if call.request.method != Method::POST {
        return Err(Refusal::UNSUPPORTED);
    }
    call.write(name)?;
    if let Some(digest) = mount(call, name) {
        return Ok(created(name, &digest));
    }
    let id = random(32);
    call.world.sessions.insert(id.clone(), Session { name: name.clone(), bytes: Vec::new() });
    Ok(progress(202, name, &id, 0))
}

fn mount(call: &mut Call, name: &RepositoryName) -> Option<Digest> {
    let parameter = |key| parameters(call.request, key).pop();
    let digest: Digest = parameter("mount")?.parse().ok()?;
    let from: RepositoryName = parameter("from")?.parse().ok()?;
    call.read(&from).ok()?;
    let bytes = call.world.packages.blob(&from, &digest)?.clone();
    Some(call.world.packages.add_blob(name, bytes))
}

/// `PATCH`, `PUT` and `GET`. There is no way to cancel.
pub(super) fn answer(call: &mut Call, name: &RepositoryName, id: &str) -> Answer {
    if !matches!(call.request.method, Method::GET | Method::PATCH | Method::PUT) {
        return Err(Refusal::UNSUPPORTED);
    }
    call.write(name)?;
    let session = call.world.sessions.get_mut(id).filter(|session| session.name == *name);
    let session = session.ok_or(Refusal::UPLOAD_UNKNOWN)?;
    match call.request.method {
        Method::PATCH => {
            check_range(call.request.header("content-range"), call.request.body.len(), session.bytes.len())?;
            session.bytes.extend_from_slice(&call.request.body);
            Ok(progress(202, name, id, session.bytes.len()))
        }
        Method::PUT => {
            session.bytes.extend_from_slice(&call.request.body);
            let digest = parameters(call.request, "digest").pop().unwrap_or_default();
            if digest != Digest::sha256(&session.bytes).to_string() {
                return Err(Refusal::DIGEST_INVALID);
            }
            let bytes = std::mem::take(&mut session.bytes);
            call.world.sessions.remove(id);
            let digest = call.world.packages.add_blob(name, bytes.into());
            Ok(created(name, &digest))
        }
        _ => Ok(progress(204, name, id, session.bytes.len())),
    }
}

/// A chunk that says where it belongs must be small and go on where the last one ended.
fn check_range(header: &str, length: usize, received: usize) -> Result<(), Refusal> {
    if header.is_empty() {
        return Ok(());
    }
    if length > CHUNK_LIMIT {
        return Err(Refusal::CHUNK_TOO_LARGE);
    }
    let first = header.split('-').next().and_then(|first| first.parse::<usize>().ok());
    if first == Some(received) { Ok(()) } else { Err(Refusal::UPLOAD_INVALID) }
}

fn created(name: &RepositoryName, digest: &Digest) -> Response<Bytes> {
    let location = Route::Blob(name.clone(), digest.clone()).to_string();
    response(201, &[("location", &location), ("docker-content-digest", &digest.to_string())], "")
}

fn progress(status: u16, name: &RepositoryName, id: &str, received: usize) -> Response<Bytes> {
    let location = Route::Upload(name.clone(), id.to_owned()).to_string();
    let range = format!("0-{}", received.saturating_sub(1));
    response(status, &[("location", &location), ("range", &range), ("docker-upload-uuid", id)], "")
}
