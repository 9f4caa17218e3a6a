//! `/v2/NAME/blobs/DIGEST`

use std::ops::RangeInclusive;

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
    let blob = call.app.db.blob(&permit, digest).await?.ok_or_else(unknown)?;
    let size = blob.size();
    let asked = call.header(RANGE).filter(|_| call.method == Method::GET).map(|header| parse_range(header, size));
    let (status, range) = match asked {
        None | Some(Range::Whole) => (StatusCode::OK, whole(size)),
        Some(Range::Part(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(Range::Outside) => {
            let message = format!("the blob has {size} bytes");
            let failure = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::SizeInvalid, message);
            return Err(failure.with(CONTENT_RANGE, format!("bytes */{size}")));
        }
    };
    let length = if range.is_empty() { 0 } else { range.end() - range.start() + 1 };
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CONTENT_LENGTH, length)
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_DIGEST, digest.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        response = response.header(CONTENT_RANGE, format!("bytes {}-{}/{size}", range.start(), range.end()));
    }
    let body = match call.method {
        Method::HEAD => Body::empty(),
        _ => call.app.blobs.read(&blob, range).await?,
    };
    Ok(response.body(body)?)
}

async fn delete(call: &Call, name: &RepositoryName, digest: &Digest) -> Answer {
    let permit = call.permit(name).await?;
    if !call.app.db.remove_blob(&permit, digest).await? {
        return Err(unknown());
    }
    Ok(Response::builder().status(StatusCode::ACCEPTED).header(CONTENT_LENGTH, 0).body(Body::empty())?)
}

fn unknown() -> Failure {
    Failure::unknown(ErrorCode::BlobUnknown, &"the package has no such blob")
}

enum Range {
    Whole,
    Part(RangeInclusive<u64>),
    Outside,
}

#[expect(clippy::reversed_empty_ranges, reason = "an empty blob has no first byte")]
fn whole(size: u64) -> RangeInclusive<u64> {
    if size == 0 { 1..=0 } else { 0..=size - 1 }
}

/// RFC 9110, section 14: one range of bytes. Several ranges, or another unit, may be answered with the whole.
fn parse_range(header: &str, size: u64) -> Range {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Range::Whole;
    };
    let end = size.saturating_sub(1);
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..=last.min(end),
        (Ok(first), Err(_)) if last.is_empty() => first..=end,
        (Err(_), Ok(length)) if first.is_empty() && length > 0 => size.saturating_sub(length)..=end,
        (Err(_), Ok(0)) if first.is_empty() => return Range::Outside,
        _ => return Range::Whole,
    };
    if *range.start() >= size { Range::Outside } else { Range::Part(range) }
}
