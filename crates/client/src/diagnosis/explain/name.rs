//! What a word of a message names: an image, an address, a file.

/// What a word names, and the placeholder for it.
pub(super) enum Name {
    /// `ghcr.io/octocat/app:v1`, complete as a reference.
    Image(String),
    /// An address of a registry: its kind, its host, and the image that it is about.
    Registry(&'static str, String, Option<String>),
    /// Something else that is no word of the message.
    Other(&'static str),
}

/// What `word` names; `None` for a word of the message itself.
pub(super) fn name_of(word: &str) -> Option<Name> {
    if let Some((scheme, rest)) = word.split_once("://") {
        return Some(address(scheme, rest));
    }
    if word.starts_with(['/', '~']) || word.starts_with("./") {
        return (word.len() > 1).then(|| path(word));
    }
    if let Some((host, rest)) = word.split_once('/') {
        // A path of Go's modules, or of the pages of a site, is no image.
        const SITES: [&str; 5] = ["github.com", "www.github.com", "docs.docker.com", "docs.github.com", "k8s.io"];
        if !is_host(host) || SITES.contains(&host) || rest.is_empty() || !rest.bytes().all(is_name_byte) {
            return (rest.contains([':', '/']) && rest.bytes().all(is_name_byte)).then_some(Name::Other("<name>"));
        }
        return Some(Name::Image(word.to_owned()));
    }
    if word.eq_ignore_ascii_case("ghcr.io") || word.eq_ignore_ascii_case("docker.io") {
        return Some(Name::Registry("<registry>", word.to_ascii_lowercase(), None));
    }
    if word.matches(':').count() > 2 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':') {
        return Some(Name::Other("<ipv6>"));
    }
    // `127.0.0.1:443`, `denied:latest`
    (word.contains(':') && word.bytes().all(is_name_byte)).then_some(Name::Other("<name>"))
}

/// What is at `scheme://rest`.
fn address(scheme: &str, rest: &str) -> Name {
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // What is in front of the `@` may be a password.
    let host = host.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let is_plain = |name: &str| !name.is_empty() && name.bytes().all(is_name_byte);
    match scheme.rsplit(|character: char| !character.is_ascii_alphanumeric() && character != '+').next() {
        Some("http" | "https") => {}
        Some("docker" | "oci") if path.len() > 1 && is_plain(&host) && is_plain(path) => {
            return Name::Image(format!("{host}{path}"));
        }
        Some("http+docker" | "unix" | "npipe" | "tcp" | "ssh") => return Name::Other("<engine>"),
        _ => return Name::Other("<url>"),
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if host == "index.docker.io" {
        return Name::Registry("<hub>", host, None);
    }
    if host == "api.github.com" {
        return Name::Other("<api>");
    }
    if host.starts_with("pkg-containers.") {
        return Name::Other("<storage>");
    }
    if !is_host(&host) && host != "localhost" {
        return Name::Other("<url>");
    }
    if path.ends_with("/token") || query.contains("service=") {
        let reference = scope(query).filter(|_| query.contains(&format!("service={host}")));
        let reference = reference.filter(|name| is_plain(name)).map(|name| format!("{host}/{name}"));
        return Name::Registry("<token>", host, reference);
    }
    let Some(path) = path.strip_prefix("/v2").filter(|path| path.is_empty() || path.starts_with('/')) else {
        return Name::Other("<url>");
    };
    let path = path.trim_matches('/');
    for (part, placeholder) in [
        ("/manifests/", "<manifest>"),
        ("/tags/list", "<manifest>"),
        ("/blobs/uploads", "<upload>"),
        ("/blobs/", "<blob>"),
    ] {
        if let Some((name, tag)) = path.split_once(part) {
            let reference = match tag {
                tag if part == "/manifests/" && is_plain(tag) => format!("{host}/{name}{}{tag}", separator(tag)),
                _ => format!("{host}/{name}"),
            };
            return Name::Registry(placeholder, host, Some(reference).filter(|_| is_plain(name)));
        }
    }
    Name::Registry(if path.is_empty() { "<ping>" } else { "<manifest>" }, host, None)
}

/// The repository of the `scope` of a query.
fn scope(query: &str) -> Option<String> {
    let scope = query.split('&').find_map(|pair| pair.strip_prefix("scope="))?;
    let scope = scope.replace("%3A", ":").replace("%3a", ":").replace("%2F", "/").replace("%2f", "/");
    scope.strip_prefix("repository:")?.split(':').next().map(str::to_owned)
}

fn path(word: &str) -> Name {
    let is_of_logins = ["config.json", "auth.json", ".dockercfg"].iter().any(|end| word.ends_with(end));
    Name::Other(if is_of_logins { "<logins>" } else { "<path>" })
}

/// What stands between a repository and `tag`, which may be a digest.
pub(super) fn separator(tag: &str) -> char {
    if tag.contains(':') { '@' } else { ':' }
}

/// Whether `text` can be a host with or without a port.
pub(super) fn is_host(text: &str) -> bool {
    text == "localhost"
        || text.contains(['.', ':'])
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
}

/// Whether references have this character.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte)
}
