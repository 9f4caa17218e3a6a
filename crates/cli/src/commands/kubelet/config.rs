//! `pullpass kubelet config`

use clap::Args;
use pullpass_secrets::token;
use serde_json::{Value, json};

use super::{API_VERSION, Provider, seconds};
use crate::{failure::Failure, output};

/// Print the kubelet's configuration for this provider
///
/// The kubelet takes it with --image-credential-provider-config, and starts the program of that name in the directory of
/// --image-credential-provider-bin-dir.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass kubelet config --authfile /etc/pullpass/auth.json
  pullpass kubelet config -u octocat --token-from systemd:ghcr --for ghcr.io/octocat --json")]
pub(super) struct Config {
    #[command(flatten)]
    provider: Provider,
    /// The name under which this program is in the kubelet's directory of providers
    #[arg(long, value_name = "NAME", default_value = "pullpass", value_parser = name)]
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What the kubelet takes for a provider's name (kubernetes/kubernetes `pkg/credentialprovider/plugin/config.go`).
fn name(text: &str) -> Result<String, String> {
    if token::mask(text) != text
        || matches!(text, "" | "." | "..")
        || text.contains(['/', ' '])
        || text.contains(char::is_control)
    {
        return Err("a provider is named as a file, without blanks".to_owned());
    }
    Ok(text.to_owned())
}

impl Config {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (images, warnings) = self.provider.logins.match_images()?;
        for warning in warnings {
            output::warn(warning);
        }
        let cache = seconds(self.provider.cache);
        let mut words = vec!["kubelet".to_owned()];
        words.extend(self.provider.logins.words()?);
        words.extend(["--cache".to_owned(), cache.clone()]);
        let images: Vec<String> = images.iter().map(ToString::to_string).collect();
        if self.json {
            output::json(&json!({
                "apiVersion": "kubelet.config.k8s.io/v1",
                "kind": "CredentialProviderConfig",
                "providers": [{
                    "name": self.name, "apiVersion": API_VERSION, "matchImages": images,
                    "defaultCacheDuration": cache, "args": words,
                }],
            }));
            return Ok(());
        }
        output::data(format_args!(
            "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n- name: {}\n  \
             apiVersion: {API_VERSION}\n  matchImages:\n{}\n  defaultCacheDuration: {}\n  args:\n{}",
            quoted(&self.name),
            items(&images),
            quoted(&cache),
            items(&words),
        ));
        Ok(())
    }
}

fn items(texts: &[String]) -> String {
    texts.iter().map(|text| format!("  - {}", quoted(text))).collect::<Vec<_>>().join("\n")
}

/// A JSON text is a YAML text too.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
