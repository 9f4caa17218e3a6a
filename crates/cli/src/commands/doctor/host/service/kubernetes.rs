//! The logins that Kubernetes has on its nodes: those of k3s and RKE2 (`registries.yaml`), of the kubelet and of providers
//! that it asks, beside which pods may name secrets of their own.

use std::path::{Path, PathBuf};

use pullpass_client::diagnosis::{Cause, Fix};
use pullpass_secrets::{
    file,
    store::{Source, pull_secret},
};

use super::{Access, Place, Search, Service, entries, file_name, has_extension, text, unit::option};
use crate::{
    logins::{
        kubelet::{self, matches},
        rancher::{DISTRIBUTIONS, Distribution, credential},
    },
    stores,
    yaml::Yaml,
};

/// Where pods of the node itself are described, and what a distribution applies by itself.
const MANIFESTS: [&str; 3] =
    ["/etc/kubernetes/manifests", "/var/lib/rancher/k3s/server/manifests", "/var/lib/rancher/rke2/server/manifests"];
/// Where the kubelet is told whom to ask (`--image-credential-provider-config`).
const PROVIDERS: [&str; 3] = [
    "/var/lib/rancher/credentialprovider/config.yaml",
    "/etc/kubernetes/credential-provider-config.yaml",
    "/etc/kubernetes/image-credential-provider-config.yaml",
];

pub(super) fn collect(search: &mut Search<'_>) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    services.extend(DISTRIBUTIONS.iter().filter_map(|found| distribution(search, found)));
    services.extend(node(search));
    services.extend(provider(search));
    if services.is_empty() {
        services.extend(manifest(search));
    }
    services
}

fn service(search: &Search<'_>, path: &Path, who: String, access: Access, fixes: Vec<Fix>) -> Service {
    let file = path.to_owned();
    let image = search.registry().to_owned();
    Service { cause: Cause::PullSecret, file, who, image, access, fixes, is_likely: false }
}

/// `configs` and `mirrors` of a registries.yaml.
fn distribution(search: &mut Search<'_>, distribution: &Distribution) -> Option<Service> {
    let Distribution { name, units: [server, agent], path } = *distribution;
    let path = Path::new(path);
    let fixes = vec![
        Fix::Words(format!("set `auth` of `{}` under `configs` in {}", search.registry(), path.display())),
        Fix::Words(format!("then restart `{server}` or `{agent}`, which reads it when it starts")),
    ];
    if is_denied(path) {
        return Some(service(search, path, name.to_owned(), Access::Hidden, fixes));
    }
    let document = Yaml::parse(&text(path)?).into_iter().next()?;
    let is_registry = |key: &str| {
        let key = key.split_once("://").map_or(key, |(_, rest)| rest);
        key.trim_end_matches('/') == search.name.registry.as_str()
    };
    let of = |section: &str| document.get(section)?.entries().find(|(key, _)| is_registry(key));
    let config = of("configs");
    if config.is_none() && of("mirrors").is_none() {
        return None;
    }
    let auth = config.and_then(|(_, config)| config.get("auth"));
    let access = match auth.and_then(credential) {
        Some(credential) => {
            let source = Source::File(path.to_owned());
            let key = config.map(|(key, _)| key).unwrap_or_default();
            let index = (search.number)(&credential, Place { source: &source, key, reader: name });
            Access::Login { index, source, is_emptied: false }
        }
        None if auth.is_some_and(|auth| auth.entries().next().is_some()) => return None,
        None => Access::None(format!("it names `{}`, and no login for it", search.registry())),
    };
    // Pods may have secrets.
    let is_likely = matches!(access, Access::None(_));
    Some(Service { is_likely, ..service(search, path, name.to_owned(), access, fixes) })
}

/// The kubelet's own file.
fn node(search: &mut Search<'_>) -> Option<Service> {
    let path = kubelet::files(search.environment).into_iter().find(|path| path.exists())?;
    in_file(search, &path, "kubelet", &path)
}

/// A file in which the kubelet, or who answers it, looks; `named` is the one that says so.
fn in_file(search: &mut Search<'_>, path: &Path, reader: &str, named: &Path) -> Option<Service> {
    let registry = search.registry().to_owned();
    let fixes = vec![Fix::Command(format!(
        "sudo pullpass login {registry} -u USER --password-stdin --authfile {}",
        path.display()
    ))];
    if is_denied(path) {
        return Some(service(search, named, reader.to_owned(), Access::Hidden, fixes));
    }
    let file = match stores::read(path) {
        Ok(file) => file?,
        Err(failure) => {
            let access = Access::Broken(failure.to_string());
            return Some(service(search, named, reader.to_owned(), access, fixes));
        }
    };
    let mut usable = pull_secret::usable(&file).filter(|(key, _)| matches(key, &search.name.full));
    let (key, credential) = usable.next()?;
    // The kubelet tries every one.
    let is_likely = usable.next().is_some();
    let source = Source::File(path.to_owned());
    let index = (search.number)(credential, Place { source: &source, key, reader });
    let access = Access::Login { index, source, is_emptied: false };
    Some(Service { is_likely, ..service(search, named, reader.to_owned(), access, fixes) })
}

/// A provider for the registry. One of ours says with which file it answers; what another would say is its own affair.
fn provider(search: &mut Search<'_>) -> Option<Service> {
    for path in PROVIDERS.map(PathBuf::from) {
        let Some(document) = text(&path).and_then(|text| Yaml::parse(&text).into_iter().next()) else { continue };
        let providers = document.get("providers").map(Yaml::items).unwrap_or_default();
        let is_asked = |provider: &&Yaml| {
            let patterns = provider.get("matchImages").map(Yaml::items).unwrap_or_default();
            patterns.iter().filter_map(Yaml::text).any(|pattern| matches(pattern, &search.name.full))
        };
        let Some(provider) = providers.iter().find(is_asked) else { continue };
        let name = provider.get("name").and_then(Yaml::text).unwrap_or_default();
        let words = provider.get("args").map(Yaml::items).unwrap_or_default();
        let words: Vec<String> = words.iter().filter_map(Yaml::text).map(str::to_owned).collect();
        let who = format!("the kubelet's provider `{name}`");
        return match option(&words, "--authfile").filter(|_| words.first().is_some_and(|word| word == "kubelet")) {
            Some(file) => in_file(search, &file, &who, &path),
            None => {
                let access = Access::Elsewhere { source: who.clone(), is_emptied: false };
                Some(service(search, &path, who, access, Vec::new()))
            }
        };
    }
    None
}

/// A pod without a secret, on a node without a login.
fn manifest(search: &mut Search<'_>) -> Option<Service> {
    let files = MANIFESTS.iter().flat_map(|directory| entries(Path::new(directory)));
    for path in files.filter(|path| has_extension(path, &["yaml", "yml", "json"])) {
        let documents = Yaml::parse(&text(&path).unwrap_or_default());
        let is_bare = |document: &&Yaml| document.all("imagePullSecrets").is_empty();
        let mut images = documents.iter().filter(is_bare).flat_map(|document| document.all("image"));
        let Some(image) = images.find_map(|image| image.text().filter(|image| search.concerns(image))) else {
            continue;
        };
        let access = Access::None("it names no `imagePullSecrets`, and this node has no login for it".to_owned());
        let secret =
            format!("pullpass status {} --as-pull-secret --name regcred | kubectl apply -f -", search.registry());
        let fixes = vec![
            Fix::Command(secret),
            Fix::Words("then name `regcred` under `imagePullSecrets`, in the pod's namespace".to_owned()),
        ];
        let who = format!("the pod of {}", file_name(&path));
        let service = service(search, &path, who, access, fixes);
        // A service account may name a secret.
        return Some(Service { image: image.to_owned(), is_likely: true, ..service });
    }
    None
}

fn is_denied(path: &Path) -> bool {
    matches!(file::read(path), Err(file::FileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::PermissionDenied)
}
