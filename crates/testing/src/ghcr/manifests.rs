//! `/v2/NAME/manifests/REFERENCE`

use http::{Method, header};
use pullpass_oci::{Manifest, RepositoryName, Route, media_type, route::ManifestReference};

use super::{
    Call, Visibility,
    answer::{Answer, Refusal},
    authorization::Principal,
};
use crate::canned::response;

pub(super) fn answer(call: &mut Call, name: &RepositoryName, reference: &ManifestReference) -> Answer {
    match call.request.method {
        Method::GET | Method::HEAD => get(call, name, reference),
        Method::PUT => put(call, name, reference),
        _ => Err(Refusal::UNSUPPORTED),
    }
}

fn get(call: &Call, name: &RepositoryName, reference: &ManifestReference) -> Answer {
    call.read(name)?;
    let package = call.world.packages.package(name).ok_or(Refusal::MANIFEST_UNKNOWN)?;
    let (digest, manifest) = package.manifest(reference).ok_or(Refusal::MANIFEST_UNKNOWN)?;
    if manifest.media_type == media_type::OCI_INDEX && !call.accepts(media_type::OCI_INDEX) {
        return Err(Refusal::INDEX_NOT_ACCEPTED);
    }
    let digest = digest.to_string();
    let headers = [
        ("content-type", manifest.media_type.as_str()),
        ("docker-content-digest", &digest),
        ("etag", &format!("\"{digest}\"")),
    ];
    Ok(response(200, &headers, manifest.bytes.clone()))
}

fn put(call: &mut Call, name: &RepositoryName, reference: &ManifestReference) -> Answer {
    call.write(name)?;
    let bytes = call.request.body.clone();
    let content_type = call.request.header(header::CONTENT_TYPE.as_str()).to_owned();
    let manifest = Manifest::parse(&content_type, &bytes).map_err(|_| Refusal::MANIFEST_INVALID)?;
    let is_there = match &manifest {
        Manifest::Image { config, layers, .. } => {
            let mut named = std::iter::once(config).chain(layers);
            named.all(|blob| call.world.packages.blob(name, &blob.digest).is_some())
        }
        Manifest::Index { manifests, .. } => {
            let known = &call.world.packages.repository(name).manifests;
            manifests.iter().all(|manifest| known.contains_key(&manifest.digest))
        }
    };
    if !is_there {
        return Err(Refusal::MANIFEST_BLOB_UNKNOWN);
    }
    let tag = match reference {
        ManifestReference::Tag(tag) => Some(tag.as_str()),
        ManifestReference::Digest(digest) if *digest == pullpass_oci::Digest::sha256(&bytes) => None,
        ManifestReference::Digest(_) => return Err(Refusal::DIGEST_INVALID),
    };
    let repository = call.world.packages.repository(name);
    if let (None, Principal::Token(creator)) = (repository.visibility, &call.principal) {
        // Private even where the linked source repository is public; only the web page changes that.
        repository.visibility = Some(Visibility::Private);
        match &creator.workflow {
            Some(source) => repository.linked_to = Some(source.clone()),
            None => {
                repository.readers.insert(creator.login.clone());
                repository.writers.insert(creator.login.clone());
            }
        }
    }
    let digest = repository.add_manifest(tag, &content_type, bytes);
    let location = Route::Manifest(name.clone(), ManifestReference::Digest(digest.clone())).to_string();
    Ok(response(201, &[("location", &location), ("docker-content-digest", &digest.to_string())], ""))
}
