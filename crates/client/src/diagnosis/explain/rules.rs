//! What clients are known to print, and what it means: the most telling first, since the first that fits is taken.

mod github;
mod host;
mod image;
mod manifest;
mod network;
mod token;

use super::Stage;
use crate::diagnosis::Cause;

/// Where a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// Everywhere: nothing else prints this.
    Any,
    /// In a text that speaks of a registry, an image or a client.
    Registry,
    /// In a push.
    Push,
    /// In a login.
    Login,
    /// On a node of Kubernetes.
    Kubernetes,
    /// With Podman, Skopeo and Buildah.
    Podman,
}

/// Texts that mean the same, as [`super::text::Text::has`] compares them.
pub(super) struct Rule {
    pub(super) on: On,
    pub(super) texts: &'static [&'static str],
    pub(super) stage: Stage,
    pub(super) causes: &'static [Cause],
    pub(super) why: &'static str,
}

const fn rule(
    on: On,
    texts: &'static [&'static str],
    stage: Stage,
    causes: &'static [Cause],
    why: &'static str,
) -> Rule {
    Rule { on, texts, stage, causes, why }
}

/// Every rule, in the order in which they are tried.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    [host::RULES, network::RULES, github::RULES, image::RULES, token::RULES, manifest::RULES].into_iter().flatten()
}
