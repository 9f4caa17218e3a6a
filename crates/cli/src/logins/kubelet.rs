//! Which login of its node's own file the kubelet tries first: kubernetes/kubernetes `pkg/credentialprovider/keyring.go`.
//! Pull secrets of pods and credential providers come from elsewhere, and are asked as well.

use std::path::{Path, PathBuf};

use pullpass_secrets::store::Environment;

use super::{
    name::Name,
    report::{Report, Shadowed, Winner},
};
use crate::commands::kubelet::is_match;

/// How it is called among those that read a file.
pub(crate) const NAME: &str = "kubelet";

/// The kubelet's files below its directory, of which it reads the first that is there. Only root can.
pub(crate) fn files(environment: &Environment) -> Vec<PathBuf> {
    let names: &[&str] = if environment.uid == 0 { &["config.json", ".dockercfg"] } else { &[] };
    names.iter().map(|name| Path::new("/var/lib/kubelet").join(name)).collect()
}

/// What the kubelet tries first; none when it has no file.
pub(crate) fn winner(name: &Name, report: &Report) -> Option<Winner> {
    let store = report.stores.iter().find(|store| store.read_by.iter().any(|reader| reader == NAME))?;
    let mut matching: Vec<_> = store
        .entries
        .iter()
        .filter(|entry| entry.credential.is_some() && matches(&entry.registry, &name.full))
        .map(|entry| (place(&entry.registry), entry))
        .collect();
    // As the kubelet sorts its keys, so that the more specific of two comes first.
    matching.sort_by(|(one, _), (other, _)| other.cmp(one));
    let mut matching = matching.into_iter().map(|(_, entry)| entry);
    let winner = Winner { engine: NAME.to_owned(), name: name.full.clone(), ..Winner::default() };
    let Some(first) = matching.next() else {
        return Some(Winner { why: "no key in its file matches".to_owned(), ..winner });
    };
    let shadowed = matching.map(|entry| Shadowed {
        store: store.name(),
        registry: entry.registry.clone(),
        fingerprint: entry.fingerprint.clone(),
    });
    Some(Winner {
        why: "the most specific key that matches; the others are tried after it".to_owned(),
        store: Some(store.name()),
        registry: Some(first.registry.clone()),
        user: first.user.clone(),
        kind: Some(first.kind.clone()),
        fingerprint: first.fingerprint.clone(),
        shadowed: shadowed.collect(),
        credential: first.credential.clone(),
        ..winner
    })
}

/// A key without its scheme and Docker's `/v1/`.
fn place(key: &str) -> (String, String) {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let path = ["v1/", "v2/"].iter().find_map(|version| path.strip_prefix(version)).unwrap_or(path);
    let path = if matches!(path, "v1" | "v2") { "" } else { path };
    let host = if host == "index.docker.io" { "docker.io" } else { host };
    (host.to_owned(), path.trim_end_matches('/').to_owned())
}

/// Whether a key is for an image: as many parts of the host, each with `*` for any text, the same port, and a path that the
/// image's begins with, also in the middle of a name.
pub(crate) fn matches(key: &str, image: &str) -> bool {
    let ((pattern, path), (host, repository)) = (place(key), place(image));
    let split = |host: &str| match host.split_once(':') {
        Some((host, port)) => (host.to_owned(), port.to_owned()),
        None => (host.to_owned(), String::new()),
    };
    let ((pattern, its_port), (host, port)) = (split(&pattern), split(&host));
    let (pattern, host): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), host.split('.').collect());
    let is_host = pattern.len() == host.len() && pattern.iter().zip(&host).all(|(glob, part)| is_match(glob, part));
    is_host && its_port == port && repository.starts_with(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_matches_parts_of_the_host_the_port_and_a_beginning_of_the_path() {
        for (key, image) in [
            ("ghcr.io", "ghcr.io/org/app"),
            ("https://ghcr.io/v2/org", "ghcr.io/org/app"),
            ("ghcr.io/org", "ghcr.io/org-of-others/app"),
            ("*.azurecr.io", "mine.azurecr.io/app"),
            ("https://index.docker.io/v1/", "docker.io/library/nginx"),
            ("localhost:5000", "localhost:5000/a"),
        ] {
            assert!(matches(key, image), "{key} {image}");
        }
        for (key, image) in [
            ("ghcr.io/other", "ghcr.io/org/app"),
            ("ghcr.io", "ghcr.io:443/org/app"),
            ("*.io", "a.k8s.io/x"),
            ("ghcr.io", "ghcr.io.evil.example/org/app"),
        ] {
            assert!(!matches(key, image), "{key} {image}");
        }
    }
}
