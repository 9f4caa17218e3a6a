//! Credentials that a registry has refused within a day are not sent again: GitHub locks an account after a few bad tries,
//! and a fleet's cron would make them.
//!
//! `$XDG_STATE_HOME/pullpass/refused` has a line for each: a hash under this host's own key of registry, user and secret, and
//! the time in seconds since 1970.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Args;
use pullpass_client::{Credential, Failure as Cause, RegistryError};
use pullpass_oci::Registry;
use pullpass_secrets::{
    file::{self, Access},
    token,
};
use zeroize::Zeroizing;

use crate::{environment, failure::Failure};

/// How long a refusal counts.
const MEMORY: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether to ask all the same.
#[derive(Args, Clone, Copy, Default)]
pub(crate) struct Retry {
    /// Send a credential again that the registry has refused within the last day
    #[arg(long)]
    retry: bool,
}

impl Retry {
    /// How long ago `registry` refused this credential, unless the person wants it to be sent again.
    pub(crate) fn refused(self, registry: &Registry, credential: &Credential) -> Option<Duration> {
        let remembered = if self.retry { Vec::new() } else { read() };
        if remembered.is_empty() {
            return None;
        }
        let hash = hash(registry, credential);
        let ago = |since: u64| now().saturating_sub(Duration::from_secs(since));
        remembered
            .into_iter()
            .find(|(found, _)| *found == hash)
            .map(|(_, since)| ago(since))
            .filter(|ago| *ago < MEMORY)
    }

    /// [`Retry::refused`] as the end of a command.
    ///
    /// # Errors
    /// It was refused, and is not sent again.
    pub(crate) fn check(self, registry: &Registry, credential: &Credential) -> Result<(), Failure> {
        match self.refused(registry, credential) {
            None => Ok(()),
            Some(ago) => Err(Failure::no(said(registry, &credential.user, ago))
                .fact("it was not sent again: too many of these lock an account out")
                .hint("give another token, or `--retry` to send this one again")),
        }
    }
}

/// `ghcr.io refused this token of octocat 5 minutes ago`. GitHub's API is told no user.
pub(crate) fn said(registry: &Registry, user: &str, ago: Duration) -> String {
    let ago = match ago.as_secs() / 60 {
        0 => "less than a minute".to_owned(),
        1 => "a minute".to_owned(),
        minutes @ ..120 => format!("{minutes} minutes"),
        minutes => format!("{} hours", minutes / 60),
    };
    let of = if user.is_empty() { String::new() } else { format!(" of `{user}`") };
    format!("{registry} refused this token{of} {ago} ago")
}

/// Remembers what came of sending a credential: that it was refused, or that it is good again. What is in the way of that is
/// no error of what was asked; without a memory, it is asked again.
pub(crate) fn remember<T>(registry: &Registry, credential: &Credential, outcome: Result<&T, &RegistryError>) {
    let is_refused = match outcome {
        Ok(_) => false,
        Err(error) if matches!(error.failure, Cause::CredentialRefused { .. }) => true,
        Err(_) => return,
    };
    let Some(path) = path() else { return };
    if !is_refused && !path.exists() {
        return;
    }
    let hash = hash(registry, credential);
    let _ = file::edit(&path, Access::OwnerOnly, |bytes| {
        let oldest = now().saturating_sub(MEMORY).as_secs();
        let mut lines = parse(bytes.unwrap_or_default());
        lines.retain(|(other, since)| *other != hash && *since > oldest);
        if is_refused {
            lines.push((hash.clone(), now().as_secs()));
        }
        let text: String = lines.into_iter().map(|(hash, since)| format!("{hash} {since}\n")).collect();
        Ok::<_, Failure>(Some(text.into_bytes()))
    });
}

fn read() -> Vec<(String, u64)> {
    let bytes = path().and_then(|path| file::read(&path).ok().flatten());
    bytes.map(|bytes| parse(&bytes)).unwrap_or_default()
}

fn parse(bytes: &[u8]) -> Vec<(String, u64)> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.filter_map(|(hash, since)| Some((hash.to_owned(), since.parse().ok()?))).collect()
}

fn path() -> Option<PathBuf> {
    Some(environment::state()?.join("refused"))
}

fn hash(registry: &Registry, credential: &Credential) -> String {
    let text = Zeroizing::new(format!("{registry}\0{}\0{}", credential.user, credential.secret.reveal()));
    token::keyed_hash(text.as_bytes(), &environment::fingerprint_key())
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
