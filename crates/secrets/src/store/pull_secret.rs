//! A Kubernetes Secret of type `kubernetes.io/dockerconfigjson`, with which the kubelet pulls images (`imagePullSecrets`).
//!
//! Format: kubernetes/kubernetes `pkg/credentialprovider/config.go`; kubectl's `create_secret_docker.go` writes the same.
//! Its one value is a `config.json` with `auths` only. Credential helpers and identity tokens mean nothing in it, and keys
//! may have paths (`ghcr.io/owner`), as in Podman's files.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{AuthFile, BadEntry, Credential, Entry, StoreError, encode};
use crate::Secret;

/// What the API server takes for the data of one Secret.
const MAX_LEN: usize = 1024 * 1024;
/// The longest DNS subdomain and the longest DNS label (RFC 1123).
const MAX_NAME: usize = 253;
const MAX_NAMESPACE: usize = 63;

/// Why there is no pull secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PullSecretError {
    /// Not a DNS subdomain.
    #[error(
        "the name of a Secret has lower-case letters, digits, `-` and `.`, and begins and ends with a letter or digit"
    )]
    Name,
    /// Not a DNS label.
    #[error("a namespace has lower-case letters, digits and `-`, and begins and ends with a letter or digit")]
    Namespace,
    /// There is nothing to put into it.
    #[error("there is no login for a pull secret")]
    Empty,
    /// Only one of them would count.
    #[error("there are two logins for `{0}`")]
    Duplicate(String),
    /// Of the login for this server.
    #[error("the login for `{0}` has a user name that is empty or contains `:`")]
    User(String),
    /// More than the API server takes.
    #[error("a Secret holds at most 1 MiB")]
    TooLarge,
}

/// Why a login of a store cannot be in a pull secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Another program has the credential.
    #[error("the credential helper `{0}` has it, and the kubelet asks no helpers")]
    Helper(String),
    /// The kubelet presents users with passwords only.
    #[error("it is an identity token, and the kubelet uses passwords only")]
    IdentityToken,
    /// Nobody can use it.
    #[error(transparent)]
    Bad(BadEntry),
}

/// The logins of a file that a pull secret can have, with their keys.
pub fn usable(file: &AuthFile) -> impl Iterator<Item = (&str, &Credential)> {
    file.entries().iter().filter_map(|(key, entry)| match entry {
        Entry::Credential(credential) | Entry::Plain(credential) => Some((key.as_str(), credential)),
        _ => None,
    })
}

/// The keys of a file whose logins a pull secret cannot have, and why; `credsStore` for all that have no helper of their
/// own.
pub fn unusable(file: &AuthFile) -> Vec<(String, Unusable)> {
    let entries = file.entries().iter().filter_map(|(key, entry)| match entry {
        Entry::IdentityToken { .. } => Some((key.clone(), Unusable::IdentityToken)),
        Entry::Bad(reason) => Some((key.clone(), Unusable::Bad(*reason))),
        // A helper has what a marker stands for.
        Entry::Credential(_) | Entry::Plain(_) | Entry::Marker => None,
    });
    let helpers = file.cred_helpers().chain(file.creds_store().map(|name| ("credsStore", name)));
    entries.chain(helpers.map(|(key, name)| (key.to_owned(), Unusable::Helper(name.to_owned())))).collect()
}

/// How a Secret is written down; `kubectl apply` takes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// For people.
    Yaml,
    /// One JSON document.
    Json,
}

/// The Secret `name`, in `namespace` or in whichever it is applied to, with `logins` by server: `ghcr.io`, `ghcr.io/owner`,
/// `https://index.docker.io/v1/`. The text holds their secrets.
///
/// # Errors
/// Everything in [`PullSecretError`].
pub fn pull_secret(
    name: &str,
    namespace: Option<&str>,
    logins: &[(&str, &Credential)],
    notation: Notation,
) -> Result<Secret, PullSecretError> {
    if !(name.len() <= MAX_NAME && name.split('.').all(is_label)) {
        return Err(PullSecretError::Name);
    }
    if !namespace.is_none_or(|namespace| namespace.len() <= MAX_NAMESPACE && is_label(namespace)) {
        return Err(PullSecretError::Namespace);
    }
    let data = Zeroizing::new(STANDARD.encode(docker_config(logins)?.as_bytes()));
    if data.len() > MAX_LEN {
        return Err(PullSecretError::TooLarge);
    }
    // Labels and base64 need no escapes; the quotes keep `123` and `true` texts.
    Ok(Secret::new(match notation {
        Notation::Yaml => {
            let namespace = namespace.map(|namespace| format!("  namespace: \"{namespace}\"\n")).unwrap_or_default();
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"{name}\"\n{namespace}\
                 type: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: {}\n",
                *data
            )
        }
        Notation::Json => {
            let namespace = namespace.map(|namespace| format!(", \"namespace\": \"{namespace}\"")).unwrap_or_default();
            format!(
                "{{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Secret\",\n  \"metadata\": {{ \"name\": \"{name}\"{namespace} }},\n  \
                 \"type\": \"kubernetes.io/dockerconfigjson\",\n  \"data\": {{ \".dockerconfigjson\": \"{}\" }}\n}}\n",
                *data
            )
        }
    }))
}

/// The `config.json` inside: user and password for the kubelet, and `auth` for those that read nothing else.
fn docker_config(logins: &[(&str, &Credential)]) -> Result<Zeroizing<String>, PullSecretError> {
    if logins.is_empty() {
        return Err(PullSecretError::Empty);
    }
    let mut entries = Vec::new();
    for (at, (server, Credential { user, secret })) in logins.iter().enumerate() {
        if logins[..at].iter().any(|(earlier, _)| earlier == server) {
            return Err(PullSecretError::Duplicate((*server).to_owned()));
        }
        let auth = encode(user, secret).map_err(|_: StoreError| PullSecretError::User((*server).to_owned()))?;
        entries.push(Zeroizing::new(format!(
            "{}:{{\"username\":{},\"password\":{},\"auth\":\"{}\"}}",
            *quoted(server),
            *quoted(user),
            *quoted(secret.reveal()),
            *auth
        )));
    }
    let entries: Vec<&str> = entries.iter().map(|entry| entry.as_str()).collect();
    let entries = Zeroizing::new(entries.join(","));
    Ok(Zeroizing::new(format!("{{\"auths\":{{{}}}}}", *entries)))
}

fn quoted(text: &str) -> Zeroizing<String> {
    Zeroizing::new(serde_json::Value::from(text).to_string())
}

fn is_label(text: &str) -> bool {
    let is_edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (Some(first), Some(last)) = (text.as_bytes().first(), text.as_bytes().last()) else { return false };
    is_edge(first) && is_edge(last) && text.bytes().all(|byte| is_edge(&byte) || byte == b'-')
}
