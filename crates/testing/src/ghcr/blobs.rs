//! `/v2/NAME/blobs/DIGEST`, and the storage host that it leads to.

use std::time::Instant;

use bytes::Bytes;
use http::{Method, Response, header};
use pullpass_oci::{Digest, RepositoryName};

use super::{
    Call, World,
    answer::{Answer, Refusal, parameters, scheme},
    issued::random,
};
use crate::canned::{Request, response};

/// Where the signed addresses of ghcr.io lead.
const STORAGE: &str = "pkg-containers.githubusercontent.com";

/// What a signed address opens, and until when.
pub(super) struct Signed {
    digest: Digest,
    until: Instant,
}

pub(super) fn answer(call: &mut Call, name: &RepositoryName, digest: &Digest) -> Answer {
    if !matches!(call.request.method, Method::GET | Method::HEAD) {
        return Err(Refusal::UNSUPPORTED);
    }
    // Whoever pushes asks first what is there, before there is a package.
    call.read(name).or_else(|refusal| call.write(name).map_err(|_| refusal))?;
    let bytes = call.world.packages.blob(name, digest).ok_or(Refusal::BLOB_UNKNOWN)?;
    if call.request.method == Method::HEAD {
        let headers = [("content-type", "application/octet-stream"), ("docker-content-digest", &digest.to_string())];
        return Ok(response(200, &headers, bytes.clone()));
    }
    let signature = random(43);
    let until = Instant::now() + call.world.switches.signed_url_lifetime;
    let location = format!("{}/ghcr1/blobs/{digest}?sp=r&sr=b&sig={signature}", storage_origin(call));
    call.world.signed.insert(signature, Signed { digest: digest.clone(), until });
    Ok(response(307, &[("location", &location)], ""))
}

/// The storage host by its real name for clients that came to ghcr.io by its name, else by its address.
fn storage_origin(call: &Call) -> String {
    let scheme = scheme(call.request);
    let address = call.world.storage;
    let host = call.request.header("host");
    if host.split(':').next() != Some("ghcr.io") {
        return format!("{scheme}://{address}");
    }
    match (scheme, address.port()) {
        ("https", 443) | ("http", 80) => format!("{scheme}://{STORAGE}"),
        (_, port) => format!("{scheme}://{STORAGE}:{port}"),
    }
}

/// The storage host's side: the address is the whole proof, for one method and a short time.
pub(super) fn storage(world: &World, request: &Request) -> Response<Bytes> {
    let refused = |status: u16, code: &str| {
        let body = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code></Error>");
        response(status, &[("content-type", "application/xml")], body)
    };
    if request.headers.contains_key(header::AUTHORIZATION) {
        return refused(400, "InvalidAuthenticationInfo");
    }
    let signature = parameters(request, "sig").pop().unwrap_or_default();
    match world.signed.get(&signature) {
        Some(signed)
            if request.method == Method::GET
                && request.path() == format!("/ghcr1/blobs/{}", signed.digest)
                && Instant::now() < signed.until =>
        {
            let bytes = world.packages.blobs.get(&signed.digest).cloned().unwrap_or_default();
            response(200, &[("content-type", "application/octet-stream")], bytes)
        }
        _ => refused(403, "AuthenticationFailed"),
    }
}
