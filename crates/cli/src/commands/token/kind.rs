//! What a container registry of GitHub's makes of each kind of token: its documentation, "Working with the Container
//! registry", and what people have met with.

use pullpass_secrets::{
    Secret,
    token::{self, Kind},
};

use super::host::Host;

/// Whether a token of a kind can pull.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulls {
    /// If its scopes allow it.
    Yes,
    /// From somewhere else, or nobody can tell.
    Perhaps,
    No,
}

/// The same in words. `elsewhere` is what a secret is stored for that is not stored for a registry of `host`.
pub(super) fn pulls(secret: &Secret, host: &Host, elsewhere: Option<&str>) -> (Pulls, String) {
    let kind = Kind::of(secret);
    let registry = host.registry();
    match (kind, elsewhere) {
        (Kind::GithubClassic, _) => (Pulls::Yes, format!("{registry} takes it with `read:packages`")),
        (Kind::GithubOauth, _) => (
            Pulls::Yes,
            format!(
                "{registry} takes it with `read:packages` (`gh auth refresh --scopes read:packages`) where the \
                 organisation lets OAuth apps in"
            ),
        ),
        (Kind::GithubUser, _) => (
            Pulls::Perhaps,
            format!("nothing is documented of it for {registry}, and it lives 8 hours: a classic token is for hosts"),
        ),
        (Kind::GithubInstallation, _) => (
            Pulls::No,
            format!(
                "{registry} lets it log in, and opens nothing for it: only a workflow's own, while its job runs, opens \
                 the packages of its repository"
            ),
        ),
        (Kind::GithubRefresh, _) => (Pulls::No, format!("{registry} never takes it: a refresh token is no password")),
        (Kind::GithubFineGrained, _) => {
            (Pulls::No, format!("{registry} takes no fine-grained tokens: it wants a classic one"))
        }
        (Kind::Pullpass, _) => {
            (Pulls::Perhaps, format!("{registry} refuses it: it is for the pullpass server that made it"))
        }
        (Kind::Unknown, Some(other)) => {
            (Pulls::Perhaps, format!("GitHub has nothing to do with it: it is for {other}"))
        }
        (Kind::Unknown, None) if token::is_legacy(secret) => (
            Pulls::Perhaps,
            format!("{registry} takes it if it is a token of GitHub's from before 2021: replace it all the same"),
        ),
        (Kind::Unknown, None) => (Pulls::No, format!("{registry} refuses passwords: it wants a classic token")),
    }
}
