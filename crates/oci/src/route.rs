//! The paths below `/v2/`: OCI distribution spec, "Endpoints". Repository names have slashes, so a path is read from
//! its right end; client and server build and read it here, and cannot disagree.

use std::fmt;

use crate::{
    digest::Digest,
    name::{RepositoryName, Tag},
};

/// What a manifest is asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestReference {
    /// By tag.
    Tag(Tag),
    /// By digest.
    Digest(Digest),
}

/// A path below `/v2/`, without its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`
    Root,
    /// `/v2/NAME/manifests/REFERENCE`
    Manifest(RepositoryName, ManifestReference),
    /// `/v2/NAME/blobs/DIGEST`
    Blob(RepositoryName, Digest),
    /// `/v2/NAME/blobs/uploads/`
    Uploads(RepositoryName),
    /// `/v2/NAME/blobs/uploads/SESSION`
    Upload(RepositoryName, String),
    /// `/v2/NAME/tags/list`
    Tags(RepositoryName),
}

/// Why a path is no [`Route`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoute {
    /// No endpoint has this shape.
    #[error("no such endpoint")]
    Unknown,
    /// The repository name is not one.
    #[error(transparent)]
    Name(#[from] crate::name::InvalidName),
    /// The digest is not one.
    #[error(transparent)]
    Digest(#[from] crate::digest::InvalidDigest),
    /// The manifest reference is neither a tag nor a digest.
    #[error("a manifest is named by a tag or a digest")]
    Reference,
}

impl Route {
    /// Reads a path such as `/v2/owner/name/tags/list`. Percent-encoding is not decoded: no valid name needs it.
    pub fn parse(path: &str) -> Result<Route, InvalidRoute> {
        let rest = match path.strip_prefix("/v2") {
            Some("" | "/") => return Ok(Route::Root),
            Some(rest) => rest.strip_prefix('/').ok_or(InvalidRoute::Unknown)?,
            None => return Err(InvalidRoute::Unknown),
        };
        let segments: Vec<&str> = rest.split('/').collect();
        let name = |segments: &[&str]| segments.join("/").parse::<RepositoryName>();
        match segments.as_slice() {
            [owner @ .., "tags", "list"] => Ok(Route::Tags(name(owner)?)),
            [owner @ .., "blobs", "uploads"] | [owner @ .., "blobs", "uploads", ""] => Ok(Route::Uploads(name(owner)?)),
            [owner @ .., "blobs", "uploads", session] => Ok(Route::Upload(name(owner)?, (*session).to_owned())),
            [owner @ .., "blobs", digest] => Ok(Route::Blob(name(owner)?, digest.parse()?)),
            [owner @ .., "manifests", reference] => Ok(Route::Manifest(name(owner)?, reference.parse()?)),
            _ => Err(InvalidRoute::Unknown),
        }
    }
}

impl std::str::FromStr for ManifestReference {
    type Err = InvalidRoute;

    fn from_str(text: &str) -> Result<ManifestReference, InvalidRoute> {
        if text.contains(':') {
            return Ok(ManifestReference::Digest(text.parse()?));
        }
        text.parse().map(ManifestReference::Tag).map_err(|_| InvalidRoute::Reference)
    }
}

impl fmt::Display for ManifestReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ManifestReference::Tag(tag) => tag.fmt(f),
            ManifestReference::Digest(digest) => digest.fmt(f),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Route::Root => f.write_str("/v2/"),
            Route::Manifest(name, reference) => write!(f, "/v2/{name}/manifests/{reference}"),
            Route::Blob(name, digest) => write!(f, "/v2/{name}/blobs/{digest}"),
            Route::Uploads(name) => write!(f, "/v2/{name}/blobs/uploads/"),
            Route::Upload(name, session) => write!(f, "/v2/{name}/blobs/uploads/{session}"),
            Route::Tags(name) => write!(f, "/v2/{name}/tags/list"),
        }
    }
}
