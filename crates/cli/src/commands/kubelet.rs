//! `pullpass kubelet`: an image credential provider of Kubernetes.
//!
//! The kubelet writes a request to standard input and reads the answer from standard output; an exit code other than 0
//! puts our standard error into its log. API: `credentialprovider.kubelet.k8s.io/v1` (kubernetes/kubelet
//! `pkg/apis/credentialprovider/v1/types.go`; how it is used: kubernetes/kubernetes `pkg/credentialprovider/plugin`).

mod config;
mod logins;
mod pattern;
mod request;

use std::{sync::mpsc, thread, time::Duration};

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use pullpass_oci::Reference;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    failure::{Failure, OrFail},
    output,
};
use logins::{Answer, Logins};
pub(crate) use pattern::is_match;

/// The one version of the API that is spoken.
const API_VERSION: &str = "credentialprovider.kubelet.k8s.io/v1";
/// The kubelet ends a provider after a minute, and then says less than we can.
const LIMIT: Duration = Duration::from_secs(50);
/// The longest time that an answer may be kept for.
const MAX_CACHE: Duration = Duration::from_secs(24 * 60 * 60);

/// Give the kubelet credentials for images, as a credential provider
///
/// Reads the kubelet's request from standard input and prints the credentials for that image, and for no other. A request
/// that is not understood is never answered.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  pullpass kubelet --authfile /etc/pullpass/auth.json < request.json
  pullpass kubelet -u octocat --token-from systemd:ghcr --for ghcr.io/octocat < request.json
  pullpass kubelet config --authfile /etc/pullpass/auth.json > providers.yaml")]
pub(crate) struct Kubelet {
    #[command(subcommand)]
    command: Option<KubeletCommand>,
    #[command(flatten)]
    provider: Provider,
}

#[derive(Subcommand)]
enum KubeletCommand {
    Config(config::Config),
}

/// What the provider is told in the kubelet's configuration.
#[derive(Args)]
struct Provider {
    #[command(flatten)]
    logins: Logins,
    /// How long the kubelet may keep an answer, `0s` for not at all
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = cache)]
    cache: Duration,
}

fn cache(text: &str) -> Result<Duration, String> {
    let duration: Option<SignedDuration> = text.parse().ok();
    duration
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| *duration <= MAX_CACHE)
        .ok_or_else(|| "a time is written `90s`, `5m` or `1h30m`, and is at most a day".to_owned())
}

/// As Go reads a duration.
fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs())
}

impl Kubelet {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Some(KubeletCommand::Config(config)) => config.run(),
            None => within(LIMIT, move || self.provider.answer()),
        }
    }
}

/// Ends with a failure when `work` is not done in time, whatever it waits for.
fn within(limit: Duration, work: impl FnOnce() -> Result<(), Failure> + Send + 'static) -> Result<(), Failure> {
    let (send, done) = mpsc::channel();
    thread::spawn(move || {
        // Nobody waits any more when nobody receives.
        let _ = send.send(work());
    });
    done.recv_timeout(limit).unwrap_or_else(|_| {
        Err(Failure::unknown(format!("there was no credential within {} seconds", limit.as_secs()))
            .fact("the kubelet waits for one minute"))
    })
}

impl Provider {
    fn answer(&self) -> Result<(), Failure> {
        let image = request::read()?;
        let Answer { auth, is_for_registry, expires_at } = self.logins.answer(&image)?;
        let response = Response {
            api_version: API_VERSION,
            kind: "CredentialProviderResponse",
            cache_key_type: if is_for_registry { "Registry" } else { "Image" },
            cache_duration: seconds(self.cache_for(auth.is_some(), expires_at)),
            auth,
        };
        let mut text = Zeroizing::new(serde_json::to_vec(&response).or_unknown()?);
        text.push(b'\n');
        output::bytes(&text).or_unknown()
    }

    /// Nothing is not kept: the login that is missing may be there in a moment. A token is not kept longer than it lives.
    fn cache_for(&self, has_login: bool, expires_at: Option<Timestamp>) -> Duration {
        let life = expires_at.map(|at| at.duration_since(Timestamp::now()));
        match life.map(|life| Duration::try_from(life).unwrap_or_default()) {
            _ if !has_login => Duration::ZERO,
            Some(life) => self.cache.min(life),
            None => self.cache,
        }
    }
}

/// `CredentialProviderResponse`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    api_version: &'static str,
    kind: &'static str,
    cache_key_type: &'static str,
    cache_duration: String,
    /// By key, in the order of the store; null when there is nothing for the image.
    auth: Option<serde_json::Map<String, serde_json::Value>>,
}

/// An image as keys are matched with it: `registry[:port]` and the repository.
struct Image {
    registry: String,
    repository: String,
}

impl From<&Reference> for Image {
    fn from(reference: &Reference) -> Image {
        Image { registry: reference.registry.to_string(), repository: reference.repository.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_hangs_ends_before_the_kubelet_gives_up() {
        assert!(LIMIT < Duration::from_secs(60));
        let failure = within(Duration::from_millis(20), || {
            thread::sleep(Duration::from_secs(5));
            Ok(())
        });
        assert!(failure.unwrap_err().message.contains("no credential"));
    }
}
