//! What else on this host pulls from the registry: units, quadlets, compose files, Kubernetes.

use pullpass_client::probe::Evidence;

use super::super::{presented::Logins, report::Found};

/// Configurations that name the registry, and have no login or a dead one.
pub(in crate::commands::doctor) fn findings(_evidence: &Evidence, _logins: &Logins) -> Vec<Found> {
    Vec::new()
}
