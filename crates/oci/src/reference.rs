//! Image references, `registry/repository[:tag][@digest]`, read as Docker reads them (the `distribution/reference`
//! project's grammar and its normalisation of short names).

use std::{fmt, str::FromStr};

use crate::{
    digest::{Digest, InvalidDigest},
    name::{InvalidName, InvalidTag, RepositoryName, Tag},
};

/// The registry that a name without a registry means to Docker.
const DOCKER_HUB: &str = "docker.io";

/// A registry: `host` or `host:port`, lower case, without a scheme or a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Registry(String);

/// Why a text is no [`Registry`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a registry is a host name with an optional port, for example `ghcr.io` or `127.0.0.1:5000`")]
pub struct InvalidRegistry;

impl Registry {
    /// The registry as text, `host[:port]`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without the port; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        match self.0.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => &self.0,
        }
    }

    /// Whether this is `localhost` or a loopback address, which Docker speaks to over plain HTTP when HTTPS fails.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || host == "[::1]"
    }
}

impl FromStr for Registry {
    type Err = InvalidRegistry;

    fn from_str(text: &str) -> Result<Registry, InvalidRegistry> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']').ok_or(InvalidRegistry)?;
                address.parse::<std::net::Ipv6Addr>().map_err(|_| InvalidRegistry)?;
                match after {
                    "" => (None, None),
                    _ => (None, Some(after.strip_prefix(':').ok_or(InvalidRegistry)?)),
                }
            }
            None => match text.split_once(':') {
                Some((host, port)) => (Some(host), Some(port)),
                None => (Some(text), None),
            },
        };
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !host.is_none_or(|host| host.len() <= 253 && host.split('.').all(label)) {
            return Err(InvalidRegistry);
        }
        if !port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0)) {
            return Err(InvalidRegistry);
        }
        Ok(Registry(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An image reference with its registry spelled out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Where the repository is.
    pub registry: Registry,
    /// The repository inside the registry.
    pub repository: RepositoryName,
    /// The tag, if one was written.
    pub tag: Option<Tag>,
    /// The digest, if one was written; it decides over the tag.
    pub digest: Option<Digest>,
}

/// Why a text is no [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// The text in front of the first slash is no registry.
    #[error(transparent)]
    Registry(#[from] InvalidRegistry),
    /// The repository part does not follow the grammar.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The tag part does not follow the grammar.
    #[error(transparent)]
    Tag(#[from] InvalidTag),
    /// The digest part does not follow the grammar.
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
    /// A scheme was pasted along.
    #[error("a reference has no `https://` in front")]
    Scheme,
}

impl Reference {
    /// What to ask the registry's manifest endpoint for: the digest, else the tag, else `latest`.
    pub fn manifest_reference(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.to_string(),
            (None, None) => "latest".to_owned(),
        }
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Reference, InvalidReference> {
        if text.contains("://") {
            return Err(InvalidReference::Scheme);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (registry, path) = split_registry(rest);
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.parse()?)),
            None => (path, None),
        };
        let registry: Registry = registry.parse()?;
        let repository = if registry.as_str() == DOCKER_HUB && !path.contains('/') {
            format!("library/{path}").parse()?
        } else {
            path.parse()?
        };
        Ok(Reference { registry, repository, tag, digest })
    }
}

/// Docker's rule: the part in front of the first slash is a registry when it has a dot, a colon or an upper-case
/// letter, or is `localhost`.
fn split_registry(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some((first, rest))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (first, rest)
        }
        _ => (DOCKER_HUB, text),
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}
