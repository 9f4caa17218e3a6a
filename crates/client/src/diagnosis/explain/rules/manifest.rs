//! The request for the manifest, and words that stand alone.

use super::{On, Rule, rule};
use crate::diagnosis::{Cause::*, Stage};

pub(super) const RULES: &[Rule] = &[
    // The request for the manifest, with a token.
    rule(
        On::Registry,
        &[
            "reading manifest * in *: unauthorized",
            "error response from daemon: unauthorized$",
            "<manifest>*401 unauthorized",
            "<manifest>*status code 401",
        ],
        Stage::Manifest,
        &[NoLogin, DeadLogin, Sso],
        "The registry gave a token, or none was asked for, and did not take what was sent with the request for the manifest.",
    ),
    rule(
        On::Any,
        &[
            "pull access denied for *: denied: requested access",
            "pull access denied for *insufficient_scope",
            "pull access denied",
        ],
        Stage::Manifest,
        &[NoSuchPackage, NoLogin, NoRole],
        "The registry does not say whether there is no such image or no right to it. A name without a registry means Docker Hub.",
    ),
    rule(
        On::Registry,
        &[
            "<manifest>*403 forbidden",
            "<manifest>: denied: ",
            "<manifest>*status code 403",
            "reading manifest * in *: denied",
            "error response from daemon: denied$",
            "error response from daemon: denied: ",
            "pulling from host*403 forbidden",
            "insufficient_scope",
        ],
        Stage::Manifest,
        &[NoRole, NoReadScope, NoSuchPackage],
        "The login is alive, since the registry gave a token for it; the manifest was denied. ghcr.io answers the same when there is \
         no such package.",
    ),
    // A word alone.
    rule(
        On::Any,
        &["^denied: permission denied", "requested access to the resource is denied", "^denied$"],
        Stage::Manifest,
        &[NoRole, NoReadScope, NoSuchPackage],
        "Denied is not refused: mostly the login is alive and has no right to this. With the address of the manifest in front it would \
         mean that there is no login and no such package.",
    ),
    rule(
        On::Any,
        &["^unauthorized: authentication required", "^unauthorized$"],
        Stage::Token,
        &[NoLogin, OtherUser, RuntimeFile],
        "ghcr.io says this when no login was sent; a dead one is `denied`.",
    ),
    // What only repeats that something failed.
    rule(
        On::Any,
        &["unable to retrieve some image pull secret", "failedtoretrieveimagepullsecret"],
        Stage::Local,
        &[PullSecret],
        "A secret that the pod names is not in its namespace.",
    ),
    rule(
        On::Any,
        &["errimagepull", "imagepullbackoff", "back-off pulling image", "failed to pull image"],
        Stage::Manifest,
        &[PullSecret, NoSuchTag, NoSuchPackage],
        "This only says that the pull failed; `kubectl describe pod` has the event with the registry's answer.",
    ),
];
