//! What a login is for.

use std::{fmt, str::FromStr};

use pullpass_oci::{Registry, RepositoryName};
use pullpass_secrets::token;

/// A registry, or for Podman a part of one: `ghcr.io`, `ghcr.io/owner`, `ghcr.io/owner/name`.
///
/// As in both engines, a URL means its host alone, so that `https://ghcr.io/v2/` is `ghcr.io`.
#[derive(Clone, Debug)]
pub(crate) struct LoginName {
    pub(crate) registry: Registry,
    pub(crate) part: Option<RepositoryName>,
}

impl FromStr for LoginName {
    type Err = String;

    fn from_str(text: &str) -> Result<LoginName, String> {
        if token::mask(text) != text {
            return Err("there is a token in it".to_owned());
        }
        let (host, part) = match text.split_once("://") {
            Some((_, rest)) => (rest.split('/').next().unwrap_or_default(), None),
            None => text.split_once('/').map_or((text, None), |(host, part)| (host, Some(part))),
        };
        let registry = host.parse().map_err(|error| format!("{error}"))?;
        let part = part.map(|part| part.trim_end_matches('/')).filter(|part| !part.is_empty());
        let part = part.map(str::parse).transpose();
        let part = part.map_err(|error| format!("a login is for a registry or a part of it, without tag: {error}"))?;
        Ok(LoginName { registry, part })
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Some(part) => write!(f, "{}/{}", self.registry, part.as_str()),
            None => self.registry.fmt(f),
        }
    }
}
