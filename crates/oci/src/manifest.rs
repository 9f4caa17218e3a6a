//! Manifests and indexes: just the fields that name other content. The bytes themselves are never re-serialised,
//! because their digest is their name.

use std::{fmt, str::FromStr};

use serde::Deserialize;

use crate::{digest::Digest, media_type};

/// How large a manifest may be, in bytes: what every registry must accept (OCI distribution spec, "Pushing Manifests").
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A pointer to content: OCI image spec, `descriptor.md`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is.
    #[serde(default)]
    pub media_type: String,
    /// Its name.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Where it runs, in an index.
    pub platform: Option<Platform>,
}

/// What an image of an index runs on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// `linux`, …
    pub os: String,
    /// `v7`, `v8`, …, where an architecture has several.
    pub variant: Option<String>,
}

/// Why a text is no [`Platform`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a platform is `OS/ARCHITECTURE` or `OS/ARCHITECTURE/VARIANT`, for example `linux/arm64`")]
pub struct InvalidPlatform;

impl Platform {
    /// Whether this is what `wanted` asks for; of variants the one that is named, else any.
    pub fn is(&self, wanted: &Platform) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (wanted.variant.is_none() || self.variant == wanted.variant)
    }
}

impl FromStr for Platform {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Platform, InvalidPlatform> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_word = |part: &&str| {
            !part.is_empty() && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'_' | b'.' | b'-'))
        };
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(is_word) {
            return Err(InvalidPlatform);
        }
        Ok(Platform {
            os: parts[0].to_owned(),
            architecture: parts[1].to_owned(),
            variant: parts.get(2).map(|&variant| variant.to_owned()),
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// What a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// An image, or any other artifact with layers.
    Image {
        /// The configuration.
        config: Descriptor,
        /// The layers, lowest first.
        layers: Vec<Descriptor>,
        /// What this artifact is about; need not exist.
        subject: Option<Descriptor>,
    },
    /// An index or a manifest list.
    Index {
        /// The manifests, one a platform.
        manifests: Vec<Descriptor>,
        /// What this artifact is about; need not exist.
        subject: Option<Descriptor>,
    },
}

/// Why bytes are no [`Manifest`].
#[derive(Debug, thiserror::Error)]
pub enum InvalidManifest {
    /// Not JSON of the right shape.
    #[error("the manifest is not JSON of the expected shape: {0}")]
    Json(#[from] serde_json::Error),
    /// A media type that is none of the four.
    #[error("`{0}` is no media type of a manifest")]
    MediaType(String),
    /// The `mediaType` inside differs from the `Content-Type` outside.
    #[error("the manifest says that it is `{inside}`, the request says `{outside}`")]
    Mismatch {
        /// In the JSON.
        inside: String,
        /// In the header.
        outside: String,
    },
    /// An index with layers, or an image with manifests: a client could be made to see either.
    #[error("a manifest has either `config` and `layers`, or `manifests`")]
    Ambiguous,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
}

impl Manifest {
    /// Reads the bytes of a manifest that came with `content_type` (parameters are passed over).
    pub fn parse(content_type: &str, bytes: &[u8]) -> Result<Manifest, InvalidManifest> {
        let outside = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type::MANIFESTS.contains(&outside) {
            return Err(InvalidManifest::MediaType(outside.to_owned()));
        }
        let raw: Raw = serde_json::from_slice(bytes)?;
        if let Some(inside) = raw.media_type.filter(|inside| inside != outside) {
            return Err(InvalidManifest::Mismatch { inside, outside: outside.to_owned() });
        }
        match (media_type::is_index(outside), raw.config, raw.layers, raw.manifests) {
            (false, Some(config), layers, None) => {
                Ok(Manifest::Image { config, layers: layers.unwrap_or_default(), subject: raw.subject })
            }
            (true, None, None, Some(manifests)) => Ok(Manifest::Index { manifests, subject: raw.subject }),
            _ => Err(InvalidManifest::Ambiguous),
        }
    }
}
