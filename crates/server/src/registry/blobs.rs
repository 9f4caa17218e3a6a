//! `/v2/NAME/blobs/DIGEST`

use std::ops::Range;

use axum::{body::Body, response::Response};
use http::{
    Method, StatusCode,
    header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE},
};
use pullpass_oci::{Digest, ErrorCode, RepositoryName};

use super::{
    Answer, Call,
    answer::{CONTENT_DIGEST, Failure},
};

pub(super) async fn handle(call: &Call, name: &RepositoryName, digest: &Digest) -> Answer {
    match call.method {
        Method::GET | Method::HEAD => get(call, name, digest).await,
        Method::DELETE => delete(call, name, digest).await,
        _ => call.not_allowed("GET, HEAD, DELETE"),
    }
}

async fn get(call: &Call, name: &RepositoryName, digest: &Digest) -> Answer {
    let permit = call.permit(name).await?;
    let blob = call.app.content.blob(&permit, digest).await?.ok_or_else(unknown)?;
    let size = blob.size();
    let asked = call.header(RANGE).filter(|_| call.method == Method::GET).map(|header| parse_range(header, size));
    let (status, range) = match asked {
        None | Some(Asked::Whole) => (StatusCode::OK, 0..size),
        Some(Asked::Part(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(Asked::Outside) => {
            let message = format!("the blob has {size} bytes");
            let failure = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::SizeInvalid, message);
            return Err(failure.with(CONTENT_RANGE, format!("bytes */{size}")));
        }
    };
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CONTENT_LENGTH, range.end - range.start)
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_DIGEST, digest.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        response = response.header(CONTENT_RANGE, format!("bytes {}-{}/{size}", range.start, range.end - 1));
    }
    let body = match call.method {
        Method::HEAD => Body::empty(),
        _ => call.app.blobs.read(&blob, range).await?,
    };
    Ok(response.body(body)?)
}

async fn delete(call: &Call, name: &RepositoryName, digest: &Digest) -> Answer {
    let permit = call.permit(name).await?;
    if !call.app.content.remove_blob(&permit, digest).await? {
        return Err(unknown());
    }
    Ok(Response::builder().status(StatusCode::ACCEPTED).header(CONTENT_LENGTH, 0).body(Body::empty())?)
}

fn unknown() -> Failure {
    Failure::unknown(ErrorCode::BlobUnknown, &"the package has no such blob")
}

/// What a `Range` header asks for.
enum Asked {
    Whole,
    /// Never empty, and inside the blob.
    Part(Range<u64>),
    Outside,
}

/// RFC 9110, section 14: one range of bytes. Several ranges, or another unit, may be answered with the whole.
fn parse_range(header: &str, size: u64) -> Asked {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(length)) if first.is_empty() => size.saturating_sub(length)..size,
        _ => return Asked::Whole,
    };
    if range.is_empty() { Asked::Outside } else { Asked::Part(range) }
}
