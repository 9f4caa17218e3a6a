//! Certificate directories, as Docker and Podman have them under `certs.d/HOST[:PORT]`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use pullpass_secrets::Secret;
use reqwest::{Certificate, Client, Identity};

use crate::error::Failure;

const USER_AGENT: &str = concat!("pullpass/", env!("CARGO_PKG_VERSION"));

/// What the certificate directories of a registry hold.
#[derive(Default)]
pub(super) struct Trust {
    authorities: Vec<Certificate>,
    client: Option<Identity>,
}

impl Trust {
    pub(super) fn load(directories: &[PathBuf]) -> Result<Trust, Failure> {
        let mut trust = Trust::default();
        for directory in directories {
            let files = list(directory)?;
            for (name, path) in &files {
                if name.ends_with(".crt") {
                    trust.authorities.extend(authorities(path)?);
                } else if let Some(stem) = name.strip_suffix(".cert") {
                    let identity = identity(path, other_half(&files, path, &format!("{stem}.key"))?)?;
                    trust.client.get_or_insert(identity);
                } else if let Some(stem) = name.strip_suffix(".key") {
                    other_half(&files, path, &format!("{stem}.cert"))?;
                }
            }
        }
        Ok(trust)
    }

    /// A client that trusts the system's authorities and these.
    pub(super) fn client(&self, insecure: bool, system_proxy: bool) -> reqwest::Result<Client> {
        let configure = || {
            let builder = Client::builder()
                .user_agent(USER_AGENT)
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .tls_danger_accept_invalid_certs(insecure);
            let builder = if system_proxy { builder } else { builder.no_proxy() };
            self.client.iter().cloned().fold(builder, reqwest::ClientBuilder::identity)
        };
        let roots = || self.authorities.iter().cloned();
        // A host without any authority (a bare container) must still be able to speak plain HTTP on loopback.
        configure().tls_certs_merge(roots()).build().or_else(|_| configure().tls_certs_only(roots()).build())
    }
}

/// The files of a directory by name, in the order of their names.
fn list(directory: &Path) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let unreadable = |error: io::Error| unusable(directory, format!("cannot be read: {error}"));
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries.map_err(unreadable)?,
    };
    let file = |entry: fs::DirEntry| (entry.file_name().to_string_lossy().into_owned(), entry.path());
    entries.map(|entry| entry.map(file).map_err(unreadable)).collect()
}

fn other_half<'a>(files: &'a BTreeMap<String, PathBuf>, path: &Path, name: &str) -> Result<&'a Path, Failure> {
    let missing = || unusable(path, format!("has no `{name}` beside it"));
    files.get(name).map(PathBuf::as_path).ok_or_else(missing)
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let pem = fs::read(path).map_err(|error| unusable(path, format!("cannot be read: {error}")))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(unusable(path, "holds no certificate".to_owned())),
    }
}

fn identity(certificate: &Path, key: &Path) -> Result<Identity, Failure> {
    let read = |path: &Path| {
        let text = fs::read_to_string(path).map_err(|error| unusable(path, format!("cannot be read: {error}")))?;
        Ok(Secret::new(text))
    };
    let pair = Secret::new(format!("{}\n{}", read(certificate)?.reveal(), read(key)?.reveal()));
    Identity::from_pem(pair.reveal().as_bytes())
        .map_err(|_| unusable(certificate, "and its key are no pair of PEM files".to_owned()))
}

fn unusable(path: &Path, why: String) -> Failure {
    Failure::Certificates { path: path.to_owned(), why }
}
