//! The keys of `auth` and the items of `matchImages`: `HOST[:PORT][/PATH]`, with `*` inside the parts of the host.
//!
//! The kubelet compares the number of the host's parts, each part, the port, and takes the path for a prefix
//! (kubernetes/kubernetes `pkg/credentialprovider/keyring.go`, `URLsMatch`). We are stricter where it is careless: a path
//! ends at a `/`, so that `ghcr.io/org` is not for `ghcr.io/org-of-others/app`.

use std::str::FromStr;

use pullpass_secrets::token;

use super::Image;

/// One such key.
#[derive(Clone, PartialEq)]
pub(super) struct Pattern {
    host: String,
    port: Option<String>,
    /// Without slashes at its ends.
    path: String,
}

impl FromStr for Pattern {
    type Err = String;

    /// Also takes the spellings that stores have: with a scheme, with Docker's `/v1/`, and all names of Docker Hub.
    fn from_str(text: &str) -> Result<Pattern, String> {
        let shape = || "images are named `ghcr.io`, `ghcr.io/owner` or `*.example.org:5000/path`".to_owned();
        let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let (authority, path) = bare.unwrap_or(text).split_once('/').unwrap_or((bare.unwrap_or(text), ""));
        let path = path.trim_end_matches('/');
        let path = if bare.is_some() && matches!(path, "v1" | "v2") { "" } else { path };
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port.to_owned())),
            None => (authority, None),
        };
        let is_part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-*".contains(&byte))
        };
        let is_step = |step: &str| {
            !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let is_port = |port: &String| port.parse::<u16>().is_ok();
        // It would be repeated in the kubelet's configuration.
        let has_token = token::mask(text) != text;
        if has_token
            || !(host.split('.').all(is_part)
                && port.iter().all(is_port)
                && (path.is_empty() || path.split('/').all(is_step)))
        {
            return Err(shape());
        }
        let host = match host.to_ascii_lowercase().as_str() {
            "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
            host => host.to_owned(),
        };
        Ok(Pattern { host, port, path: path.to_owned() })
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.host)?;
        if let Some(port) = &self.port {
            write!(formatter, ":{port}")?;
        }
        if !self.path.is_empty() {
            write!(formatter, "/{}", self.path)?;
        }
        Ok(())
    }
}

impl Pattern {
    pub(super) fn matches(&self, image: &Image) -> bool {
        let below = image.repository.strip_prefix(&self.path);
        let is_below = self.path.is_empty() || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        is_below && self.matches_registry(image)
    }

    /// Whether some image of this image's registry could match.
    pub(super) fn matches_registry(&self, image: &Image) -> bool {
        let (host, port) = match image.registry.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (image.registry.as_str(), None),
        };
        let (ours, theirs): (Vec<&str>, Vec<&str>) = (self.host.split('.').collect(), host.split('.').collect());
        self.port.as_deref() == port
            && ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|(pattern, part)| is_match(pattern, part))
    }

    /// Whether it is for a whole registry.
    pub(super) fn has_path(&self) -> bool {
        !self.path.is_empty()
    }
}

/// Whether `pattern`, in which `*` stands for any text, is `text`.
pub(crate) fn is_match(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text
            .strip_prefix(head)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && is_match(tail, &rest[at..]))),
    }
}

#[cfg(test)]
mod tests {
    use pullpass_oci::Reference;

    use super::*;

    fn matches(pattern: &str, image: &str) -> bool {
        let pattern: Pattern = pattern.parse().unwrap();
        pattern.matches(&Image::from(&image.parse::<Reference>().unwrap()))
    }

    #[test]
    fn a_key_is_for_the_images_below_it_only() {
        for (pattern, image) in [
            ("ghcr.io", "ghcr.io/org/app"),
            ("ghcr.io/org", "ghcr.io/org/app"),
            ("ghcr.io/org/", "ghcr.io/org/app"),
            ("ghcr.io/org/app", "ghcr.io/org/app:v1"),
            ("GHCR.io", "ghcr.io/org/app"),
            ("https://ghcr.io", "ghcr.io/org/app"),
            ("https://ghcr.io/v2/", "ghcr.io/org/app"),
            ("registry.example:5000/path", "registry.example:5000/path/app"),
            ("*.azurecr.io", "mine.azurecr.io/app"),
            ("*.*.example.org", "a.b.example.org/app"),
            ("app*.example.org", "app7.example.org/x"),
            ("k8s.*.io", "k8s.gcr.io/pause"),
            ("https://index.docker.io/v1/", "docker.io/library/nginx"),
            ("docker.io", "nginx"),
            ("docker.io/org", "docker.io/org/app"),
            ("localhost:5000", "localhost:5000/a"),
        ] {
            assert!(matches(pattern, image), "{pattern} {image}");
        }
        for (pattern, image) in [
            ("ghcr.io/org", "ghcr.io/org-of-others/app"),
            ("ghcr.io/org", "ghcr.io/other/app"),
            ("ghcr.io/org/app", "ghcr.io/org/app2"),
            ("ghcr.io/org/app", "ghcr.io/org"),
            ("ghcr.io", "ghcr.io:443/org/app"),
            ("ghcr.io:443", "ghcr.io/org/app"),
            ("*.io", "a.k8s.io/x"),
            ("*.azurecr.io", "azurecr.io/x"),
            ("ghcr.io", "ghcr.io.evil.example/org/app"),
            ("*.example.org", "a.b.example.org/app"),
            ("app*.example.org", "my-app.example.org/x"),
            ("docker.io", "index.docker.io.evil.example/a"),
        ] {
            assert!(!matches(pattern, image), "{pattern} {image}");
        }
    }

    #[test]
    fn what_the_kubelet_could_not_match_is_no_key() {
        for text in [
            "",
            "/",
            "ghcr.io/or*",
            "ghcr.io:*/org",
            "ghcr..io",
            "ghcr.io//org",
            "a b",
            "ghcr.io:x",
            "u@ghcr.io",
            "[a]",
        ] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }
}
