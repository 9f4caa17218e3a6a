//! What a token is worth, asked from here: once at the registry for all images, and once at GitHub.

use pullpass_client::{Credential, Failure as Cause, RegistryError, github::Account, pull::Connection};
use pullpass_oci::{Reference, Registry};
use pullpass_secrets::{Secret, token::Kind};

use super::super::tokens;
use crate::{
    engines, environment,
    failure::{Failure, OrFail},
    network,
    refused::{self, Retry},
};

/// What was answered.
pub(super) struct Seen {
    /// Whether the registry accepts it.
    pub(super) is_alive: bool,
    /// The images that it opens.
    pub(super) opened: Vec<String>,
    /// Why others do not open.
    pub(super) refusals: Vec<String>,
    /// Whose it is, where it is GitHub's.
    pub(super) account: Option<Account>,
}

/// Asks about a token, of GitHub's also at GitHub.
///
/// # Errors
/// Somebody gave no answer.
pub(super) fn ask(registry: &str, user: &str, secret: &Secret, images: &[String]) -> Result<Seen, Failure> {
    let (registry, credential) = login(registry, user, secret)?;
    let mut seen = log_in(&registry, &credential)?;
    if !seen.is_alive {
        return Ok(seen);
    }
    let images: Vec<Reference> = images.iter().map(|image| image.parse().or_usage()).collect::<Result<_, _>>()?;
    let options = network::options(&environment::stores()?, &registry);
    network::block_on(async {
        let connection = Connection::open(&registry, Some(&credential), options).await.outcome;
        let connection = connection.map_err(|error| network::failure(&error))?;
        for image in &images {
            match connection.attempt(image, &engines::platform()).await.outcome {
                Ok(_) => seen.opened.push(image.to_string()),
                // It is opened, and of another platform.
                Err(error) if matches!(error.failure, Cause::NoPlatform { .. }) => seen.opened.push(image.to_string()),
                Err(error) if network::exit(&error) == crate::failure::Exit::No => {
                    seen.refusals.push(error.to_string());
                }
                Err(error) => return Err(network::failure(&error)),
            }
        }
        Ok(())
    })?;
    if registry.as_str() == "ghcr.io" && Kind::of(secret).is_github() {
        seen.account = Some(tokens::account(secret)?);
    }
    Ok(seen)
}

/// Whether the registry accepts a token, and nothing else. A refusal is remembered, and not asked for twice.
fn log_in(registry: &Registry, credential: &Credential) -> Result<Seen, Failure> {
    let mut seen = Seen { is_alive: false, opened: Vec::new(), refusals: Vec::new(), account: None };
    if let Some(ago) = Retry::default().refused(registry, credential) {
        seen.refusals.push(refused::said(registry, &credential.user, ago));
        return Ok(seen);
    }
    let options = network::options(&environment::stores()?, registry);
    seen.is_alive = network::block_on(async {
        let login = network::check_login(registry, credential.clone(), options).await;
        refused::remember(registry, credential, login.as_ref().map_err(AsRef::as_ref));
        match login {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => {
                seen.refusals.push(error.to_string());
                Ok(false)
            }
            Err(error) => Err(network::failure(&error)),
        }
    })?;
    Ok(seen)
}

/// Whether the registry still accepts a token.
pub(super) fn is_alive(registry: &str, user: &str, secret: &Secret) -> Result<bool, Failure> {
    let (registry, credential) = login(registry, user, secret)?;
    Ok(log_in(&registry, &credential)?.is_alive)
}

fn login(registry: &str, user: &str, secret: &Secret) -> Result<(Registry, Credential), Failure> {
    // A login may be for a part of it.
    let registry = registry.split('/').next().unwrap_or_default().parse().or_usage()?;
    Ok((registry, Credential { user: user.to_owned(), secret: secret.clone() }))
}

fn is_refused(error: &RegistryError) -> bool {
    matches!(error.failure, Cause::CredentialRefused { .. })
}
