//! What the answer to opening an upload means.

use pullpass_secrets::token::Kind;

use super::{WithSettings, said};
use crate::{
    diagnosis::{Cause, Finding},
    error::Failure,
    probe::{Credited, Evidence},
};

/// Why a credential cannot push; nothing when it can, or when it was not asked or is not alive.
pub fn push(evidence: &Evidence, credited: &Credited, about: &str) -> Option<Finding> {
    let tried = credited.tried.as_ref()?;
    let error = tried.push.as_ref()?.as_ref().err()?;
    let (Failure::AccessDenied(refusal) | Failure::AuthenticationRequired(refusal)) = &error.failure else {
        return None;
    };
    if tried.is_alive != Some(true) {
        return None;
    }
    let has_said = |text: &str| refusal.errors.iter().any(|entry| entry.message.contains(text));
    let scopes = credited.account.as_ref().and_then(|account| account.result.as_ref().ok()?.scopes.clone());
    let writes = scopes.as_ref().map(|scopes| scopes.iter().any(|scope| scope == "write:packages"));
    let line = said(error);
    let finding = match () {
        () if has_said("create_package") || has_said("Create organization package") => Finding::new(Cause::NoCreation)
            .seen(line)
            .words("have an owner of the organization allow its members to create packages, or create this one"),
        () if has_said("does not match expected scopes") || writes == Some(false) => Finding::new(Cause::NoWriteScope)
            .seen(line)
            .seen(format!("its scopes are: {}", scopes.unwrap_or_default().join(", ")))
            .command("pullpass token new --at github --scope write:packages"),
        () if has_said("write_package") || has_said("Write organization package") => {
            let finding = Finding::new(Cause::NotLinked).seen(line).settings(evidence);
            match credited.kind {
                Kind::GithubInstallation => {
                    finding.words("add the workflow's repository under \"Manage Actions access\" on that page")
                }
                _ => finding.words("give the account the write role on that page"),
            }
        }
        () => Finding::new(Cause::NotLinked)
            .or(&[Cause::Sso, Cause::TokenPolicy], "what GitHub's page of the package offers the account")
            .seen(line)
            .settings(evidence),
    };
    Some(finding.about(about))
}
