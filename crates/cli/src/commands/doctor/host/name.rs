//! What was typed for an image, before anything is asked of anybody.

use pullpass_client::diagnosis::{Cause, Finding};
use pullpass_oci::{Reference, name::InvalidName, reference::InvalidReference};

/// GitHub's registry before ghcr.io.
const LEGACY: &str = "docker.pkg.github.com";
/// Hosts that were registered to catch what is meant for ghcr.io, or could be.
const LOOK_ALIKES: [&str; 4] = ["ghrc.io", "ghcr.com", "ghcr.dev", "ghcr.co"];
/// One letter away from it, and somebody's own in good faith.
const NEIGHBOURS: [&str; 1] = ["gcr.io"];

/// The reference; an error when nothing can be asked about it.
pub(in crate::commands::doctor) fn read(text: &str) -> Result<Reference, Box<Finding>> {
    let typed = text.strip_prefix("docker://").unwrap_or(text);
    let typed = typed.strip_prefix("https://").unwrap_or(typed);
    let host = typed.split('/').next().unwrap_or_default();
    if let Some(finding) = of_host(host) {
        return Err(Box::new(finding));
    }
    let error = match text.parse::<Reference>() {
        Ok(reference) => return Ok(reference),
        Err(error) => error,
    };
    let lower = typed.to_lowercase();
    let finding = match error {
        InvalidReference::Name(InvalidName::UpperCase) => Finding::new(Cause::UpperCase)
            .seen("engines take no capital letters there, and GitHub does not tell them from small ones"),
        error => Finding::new(Cause::BadReference).seen(error.to_string()),
    };
    Err(Box::new(match lower.parse::<Reference>() {
        Ok(right) => finding.command(format!("pullpass doctor {right}")),
        Err(_) => finding.words("write it as `ghcr.io/OWNER/NAME:TAG`"),
    }))
}

/// A host that is not the one that is meant.
pub(in crate::commands::doctor) fn of_host(host: &str) -> Option<Finding> {
    let host = host.to_lowercase();
    if host == LEGACY {
        return Some(
            Finding::new(Cause::LegacyHost)
                .seen(format!("`{LEGACY}` is closed; its images are at ghcr.io"))
                .words("write `ghcr.io/OWNER/NAME`, and log in there"),
        );
    }
    is_look_alike(&host).then(|| {
        Finding::new(Cause::LookAlike)
            .seen(format!("`{host}` is not `ghcr.io`, and may collect what is sent to it"))
            .words("correct the name, and revoke every token that was stored for it or sent there")
            .fix(pullpass_client::diagnosis::Fix::Page("https://github.com/settings/tokens".to_owned()))
    })
}

fn is_look_alike(host: &str) -> bool {
    LOOK_ALIKES.contains(&host) || (!NEIGHBOURS.contains(&host) && is_one_typo(host, super::super::GHCR))
}

/// Whether one letter that is missing, added or wrong, or two that are swapped, makes one text of the other.
fn is_one_typo(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let same = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let (one, other) = (&one[same..], &other[same..]);
    match (one, other) {
        ([], []) => false,
        ([a, b, one @ ..], [c, d, other @ ..]) if (a, b) == (d, c) && one == other => true,
        _ => {
            let (behind_one, behind_other) = (one.get(1..).unwrap_or_default(), other.get(1..).unwrap_or_default());
            behind_one == behind_other || behind_one == other || one == behind_other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_typo_away_from_ghcr_io_is_a_look_alike_and_other_registries_are_none() {
        for host in ["ghrc.io", "gchr.io", "ghcr.oi", "ghcr.i", "ghcrr.io", "gher.io", "hgcr.io", "ghcr.com"] {
            assert!(is_look_alike(host), "{host}");
        }
        for host in ["ghcr.io", "gcr.io", "quay.io", "docker.io", "registry.io", "", "io", "eu.gcr.io"] {
            assert!(!is_look_alike(host), "{host}");
        }
    }
}
