//! The logins that k3s and RKE2 give their containerd: `configs` of `registries.yaml` (k3s's documentation, "Private Registry
//! Configuration").

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_secrets::{Secret, store::Credential};
use zeroize::Zeroizing;

use crate::yaml::Yaml;

/// Who has such a file, and reads it when it starts.
pub(crate) struct Distribution {
    pub(crate) name: &'static str,
    /// A server's and an agent's.
    pub(crate) units: [&'static str; 2],
    pub(crate) path: &'static str,
}

pub(crate) const DISTRIBUTIONS: [Distribution; 2] = [
    Distribution { name: "k3s", units: ["k3s", "k3s-agent"], path: "/etc/rancher/k3s/registries.yaml" },
    Distribution { name: "rke2", units: ["rke2-server", "rke2-agent"], path: "/etc/rancher/rke2/registries.yaml" },
];

/// What `auth` of a registry says: `username` and `password`, or `auth`, which is both in base64.
pub(crate) fn credential(auth: &Yaml) -> Option<Credential> {
    let field = |name: &str| auth.get(name).and_then(Yaml::text).filter(|text| !text.is_empty());
    if let (Some(user), Some(password)) = (field("username"), field("password")) {
        return Some(Credential { user: user.to_owned(), secret: Secret::new(password.to_owned()) });
    }
    let decoded = Zeroizing::new(STANDARD.decode(field("auth")?.trim()).ok()?);
    let (user, secret) = str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(Credential { user: user.to_owned(), secret: Secret::new(secret.trim_matches('\0').to_owned()) })
}
