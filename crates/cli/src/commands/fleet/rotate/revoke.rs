//! Steps 9 and 10: the end of the old token, and the proof.

use std::{thread, time::Duration};

use pullpass_client::github;
use pullpass_oci::Registry;
use pullpass_secrets::{Secret, token::Kind};

use super::{ask, journal::Journal};
use crate::{
    environment,
    failure::{Failure, OrFail},
    interrupt, network, output, prompt,
};

/// When a token is asked about that was just revoked. There are few of these: GitHub locks an account out after a few bad tries.
const PROOFS: [u64; 5] = [0, 2, 5, 15, 30];

/// Has a person confirm what cannot be undone.
///
/// # Errors
/// Nobody did. The old token lives.
pub(super) fn confirm(journal: &Journal, is_confirmed: bool) -> Result<(), Failure> {
    if is_confirmed {
        return Ok(());
    }
    let old = &journal.old.fingerprint;
    if !prompt::is_interactive() {
        return Err(Failure::no(format!("the old token {old} is not revoked: there is nobody to confirm it"))
            .hint("`--yes` confirms it"));
    }
    let tail: String = old.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    output::say(format_args!("the old token {old} is about to be revoked, which nobody can undo"));
    let typed = prompt::shown(&format!("type the last four characters of it, {tail}, to revoke it"))?;
    if typed.reveal().trim() == tail {
        return Ok(());
    }
    Err(Failure::no(format!("the old token {old} is not revoked: that was something else"))
        .hint("`pullpass fleet rotate --resume` asks again"))
}

/// Ends the old token, where that can be done from here.
///
/// # Errors
/// It cannot, or was not. It may live.
pub(super) fn revoke(journal: &Journal, token: &Secret) -> Result<(), Failure> {
    if let Some(server) = &journal.server {
        return at_server(&server.data, server.old);
    }
    if Kind::of(token).is_github() && journal.host() == "ghcr.io" {
        return at_github(token);
    }
    Err(Failure::no(format!(
        "the old token {} is to be revoked where it was made: {}",
        journal.old.fingerprint, journal.registry
    ))
    .hint("a server of ours: `pullpass token list`, then `pullpass token revoke NUMBER`")
    .hint("then prove that it is dead: `pullpass fleet rotate --resume`"))
}

fn at_github(token: &Secret) -> Result<(), Failure> {
    let host: Registry = "api.github.com".parse().or_unknown()?;
    let url = github::API.parse().or_unknown()?;
    let options = network::options(&environment::stores()?, &host);
    let answered = network::block_on(async { Ok(github::revoke(&url, std::slice::from_ref(token), options).await) })?;
    answered
        .result
        .map_err(|error| network::failure(&error).hint("it can be revoked at https://github.com/settings/tokens, too"))
}

#[cfg(feature = "serve")]
fn at_server(data: &std::path::Path, number: i64) -> Result<(), Failure> {
    use pullpass_server::admin::Request;
    crate::commands::admin::Data::of(data.to_owned()).call(&Request::TokenRevoke { id: number }).map(drop)
}

#[cfg(not(feature = "serve"))]
fn at_server(_: &std::path::Path, number: i64) -> Result<(), Failure> {
    Err(Failure::usage("this program has no server").hint(format!("revoke it there: `pullpass token revoke {number}`")))
}

/// Asks until the registry refuses the old token.
///
/// # Errors
/// It does not, or gives no answer.
pub(super) fn prove_dead(journal: &Journal, token: &Secret) -> Result<(), Failure> {
    let interrupted = interrupt::flag()?;
    for seconds in PROOFS {
        for _ in 0..seconds * 10 {
            if interrupted.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(Failure::silent(crate::failure::Exit::Interrupted));
            }
            thread::sleep(Duration::from_millis(100));
        }
        if !ask::is_alive(&journal.registry, &journal.user, token)? {
            return Ok(());
        }
    }
    Err(Failure::no(format!("{} still accepts the old token {}", journal.registry, journal.old.fingerprint))
        .hint("`pullpass fleet rotate --resume` asks again"))
}
