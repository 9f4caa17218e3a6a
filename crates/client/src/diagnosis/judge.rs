//! From what was found out to findings: the decision tree. Where an answer of ghcr.io's is uncertain, a finding holds under
//! either answer, or names the candidates and the probe that would decide.

mod credential;
mod push;
mod registry;

pub use credential::{credential, nobody};
pub use push::push;
pub use registry::registry;

use pullpass_oci::Reference;

use super::{Finding, Fix};
use crate::{error::RegistryError, probe::Evidence};

/// What a refusal says, for evidence: the request's part and the registry's words.
fn said(error: &RegistryError) -> String {
    error.to_string()
}

/// `ghcr.io/owner/name`, of the image that was asked for, or the registry.
fn subject(evidence: &Evidence) -> String {
    match &evidence.reference {
        Some(reference) => format!("{}/{}", reference.registry, reference.repository),
        None => evidence.registry.to_string(),
    }
}

/// The account below which the image is, and its name there.
fn owner_and_name(reference: &Reference) -> (&str, &str) {
    let repository = reference.repository.as_str();
    repository.split_once('/').unwrap_or((repository, ""))
}

/// The page on which the package's roles and visibility are set.
fn settings(evidence: &Evidence) -> Option<Fix> {
    let reference = evidence.reference.as_ref().filter(|_| evidence.is_githubs)?;
    let (owner, name) = owner_and_name(reference);
    let is_organization =
        evidence.owner.as_ref().and_then(|owner| owner.result.as_ref().ok()).is_none_or(|owner| owner.is_organization);
    let kind = if is_organization { "orgs" } else { "users" };
    let name = name.replace('/', "%2F");
    Some(Fix::Page(format!("https://github.com/{kind}/{owner}/packages/container/{name}/settings")))
}

/// The command that stores a new login.
fn log_in(evidence: &Evidence, user: &str) -> String {
    let user = if user.is_empty() || user.contains(char::is_whitespace) { "USER" } else { user };
    format!("pullpass login {} -u {user} --password-stdin", evidence.registry)
}

/// A new token with just what a pull takes.
const NEW_TOKEN: &str = "pullpass token new --at github";

trait WithSettings {
    fn settings(self, evidence: &Evidence) -> Self;
}

impl WithSettings for Finding {
    fn settings(self, evidence: &Evidence) -> Finding {
        match settings(evidence) {
            Some(page) => self.fix(page),
            None => self,
        }
    }
}
