//! The registry or image that `pullpass status` is asked about.

use std::str::FromStr;

use pullpass_oci::{Reference, Registry};
use pullpass_secrets::{
    store::{docker, podman},
    token,
};

/// A registry, or a repository with its registry.
#[derive(Clone)]
pub(crate) struct Name {
    pub(crate) registry: Registry,
    /// As Podman looks it up: without tag and digest.
    pub(crate) full: String,
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Name, String> {
        if token::mask(text) != text {
            return Err("there is a token in it".to_owned());
        }
        if text.contains('/') {
            let reference: Reference = text.parse().map_err(|error: <Reference as FromStr>::Err| error.to_string())?;
            let full = format!("{}/{}", reference.registry, reference.repository);
            return Ok(Name { registry: reference.registry, full });
        }
        let registry: Registry = text.parse().map_err(|error: <Registry as FromStr>::Err| error.to_string())?;
        Ok(Name { full: registry.to_string(), registry })
    }
}

impl Name {
    /// Whether the entry of a key is about this name: one of the registry, of a part of it that the repository is in, or, when
    /// a whole registry is meant, of any part.
    pub(crate) fn concerns(&self, key: &str) -> bool {
        let path = podman::key(key);
        let is_registry = host(key) == host(self.registry.as_str());
        let is_part = path.contains('/') && !key.contains("://");
        let is_within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
        is_registry && (!is_part || path == self.full || is_within(&self.full, path) || is_within(path, &self.full))
    }
}

/// The registry of a key, in the one spelling that [`registry`] and both engines can be asked with.
fn host(key: &str) -> &str {
    match docker::key(key) {
        docker::HUB_KEY | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

/// The registry whose login is kept under a key.
pub(crate) fn registry(key: &str) -> Option<Registry> {
    host(key).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_concerns_every_spelling_and_every_part_of_it_and_an_image_what_applies_to_it() {
        for (name, concerned, others) in [
            (
                "ghcr.io",
                &["ghcr.io", "https://ghcr.io/v1/", "ghcr.io/o", "ghcr.io/o/a"][..],
                &["ghcr.io.evil.io", "x.io"][..],
            ),
            (
                "ghcr.io/o/a:1",
                &["ghcr.io", "http://ghcr.io", "ghcr.io/o", "ghcr.io/o/a"],
                &["ghcr.io/o/ab", "ghcr.io/p", "ghcr.io/o/b"],
            ),
            (
                "docker.io",
                &["docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"],
                &["docker.io.evil.io"],
            ),
        ] {
            let name: Name = name.parse().unwrap();
            for key in concerned {
                assert!(name.concerns(key), "{key}");
            }
            for key in others {
                assert!(!name.concerns(key), "{key}");
            }
        }
    }
}
